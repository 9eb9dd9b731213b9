"""The range coder: CompressAI's extension module where it is installed, else `pure_rans`, which is the same but slower.

The extension is loaded without its package. Importing that loads data sets, graph networks and a compiler on the way:
2 seconds and 270 MB that nobody who looks at a picture should pay for. The coder needs none of it.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

from explorer.priors import pure_rans

NAME = "compressai.ans"


@lru_cache(maxsize=1)
def coder() -> ModuleType:
    """The extension module, or `pure_rans` where it is absent or cannot be loaded. Found when first asked for."""
    if NAME in sys.modules:
        return sys.modules[NAME]
    package = importlib.util.find_spec("compressai")
    folders = [Path(folder) for folder in package.submodule_search_locations or []] if package else []
    paths = [folder / f"ans{suffix}" for folder in folders for suffix in EXTENSION_SUFFIXES]
    path = next(filter(Path.is_file, paths), None)
    spec = importlib.util.spec_from_file_location(NAME, path) if path else None
    if spec is None or spec.loader is None:
        return pure_rans
    try:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:  # built for another C library
        return pure_rans
    sys.modules[NAME] = module  # so that the package, if somebody imports it, has no second one
    return module
