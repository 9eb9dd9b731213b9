"""Checkpoint files: weights, the prior's integers, the config and the recipe in one .safetensors.

A whole checkpoint holds everything: kernels in float16, the rest in float32. A model that was trained from another may
be kept as its difference from that one, which has to lie in the same folder: what is equal is left out, and a kernel
is the base's plus 8-bit steps, with a step size for each place on its first axis. The base of an independent model is
the MAE folded at its λ, that of bottleneck scaling the fixed model that it scales, that of a model with another prior
the one whose transforms it has.

    name                what
    a_conv.0.weight, …  parameters, as `Autoencoder` names them, of any float type; buffers are rebuilt, never stored
    coder.…             the integers of `Prior.freeze`
    metadata            format (FORMAT), config, base, and what the trainer notes

Format 1, without a number, had the parts of the factorised prior under other names; it is read.

A file is data, never code, and may be anybody's: what it says is checked before memory is taken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from explorer import files
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN
from explorer.config import KINDS, ModelConfig
from explorer.images import InputError
from explorer.model import Autoencoder, transforms_of
from explorer.priors import PRIORS

FORMAT = 2
STEPS = 127  # the largest difference is this many steps
WIDEST = 4096  # channels of a network that a file may have
# What reading a file may raise that is no checkpoint.
_UNREADABLE = (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError)


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
    files.write(path, safetensors.torch.save(tensors, metadata))


def load(path: str | Path) -> tuple[Autoencoder, dict[str, Tensor], str]:
    """(model in eval mode on the CPU, the prior's integer tensors, the checkpoint's id: 8 hex digits of its
    content). Raises InputError, also where a difference's base is not there or another one."""
    return _load(Path(path), differences=())


def _load(path: Path, differences: tuple[Path, ...]) -> tuple[Autoencoder, dict[str, Tensor], str]:
    """differences: those that led to this file, each being its base's difference."""
    try:
        tensors, metadata = _contents(path)
        known = _current_names(tensors, metadata.get("format", "1"), str(path))
        config = _config(metadata)
        integers = {name[len("coder.") :]: known[name] for name in known if name.startswith("coder.")}
        stored = {name: known[name] for name in known if not name.startswith("coder.")}
        if "base" in metadata:
            base = _checked_base(path, json.loads(metadata["base"]), config, (*differences, path.resolve()))
            stored = _sum(stored, base)
        _check_sizes(stored, config)
        model = Autoencoder(config)
        _fill(model, stored, str(path))
    except FileNotFoundError:
        raise InputError(f"There is no checkpoint {path}; name a bundled model or a .safetensors file.") from None
    except InputError:
        raise
    except _UNREADABLE as error:
        raise _no_checkpoint(path) from error
    return model.eval(), integers, content_id(tensors, metadata.get("base", ""))


def lambdas(path: str | Path) -> tuple[float, ...]:
    """The only λ that the model in a file has, or none where it has them all, without reading its weights. Raises
    InputError."""
    try:
        with safe_open(path, framework="pt") as file:
            config = _config(file.metadata() or {})
    except _UNREADABLE as error:
        raise _no_checkpoint(path) from error
    return PRIORS[config.prior].lambdas if config.lmbda is None else (config.lmbda,)


def identity(path: str | Path) -> str:
    """The id of the checkpoint in a file, as `load` gives it, without building its network. Raises InputError."""
    try:
        tensors, metadata = _contents(path)
    except _UNREADABLE as error:
        raise _no_checkpoint(path) from error
    return content_id(tensors, metadata.get("base", ""))


def _contents(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 (no dict)


def content_id(tensors: dict[str, Tensor], base: str = "") -> str:
    """Eight hex digits over every tensor's name and bytes, and over what a difference says of its base: two checkpoints
    that decode differently never share it."""
    digest = hashlib.sha256(base.encode())
    for name in sorted(tensors):
        content = tensors[name].contiguous().flatten().view(torch.uint8)  # NumPy has no bfloat16
        digest.update(name.encode() + content.numpy().tobytes())
    return digest.hexdigest()[:8]


def transforms_id(model: Autoencoder) -> str:
    """Eight hex digits over the weights besides the prior's: models that share them make the same y of a picture."""
    return content_id({name: tensor.detach().cpu() for name, tensor in transforms_of(model.state_dict()).items()})


def _no_checkpoint(path: str | Path) -> InputError:
    return InputError(f"{path} is not a checkpoint of this project; train or fetch it again.")


def _config(metadata: Mapping[str, str]) -> ModelConfig:
    """KeyError, TypeError or ValueError where the header does not say what a network can be."""
    config = ModelConfig(**json.loads(metadata["config"]))
    sizes = (config.N, config.M, config.hidden)
    known = config.kind in KINDS and config.conditioning in ("log", "linear") and config.prior in PRIORS
    if not known or not all(type(size) is int and 1 <= size <= WIDEST for size in sizes):
        raise ValueError("no such network")
    if (config.kind == "fixed") != (config.lmbda is not None):
        raise ValueError("a fixed model, and no other, has a λ of its own")
    if config.lmbda is not None and not (
        type(config.lmbda) in (int, float) and LAMBDA_MIN <= config.lmbda <= LAMBDA_MAX
    ):
        raise ValueError("no such λ")
    return config


def _check_sizes(stored: Mapping[str, Tensor], config: ModelConfig) -> None:
    """KeyError or ValueError where the network would not be of the size of the file's largest tensors: so the memory
    for it is no more than some times the file."""
    N, M, hidden = config.N, config.M, config.hidden
    largest = {"a_conv.1.weight": (N, N), "a_conv.2.weight": (M, N)}
    if config.kind != "fixed":
        largest |= (
            {"a_mod.0.fc2.weight": (N, hidden)} if config.kind == "modulated" else {"y_mod.fc2.weight": (M, hidden)}
        )
    for name, shape in largest.items():
        if stored[name].shape[:2] != shape:
            raise ValueError(f"{name} has another shape")


@torch.no_grad()
def _fill(model: Autoencoder, stored: Mapping[str, Tensor], path: str) -> None:
    """Give every parameter its stored value. A base may hold others besides. KeyError or ValueError where one is
    missing or none of this network, InputError where one is no number."""
    for name, parameter in model.named_parameters():
        value = stored[name]
        if value.shape != parameter.shape or not value.is_floating_point():
            raise ValueError(f"{name} has another shape or type")
        parameter.copy_(value)
        if not parameter.isfinite().all():
            raise InputError(f"{path} has weights that are not finite numbers, in {name}; train or fetch it again.")


def _current_names(tensors: dict[str, Tensor], version: str, path: str) -> dict[str, Tensor]:
    """The tensors of a file of any format that is known, under the names of the latest."""
    if version == str(FORMAT):
        return tensors
    if version != "1":
        raise InputError(f"{path} has format version {version[:20]}, but this program reads {FORMAT}; update it.")
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


def _checked_base(
    path: Path, base: dict[str, Any], config: ModelConfig, differences: tuple[Path, ...]
) -> dict[str, Tensor]:
    found = path.parent / f"{Path(base['name']).name}.safetensors"
    if found.resolve() in differences:
        raise ValueError("it is its own base")
    start, _, identity = _load(found, differences) if found.is_file() else (None, None, None)
    if start is None or identity != base["id"]:
        wanted = f"{found.name} {str(base['id'])[:20]}"
        raise InputError(f"{path.name} is the difference from {wanted}; put that one beside it.")
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
    """KeyError or ValueError where the two do not fit."""
    state = base | {name: t for name, t in stored.items() if not name.endswith((".steps", ".step"))}
    for name in stored:
        if name.endswith(".steps"):
            kernel = name.removesuffix(".steps")
            steps, step = stored[name], stored[f"{kernel}.step"]
            if steps.shape != base[kernel].shape or step.shape != steps.shape[:1]:
                raise ValueError(f"{name} has another shape")
            state[kernel] = base[kernel].float() + steps.float() * step.float()[:, None, None, None]
    return state
