"""A run's state in one file, with all that decided the run; it is taken up by the same run only.

parameters, averages, Adam's moments ─┐
step, elapsed ────────────────────────┼─ state.safetensors ─ refuse_another ─ the run goes on
recipe, network ──────────────────────┘
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from explorer import files
from explorer.images import InputError

NAME = "state.safetensors"
FORMAT = 1


def write(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write the whole state; the old one is replaced only when the new one is complete. InputError where it cannot."""
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    described = {"format": FORMAT, "tensors": sorted(whole), **about}
    files.write(folder / NAME, save(whole, {"about": json.dumps(described)}))


def read(folder: Path, decided: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, about) of the folder's state: about has the step and the seconds elapsed, and what `write` was given
    besides. decided: all that decides the run that wants it, by name. InputError where there is no state or none that
    can be read, or where anything else decided the run that left it."""
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"There is no saved state in {folder}; start without --resume.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        version, began = about.get("format", FORMAT), dict(about["decided"])
        is_whole = set(about.get("tensors", ())) <= tensors.keys()
        is_valid = is_whole and int(about["step"]) >= 0 and 0 <= float(about["elapsed"]) < math.inf
    except (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise unusable(folder) from error
    if version != FORMAT:
        raise InputError(f"The state in {folder} is of another version of this program; resume it with that one.")
    if not is_valid:
        raise unusable(folder)
    _refuse_another(folder, began, json.loads(json.dumps(decided)))
    return tensors, about


def unusable(folder: Path) -> InputError:
    """What to say of a state that is torn or none of this program's."""
    return InputError(
        f"{folder / NAME} is damaged or no state of a run; start without --resume, or name another --run."
    )


def _refuse_another(folder: Path, began: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name, value in now.items():
        if began.get(name) != value:
            before = str(began.get(name))[:80]
            raise InputError(
                f"The run in {folder} began with {name} {before}, not {value}; resume it as it began, "
                "or start another one in a folder of its own with --run."
            )
