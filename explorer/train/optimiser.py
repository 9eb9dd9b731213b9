"""Adam with a rate for each part of a model, and one factor, the schedule's, for all of them.

Paired with Muon and SOAP on the kernels, Adam was level with the second and better than the first, at no cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.train.recipe import Recipe

SLOTS = ("step", "exp_avg", "exp_avg_sq")  # Adam's state of a parameter, as PyTorch calls it


class Optimiser:
    """Clipped steps of Adam on all parameters of a module that are to be trained."""

    def __init__(self, module: nn.Module, recipe: Recipe) -> None:
        self.trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        groups: dict[float, list[nn.Parameter]] = {}
        for name, p in self.trained.items():
            groups.setdefault(_factor(name, recipe), []).append(p)
        parts = [{"params": ps, "lr": recipe.lr * factor, "peak": recipe.lr * factor} for factor, ps in groups.items()]
        self.adam = torch.optim.Adam(parts, betas=recipe.betas, fused=True)
        self.clip = recipe.clip

    def step(self, factor: float) -> None:
        """One update at factor × the peak rates; clears the gradients. What has none, a prior that waits for its turn,
        stays as it is."""
        nn.utils.clip_grad_norm_(self.trained.values(), self.clip)
        for group in self.adam.param_groups:
            group["lr"] = group["peak"] * factor
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Its state, by names for a file."""
        return {slot + key: value for slot, _, state in self._slots() for key, value in state.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up the state of `tensors`. KeyError or ValueError, and nothing is taken up, where that of a parameter is
        not whole or does not fit."""
        # A parameter whose first turn is yet to come has none.
        begun = [(slot, p, state) for slot, p, state in self._slots() if slot + SLOTS[0] in tensors]
        for slot, p, _ in begun:
            if [tensors[slot + key].shape for key in SLOTS] != [(), p.shape, p.shape]:
                raise ValueError(f"the state in {slot} has other shapes")
        for slot, p, state in begun:
            for key in SLOTS:
                value = tensors[slot + key]
                # In the parameter's memory layout: the fused step goes through both without asking for strides.
                own = torch.empty_like(p) if value.shape == p.shape else torch.empty_like(value, device=p.device)
                state[key] = own.copy_(value).detach()

    def _slots(self) -> Iterator[tuple[str, nn.Parameter, dict[str, Any]]]:
        for name, p in self.trained.items():
            yield f"optimiser/{name}/.", p, self.adam.state[p]


def _factor(name: str, recipe: Recipe) -> float:
    """The learning-rate factor of a parameter, by the part it belongs to."""
    modulators = recipe.lr_modulators
    marks = {"density.": recipe.lr_density, "densities.": recipe.lr_density, "_gdn.": recipe.lr_gdn}
    marks |= {"_mod.": modulators, "gain.": modulators}
    return next((factor for mark, factor in marks.items() if mark in name), 1.0)
