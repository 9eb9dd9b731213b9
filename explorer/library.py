"""The bundled checkpoints: by name, by path, and by the id that a file names; and the sample pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from explorer import bitstream, checkpoint
from explorer.codecs.baselines import place
from explorer.codecs.learned import LearnedCodec
from explorer.condition import among
from explorer.images import InputError
from explorer.received import Received
from explorer.runtime import Pixels

DEFAULT = "mae"
SMALLEST = "mae-hyperprior"  # the model with the smallest files; a file says by which it was made
SAMPLES = ("parrots", "hibiscus", "lighthouse", "houses", "regatta")  # the first is what a visitor sees


def folder() -> Path:
    """Where the bundled checkpoints lie: inside the installed package, or beside it in a source tree."""
    installed = Path(__file__).parent / "checkpoints"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "checkpoints"


def first_model() -> str:
    """What a newcomer sees first: the model with the smaller files, where it is bundled."""
    return SMALLEST if (folder() / f"{SMALLEST}.safetensors").is_file() else DEFAULT


def list_models() -> list[str]:
    """Names of the bundled checkpoints, the default first, then the other modulated ones; each family in order of λ."""
    names = (path.stem for path in folder().glob("*.safetensors"))
    return sorted(names, key=lambda name: (name != DEFAULT, place(name)))


def samples() -> dict[str, Path]:
    """The bundled sample pictures, 768×512 or 512×768 PNG files: name -> path."""
    return {name: Path(__file__).parent / "samples" / f"{name}.png" for name in SAMPLES}


def load_model(name: str | Path = DEFAULT, device: str = "auto") -> LearnedCodec:
    """A bundled checkpoint by name, or any by path, on "cpu", "cuda", or the GPU where there is one ("auto").

    Loaded once per process. Raises InputError for a name that is not bundled and a file that is no checkpoint."""
    return _open(find_checkpoint(name), device)


def find_checkpoint(name: str | Path) -> Path:
    """The file of a bundled model by name, or of any by path, without reading it. Raises InputError where it is not."""
    bundled = folder() / f"{name}.safetensors"
    if bundled.is_file():
        return bundled
    if Path(name).suffix != ".safetensors":
        raise InputError(
            f"There is no bundled model {str(name)!r}; choose one of {', '.join(list_models())}, or give a path."
        )
    if not Path(name).is_file():
        raise InputError(f"There is no checkpoint {name}; name a bundled model or a .safetensors file.")
    return Path(name)


@lru_cache(maxsize=16)  # the bundled ones: a picture may be looked at with all of them in turn
def _open(path: Path, device: str) -> LearnedCodec:
    return LearnedCodec.open(path, device)


def check_lambda(name: str | Path, lmbda: float) -> None:
    """Raise InputError where a model, by name or path, has no such λ, without building its network."""
    among(lmbda, checkpoint.lambdas(find_checkpoint(name)))


def decode(data: bytes, device: str = "auto") -> Pixels:
    """A .mae file -> (H, W, 3) uint8, by the bundled model that its header names. Raises InputError."""
    return load_model(maker(data, list_models()), device).decode(data)


def receive(file: str | Path | bytes, device: str = "auto") -> Received:
    """A .mae file, by its path or its bytes, as its receiver sees it, by the bundled model that its header names.
    Raises InputError."""
    data = bitstream.read(file)
    name = "picture" if isinstance(file, bytes) else Path(file).name
    return Received(load_model(maker(data, list_models()), device), data, name)


def maker(data: bytes, models: Sequence[str]) -> str:
    """Which of some models, bundled names or paths, made a .mae file; InputError where none did."""
    header, _ = bitstream.unpack(data)
    for name in models:
        if version(name) == header.model:
            return name
    raise InputError(
        f"No bundled model has the id {header.model}; open the checkpoint that wrote this file with --model."
    )


def version(name: str | Path) -> str:
    """The id of a bundled model by name, or of any by path, `LearnedCodec.version`, without building its network."""
    return _identity(find_checkpoint(name))


@lru_cache(maxsize=64)
def _identity(path: Path) -> str:
    return checkpoint.identity(path)
