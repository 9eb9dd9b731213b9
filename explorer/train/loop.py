"""One training loop for every kind of model and every prior.

    seed, step ─ crops, λ, noise ─ objective of the model whose turn it is ─ Adam ─ moving average ─ checkpoint

Each sample has its own λ, stratified and log-uniform over the model's range (a fixed model's range is one λ), and the
loss is (R + λ·D)/√λ, so that all rates count alike. Several models that share their transforms, each with its own
prior, are trained in turn, step by step. Quantisation is uniform noise; from some position on the decoder sees rounded
latents (straight-through) while the rate keeps the noise. What is exported is the moving average of the weights.
"""

from __future__ import annotations

import copy
import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from explorer import files
from explorer.images import InputError
from explorer.model import Autoencoder
from explorer.runtime import fast_precision
from explorer.train import parallel, state
from explorer.train.data import Batches
from explorer.train.models import share_transforms
from explorer.train.objective import Crops, GraphedBackward, Objective, backward, draw_lambdas, evaluate
from explorer.train.optimiser import Optimiser
from explorer.train.recipe import Recipe

HELD_OUT = 64  # tiles kept back for the evaluation at the end
LOG_EVERY = 50  # steps, but oftener in a short run
BAR = "{percentage:3.0f} % |{bar:20}| {elapsed} < {remaining}{postfix}"  # of the schedule, in steps or in minutes
SAVE_EVERY_S = 120.0
LOG = "log.jsonl"

Row = dict[str, Any]


class Trainer:
    """A run: the models, their moving averages, the optimiser, the data and the clock; saves and resumes all of them.

    models: an Autoencoder, or several, one for each prior, which are made to share their transforms. tiles (n, S, S, 3)
    uint8 on the device that is to train. folder: where log.jsonl and state.safetensors go. recipe: as given, and with
    all settled that depends on the models, the tiles and the device. stopped_by: the signal that ended it early."""

    def __init__(
        self, models: Autoencoder | Sequence[Autoencoder], tiles: Tensor, recipe: Recipe, folder: Path
    ) -> None:
        models = [models] if isinstance(models, Autoencoder) else list(models)
        share_transforms(models)
        self.device, self.folder = tiles.device, folder
        self.recipe, self._any_precision = _settled(recipe, models, tiles), recipe.precision == "auto"
        objective = Objective(models, recipe.chroma, getattr(torch, self.recipe.precision)).train()
        self.objective = objective.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._averages = copy.deepcopy(self.objective).eval().requires_grad_(False)
        kept = min(HELD_OUT, len(tiles) // 4)
        order = torch.randperm(len(tiles), generator=torch.Generator().manual_seed(0)).to(self.device)
        self.held_out = tiles[order[:kept]]
        self.batches = Batches(tiles[order[kept:]], recipe.crop, recipe.grey)
        self.optimiser = Optimiser(self.objective, recipe)
        self.gradients = self._gradients()
        self.log_every = len(models) * max(1, min(LOG_EVERY, recipe.steps // 100) // len(models))
        self.step, self.elapsed = 0, 0.0
        self.stopped_by: int | None = None
        self._forget_numbers()
        self.part = parallel.share(recipe.batch)
        files.make_folder(folder)

    @property
    def averages(self) -> list[Autoencoder]:
        """What is exported: the moving average of each model."""
        return [self._averages.model(turn) for turn in range(len(self._averages.models))]

    @property
    def average(self) -> Autoencoder:
        """The first of `averages`."""
        return self.averages[0]

    @property
    def position(self) -> float:
        """How far the schedule is, in [0, 1]."""
        minutes = self.recipe.minutes or math.inf
        return min(1.0, max(self.step / self.recipe.steps, self.elapsed / (60 * minutes)))

    # -- steps -----------------------------------------------------------------------------------------------------

    def run(self, on_log: Callable[[Row], None] = lambda row: None) -> list[Row]:
        """Train to the end of the schedule, save, and return the evaluation on what was held out, no rows where that is
        nothing. SIGINT or SIGTERM ends it after the step under way: it saves, `stopped_by` is the signal's number, and
        there are no rows.

        on_log: called with each row of the log; what it takes counts as training time."""
        saved = started = time.monotonic()
        before = self.elapsed
        self._cut_log()
        stop = 0.0
        with _stop_signals() as received, self._bar() as bar:
            while self.position < 1 and not stop:
                self._one_step()
                now = [before + time.monotonic() - started, float(len(received))]
                self.elapsed, stop = parallel.largest(now, self.device)  # one clock and one end for all processes
                if self.step % self.log_every == 0:
                    bar.update(100 * self.position - bar.n)
                    on_log(self._log(bar))
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self.save()
                    saved = time.monotonic()
            self.save()
        if stop and self.position < 1:
            self.stopped_by = (received or [signal.SIGINT])[0]
        is_measured = parallel.first() and self.stopped_by is None and len(self.held_out) > 0
        return self._evaluation() if is_measured else []

    def _bar(self) -> tqdm:
        return tqdm(total=100, initial=100 * self.position, bar_format=BAR, disable=not parallel.first())

    def _evaluation(self) -> list[Row]:
        prior_rows = [(average.config.prior, evaluate(average, self.held_out)) for average in self.averages]
        return [{"prior": prior, **row} for prior, rows in prior_rows for row in rows]

    def _one_step(self) -> None:
        turn, position = self.step % len(self.objective.models), self.position
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.step)  # of all that is drawn in this step
        crops = self._draw(turn)
        numbers = self.gradients(turn, crops, position >= self.recipe.rounded_after)
        warm = min(1.0, (self.step + 1) / min(self.recipe.warmup, self.recipe.steps / 10))
        self.optimiser.step(warm * (0.5 + 0.5 * math.cos(math.pi * position)))
        self.step += 1
        self._update_averages()
        self._numbers[turn] += numbers
        self._counts[turn] += 1

    def _draw(self, turn: int) -> Crops:
        x, grey = self.batches.draw(self.recipe.batch, self.part)
        lmbda = draw_lambdas(self.objective.model(turn), self.recipe.batch, self.device)
        return Crops(x, lmbda[self.part], grey.float())

    @torch.no_grad()
    def _update_averages(self) -> None:
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        own: list[Tensor] = list(self._averages.parameters())
        live: list[Tensor] = list(self.objective.parameters())
        torch._foreach_lerp_(own, live, 1 - decay)

    def _gradients(self) -> Callable[[int, Crops, bool], Tensor]:
        paper = "per_lambda" in self.recipe.priors  # whose densities wait until a λ of theirs is drawn
        if not parallel.alone():
            idle = paper or len(self.recipe.priors) > 1
            together = DistributedDataParallel(self.objective, find_unused_parameters=idle, broadcast_buffers=False)
            return partial(backward, together)
        graphs = self.device.type == "cuda" and not paper
        return GraphedBackward(self.objective) if graphs else partial(backward, self.objective)

    # -- log -------------------------------------------------------------------------------------------------------

    def _log(self, bar: tqdm) -> Row:
        """The means since the last row: of all steps, and the loss of each prior where there are several."""
        turns = [n for n, count in enumerate(self._counts) if count]
        means = parallel.mean(torch.stack([self._numbers[turn] / self._counts[turn] for turn in turns]))
        loss, bpp, psnr = means.mean(dim=0).tolist()
        if not math.isfinite(loss):
            raise InputError("The loss is no longer a number; start again with a smaller --lr.")
        bar.set_postfix(step=self.step, loss=f"{loss:.4f}", bpp=f"{bpp:.3f}", PSNR=f"{psnr:.2f} dB")
        row: Row = {"step": self.step, "elapsed_s": round(self.elapsed, 1), "position": round(self.position, 4)}
        row |= {"loss": round(loss, 5), "bpp": round(bpp, 4), "psnr": round(psnr, 3)}
        if len(self.recipe.priors) > 1:
            row |= {f"loss_{self.recipe.priors[turn]}": round(means[i, 0].item(), 5) for i, turn in enumerate(turns)}
        self._forget_numbers()
        if parallel.first():
            files.append(self.log_path, json.dumps(row))
        return row

    @property
    def log_path(self) -> Path:
        """The rows so far, one JSON object a line."""
        return self.folder / LOG

    def _cut_log(self) -> None:
        """Leave the rows up to this step: none of an earlier run, none that a killed one wrote after its last state or
        tore in writing."""
        if not parallel.first():
            return
        lines = self.log_path.read_bytes().splitlines(keepends=True) if self.log_path.is_file() else []
        files.write(self.log_path, b"".join(line for line in lines if 0 < _step_of(line) <= self.step))

    def _forget_numbers(self) -> None:
        turns = len(self.objective.models)
        self._numbers, self._counts = torch.zeros(turns, 3, device=self.device), [0] * turns

    # -- state -----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the whole state into the folder."""
        if not parallel.first():
            return
        about = {"step": self.step, "elapsed": self.elapsed, "device": self.device.type, "decided": self._decided()}
        state.write(self.folder, {**self._parameters(), **self.optimiser.tensors()}, about)

    @torch.no_grad()
    def resume(self) -> list[str]:
        """Continue from the folder's state, which all processes read, however many there were, and return what to tell
        of it, in sentences. InputError where there is none, or where it is of a run that anything but this recipe and
        this network decided. A device of another kind may go on, with what it draws itself."""
        decided = self._decided()
        if self._any_precision:
            del decided["precision"]
        tensors, about = state.read(self.folder, decided)
        own = self._parameters()
        if any(name not in tensors or tensors[name].shape != p.shape for name, p in own.items()):
            raise state.unusable(self.folder)
        try:
            self.optimiser.restore(tensors)
        except (KeyError, ValueError):
            raise state.unusable(self.folder) from None
        for name, p in own.items():
            p.copy_(tensors[name])
        self.step, self.elapsed = int(about["step"]), float(about["elapsed"])
        return self._changes(about, sorted(tensors.keys() - own.keys() - self.optimiser.tensors().keys()))

    def _changes(self, about: Row, unknown: Sequence[str]) -> list[str]:
        """What is not as it was when a run was saved, in sentences. unknown: names of tensors that nothing takes up."""
        before, precision = about.get("device", self.device.type), about["decided"].get("precision")
        told = []
        if before != self.device.type:
            told.append(f"The run was on {before} and goes on on {self.device.type}, with fresh draws from there on.")
        if precision != self.recipe.precision:
            told.append(f"It was in {precision} and goes on in {self.recipe.precision}.")
        if unknown:
            names = ", ".join(unknown[:3]) + (", …" if len(unknown) > 3 else "")
            told.append(f"The state also holds what this version does not use, and draws afresh: {names}.")
        return told

    def _parameters(self) -> dict[str, Tensor]:
        """The models' parameters and their averages, by their names in the state."""
        own: dict[str, Tensor] = {f"model/{name}": p for name, p in self.objective.named_parameters()}
        return own | {f"average/{name}": p for name, p in self._averages.named_parameters()}

    def _decided(self) -> Row:
        network = {name: value for name, value in asdict(self.average.config).items() if name not in ("prior", "lmbda")}
        return network | asdict(self.recipe)


def _settled(recipe: Recipe, models: Sequence[Autoencoder], tiles: Tensor) -> Recipe:
    config = models[0].config
    prior = config.prior if len(models) == 1 else "joint"
    precision = fast_precision(tiles.device) if recipe.precision == "auto" else recipe.precision
    of_model = replace(recipe, kind=config.kind, lmbda=config.lmbda, prior=prior)
    return replace(of_model, tile=tiles.shape[1], tiles=len(tiles), precision=precision)


def _step_of(line: bytes) -> int:
    """The step of a line of the log; 0 where it is none."""
    try:
        return int(json.loads(line)["step"]) if line.endswith(b"\n") else 0
    except (ValueError, KeyError, TypeError):
        return 0


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """SIGINT and SIGTERM end the loop after the step under way, so that the state is saved."""
    received: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)
    old = [signal.signal(s, lambda number, _frame: received.append(number)) for s in signals]
    try:
        yield received
    finally:
        for s, handler in zip(signals, old, strict=True):
            signal.signal(s, handler)
