"""The bundled checkpoints: by name, by path, and by the id that a file names; and the sample pictures."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from explorer import bitstream
from explorer.codecs.baselines import place
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.runtime import Pixels

DEFAULT = "mae"
SAMPLES = ("parrots", "hibiscus", "lighthouse", "houses", "regatta")  # the first is what a visitor sees


def folder() -> Path:
    """Where the bundled checkpoints lie: inside the installed package, or beside it in a source tree."""
    installed = Path(__file__).parent / "checkpoints"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "checkpoints"


# What a newcomer sees first: the model with the smaller files, where it is bundled.
FIRST = "mae-hyperprior" if (folder() / "mae-hyperprior.safetensors").is_file() else DEFAULT


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
    bundled = folder() / f"{name}.safetensors"
    if bundled.is_file():
        return _open(bundled, device)
    if Path(name).suffix != ".safetensors":
        raise InputError(
            f"There is no bundled model {str(name)!r}; choose one of {', '.join(list_models())}, or give a path."
        )
    return _open(Path(name), device)


@lru_cache(maxsize=16)  # the bundled ones: a picture may be looked at with all of them in turn
def _open(path: Path, device: str) -> LearnedCodec:
    return LearnedCodec.open(path, device)


def decode(data: bytes, device: str = "auto") -> Pixels:
    """A .mae file -> (H, W, 3) uint8, by the bundled model that its header names. Raises InputError."""
    header, _ = bitstream.unpack(data)
    return model_of(header, device).decode(data)


def model_of(header: bitstream.Header, device: str = "auto") -> LearnedCodec:
    """The bundled model that a header names; InputError where none is it."""
    for name in list_models():
        model = load_model(name, device)
        if model.version == header.model:
            return model
    raise InputError(
        f"No bundled model has the id {header.model}; open the checkpoint that wrote this file with --model."
    )
