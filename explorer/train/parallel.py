"""Several processes as one: torchrun starts them, and each takes its part of every batch.

    torchrun ─ joined ─ device ─ share of a batch ─ gradients, averaged by DistributedDataParallel ─ one step in all
                                                                         the first process writes logs and files ─┘

    torchrun --nproc-per-node 2 -m -- explorer train …     (without the --, torchrun takes our --run for one of its own)

What a step draws, it draws for the whole batch in every process, from one seed, and each keeps its part: the number of
processes decides nothing. For the same reason each has all tiles in memory, since any may be drawn for any part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch import distributed as dist

from explorer.images import InputError
from explorer.priors.base import part_of_batch
from explorer.runtime import device_of


@contextmanager
def joined(device: str) -> Iterator[torch.device]:
    """The device of this process, "auto" a GPU where there is one; within the context it is one of those that torchrun
    started, over NCCL on GPUs and gloo on CPUs, or the only one without torchrun."""
    kind = device_of(device).type
    if not dist.is_torchelastic_launched():
        yield torch.device(kind)
        return
    own = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else torch.device(kind)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield own
        dist.barrier()  # one that leaves while another still writes may crash on its way out
    finally:
        dist.destroy_process_group()


def alone() -> bool:
    """Whether this is the only process."""
    return part_of_batch()[1] == 1


def first() -> bool:
    """Whether this is the process that writes."""
    return part_of_batch()[0] == 0


def share(batch: int) -> slice:
    """This process's part of a batch. InputError where it cannot be shared equally."""
    part, parts = part_of_batch()
    if batch % parts:
        raise InputError(f"A batch of {batch} crops cannot be shared by {parts} processes; choose a multiple of them.")
    return slice(part * batch // parts, (part + 1) * batch // parts)


def mean(values: Tensor) -> Tensor:
    """The mean over all processes, in each."""
    return values if alone() else _reduced(values, dist.ReduceOp.SUM) / part_of_batch()[1]


def largest(values: list[float], device: torch.device) -> list[float]:
    """The largest over all processes, of each value, in each."""
    if alone():
        return values
    return _reduced(torch.tensor(values, dtype=torch.float64, device=device), dist.ReduceOp.MAX).tolist()


def _reduced(values: Tensor, how: dist.ReduceOp.RedOpType) -> Tensor:
    values = values.clone()
    dist.all_reduce(values, how)
    return values
