"""One joint training loop for every kind of model.

Each sample has its own λ, stratified and log-uniform over the model's range (a fixed model's range is one λ), and the
loss is (R + λ·D)/√λ, so that all rates count alike. Quantisation is uniform noise; in the last quarter the decoder sees
rounded latents (straight-through) while the rate keeps the noise. Kernels are trained by Muon, the rest by Adam, with
one cosine to zero; what is exported is the exponential moving average of the weights.
"""

from __future__ import annotations

import copy
import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from explorer.images import InputError
from explorer.model import Autoencoder, ModelConfig, scale_bottleneck
from explorer.train.data import Batches
from explorer.train.initialise import transform_coding_init
from explorer.train.muon import Muon
from explorer.train.objective import GraphedBackward, backward, draw_lambdas, evaluate
from explorer.train.recipe import Recipe

WARMUP = 200  # steps of linear warm-up, but at most a tenth of the run
HELD_OUT = 64  # tiles kept back for the evaluation at the end
LOG_EVERY = 50
BAR = "{percentage:3.0f} % |{bar:20}| {elapsed} < {remaining}{postfix}"  # of the schedule, in steps or in minutes
SAVE_EVERY_S = 120.0


def new_model(config: ModelConfig, tiles: Tensor, start: Autoencoder | None = None, *, seed: int = 0) -> Autoencoder:
    """The model a run begins with, from a trained one where `start` is given.

    modulated: `start` itself, or the transform-coding initialisation from tiles (n, S, S, 3) uint8. fixed: `start`,
    folded at config.lmbda where it is modulated. bottleneck: `start`, a fixed model, frozen but for its gains and the
    prior."""
    torch.manual_seed(seed)
    if config.kind == "modulated" and start is None:
        model = Autoencoder(config)
        sample = Batches(tiles.cpu(), min(256, tiles.shape[1] // 16 * 16), torch.Generator().manual_seed(seed))
        transform_coding_init(model, sample.draw(64))
        return model
    if start is None:
        raise InputError(f"A {config.kind} model starts from a trained one; name its checkpoint with --init.")
    if config.kind == "fixed" and start.config.kind == "modulated":
        assert config.lmbda is not None
        return start.fold(config.lmbda)
    if config.kind == "bottleneck" and start.config.kind == "fixed":
        scaled = scale_bottleneck(start).requires_grad_(False)
        for part in (scaled.y_mod, scaled.prior):
            part.requires_grad_(True)
        return scaled
    return start


class Optimisers:
    """Muon on the kernels, Adam on all else, one learning-rate factor for both."""

    def __init__(self, model: Autoencoder, recipe: Recipe) -> None:
        trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
        kernels = [p for name, p in trained.items() if _is_kernel(name, p)]
        groups: dict[float, list[nn.Parameter]] = {}
        for name, p in trained.items():
            if not _is_kernel(name, p):
                groups.setdefault(_factor(name, recipe), []).append(p)
        adam_groups = [{"params": ps, "lr": recipe.lr * factor} for factor, ps in groups.items()]
        self.all: list[torch.optim.Optimizer] = [torch.optim.Adam(adam_groups, betas=(0.9, 0.99), fused=True)]
        if kernels:
            self.all.append(Muon(kernels, lr=recipe.lr))
        self.trained = list(trained.values())
        self.peaks = [[group["lr"] for group in optimiser.param_groups] for optimiser in self.all]

    def step(self, factor: float) -> None:
        """One clipped update at factor × the peak rates; clears the gradients."""
        nn.utils.clip_grad_norm_(self.trained, 1.0)
        for optimiser, peaks in zip(self.all, self.peaks, strict=True):
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            optimiser.step()
        for p in self.trained:
            p.grad = None

    def _slots(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for i, optimiser in enumerate(self.all):
            for j, p in enumerate(p for group in optimiser.param_groups for p in group["params"]):
                yield f"optimiser.{i}.{j}", optimiser.state[p]

    def tensors(self) -> dict[str, Tensor]:
        return {f"{slot}.{name}": value for slot, state in self._slots() for name, value in state.items()}

    def restore(self, tensors: dict[str, Tensor], device: torch.device) -> None:
        for slot, state in self._slots():
            for name, value in tensors.items():
                if name.startswith(slot + "."):
                    key = name.removeprefix(slot + ".")
                    state[key] = value.to(device)


def _is_kernel(name: str, p: nn.Parameter) -> bool:
    return "_conv." in name and p.ndim == 4


def _factor(name: str, recipe: Recipe) -> float:
    """The learning-rate factor of a parameter, by the part it belongs to."""
    modulators = recipe.lr_modulators
    marks = {"density.": recipe.lr_prior, "_gdn.": recipe.lr_gdn, "_mod.": modulators, "gain.": modulators}
    return next((factor for mark, factor in marks.items() if mark in name), 1.0)


class Trainer:
    """A run: the model, its moving average, the optimisers, the data and the clock; saves and resumes all of them.

    tiles (n, S, S, 3) uint8 on the device that is to train. folder: where log.jsonl and state.safetensors go."""

    def __init__(self, model: Autoencoder, tiles: Tensor, recipe: Recipe, folder: Path) -> None:
        self.device = tiles.device
        self.model = model.to(self.device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.recipe, self.folder = recipe, folder
        self.generator = torch.Generator(self.device).manual_seed(recipe.seed)
        torch.manual_seed(recipe.seed)
        kept = min(HELD_OUT, len(tiles) // 4)
        order = torch.randperm(len(tiles), generator=torch.Generator().manual_seed(0)).to(self.device)
        self.held_out = tiles[order[:kept]]
        self.batches = Batches(tiles[order[kept:]], recipe.crop, self.generator)
        self.optimisers = Optimisers(self.model, recipe)
        self.gradients = GraphedBackward(self.model) if self.device.type == "cuda" else partial(backward, self.model)
        self.step, self.elapsed = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def position(self) -> float:
        """How far the schedule is, in [0, 1]."""
        return min(1.0, max(self.step / self.recipe.steps, self.elapsed / (60 * self.recipe.minutes)))

    def run(self, on_log: Callable[[dict[str, float]], None] = lambda row: None) -> list[dict[str, float]]:
        """Train to the end of the schedule, or until SIGINT or SIGTERM; save; return the held-out evaluation.

        on_log: called with each row of the log; what it takes counts as training time."""
        saved = started = time.monotonic()
        before = self.elapsed
        with _stop_signals() as stopped, tqdm(total=100, initial=100 * self.position, bar_format=BAR) as bar:
            while self.position < 1 and not stopped:
                numbers = self._one_step()
                self.elapsed = before + time.monotonic() - started
                if self.step % LOG_EVERY == 0:
                    bar.update(100 * self.position - bar.n)
                    on_log(self._log(bar, numbers))
                if time.monotonic() - saved > SAVE_EVERY_S:
                    self.save()
                    saved = time.monotonic()
        self.save()
        return evaluate(self.average, self.held_out)

    def _one_step(self) -> Tensor:
        x = self.batches.draw(self.recipe.batch)
        lmbda = draw_lambdas(self.model, len(x), self.generator, self.device)
        position = self.position
        numbers = self.gradients(x, lmbda, rounded=position > 0.75)
        warm = min(1.0, (self.step + 1) / min(WARMUP, self.recipe.steps / 10))
        self.optimisers.step(warm * (0.5 + 0.5 * math.cos(math.pi * position)))
        self.step += 1
        self._update_average()
        return numbers

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        own: list[Tensor] = list(self.average.parameters())
        live: list[Tensor] = list(self.model.parameters())
        torch._foreach_lerp_(own, live, 1 - decay)

    def _log(self, bar: tqdm, numbers: Tensor) -> dict[str, float]:
        loss, bpp, psnr = numbers.tolist()
        if not math.isfinite(loss):
            raise InputError("The loss is no longer a number; resume from the last state with a smaller --lr.")
        bar.set_postfix(step=self.step, loss=f"{loss:.4f}", bpp=f"{bpp:.3f}", PSNR=f"{psnr:.2f} dB")
        row = {"step": self.step, "elapsed_s": round(self.elapsed, 1), "position": round(self.position, 4)}
        row |= {"loss": round(loss, 5), "bpp": round(bpp, 4), "psnr": round(psnr, 3)}
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")
        return row

    def save(self) -> None:
        """Write the whole state; the old one is replaced only when the new one is complete."""
        tensors = {f"model.{name}": p for name, p in self.model.state_dict().items()}
        tensors |= {f"average.{name}": p for name, p in self.average.state_dict().items()}
        tensors |= self.optimisers.tensors()
        tensors |= {"generator": self.generator.get_state(), "noise": _noise_state(self.device)}
        about = {"step": self.step, "elapsed": self.elapsed, "config": asdict(self.model.config)}
        path = self.folder / "state.safetensors"
        unfinished = path.with_suffix(".partial")
        whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(whole, unfinished, metadata={"about": json.dumps(about)})
        unfinished.replace(path)

    def resume(self) -> None:
        """Continue from the folder's state; InputError where there is none or it belongs to another network."""
        path = self.folder / "state.safetensors"
        if not path.is_file():
            raise InputError(f"There is no saved state in {self.folder}; start without --resume.")
        with safe_open(path, framework="pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        if about["config"] != asdict(self.model.config):
            raise InputError(f"The state in {self.folder} is of another network; resume with the preset it began with.")
        for prefix, model in (("model.", self.model), ("average.", self.average)):
            own = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
            model.load_state_dict(own)
        self.optimisers.restore(tensors, self.device)
        self.generator.set_state(tensors["generator"])
        _set_noise_state(self.device, tensors["noise"])
        self.step, self.elapsed = about["step"], about["elapsed"]


def _noise_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_noise_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


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
