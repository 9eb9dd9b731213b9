"""How long things take here: every stage of a session at three sizes, a step of λ, codecs beside JPEG, and the start.

One run measures all of it on one machine, so that its ratios mean something even where its times do not: beside the
stages stand the machine's own speed in matrix multiplications, and CompressAI's factorised-prior model, layer by layer.
Each time is a median. The pictures are a bundled sample of 768×512 pixels, and made of it larger ones.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import perf_counter, sleep
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from explorer import __version__, files, images, metrics
from explorer.codecs import CODECS, Codec, MissingPackage, match
from explorer.codecs.learned import LearnedCodec
from explorer.condition import LAST_LEVEL, Condition, lambda_of
from explorer.gdn import GDN
from explorer.images import Picture
from explorer.lambda_map import LambdaMap, blocks
from explorer.library import DEFAULT, find_checkpoint, first_model, load_model
from explorer.model import STRIDE, Step
from explorer.priors.hypercode import HyperCode, HyperCoder
from explorer.report import table
from explorer.session import Session
from explorer.ssimulacra import ssimulacra2
from explorer.tiles import output_size

MODELS = tuple(dict.fromkeys((DEFAULT, first_model())))  # one for each prior
SAMPLE = Path(__file__).parent / "samples" / "lighthouse.png"
SIZES = ((512, 768), (1080, 1920), (3000, 4000))  # height, width
WINDOW = (512, 768)  # of a large picture, what stays live while λ moves
REPEATS = 5
LONG_MS = 2000.0  # what takes longer is measured twice
LAMBDA = 512.0
BPP = 0.5  # the rate at which codecs are compared
DRAG_S = 3.0
MATRIX = 2048  # of the multiplications that tell the machine's speed


def bench(
    out: str | Path | None = None, models: Sequence[str] = MODELS, png: str | Path | None = None
) -> dict[str, Any]:
    """Measure everything, write it to the JSON file `out` and draw it into `png` if they are named, and return it.

    Times are in ms where the name says so, else in s. Raises InputError for an unknown model."""
    for name in models:
        find_checkpoint(name)
    sample = images.read(SAMPLE)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    learned = {f"{name} on {device}": load_model(name, device) for device in devices for name in models}
    on_cpu = [load_model(name, "cpu") for name in models]
    result = {
        "machine": machine(),
        "models": {one.name: one.version for one in on_cpu},
        "lambda": LAMBDA,
        "peak_gflops": peak(),
        "sizes": {
            f"{width}×{height}": {
                "sessions": {name: session(one, of_size(sample, height, width)) for name, one in learned.items()},
                "compressai_ms": compressai(height, width),
            }
            for height, width in tqdm(SIZES, "sizes", leave=False)
        },
        "codecs": codecs([*filter(_is_installed, CODECS.values()), *on_cpu], of_size(sample, *SIZES[0]).pixels),
        "startup_s": startup(),
    }
    if out is not None:
        files.write(out, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    if png is not None:
        draw(result, png)
    return result


def of_size(sample: Picture, height: int, width: int) -> Picture:
    """A picture of this size, made of the sample and its mirror images, so that no seam costs anything."""
    pixels = np.concatenate([sample.pixels, sample.pixels[:, ::-1]], axis=1)
    pixels = np.concatenate([pixels, pixels[::-1]], axis=0)
    rows, columns = (-(-wanted // there) for wanted, there in zip((height, width), pixels.shape[:2], strict=True))
    return Picture(np.ascontiguousarray(np.tile(pixels, (rows, columns, 1))[:height, :width]), sample.name)


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


def peak() -> float:
    """What the processor does at best with 32-bit numbers, in 10⁹ floating-point operations a second: a product of two
    large matrices."""
    left, right = torch.randn(2, MATRIX, MATRIX)
    return round(2 * MATRIX**3 / _ms(lambda: left @ right) / 1e6, 1)


def _ms(work: Callable[[], object]) -> float:
    """Median time of a call in ms, after one that is not counted; a GPU's queue is drained before the clock is read."""
    times: list[float] = []
    while len(times) < (REPEATS + 1 if not times or times[0] < LONG_MS else min(REPEATS, 2) + 1):
        start = perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(1000 * (perf_counter() - start))
    return round(median(times[1:]), 2)


# -- the session -----------------------------------------------------------------------------------------------------


def session(model: LearnedCodec, picture: Picture) -> dict[str, Any]:
    """The stages of a session, a step of λ, and how much of the processor's peak the two transforms reach."""
    found = stages(model, picture)
    done = {"latents": model.network.analysis_steps(), "synthesis": model.network.synthesis_steps()}
    size = tuple(-(-side // STRIDE) for side in picture.pixels.shape[:2])
    gflops = {stage: 2 * operations(steps, size) / found[stage] / 1e6 for stage, steps in done.items()}
    return {
        "stages_ms": found,
        "gflops": {name: round(value, 1) for name, value in gflops.items()},
        **step(model, picture),
    }


def operations(steps: Sequence[Step], size: tuple[int, ...]) -> int:
    """Multiplications of the convolutions in a transform of a picture whose bottleneck is of `size` (h, w), without
    what tiles compute twice."""
    total = 0
    analysis = isinstance(steps[0].layer, torch.nn.Conv2d)
    area = tuple(STRIDE * side for side in size) if analysis else size
    for each in steps:
        layer = each.layer
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            h, w = area
            before, area = h * w, output_size(layer, (h, w))
            # Each input of a transposed convolution, each output of another one, meets the whole kernel once.
            places = before if isinstance(layer, torch.nn.ConvTranspose2d) else area[0] * area[1]
            total += places * layer.weight.numel()
        elif isinstance(layer, GDN):
            total += area[0] * area[1] * layer.get_parameter("gamma").numel()
    return total


def stages(model: LearnedCodec, picture: Picture) -> dict[str, float]:
    """The stages of a session at one λ and of the whole picture, in ms, each by itself and without the session's
    cache."""
    pixels, condition = picture.pixels, model.condition(LAMBDA)
    height, width = pixels.shape[:2]
    y = model.latents(pixels, condition)
    code = model.quantise(y, condition)
    decoded = model.synthesise(code.part, condition, height, width)
    data = model.pack(code, height, width)
    work: dict[str, Callable[[], object]] = {
        "latents": lambda: model.latents(pixels, condition),
        "quantise (with a hyperprior: z, μ, σ too)": lambda: model.quantise(y, condition),
        "encode (code to file)": lambda: model.pack(code, height, width),
        "decode (file to code)": lambda: model.decode_code(data),
        "bits of each element": lambda: model.quantise(y, condition).bits,
        "synthesis": lambda: model.synthesise(code.part, condition, height, width),
        "PSNR": lambda: metrics.psnr(pixels, decoded),
        "MS-SSIM": lambda: metrics.ms_ssim(pixels, decoded),
    }
    coder = model.coder
    if isinstance(code, HyperCode) and isinstance(coder, HyperCoder):
        h, w = y.shape[1:]
        work["of quantise, the hyper-synthesis in integers"] = lambda: coder.expected(code.side, (h, w), condition)
    return {name: _ms(each) for name, each in tqdm(work.items(), "stages", leave=False)}


def step(model: LearnedCodec, picture: Picture) -> dict[str, float]:
    """A step of λ in a session, in ms: until the first pixels, those of the window that stays live where the picture is
    large; until all pixels; until its numbers; and SSIMULACRA2 besides. Then the first pixels after a dab of the brush
    that paints λ, how many steps a second show their first pixels in a drag, and how much longer one takes that comes
    while SSIMULACRA2 is being measured."""
    one = Session(model, picture)
    size = one.size
    height, width = (min(wanted, there) for wanted, there in zip(WINDOW, size, strict=True))
    top, left = ((there - inside) // 2 // 256 * 256 for there, inside in zip(size, (height, width), strict=True))
    window = top, left, top + height, left + width
    lambdas = map(_lambda, range(1 << 20))
    dabs = (Condition.of(LAMBDA, _stroke(blocks(*size), number)) for number in range(1 << 20))
    return {
        "first_pixels_ms": _ms(lambda: one.region(next(lambdas), window, live=True)),
        "all_pixels_ms": _ms(lambda: one.region(next(lambdas), (0, 0, size[0], size[1]))),
        "numbers_ms": _ms(lambda: one.point(next(lambdas), quick=True)),
        "ssimulacra2_ms": _ms(lambda: ssimulacra2(picture.pixels, picture.pixels)),
        "dab_ms": _ms(lambda: one.region(next(dabs), window, live=True)),
        "steps_per_s": _per_second(lambda: one.region(next(lambdas), window, live=True)),
        "beside_ssimulacra2": _beside(picture, lambda: one.region(next(lambdas), window, live=True)),
    }


def _beside(picture: Picture, show: Callable[[], object]) -> float:
    """The time of a step that comes while SSIMULACRA2 is being measured, over that of one that does not, medians of
    steps in turn. As in the app, it pauses while a step is made, at the end of what it is at."""
    goes_on, ended = Event(), Event()

    def pause() -> None:
        goes_on.wait()
        if ended.is_set():
            raise InterruptedError

    def measure() -> None:
        with suppress(InterruptedError):
            while True:
                pause()
                ssimulacra2(picture.pixels, picture.pixels, pause)

    thread = Thread(target=measure, daemon=True)
    thread.start()
    times: tuple[list[float], list[float]] = [], []
    for number in range(2 * REPEATS + 2):
        if number % 2:
            goes_on.set()
        sleep(0.1)  # a hand that rests for a moment
        goes_on.clear()
        start = perf_counter()
        show()
        times[number % 2].append(perf_counter() - start)
    ended.set()
    goes_on.set()
    thread.join()
    alone, beside = (median(each[1:]) for each in times)
    return round(beside / alone, 3)


def _per_second(show: Callable[[], object]) -> float:
    start, shown = perf_counter(), 0
    while (elapsed := perf_counter() - start) < DRAG_S:
        show()
        shown += 1
    return round(shown / elapsed, 2)


def _lambda(number: int) -> float:
    """Ever new λ all over the axis: multiples of the golden ratio never meet."""
    return lambda_of(round((number * 0.618034) % 1 * LAST_LEVEL))


def _stroke(shape: tuple[int, int], number: int) -> LambdaMap:
    """What a stroke at 8 × λ has painted of (rows, columns) blocks after so many dabs, each of another block."""
    steps = np.zeros(shape, int)
    steps.flat[: 1 + number % (steps.size - 1)] = 16
    return LambdaMap.of(steps)


def compressai(height: int, width: int) -> dict[str, float] | None:
    """Analysis and synthesis of CompressAI's bmshj2018-factorized (N = 128, M = 192) as its package runs them, in ms;
    weights do not matter for that. None where it is not installed, and where its maps, of half the picture's size,
    would take gigabytes."""
    if height * width > 4 << 20:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from compressai.zoo import bmshj2018_factorized
        except ImportError:
            return None
        network = bmshj2018_factorized(quality=1, pretrained=False).eval()
    side = [-(-length // STRIDE) * STRIDE for length in (height, width)]
    with torch.inference_mode():
        x = torch.rand(1, 3, *side)
        y = network.g_a(x)
        return {"analysis": _ms(lambda: network.g_a(x)), "synthesis": _ms(lambda: network.g_s(y))}


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
    about = f"{computer['cpu']}, {computer['cores']} cores" + (f", {computer['gpu']}" if computer["gpu"] else "")
    parts.append(f"{about}; a product of matrices reaches {result['peak_gflops']:g} GFLOP/s")
    for name in next(iter(result["sizes"].values()))["sessions"]:
        sessions = [size["sessions"][name] for size in result["sizes"].values()]
        rows = [[stage, *(f"{one['stages_ms'][stage]:g}" for one in sessions)] for stage in sessions[0]["stages_ms"]]
        rows += [[label, *(f"{one[key]:g}" for one in sessions)] for key, label in STEP.items()]
        for stage in sessions[0]["gflops"]:
            shares = (one["gflops"][stage] / result["peak_gflops"] for one in sessions)
            rows.append([f"{stage}: share of that product's speed", *(f"{share:.0%}" for share in shares)])
        parts.append(table([f"{name}: ms, or as said", *result["sizes"]], rows))
    rivals = {name: size["compressai_ms"] for name, size in result["sizes"].items() if size["compressai_ms"]}
    rows = [[stage, *(f"{each[stage]:g}" for each in rivals.values())] for stage in ("analysis", "synthesis")]
    if rivals:
        parts.append(table(["bmshj2018-factorized in CompressAI: ms", *rivals], rows))
    columns = ("bpp", "psnr", "encode_ms", "encode_ratio", "decode_ms", "decode_ratio")
    body = [[row["codec"], *(f"{row[column]:g}" for column in columns)] for row in result["codecs"]]
    parts.append(table(["codec", "bpp", "PSNR", "encode ms", "÷ JPEG", "decode ms", "÷ JPEG"], body))
    parts.append(table(["start", "s"], [[name, f"{value:g}"] for name, value in result["startup_s"].items()]))
    return "\n\n".join(parts)


STEP = {
    "first_pixels_ms": "a step of λ: first pixels",
    "all_pixels_ms": "all pixels",
    "numbers_ms": "file, PSNR and MS-SSIM",
    "ssimulacra2_ms": "SSIMULACRA2 besides",
    "dab_ms": "a dab of the brush: first pixels",
    "steps_per_s": "steps a second in a drag",
    "beside_ssimulacra2": "a step while SSIMULACRA2 is measured, over one alone",
}
DRAWN = ("latents", "quantise (with a hyperprior: z, μ, σ too)", "synthesis", "encode (code to file)", "MS-SSIM")


def draw(result: dict[str, Any], path: str | Path) -> None:
    """The stages of each session as stacked bars, in ms a megapixel, into a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars = {
        f"{name.removesuffix(' on cpu')}, {size}": [one["stages_ms"][stage] / _megapixels(size) for stage in DRAWN]
        for size, found in result["sizes"].items()
        for name, one in found["sessions"].items()
    }
    for size, found in result["sizes"].items():
        if found["compressai_ms"]:
            analysis, synthesis = (
                found["compressai_ms"][stage] / _megapixels(size) for stage in ("analysis", "synthesis")
            )
            bars[f"CompressAI, {size}"] = [analysis, 0, synthesis, 0, 0]
    page = Figure((8, 0.42 * len(bars) + 1.2), dpi=150, layout="constrained")
    axes = page.subplots()
    left = np.zeros(len(bars))
    for place, stage in enumerate(DRAWN):
        widths = np.array([values[place] for values in bars.values()])
        axes.barh(list(bars), widths, left=left, label=stage.partition(" (")[0])
        left += widths
    axes.invert_yaxis()
    axes.set_xlabel(f"ms a megapixel, {result['machine']['cores']} CPU cores")
    axes.spines[["top", "right"]].set_visible(False)
    page.legend(loc="outside upper center", ncols=len(DRAWN), frameon=False)
    drawn = BytesIO()
    FigureCanvasAgg(page).print_png(drawn)
    files.write(path, drawn.getvalue())


def _megapixels(size: str) -> float:
    width, height = map(int, size.split("×"))
    return width * height / 1e6
