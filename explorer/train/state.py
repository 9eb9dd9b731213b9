"""A run's state in one file, with all that decided the run; it is taken up by the same run only.

parameters, averages, Adam's moments ─┐
step, elapsed ────────────────────────┼─ state.safetensors ─ refuse_another ─ the run goes on
recipe, network ──────────────────────┘
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from explorer.images import InputError

NAME = "state.safetensors"


def write(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write the whole state; the old one is replaced only when the new one is complete."""
    path = folder / NAME
    unfinished = path.with_suffix(".partial")
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    save_file(whole, unfinished, metadata={"about": json.dumps(about)})
    unfinished.replace(path)


def read(folder: Path, decided: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, about) of the folder's state. decided: all that decides the run that wants it, by name. InputError
    where there is none, or where anything else decided the run that left it."""
    path = folder / NAME
    if not path.is_file():
        raise InputError(f"There is no saved state in {folder}; start without --resume.")
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["about"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
    _refuse_another(folder, about.get("decided", {}), json.loads(json.dumps(decided)))
    return tensors, about


def _refuse_another(folder: Path, began: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for name, value in now.items():
        if began.get(name) != value:
            raise InputError(
                f"The run in {folder} began with {name} {began.get(name)}, not {value}; resume it as it began, "
                "or start another one in a folder of its own with --run."
            )
