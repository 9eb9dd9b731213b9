"""How long things take here: every stage of a session, a drag, each codec beside JPEG, and the program's own start.

One run measures all of it on one machine, so that its ratios mean something even where its times do not. Each time is
the median of REPEATS. The picture is a bundled sample of 768×512 pixels.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from explorer import __version__, images, metrics
from explorer.codecs import CODECS, Codec, MissingPackage, match
from explorer.codecs.learned import LearnedCodec, bottleneck_size
from explorer.condition import LAST_LEVEL, lambda_of
from explorer.library import DEFAULT, find_checkpoint, first_model, load_model
from explorer.priors.hypercode import HyperCode, HyperCoder
from explorer.report import table
from explorer.session import Session
from explorer.tiles import whole

MODELS = tuple(dict.fromkeys((DEFAULT, first_model())))  # one for each prior
SAMPLE = Path(__file__).parent / "samples" / "lighthouse.png"
REPEATS = 5
LAMBDA = 512.0
BPP = 0.5  # the rate at which codecs are compared
DRAG_S = 3.0


def bench(out: str | Path | None = None, models: Sequence[str] = MODELS) -> dict[str, Any]:
    """Measure everything, write it to the JSON file `out` if one is named, and return it.

    Times are in ms where the name says so, else in s. Raises InputError for an unknown model."""
    for name in models:
        find_checkpoint(name)
    picture = images.read(SAMPLE)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    learned = {f"{name} on {device}": load_model(name, device) for device in devices for name in models}
    sessions = {name: {"stages_ms": stages(one, picture), **drag(one, picture)} for name, one in learned.items()}
    on_cpu = [load_model(name, "cpu") for name in models]
    result = {
        "machine": machine(),
        "picture": {"name": picture.name, "width": picture.pixels.shape[1], "height": picture.pixels.shape[0]},
        "models": {one.name: one.version for one in on_cpu},
        "lambda": LAMBDA,
        "sessions": sessions,
        "codecs": codecs([*filter(_is_installed, CODECS.values()), *on_cpu], picture.pixels),
        "startup_s": startup(),
    }
    if out is not None:
        Path(out).write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def machine() -> dict[str, Any]:
    """What the times depend on: processor, cores, GPU, versions."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.system(),
        "versions": {"explorer": __version__, "python": platform.python_version(), "torch": torch.__version__},
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _ms(work: Callable[[], object]) -> float:
    """Median time of a call in ms, after one that is not counted; a GPU's queue is drained before the clock is read."""
    times = []
    for _ in range(REPEATS + 1):
        start = perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(1000 * (perf_counter() - start))
    return round(median(times[1:]), 2)


# -- the session -----------------------------------------------------------------------------------------------------


def stages(model: LearnedCodec, picture: images.Picture) -> dict[str, float]:
    """The stages of a session at one λ, in ms, each by itself and without the session's cache."""
    pixels, condition = picture.pixels, model.condition(LAMBDA)
    height, width = pixels.shape[:2]
    size = bottleneck_size(height, width)
    runtime, tile = model.runtime, whole(size)
    stem = runtime.stem(pixels, tile)
    y = runtime.latents(stem, condition)
    code = model.quantise(y, condition)
    decoded = model.synthesise(code.part, condition, height, width)
    data = model.pack(code, height, width)
    work: dict[str, Callable[[], object]] = {
        "stem (once per picture)": lambda: runtime.stem(pixels, tile),
        "latents": lambda: runtime.latents(stem, condition),
        "quantise (with a hyperprior: z, μ, σ too)": lambda: model.quantise(y, condition),
        "encode (code to file)": lambda: model.pack(code, height, width),
        "decode (file to code)": lambda: model.decode_code(data),
        "quantise, and the bits of each element": lambda: model.quantise(y, condition).bits,
        "synthesis": lambda: model.synthesise(code.part, condition, height, width),
        "PSNR": lambda: metrics.psnr(pixels, decoded),
        "MS-SSIM": lambda: metrics.ms_ssim(pixels, decoded),
    }
    coder = model.coder
    if isinstance(code, HyperCode) and isinstance(coder, HyperCoder):
        work["of that, the hyper-synthesis in integers"] = lambda: coder.expected(code.side, size, condition)
    return {name: _ms(each) for name, each in tqdm(work.items(), "stages", leave=False)}


def drag(model: LearnedCodec, picture: images.Picture) -> dict[str, float]:
    """The first frame of a fresh session, in ms, and how many distinct λ a second it then shows or fully measures."""
    first = _ms(lambda: Session(model, picture).reconstruct(LAMBDA))
    session = Session(model, picture)
    return {
        "first_frame_ms": first,
        "frames_per_s": _per_second(session.reconstruct),
        "points_per_s": _per_second(session.point),
    }


def _per_second(show: Callable[[float], object]) -> float:
    start, shown = perf_counter(), 0
    while (elapsed := perf_counter() - start) < DRAG_S:
        show(_lambda(shown))
        shown += 1
    return round(shown / elapsed, 2)


def _lambda(number: int) -> float:
    """Ever new λ all over the axis: multiples of the golden ratio never meet."""
    return lambda_of(round((number * 0.618034) % 1 * LAST_LEVEL))


# -- codecs and start ------------------------------------------------------------------------------------------------


def codecs(chosen: list[Codec], pixels: np.ndarray) -> list[dict[str, Any]]:
    """Encoding and decoding time of each codec near one rate, in ms and relative to JPEG."""
    rows: list[dict[str, Any]] = []
    for codec in tqdm(chosen, "codecs", leave=False):
        found = match(codec, pixels, bytes=round(BPP * pixels.shape[0] * pixels.shape[1] / 8)).measurement
        encode, decode = _timed(codec, pixels, found.setting, found.data)
        rows.append(
            {
                "codec": codec.name,
                "version": codec.version,
                "knob": {codec.knob.name: found.setting},
                "bpp": round(found.point.bpp, 4),
                "psnr": round(found.psnr, 2),
                "encode_ms": encode,
                "decode_ms": decode,
            }
        )
    jpeg = next(row for row in rows if row["codec"] == "jpeg")
    for row in rows:
        row["encode_ratio"] = round(row["encode_ms"] / jpeg["encode_ms"], 2)
        row["decode_ratio"] = round(row["decode_ms"] / jpeg["decode_ms"], 2)
    return rows


def _timed(codec: Codec, pixels: np.ndarray, setting: float, data: bytes) -> tuple[float, float]:
    return _ms(lambda: codec.encode(pixels, setting)), _ms(lambda: codec.decode(data))


def _is_installed(codec: Codec) -> bool:
    try:
        return bool(codec.version)
    except MissingPackage:
        return False


def startup() -> dict[str, float]:
    """Seconds until a fresh process is done: Python alone, with `import explorer`, and `explorer --help`."""
    commands = {
        "python": ["-c", ""],
        "import explorer": ["-c", "import explorer"],
        "explorer --help": ["-m", "explorer", "--help"],
    }
    return {name: round(_ms(partial(_run, line)) / 1000, 3) for name, line in commands.items()}


def _run(arguments: Sequence[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def text(result: dict[str, Any]) -> str:
    """A result as Markdown tables."""
    computer, parts = result["machine"], []
    parts.append(f"{computer['cpu']}, {computer['cores']} cores" + (f", {computer['gpu']}" if computer["gpu"] else ""))
    for name, session in result["sessions"].items():
        drag = {each: session[each] for each in ("first_frame_ms", "frames_per_s", "points_per_s")}
        body = [[stage, f"{value:g}"] for stage, value in (session["stages_ms"] | drag).items()]
        parts.append(table([f"session of {name}", "ms, or as said"], body))
    columns = ("bpp", "psnr", "encode_ms", "encode_ratio", "decode_ms", "decode_ratio")
    body = [[row["codec"], *(f"{row[column]:g}" for column in columns)] for row in result["codecs"]]
    parts.append(table(["codec", "bpp", "PSNR", "encode ms", "÷ JPEG", "decode ms", "÷ JPEG"], body))
    parts.append(table(["start", "s"], [[name, f"{value:g}"] for name, value in result["startup_s"].items()]))
    return "\n\n".join(parts)
