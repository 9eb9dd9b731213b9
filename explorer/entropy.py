"""The λ-conditioned prior: a density per channel for training, integer tables for coding.

Training: one non-parametric factorised density per channel (Ballé et al. 2018, appendix 6.1; CompressAI's layers) with
cumulative c(u), evaluated on u = y·a(λ), so the probability of symbol q is c((q + ½)·a) − c((q − ½)·a).

Coding: floating point differs between machines, so no bit of a file may depend on it. The checkpoint stores integers:
c sampled at KNOTS places per channel, and a at GAINS places on the log axis. `PriorTables.at(level)` derives each
channel's table from them for any of the 65536 header levels by integer arithmetic alone, and CompressAI's rANS codes
with it. The likelihoods that the explorer shows come from these same tables.
"""

from __future__ import annotations

import copy
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.images import InputError

with warnings.catch_warnings():  # CompressAI's own imports warn of deprecations that a user can do nothing about.
    warnings.simplefilter("ignore")
    from compressai import ans
    from compressai.entropy_models import EntropyBottleneck

U_BITS = 20  # fixed point of u = y·a and of a itself
CDF_BITS = 32  # fixed point of the stored cumulative
FREQUENCY_BITS = 16  # the precision of CompressAI's rANS
GAIN_LIMIT = (1 << 31) - 1  # a, in its fixed point, is stored in 32 bits
GAINS = 257  # samples of a over the 65536 levels, 256 levels apart
KNOTS = 257  # samples of c per channel, equidistant in logit
LOGIT_MAX = 16.0
TAIL = 1 << (CDF_BITS - 17)  # symbols beyond this cumulative mass, on either side, are escaped
SYMBOL_MAX = 2047

Int64 = NDArray[np.int64]


# -- training --------------------------------------------------------------------------------------------------------


def make_density(channels: int) -> EntropyBottleneck:
    """CompressAI's density for each channel; its quantiles are not trained, since coding uses `PriorTables`."""
    density = EntropyBottleneck(channels, init_scale=0.5)
    del density.quantiles, density.target, density._offset, density._quantized_cdf, density._cdf_length
    return density


def likelihood(density: EntropyBottleneck, y: Tensor, a: Tensor) -> Tensor:
    """Probability of each element of y (B, M, h, w), with noise or rounded, under gains a (B, M); in [1e-9, 1]."""
    batch, channels, h, w = y.shape
    # A double product rather than (y ± ½)·a on the map: the density's matmuls want (M, 1, elements).
    u = (y * a[:, :, None, None]).transpose(0, 1).reshape(channels, 1, -1)
    half = (0.5 * a).T[:, None, :, None].expand(-1, -1, -1, h * w).reshape(channels, 1, -1)
    lower = density._logits_cumulative(u - half, stop_gradient=False)
    upper = density._logits_cumulative(u + half, stop_gradient=False)
    # Both logits on the side where the sigmoid is far from 1, where float32 can still tell the difference.
    sign = -torch.sign(lower + upper).detach()
    p = torch.abs(torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower))
    return density.likelihood_lower_bound(p).reshape(channels, batch, h, w).transpose(0, 1)


def estimated_bits(density: EntropyBottleneck, y: Tensor, a: Tensor) -> Tensor:
    """−log₂ likelihood, summed over each sample: (B,) bits."""
    return -torch.log2(likelihood(density, y, a)).sum(dim=(1, 2, 3))


# -- coding ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LevelTable:
    """Every channel's symbols and frequencies at one λ level, all integers.

    low (M,): the first symbol. count (M,): how many follow one another; the next entry is the escape.
    frequency (M, K): of 2¹⁶, zero beyond the escape. bits (M, K) float32: 16 − log₂ frequency.
    """

    low: Int64
    count: Int64
    frequency: Int64
    bits: NDArray[np.float32]

    def indices(self, q: NDArray[np.int32]) -> Int64:
        """Symbols (M, h, w) -> table columns; what lies outside a channel's range -> its escape."""
        column = q - self.low[:, None, None]
        outside = (column < 0) | (column >= self.count[:, None, None])
        return np.where(outside, self.count[:, None, None], column)

    def element_bits(self, q: NDArray[np.int32]) -> NDArray[np.float32]:
        """What each symbol (M, h, w) costs in the file, in bits, to the rounding of the range coder."""
        column = self.indices(q)
        bits = np.take_along_axis(self.bits, column.reshape(len(q), -1), axis=1).reshape(q.shape)
        escaped = column == self.count[:, None, None]
        if escaped.any():
            bits[escaped] += [8 * len(_varint(_zigzag(int(v)))) for v in q[escaped]]
        return bits

    def coder_arguments(self) -> tuple[list[list[int]], list[int], list[int]]:
        """(cumulatives, their lengths, offsets) as CompressAI's coder takes them. Its own escape, the last entry, has
        frequency zero here and so can never occur: escapes are ours, with bounds that hold for a hostile file."""
        cumulative = np.cumsum(self.frequency, axis=1)
        rows = [[0, *row[: n + 1], 1 << FREQUENCY_BITS] for row, n in zip(cumulative.tolist(), self.count, strict=True)]
        return rows, [len(row) for row in rows], [0] * len(rows)


class PriorTables:
    """The integers of a checkpoint, and the table of any λ level.

    gains (GAINS, M): a in units of 2⁻²⁰ every 256 levels. knots (M, KNOTS): u in units of 2⁻²⁰ where channel c's
    cumulative equals levels (KNOTS,), in units of 2⁻³².
    """

    def __init__(self, gains: Int64, knots: Int64, levels: Int64) -> None:
        self.gains, self.knots, self.levels = gains, knots, levels
        self._check()
        self._lock = threading.Lock()
        self._build = lru_cache(maxsize=64)(self._table)

    def _check(self) -> None:
        shapes_agree = self.gains.shape[1] == self.knots.shape[0] and self.knots.shape[1:] == self.levels.shape
        if not shapes_agree or (self.gains < 1).any() or (np.diff(self.knots) < 1).any():
            raise ValueError("the prior's integers do not fit together")

    @classmethod
    @torch.no_grad()
    def build(cls, density: EntropyBottleneck, gains: Tensor) -> PriorTables:
        """Sample a trained density, and gains (GAINS, M), into integers. This is the last time floats are used."""
        logits = torch.linspace(-LOGIT_MAX, LOGIT_MAX, KNOTS, dtype=torch.float64)
        places = _inverse_cumulative(copy.deepcopy(density).cpu().double(), logits).numpy()
        knots = np.round(places * 2**U_BITS).astype(np.int64)
        steps = np.arange(KNOTS)
        knots = np.maximum.accumulate(knots - steps, axis=1) + steps  # strictly increasing, as interpolation needs
        levels = np.round(torch.sigmoid(logits).numpy() * 2**CDF_BITS).astype(np.int64)
        fixed = np.round(gains.cpu().double().numpy() * 2**U_BITS).clip(1, GAIN_LIMIT).astype(np.int64)
        return cls(fixed, knots, levels)

    def tensors(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {
            "tables.gains": torch.from_numpy(self.gains.astype(np.int32)),
            "tables.knots": torch.from_numpy(self.knots.astype(np.int32)),
            "tables.levels": torch.from_numpy(self.levels),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> PriorTables:
        return cls(*(tensors[f"tables.{name}"].numpy().astype(np.int64) for name in ("gains", "knots", "levels")))

    def at(self, level: int) -> LevelTable:
        """The table of a header level in [0, 65535]."""
        with self._lock:
            return self._build(level)

    def _table(self, level: int) -> LevelTable:
        gain = self._gain(level)
        low, count = self._support(gain)
        width = int(count.max())
        q = low[:, None] + np.arange(width + 1)
        edges = self._cumulative(((2 * q - 1) * gain[:, None]) >> 1)
        mass = np.where(np.arange(width) < count[:, None], np.diff(edges, axis=1), 0)
        frequency = _frequencies(mass, count)
        with np.errstate(divide="ignore"):
            bits = (FREQUENCY_BITS - np.log2(frequency)).astype(np.float32)
        return LevelTable(low, count, frequency, bits)

    def _gain(self, level: int) -> Int64:
        i, r = level >> 8, level & 255
        return (self.gains[i] * (256 - r) + self.gains[i + 1] * r) >> 8

    def _support(self, gain: Int64) -> tuple[Int64, Int64]:
        """First symbol and number of symbols of each channel: all but TAIL of the mass on either side, and zero."""
        first = int(np.searchsorted(self.levels, TAIL))
        low = (2 * self.knots[:, first] + gain) // (2 * gain)
        high = (2 * self.knots[:, KNOTS - 1 - first] + gain) // (2 * gain)
        low, high = np.clip(low, -SYMBOL_MAX, 0), np.clip(high, 0, SYMBOL_MAX)
        return low, high - low + 1

    def _cumulative(self, u: Int64) -> Int64:
        """c at u (M, K): linear between the knots, 0 before the first and 2³² after the last."""
        j = np.stack([np.searchsorted(knots, row, side="right") for knots, row in zip(self.knots, u, strict=True)])
        left, right = np.clip(j - 1, 0, KNOTS - 1), np.clip(j, 0, KNOTS - 1)
        u0, u1 = (np.take_along_axis(self.knots, side, axis=1) for side in (left, right))
        c0, c1 = self.levels[left], self.levels[right]
        inside = c0 + (c1 - c0) * (u - u0) // np.maximum(u1 - u0, 1)
        return np.where(j == 0, 0, np.where(j == KNOTS, 1 << CDF_BITS, inside))


def _frequencies(mass: Int64, count: Int64) -> Int64:
    """Mass (M, K) in units of 2⁻³² -> frequencies (M, K + 1) that sum to 2¹⁶, each at least 1, the escape after
    them."""
    channels, width = mass.shape
    full = np.zeros((channels, width + 1), dtype=np.int64)
    full[:, :width] = mass
    rows = np.arange(channels)
    full[rows, count] = (1 << CDF_BITS) - mass.sum(axis=1)
    spare = (1 << FREQUENCY_BITS) - (count + 1)
    frequency = (full * spare[:, None] >> CDF_BITS) + (np.arange(width + 1) <= count[:, None])
    frequency[rows, np.argmax(full, axis=1)] += (1 << FREQUENCY_BITS) - frequency.sum(axis=1)
    return frequency


def _inverse_cumulative(density: EntropyBottleneck, logits: Tensor) -> Tensor:
    """u (M, KNOTS) float64 where each channel's cumulative has these logits, by bisection."""
    target = logits.expand(density.channels, 1, -1)
    low, high = torch.full_like(target, -2000.0), torch.full_like(target, 2000.0)
    for _ in range(64):
        middle = (low + high) / 2
        below = density._logits_cumulative(middle, stop_gradient=True) < target
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return ((low + high) / 2)[:, 0]


# -- the range coder -------------------------------------------------------------------------------------------------


def encode_symbols(q: NDArray[np.int32], table: LevelTable) -> bytes:
    """Symbols (M, h, w) -> payload: rANS words, then the escaped symbols' varints in reverse byte order, which are read
    from the end, so no length is stored."""
    column = table.indices(q)
    escaped = q[column == table.count[:, None, None]]
    words = ans.RansEncoder().encode_with_indexes(
        column.ravel().tolist(), _channel_of_each(q.shape), *table.coder_arguments()
    )
    return words + b"".join(_varint(_zigzag(int(v))) for v in escaped)[::-1]


def decode_symbols(payload: bytes, shape: tuple[int, int, int], table: LevelTable) -> NDArray[np.int32]:
    """The inverse; InputError for a payload that cannot have been written by `encode_symbols`."""
    # The coder reads at most one 32-bit word per symbol and does not look for the end, so there is always enough to
    # read.
    slack = bytes(4 * (int(np.prod(shape)) + 4))
    flat = ans.RansDecoder().decode_with_indexes(payload + slack, _channel_of_each(shape), *table.coder_arguments())
    column = np.asarray(flat, dtype=np.int64).reshape(shape)
    q = (column + table.low[:, None, None]).astype(np.int32)
    escaped = column == table.count[:, None, None]
    q[escaped] = _read_varints(payload[::-1], int(escaped.sum()))
    return q


def _channel_of_each(shape: tuple[int, ...]) -> list[int]:
    return np.repeat(np.arange(shape[0]), shape[1] * shape[2]).tolist()


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    """Seven bits a byte, least significant first; the top bit says that more follow."""
    out = bytearray()
    while value > 127:
        out.append(128 | (value & 127))
        value >>= 7
    return bytes([*out, value])


def _read_varints(data: bytes, number: int) -> list[int]:
    values, at = [], 0
    for _ in range(number):
        value = shift = 0
        while True:
            if at >= len(data) or shift > 21:  # four bytes reach every symbol that an 8-bit picture can give
                raise InputError("The payload of this file is damaged; encode the picture again.")
            byte, at = data[at], at + 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        values.append(value // 2 if value % 2 == 0 else -(value + 1) // 2)
    return values
