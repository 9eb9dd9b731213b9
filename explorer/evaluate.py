"""Pictures × codecs × settings -> one row each (see `rows`) in a JSON file.

    folder ─ survey ─ pictures ─┐
    codec names ─ their sweeps ─┴─ jobs: one picture × codec × setting ─ process pool or Dask ─ journal ─ rows.json

A job travels with its picture's file, so any machine with this package can do it. While a run lasts, a journal beside
the file takes every row as it comes; a run that was interrupted or killed is taken up from it, with what is missing.
Learned codecs run on the CPU and every job on one thread, so a row (its times aside) does not depend on where it was
computed. What cannot be read or measured is named and left out, and the run goes on without it.
"""

from __future__ import annotations

import math
import platform
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm

from explorer import __version__, images
from explorer.codecs import CLASSICAL, CODECS, Codec, Measurement, MissingPackage, RDPoint, baselines, measure
from explorer.condition import LAST_LEVEL, PAPER_LAMBDAS, snap
from explorer.images import InputError
from explorer.store import Key, Row, Store, key, printable, setting, texts
from explorer.survey import Survey, image_id, list_pictures, survey
from explorer.workers import Workers, start_workers

# The paper's seven λ and the geometric mean of each two neighbours.
LAMBDAS = tuple(float(64 * 2 ** (step / 2)) for step in range(2 * len(PAPER_LAMBDAS) - 1))
LATEST = "ssimulacra2"  # what rows of earlier versions lack
SAME_PSNR = 1e-3  # dB: within this two measurements of one file differ by the order of their sums, if by anything
NOTES = [
    "bpp counts the whole file; PSNR in dB, MS-SSIM and SSIMULACRA2 are of 8-bit RGB; null: identical pictures, or a "
    "size that has none.",
    "encode_s and decode_s are wall-clock seconds of the machine that ran it; a learned codec's are on one CPU thread.",
    "image_id is the start of the SHA-256 of the picture's size and pixels.",
]


Tell = Callable[[str], None]  # what happens, in sentences for whoever looks on


@dataclass(frozen=True)
class Job:
    """One picture through one codec at one setting. codec: as `find_codec` takes it."""

    codec: str
    path: Path
    image_id: str
    setting: float


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
        model, _ = baselines.of_effort(name)
        if model.endswith(".safetensors"):
            find_checkpoint(model)
        else:
            baselines.check(name, list_models())


def find_codec(name: str) -> Codec:
    """A codec of the catalogue, a bundled model or a checkpoint's path; the models on the CPU. Raises InputError."""
    from explorer.library import list_models, load_model

    load = partial(load_model, device="cpu")
    model, effort = baselines.of_effort(name)
    if not model.endswith(".safetensors"):
        return baselines.find(name, list_models(), load)
    return baselines.searched(name, load) if effort else load(name)


def sweep(codec: Codec, points: int | None = None, lambdas: Sequence[float] = ()) -> list[float]:
    """The settings to measure, exactly as they will stand in the rows. points: that many λ, equidistant on the log
    axis; of another codec's sweep, that many at most. lambdas: those of them instead that a model has."""
    if codec.knob.name == "lambda" and lambdas:
        return [snap(lmbda) for lmbda in lambdas if codec.knob.minimum <= lmbda <= codec.knob.maximum]
    if codec.knob.name == "lambda":
        return list(dict.fromkeys(snap(lmbda) for lmbda in _lambdas(codec, points)))
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
    points, span = min(points, LAST_LEVEL + 1), codec.knob.maximum / codec.knob.minimum
    return [codec.knob.minimum * span ** (i / max(points - 1, 1)) for i in range(points)]


def _is_installed(name: str) -> bool:
    try:
        return bool(CODECS[name].version)
    except MissingPackage:
        return False


# -- one job ---------------------------------------------------------------------------------------------------------

_kept = threading.local()  # .picture, .image_id: what was read last, for the settings of a picture follow one another


def run_job(job: Job, data: bytes) -> Row:
    """Measure a job, called in a worker, which needs no access to the job's path: `data` is the picture's file. Raises
    InputError, whatever goes wrong inside the codec."""
    import torch

    torch.set_num_threads(1)  # the pool has a process for each core, and sums keep their order
    codec, picture = find_codec(job.codec), _picture(job, data)
    try:
        point, taken = (_learned if codec.knob.name == "lambda" else _plain)(codec, picture, job.setting)
    except InputError:
        raise
    except Exception as error:  # the libraries below raise whatever they like, such as for sides beyond their format's
        raise InputError(f"it fails with {type(error).__name__}: {printable(str(error))[:200]}") from error
    return _row(job, point, taken)


def _picture(job: Job, data: bytes) -> images.Picture:
    if getattr(_kept, "image_id", None) != job.image_id:
        _kept.image_id = _kept.picture = None  # memory for one is enough
        _kept.picture = images.read(data, job.path.name)
        _kept.image_id = image_id(_kept.picture)
        if _kept.image_id != job.image_id:
            raise InputError("the file was changed meanwhile; run the same command again.")
    return _kept.picture


def _plain(codec: Codec, picture: images.Picture, value: float) -> tuple[RDPoint, Measurement]:
    taken = measure(codec, picture.pixels, value)
    return taken.seen(), taken


def _learned(codec: Any, picture: images.Picture, lmbda: float) -> tuple[RDPoint, Measurement]:
    from explorer.codecs.searched import Searched
    from explorer.session import Session

    start = perf_counter()
    model, effort = (codec.model, codec.effort) if isinstance(codec, Searched) else (codec, 0)
    session = Session(model, picture).at_effort(effort)
    data = session.encode(lmbda)
    taken = Measurement(codec, picture.pixels, lmbda, data, perf_counter() - start)
    return replace(taken.seen(), estimated_bits=session.code(lmbda).total_bits), taken


def _row(job: Job, point: RDPoint, taken: Measurement) -> Row:
    bits = {} if point.estimated_bits is None else {"estimated_bits": round(point.estimated_bits, 1)}
    return {
        "codec": point.codec,
        "version": point.version,
        "image": printable(job.path.name),
        "image_id": job.image_id,
        "knob": point.knob,
        "width": point.width,
        "height": point.height,
        "bytes": point.bytes,
        **bits,
        "bpp": round(point.bpp, 6),
        "psnr": _finite(point.psnr, 4),
        "ms_ssim": _finite(point.ms_ssim, 6),
        "ssimulacra2": _finite(point.ssimulacra2, 4),
        "encode_s": round(taken.encode_s, 4),
        "decode_s": round(taken.decode_s, 4),
    }


def _finite(value: float | None, digits: int) -> float | None:
    return (
        round(value, digits) if value is not None and math.isfinite(value) else None
    )  # JSON has no infinity and no nan


# -- many jobs -------------------------------------------------------------------------------------------------------


def say(sentence: str) -> None:
    """Show a sentence on stderr, beside progress bars."""
    tqdm.write(sentence, file=sys.stderr)


def evaluate(
    folder: str | Path,
    codecs: Sequence[str],
    out: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    points: int | None = None,
    lambdas: Sequence[float] = (),
    tell: Tell = say,
) -> list[Row]:
    """Measure a folder's pictures with codecs at their sweeps and return all rows of the JSON file `out`.

    workers: local processes, one for each core by default. dask: a scheduler's address to run there instead. points: so
    many settings of each sweep at most. lambdas: of models these settings instead. What `out` and its journal hold of
    these pictures is kept, except rows of these codecs in another version or with another knob; rows of an earlier
    version of this package get what they lack. tell: gets a sentence about whatever is left out, which `out` holds as
    well, and about what is kept where the run is interrupted. Raises InputError for a folder without pictures, an
    unknown codec or one that is not installed, a file that is not of this format, of other pictures or of a run under
    way, a worker that dies, a cluster that does not answer, and where nothing could be measured.
    """
    store, names = Store(Path(out)), codec_names(codecs)
    # All that can be wrong, before a model is loaded.
    _check(names)
    pictures = list_pictures(Path(folder), tell)
    store.prepare()
    with store.alone():
        stored = store.read(strict=True)
        for note in stored.notes:
            tell(note)
        found = {name: find_codec(name) for name in names}
        versions = _versions(found)
        surveyed = survey(pictures, tell)
        rows = _still_valid(stored.rows, surveyed, found.values(), store.path, tell)
        name = Path(folder).resolve().name or str(folder)
        about = _about(stored.about, printable(name), len(surveyed.ids), codecs) | {"left_out": surveyed.left_out}
        store.write(about, rows)
        settings = {name: sweep(codec, points, lambdas) for name, codec in found.items()}
        earlier = {key(row): row for row in rows if LATEST not in row}
        done = {key(row) for row in rows} - earlier.keys()
        jobs = _missing_jobs(found, surveyed.ids, done, settings)
        if again := len(earlier.keys() & jobs.keys()):
            tell(f"{again} rows of an earlier version lack SSIMULACRA2. They are measured for it; their times stay.")
        starting = start_workers(workers, dask)
        new, failed = _run(store, [*jobs.values()], versions, earlier, starting, tell) if jobs else ([], [])
        anew = {key(row) for row in new}
        rows = [row for row in rows if key(row) not in anew] + new
        about["left_out"] = surveyed.left_out + _said(failed, found, tell)
        rows.sort(key=lambda row: (row["codec"], row["image"], setting(row)))
        store.write(about | {"codecs": {row["codec"]: row["version"] for row in rows}}, rows)
        if not rows:
            raise InputError(f"Nothing could be measured. {' '.join(about['left_out'])}")
        return rows


def _versions(codecs: Mapping[str, Codec]) -> dict[str, str]:
    """The version of each codec by the name that its rows have. Raises InputError where two share one."""
    versions: dict[str, str] = {}
    for name, codec in codecs.items():
        if codec.name in versions:
            raise InputError(f"Two codecs would be called {codec.name}, also {name}; give its file another name.")
        versions[codec.name] = codec.version
    return versions


def _still_valid(rows: Iterable[Row], found: Survey, codecs: Iterable[Codec], path: Path, tell: Tell) -> list[Row]:
    """What was measured before and need not be again. Raises InputError where some of it, which may have taken hours,
    is of pictures that the folder lacks."""
    known = {key(row): row for row in rows}
    ids, names = set(found.ids.values()), {printable(path.name) for path in found.ids}
    here = [row for row in known.values() if row["image_id"] in ids or row["image"] in found.unread]
    others = [row for row in known.values() if row not in here]
    lacking = sorted({row["image"] for row in others} - names)
    if known and not here:
        raise InputError(f"{path} holds rows of other pictures than this folder's; name another file.")
    if lacking:
        raise InputError(
            f"{path} holds rows of {lacking[0]}{' and others' if len(lacking) > 1 else ''}, which this folder lacks; "
            "they would be lost: put the pictures back, or name another file."
        )
    if others:
        tell(f"{len(others)} rows of pictures that have changed since are dropped.")
    return [row for row in here if _is_current(row, codecs)]


def _is_current(row: Row, codecs: Iterable[Codec]) -> bool:
    """Whether none of these codecs is the row's in another version, or with another knob."""
    now = [codec for codec in codecs if codec.name == row["codec"]]
    return all(row["version"] == codec.version and codec.knob.name in row["knob"] for codec in now)


def _missing_jobs(
    codecs: Mapping[str, Codec],
    ids: Mapping[Path, str],
    done: Container[Key],
    settings: Mapping[str, Sequence[float]],
) -> dict[Key, Job]:
    """Jobs for what is not done, codec by codec, so that a worker loads each model once."""
    jobs: dict[Key, Job] = {}
    for name, codec in codecs.items():
        for path, known_as in ids.items():
            wanted = {(codec.name, codec.version, known_as, each): each for each in settings[name]}
            jobs |= {place: Job(name, path, known_as, each) for place, each in wanted.items() if place not in done}
    return jobs


def _run(
    store: Store,
    jobs: Sequence[Job],
    versions: Mapping[str, str],
    earlier: Mapping[Key, Row],
    starting: AbstractContextManager[Workers],
    tell: Tell,
) -> tuple[list[Row], list[tuple[Job, InputError]]]:
    """Do jobs, and note each row as it comes: the rows, and the jobs that have none."""
    rows: list[Row] = []
    failed: list[tuple[Job, InputError]] = []
    try:
        with tqdm(total=len(jobs), desc="measuring", unit="setting") as bar, starting as at_work:
            for job, outcome in _outcomes(at_work, jobs):
                if isinstance(outcome, InputError):
                    failed.append((job, outcome))
                else:
                    _check_version(outcome, versions)
                    row = _completed(outcome, earlier)
                    store.note([row])
                    rows.append(row)
                bar.update()
    except KeyboardInterrupt:  # which may come between a row's note and its place in the list
        kept, _ = store.noted()
        tell(f"Interrupted: {len(kept)} of {len(jobs)} settings are kept; the same command goes on from there.")
        raise
    return rows, failed


def _outcomes(at_work: Workers, jobs: Sequence[Job]) -> Iterator[tuple[Job, Row | InputError]]:
    """Each job as it ends, with its row or why there is none. Three jobs a worker at most are under way, for they hold
    their pictures' files."""
    pending: dict[Future[Row], Job] = {}
    for path, of_path in groupby(jobs, key=lambda job: job.path):
        try:
            data = path.read_bytes()
        except OSError as error:
            failure = InputError(f"the file cannot be read any more ({error.strerror}).")
            yield from ((job, failure) for job in of_path)
            continue
        for job in of_path:
            if len(pending) >= 3 * at_work.number:
                yield from _ended(pending)
            pending[at_work.executor.submit(run_job, job, data)] = job
    while pending:
        yield from _ended(pending)


def _ended(pending: dict[Future[Row], Job]) -> Iterator[tuple[Job, Row | InputError]]:
    """Wait for one job or more, and take them out. Where a worker died, rows that came before are given first."""
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in sorted(done, key=lambda each: each.exception() is not None):
        job = pending.pop(future)
        try:
            outcome: Row | InputError = future.result()
        except InputError as error:
            outcome = error
        yield job, outcome


def _said(failed: Iterable[tuple[Job, InputError]], codecs: Mapping[str, Codec], tell: Tell) -> list[str]:
    """One sentence for each codec that could not take a picture."""
    reasons: dict[tuple[str, Path], list[InputError]] = defaultdict(list)
    for job, why in failed:
        reasons[job.codec, job.path].append(why)
    sentences = [
        f"{codecs[codec].label} on '{printable(path.name)}': {len(why)} settings are left out, for {why[0]}"
        for (codec, path), why in reasons.items()
    ]
    for each in sentences:
        tell(each)
    return sentences


def _completed(row: Row, earlier: Mapping[Key, Row]) -> Row:
    """A row that was just measured for what an earlier one lacks: the earlier one with that, where both are of the same
    file, so that its times are still those of one machine at one time; else the new one."""
    before = earlier.get(key(row))
    if before is None or not _is_same_file(before, row):
        return row
    return {name: before.get(name, value) for name, value in row.items()}


def _is_same_file(a: Row, b: Row) -> bool:
    loss = [math.inf if row["psnr"] is None else row["psnr"] for row in (a, b)]
    return a["bytes"] == b["bytes"] and math.isclose(*loss, rel_tol=0, abs_tol=SAME_PSNR)


def _check_version(row: Row, versions: Mapping[str, str]) -> None:
    here = versions[row["codec"]]
    if row["version"] != here:
        raise InputError(f"A worker has {row['codec']} {row['version']}, not {here}; install the same version there.")


def _about(before: Mapping[str, Any], folder: str, number: int, codecs: Sequence[str]) -> dict[str, Any]:
    command = " ".join(["explorer evaluate", folder, *(["--codecs", ",".join(codecs)] if codecs else [])])
    wanted = ("torch", "compressai", "numpy", "pillow")
    libraries = {name: found.version for name in wanted for found in metadata.distributions(name=name)}
    return {
        "commands": list(dict.fromkeys([*texts(before.get("commands")), printable(command)])),
        "pictures": {"folder": folder, "number": number},
        "versions": {"explorer": __version__, "python": platform.python_version(), **libraries},
        "notes": NOTES,
    }
