"""Pictures × codecs × settings -> one row each (see `rows`) in a JSON file.

    folder ───────┐
    codec names ──┼─ jobs: one picture × one codec × all its settings ─ process pool or Dask ─ journal ─ rows.json
    their sweeps ─┘

A job travels with its picture's file, so any machine with this package can do it. While a run lasts, a journal beside
the file takes the rows of each job that ends; a killed run is taken up from it, with what is missing. Learned codecs
run on the CPU and every job on one thread, so a row (its times aside) does not depend on where it was computed.
"""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, as_completed, wait
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm

from explorer import __version__, images
from explorer.codecs import CLASSICAL, CODECS, Codec, Measurement, MissingPackage, RDPoint, baselines, measure
from explorer.condition import PAPER_LAMBDAS, snap
from explorer.images import InputError
from explorer.rows import Key, Row, Store, key, setting
from explorer.workers import start_workers

# The paper's seven λ and the geometric mean of each two neighbours.
LAMBDAS = tuple(float(64 * 2 ** (step / 2)) for step in range(2 * len(PAPER_LAMBDAS) - 1))
NOTES = [
    "bpp counts the whole file; PSNR in dB and MS-SSIM are of 8-bit RGB; null: identical pictures, or too small a one.",
    "encode_s and decode_s are wall-clock seconds of the machine that ran it; a learned codec's are on one CPU thread.",
    "image_id is the start of the SHA-256 of the picture's size and pixels.",
]


@dataclass(frozen=True)
class Job:
    """One picture through one codec at some settings. codec: as `find_codec` takes it."""

    codec: str
    path: Path
    image_id: str
    settings: tuple[float, ...]


# -- what there is to do ---------------------------------------------------------------------------------------------


def codec_names(names: Sequence[str] = ()) -> list[str]:
    """Names with "classical", "independent" and "independent-hyperprior" replaced by their members; none: every codec
    that is installed here, and every bundled model. Raises InputError where a family has no member."""
    from explorer.library import list_models

    asked = names or [*filter(_is_installed, CODECS), *list_models()]
    return list(dict.fromkeys(member for name in asked for member in _members(name, list_models())))


def _members(name: str, models: Sequence[str]) -> list[str]:
    if name == "classical":
        return list(CLASSICAL)
    if name in models or not baselines.is_split(name):
        return [name]
    found = list(baselines.members(name, models).values())
    if not found:
        raise InputError(f"No {baselines.label(name)} are bundled here; train them with `explorer train --kind fixed`.")
    return found


def _check(names: Iterable[str]) -> None:
    from explorer.library import find_checkpoint, list_models

    for name in names:
        if name.endswith(".safetensors"):
            find_checkpoint(name)
        else:
            baselines.check(name, list_models())


def find_codec(name: str) -> Codec:
    """A codec of the catalogue, a bundled model or a checkpoint's path; the models on the CPU. Raises InputError."""
    from explorer.library import list_models, load_model

    load = partial(load_model, device="cpu")
    return load(name) if name.endswith(".safetensors") else baselines.find(name, list_models(), load)


def sweep(codec: Codec, points: int | None = None) -> list[float]:
    """The settings to measure, exactly as they will stand in the rows. points: that many λ, equidistant on the log
    axis; of another codec's sweep, that many at most."""
    if codec.knob.name == "lambda":
        return [snap(lmbda) for lmbda in _lambdas(codec, points)]
    settings = codec.knob.sweep
    if points is not None and points < len(settings):
        last = len(settings) - 1
        settings = tuple(settings[round(i * last / max(points - 1, 1))] for i in range(points))
    return [codec.knob.check(setting) for setting in settings]


def _lambdas(codec: Codec, points: int | None) -> Sequence[float]:
    if codec.knob.minimum == codec.knob.maximum:
        return codec.knob.sweep
    if points is None:
        return LAMBDAS
    span = codec.knob.maximum / codec.knob.minimum
    return [codec.knob.minimum * span ** (i / max(points - 1, 1)) for i in range(points)]


def list_pictures(folder: str | Path) -> list[Path]:
    """The files in a folder that are named as pictures, sorted. Raises InputError where there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; name one with pictures, or run `explorer fetch kodak` for one.")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in images.SUFFIXES)
    if not found:
        raise InputError(f"{folder} holds no pictures; put PNG files into it, or run `explorer fetch kodak`.")
    return found


def image_id(picture: images.Picture) -> str:
    """Eight hex digits of the SHA-256 of a picture's size and pixels."""
    digest = hashlib.sha256(repr(picture.pixels.shape).encode() + picture.pixels.tobytes())
    return digest.hexdigest()[:8]


def _is_installed(name: str) -> bool:
    try:
        return bool(CODECS[name].version)
    except MissingPackage:
        return False


# -- one job ---------------------------------------------------------------------------------------------------------


def run_job(job: Job, data: bytes) -> list[Row]:
    """Measure a job, called in a worker, which needs no access to the job's path: `data` is the picture's file."""
    import torch

    torch.set_num_threads(1)  # the pool has a process for each core, and sums keep their order
    codec, picture = find_codec(job.codec), images.read(data)
    measured = _learned(codec, picture, job.settings) if codec.knob.name == "lambda" else _plain(codec, picture, job)
    return [_row(job, point, taken) for point, taken in measured]


def _plain(codec: Codec, picture: images.Picture, job: Job) -> Iterator[tuple[RDPoint, Measurement]]:
    for value in job.settings:
        taken = measure(codec, picture.pixels, value)
        yield taken.point, taken


def _learned(codec: Any, picture: images.Picture, settings: Sequence[float]) -> Iterator[tuple[RDPoint, Measurement]]:
    """One session for all λ: the first convolution is done once, and its time counted for every λ."""
    from explorer.session import Session

    start = perf_counter()
    session = Session(codec, picture)
    stem_s = perf_counter() - start
    for lmbda in settings:
        start = perf_counter()
        data = session.encode(lmbda)
        taken = Measurement(codec, picture.pixels, lmbda, data, stem_s + perf_counter() - start)
        yield replace(taken.point, estimated_bits=session.code(lmbda).total_bits), taken


def _row(job: Job, point: RDPoint, taken: Measurement) -> Row:
    bits = {} if point.estimated_bits is None else {"estimated_bits": round(point.estimated_bits, 1)}
    return {
        "codec": point.codec,
        "version": point.version,
        "image": job.path.name,
        "image_id": job.image_id,
        "knob": point.knob,
        "width": point.width,
        "height": point.height,
        "bytes": point.bytes,
        **bits,
        "bpp": round(point.bpp, 6),
        "psnr": _finite(point.psnr, 4),
        "ms_ssim": _finite(point.ms_ssim, 6),
        "encode_s": round(taken.encode_s, 4),
        "decode_s": round(taken.decode_s, 4),
    }


def _finite(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None  # JSON has no infinity and no nan


# -- many jobs -------------------------------------------------------------------------------------------------------


def evaluate(
    folder: str | Path,
    codecs: Sequence[str],
    out: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    points: int | None = None,
) -> list[Row]:
    """Measure a folder's pictures with codecs at their sweeps and return all rows of the JSON file `out`.

    workers: local processes, one for each core by default. dask: a scheduler's address to run there instead. points: so
    many settings of each sweep at most. What `out` and its journal hold of these pictures is kept, except rows of these
    codecs in another version or with another knob. Raises InputError for a folder without pictures, an unknown codec or
    one that is not installed, a file that is not of this format, and a cluster that does not answer.
    """
    store, files, names = Store(Path(out)), list_pictures(folder), codec_names(codecs)
    # All that can be wrong, before a model is loaded.
    _check(names)
    store.prepare()
    about, rows = store.read()
    found = {name: find_codec(name) for name in names}
    versions = {codec.name: codec.version for codec in found.values()}
    ids = {path: image_id(images.read(path)) for path in tqdm(files, "reading", unit="picture", leave=False)}
    rows = [row for row in rows if row["image_id"] in ids.values() and _is_current(row, found.values())]
    about = _about(about, files[0].resolve().parent.name, len(files), codecs)
    store.write(about, rows)
    jobs = _missing_jobs(found, ids, {key(row) for row in rows}, points)
    if jobs:
        with _progress(jobs) as bar, start_workers(workers, dask) as (executor, number):
            for new in _results(executor, jobs, 3 * number):
                _check_versions(new, versions)
                store.note(new)
                rows += new
                bar.update(len(new))
    rows.sort(key=lambda row: (row["codec"], row["image"], setting(row)))
    store.write(about | {"codecs": {row["codec"]: row["version"] for row in rows}}, rows)
    return rows


def _is_current(row: Row, codecs: Iterable[Codec]) -> bool:
    """Whether none of these codecs is the row's in another version, or with another knob."""
    now = [codec for codec in codecs if codec.name == row["codec"]]
    return all(row["version"] == codec.version and codec.knob.name in row["knob"] for codec in now)


def _missing_jobs(
    codecs: Mapping[str, Codec], ids: Mapping[Path, str], done: Container[Key], points: int | None
) -> list[Job]:
    """Jobs for what is not done, codec by codec, so that a worker loads each model once."""
    jobs = []
    for name, codec in codecs.items():
        settings = sweep(codec, points)
        for path, known_as in ids.items():
            left = tuple(s for s in settings if (codec.name, codec.version, known_as, s) not in done)
            if left:
                jobs.append(Job(name, path, known_as, left))
    return jobs


def _progress(jobs: Sequence[Job]) -> tqdm:
    return tqdm(total=sum(len(job.settings) for job in jobs), desc="measuring", unit="setting")


def _results(executor: Executor, jobs: Sequence[Job], window: int) -> Iterator[list[Row]]:
    """The rows of each job as it ends; `window` jobs at most are under way, for they hold their pictures' files."""
    pending: set[Future[list[Row]]] = set()
    for job in jobs:
        if len(pending) >= window:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
        pending.add(executor.submit(run_job, job, job.path.read_bytes()))
    yield from (future.result() for future in as_completed(pending))


def _check_versions(rows: list[Row], versions: Mapping[str, str]) -> None:
    for row in rows:
        here = versions[row["codec"]]
        if row["version"] != here:
            raise InputError(
                f"A worker has {row['codec']} {row['version']}, not {here}; install the same version there."
            )


def _about(before: Mapping[str, Any], folder: str, number: int, codecs: Sequence[str]) -> dict[str, Any]:
    command = " ".join(["explorer evaluate", folder, *(["--codecs", ",".join(codecs)] if codecs else [])])
    wanted = ("torch", "compressai", "numpy", "pillow")
    libraries = {name: found.version for name in wanted for found in metadata.distributions(name=name)}
    return {
        "commands": list(dict.fromkeys([*before.get("commands", []), command])),
        "pictures": {"folder": folder, "number": number},
        "versions": {"explorer": __version__, "python": platform.python_version(), **libraries},
        "notes": NOTES,
    }
