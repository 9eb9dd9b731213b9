"""A run from its files to its files.

pictures ─ tiles ─┐
--init ─ models ──┴─ Trainer ─ OUT, OUT-hyperprior (float16 kernels, frozen priors), OUT.train.jsonl (its log)
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from explorer import checkpoint, files
from explorer.config import PRESETS, ModelConfig
from explorer.images import InputError
from explorer.model import Autoencoder
from explorer.train import parallel, state
from explorer.train.data import load_tiles
from explorer.train.loop import LOG, Row, Trainer
from explorer.train.models import new_model
from explorer.train.recipe import Recipe

SUFFIXES = {"factorised": "", "hyper": "-hyperprior"}  # of the files of one joint run
PUBLISHED_ROWS = 200


def train(
    recipe: Recipe,
    data: str | Path,
    out: str | Path,
    folder: str | Path,
    *,
    init: str | Path | None = None,
    difference: bool = False,
    resume: bool = False,
    device: str = "auto",
    tell: Callable[[str], None] = print,
) -> None:
    """Train by a recipe on a folder of pictures, together with the other processes of a torchrun if it is one.

    out: the checkpoint to write; where several priors are trained, that of the first, and the others' lie beside it.
    folder: of the run's state and log. init: the checkpoint to begin from. difference: keep what differs from it.
    tell: takes what there is to say, in lines, in the first process. After SIGINT or SIGTERM the state and the model
    so far are kept, and the signal goes on to whoever handles it. InputError for what cannot be done, before the first
    step."""
    out, start, folder = Path(out), Path(init) if init else None, Path(folder)
    _check_files(out, folder, start, difference)
    with parallel.joined(device) as place:
        say = tell if parallel.first() else _nothing
        starts, about = _starts(recipe, start)
        tiles = load_tiles(data, max(recipe.crop, recipe.tile), say).to(place)
        models = [new_model(config, tiles, begun, seed=recipe.seed) for config, begun in starts]
        trainer = Trainer(models, tiles, replace(recipe, **about), folder)
        for line in trainer.resume() if resume else ():
            say(line)
        if not len(trainer.held_out):
            say(f"Nothing is held out to measure the model on: that takes 4 tiles, and there are {len(tiles)}.")
        rows = trainer.run()
        if trainer.stopped_by is not None:
            say(f"Stopped after step {trainer.step} of {recipe.steps}; go on with the same command and --resume.")
        if parallel.first():
            written = _export(trainer, out, start if difference else None)
            publish_log(trainer, out)
            for row in rows:
                say(_line(row))
            say(f"{', '.join(written)}: {trainer.step} steps, {trainer.elapsed / 60:.1f} minutes")
    if trainer.stopped_by is not None:
        signal.raise_signal(trainer.stopped_by)


def _nothing(line: str) -> None:
    pass


def _check_files(out: Path, folder: Path, start: Path | None, difference: bool) -> None:
    """InputError where a file could not be written at the end, before anything is begun."""
    if difference and start is None:
        raise InputError("A difference needs the checkpoint that the run starts from; add --init.")
    if difference and start and start.resolve().parent != out.resolve().parent:
        raise InputError(f"A difference must lie beside its base; write it into {start.parent}, or keep it whole.")
    begun = [start, *(_named(start, prior, other) for prior in SUFFIXES for other in SUFFIXES)] if start else []
    files.make_folder(out.parent)
    for suffix in SUFFIXES.values():
        files.check_output(out.with_name(out.stem + suffix + out.suffix), [".safetensors"], begun)
    files.check_output(_log_beside(out))
    files.make_folder(folder)
    for name in (state.NAME, LOG):
        files.check_output(folder / name)


def _line(row: Row) -> str:
    return "{prior:10} λ {lambda:6g}  {bpp:.3f} bpp (estimated)  {psnr:.2f} dB  J {J:.4f}".format(**row)


# -- what a run begins from ------------------------------------------------------------------------------------------


def _starts(recipe: Recipe, path: Path | None) -> tuple[list[tuple[ModelConfig, Autoencoder | None]], Row]:
    """(for each prior its configuration and what it starts from, what the recipe is to say of them)."""
    loaded = checkpoint.load(path) if path else None
    start = loaded[0] if loaded else None
    prior = recipe.prior or ("joint" if recipe.kind == "modulated" else start.config.prior if start else "factorised")
    base = start.config if start else PRESETS[recipe.preset or "compact"]
    starts: list[tuple[ModelConfig, Autoencoder | None]] = []
    names = [f"{path.stem} {loaded[2]}"] if path and loaded else []
    for each in replace(recipe, prior=prior).priors:
        found = _companion(path, start, each) if prior == "joint" and path and start else None
        names += [found[1]] if found else []
        config = replace(base, kind=recipe.kind, lmbda=recipe.lmbda, prior=each)
        starts.append((config, found[0] if found else start))
    about: Row = {"prior": prior, "start": ", ".join(names) or None, "preset": None if start else recipe.preset}
    return starts, about


def _companion(path: Path, start: Autoencoder, prior: str) -> tuple[Autoencoder, str] | None:
    """The model beside `path` that has the same transforms under another prior, with its name and id, if there is."""
    beside = _named(path, start.config.prior, prior)
    if prior == start.config.prior or not beside.is_file():
        return None
    model, _, identity = checkpoint.load(beside)
    same = checkpoint.transforms_id(start) == checkpoint.transforms_id(model)
    return (model, f"{beside.stem} {identity}") if same and model.config.prior == prior else None


def _named(path: Path, prior: str, other: str) -> Path:
    """The file beside that of a prior that is the other prior's."""
    stem = path.stem.removesuffix(SUFFIXES.get(prior, ""))
    return path.with_name(stem + SUFFIXES[other] + path.suffix)


# -- what it leaves --------------------------------------------------------------------------------------------------


def _export(trainer: Trainer, out: Path, base: Path | None) -> list[str]:
    """One checkpoint for each prior; all but the first are kept as their difference from it. Returns their names."""
    notes = {"recipe": json.dumps(_account(trainer))}
    first, *others = trainer.averages
    checkpoint.save(first, out, notes, base)
    stored = checkpoint.load(out)[0].state_dict()
    shared = {name: p for name, p in stored.items() if not name.startswith("prior.") or name.startswith("prior.gain.")}
    paths = [out]
    for other in others:
        paths.append(out.with_name(out.stem + SUFFIXES[other.config.prior] + out.suffix))
        # A file's kernels are rounded to float16: what is shared has to be equal as stored, not as trained.
        rounded = Autoencoder(other.config).eval()
        rounded.load_state_dict(other.state_dict() | shared, strict=False)
        checkpoint.save(rounded, paths[-1], notes, out)
    return [str(path) for path in paths]


def _account(trainer: Trainer) -> Row:
    """The recipe and what came of it: all that a card says of the training."""
    known = {name: value for name, value in asdict(trainer.recipe).items() if value is not None}
    begun = known.get("start", "transform-coding initialisation")
    return known | {"start": begun, "steps": trainer.step, "minutes": round(trainer.elapsed / 60, 1)}


def publish_log(trainer: Trainer, out: Path) -> Path:
    """Write the run's log beside its checkpoint: a line with the recipe, then at most PUBLISHED_ROWS rows, as evenly
    spread as they can be and with the last one. Returns its path."""
    lines = trainer.log_path.read_text(encoding="utf-8").splitlines()
    every = -(-len(lines) // PUBLISHED_ROWS) or 1
    kept = lines[::-1][::every][::-1]
    path = _log_beside(out)
    files.write(path, "\n".join([json.dumps({"recipe": _account(trainer)}), *kept]) + "\n")
    return path


def _log_beside(out: Path) -> Path:
    return out.with_name(f"{out.stem}.train.jsonl")
