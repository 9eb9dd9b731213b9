"""CompressAI's range coder, without the rest of the package.

Importing the package loads data sets, graph networks and a compiler on the way: 2 seconds and 270 MB that nobody who
looks at a picture should pay for. The coder is an extension module that needs none of it.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

NAME = "compressai.ans"


def _load() -> ModuleType:
    if NAME in sys.modules:
        return sys.modules[NAME]
    package = importlib.util.find_spec("compressai")
    folders = [Path(folder) for folder in package.submodule_search_locations or []] if package else []
    paths = [folder / f"ans{suffix}" for folder in folders for suffix in EXTENSION_SUFFIXES]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise ImportError("The range coder of CompressAI is not installed; run: pip install compressai")
    spec = importlib.util.spec_from_file_location(NAME, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module  # so that the package, if somebody imports it, has no second one
    spec.loader.exec_module(module)
    return module


ans = _load()
