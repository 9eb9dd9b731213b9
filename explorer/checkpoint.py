"""Checkpoint files: weights, the prior's integers, the config and the recipe in one .safetensors.

A whole checkpoint holds everything: kernels in float16, the rest in float32. A model that was trained from another may
be kept as its difference from that one, which has to lie in the same folder: what is equal is left out, and a kernel
is the base's plus 8-bit steps, with a step size for each place on its first axis. The base of an independent model is
the MAE folded at its λ, that of bottleneck scaling the fixed model that it scales, that of a model with another prior
the one whose transforms it has.

    name                what
    a_conv.0.weight, …  parameters, as `Autoencoder` names them; buffers are rebuilt, never stored
    coder.…             the integers of `Prior.freeze`
    metadata            format (FORMAT), config, base, and what the trainer notes

Format 1, without a number, had the parts of the factorised prior under other names; it is read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from explorer.config import ModelConfig
from explorer.images import InputError
from explorer.model import Autoencoder, transforms_of

FORMAT = 2
STEPS = 127  # the largest difference is this many steps


def save(model: Autoencoder, path: str | Path, notes: dict[str, str] | None = None, base: Path | None = None) -> None:
    """Write a checkpoint; base: the one whose difference from the model is to be kept, whole where it is None.

    Raises InputError where the base lies in another folder or is no base of this model."""
    state = {name: p.detach().cpu().contiguous() for name, p in model.named_parameters()}
    metadata = {"format": str(FORMAT), "config": json.dumps(asdict(model.config)), **(notes or {})}
    if base is None:
        tensors = {name: _compact(name, t) for name, t in state.items()}
    else:
        if base.resolve().parent != Path(path).resolve().parent:
            raise InputError(f"A difference must lie beside its base; write it into {base.parent}, or keep it whole.")
        start, _, identity = load(base)
        tensors = _difference(state, _start_state(start, model.config))
        metadata["base"] = json.dumps({"name": base.stem, "id": identity})
    tensors |= {f"coder.{name}": integers for name, integers in model.prior.freeze().items()}
    save_file(tensors, path, metadata=metadata)


def load(path: str | Path) -> tuple[Autoencoder, dict[str, Tensor], str]:
    """(model in eval mode on the CPU, the prior's integer tensors, the checkpoint's id: 8 hex digits of its
    content). Raises InputError, also where a difference's base is not there or another one."""
    try:
        tensors, metadata = _contents(path)
        known = _current_names(tensors, metadata.get("format", "1"), str(path))
        model = Autoencoder(ModelConfig(**json.loads(metadata["config"])))
        integers = {name[len("coder.") :]: known[name] for name in known if name.startswith("coder.")}
        stored = {name: known[name] for name in known if not name.startswith("coder.")}
        if "base" in metadata:
            stored = _sum(stored, _checked_base(Path(path), json.loads(metadata["base"]), model.config))
        _fill(model, stored)
    except FileNotFoundError:
        raise InputError(f"There is no checkpoint {path}; name a bundled model or a .safetensors file.") from None
    except InputError:
        raise
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{path} is not a checkpoint of this project; train or fetch it again.") from error
    return model.eval(), integers, content_id(tensors, metadata.get("base", ""))


def identity(path: str | Path) -> str:
    """The id of the checkpoint in a file, as `load` gives it, without building its network. Raises InputError."""
    try:
        tensors, metadata = _contents(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a checkpoint of this project; train or fetch it again.") from error
    return content_id(tensors, metadata.get("base", ""))


def _contents(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)


def content_id(tensors: dict[str, Tensor], base: str = "") -> str:
    """Eight hex digits over every tensor's name and bytes, and over what a difference says of its base: two checkpoints
    that decode differently never share it."""
    digest = hashlib.sha256(base.encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def transforms_id(model: Autoencoder) -> str:
    """Eight hex digits over the weights besides the prior's: models that share them make the same y of a picture."""
    return content_id({name: tensor.detach().cpu() for name, tensor in transforms_of(model.state_dict()).items()})


@torch.no_grad()
def _fill(model: Autoencoder, stored: dict[str, Tensor]) -> None:
    """Give every parameter its stored value; KeyError where one is missing. A base may hold others besides."""
    for name, parameter in model.named_parameters():
        if stored[name].shape != parameter.shape:
            raise ValueError(f"{name} has another shape")
        parameter.copy_(stored[name])


def _current_names(tensors: dict[str, Tensor], version: str, path: str) -> dict[str, Tensor]:
    """The tensors of a file of any format that is known, under the names of the latest."""
    if version == str(FORMAT):
        return tensors
    if version != "1":
        raise InputError(f"{path} has format version {version}, but this program reads {FORMAT}; update it.")
    return {_name_since_1(name): tensor for name, tensor in tensors.items()}


def _name_since_1(name: str) -> str:
    for old, new in (("p_mod.", "prior.gain."), ("prior.", "prior.density."), ("tables.", "coder.tables.")):
        if name.startswith(old):
            return new + name[len(old) :]
    return name


def _compact(name: str, tensor: Tensor) -> Tensor:
    return tensor.half() if _is_kernel(name, tensor) else tensor.float()


def _is_kernel(name: str, tensor: Tensor) -> bool:
    return "_conv." in name and tensor.ndim == 4


# -- differences -----------------------------------------------------------------------------------------------------


def _start_state(model: Autoencoder, config: ModelConfig) -> dict[str, Tensor]:
    """The weights that a model of this config begins with when it is trained from `model`."""
    if model.config.kind == "modulated" and config.kind == "fixed":
        assert config.lmbda is not None
        model = model.fold(config.lmbda)
    if (model.config.N, model.config.M) != (config.N, config.M):
        raise InputError("The base is a network of another size; name the checkpoint that this one was trained from.")
    return {name: p.detach() for name, p in model.named_parameters()}


def _checked_base(path: Path, base: dict[str, Any], config: ModelConfig) -> dict[str, Tensor]:
    found = path.parent / f"{base['name']}.safetensors"
    start, _, identity = load(found) if found.is_file() else (None, None, None)
    if start is None or identity != base["id"]:
        raise InputError(f"{path.name} is the difference from {found.name} {base['id']}; put that one beside it.")
    return _start_state(start, config)


def _difference(state: dict[str, Tensor], base: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `_sum` needs besides the base."""
    changed = {name: t for name, t in state.items() if name not in base or not torch.equal(t, base[name])}
    stored = {name: _compact(name, t) for name, t in changed.items() if not (_is_kernel(name, t) and name in base)}
    for name in changed.keys() - stored.keys():
        difference = changed[name].float() - base[name].float()
        step = (difference.abs().amax(dim=(1, 2, 3)) / STEPS).clamp(min=1e-12)
        stored[f"{name}.steps"] = torch.round(difference / step[:, None, None, None]).to(torch.int8)
        stored[f"{name}.step"] = step
    return stored


def _sum(stored: dict[str, Tensor], base: dict[str, Tensor]) -> dict[str, Tensor]:
    state = base | {name: t for name, t in stored.items() if not name.endswith((".steps", ".step"))}
    for name in stored:
        if name.endswith(".steps"):
            kernel = name.removesuffix(".steps")
            step = stored[f"{kernel}.step"][:, None, None, None]
            state[kernel] = base[kernel].float() + stored[name].float() * step
    return state
