"""Integer tables of probabilities, and range coding with them.

    Density, gains ─ DensityTables.build ─ integers ─ DensityTables.at(level) ─┐
    scales ─ gaussian_table ─ integers ────────────────────────────────────────┴─ Table ─ encode ─ payload ─ Reader

Floating point differs between machines, so no bit of a file may depend on it: a checkpoint stores the integers, and a
table of any of the 65536 header levels follows from them by integer arithmetic alone. The likelihoods that the explorer
shows come from the same tables. CompressAI's rANS codes with them (see `rans`).
"""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.condition import Condition
from explorer.images import InputError
from explorer.priors import pure_rans, rans
from explorer.priors.base import GAIN_BITS, PLACES, Int64, Sampled, as_int64, fixed_point
from explorer.priors.density import Density
from explorer.priors.pure_rans import FREQUENCY_BITS, STATE_MIN
from explorer.tiles import Size, whole

CDF_BITS = 32  # fixed point of the stored cumulative
KNOTS = 257  # samples of c per channel, equidistant in logit
LOGIT_MAX = 16.0
TAIL = 1 << (CDF_BITS - 17)  # symbols beyond this cumulative mass, on either side, are escaped
SYMBOL_MAX = 2047
MOST_AT_ONCE = 1 << 19  # symbols that are turned into Python's numbers, more than the largest picture has in a channel
ESCAPED_MAX = 1 << 27  # beyond all that a picture of 8 bits gives: varints of four bytes reach this
ROUNDING = 2**-12  # of the bits of all symbols, more than what the range coder's roundings may save (see `Reader`)

Int32 = NDArray[np.int32]
Rows = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Table:
    """R distributions over integers.

    low (R,): the first symbol of each. count (R,): how many follow one another; the next entry is the escape.
    frequency (R, K): of 2¹⁶, zero beyond the escape. bits (R, K) float32: 16 − log₂ frequency.
    """

    low: Int64
    count: Int64
    frequency: Int64
    bits: NDArray[np.float32]

    @classmethod
    def of(cls, low: Int64, count: Int64, frequency: Int64) -> Table:
        """A table of these integers; ValueError where they are none."""
        shapes_agree = frequency.ndim == 2 and low.shape == count.shape == frequency.shape[:1]
        if not shapes_agree or (low < -SYMBOL_MAX).any() or (low + count > SYMBOL_MAX + 1).any():
            raise ValueError("the symbols of a table do not fit together")
        used = np.arange(frequency.shape[1]) <= count[:, None]
        if (
            (frequency.sum(axis=1) != 1 << FREQUENCY_BITS).any()
            or ((frequency > 0) != used).any()
            or frequency.min() < 0
        ):
            raise ValueError("the frequencies of a table do not fit together")
        if (count < 1).any() or (count >= frequency.shape[1]).any():
            raise ValueError("a table has no symbol, or no escape")
        with np.errstate(divide="ignore"):
            bits = (FREQUENCY_BITS - np.log2(frequency)).astype(np.float32)
        return cls(low, count, frequency, bits)

    def columns(self, q: Int32, rows: Rows) -> Int64:
        """Symbols, each of the distribution that `rows` (of a shape that broadcasts to theirs) names -> columns of the
        table; what lies outside a distribution's range -> its escape."""
        column = q - self.low[rows]
        count = np.broadcast_to(self.count[rows], q.shape)
        return np.where((column < 0) | (column >= count), count, column)

    def element_bits(self, q: Int32, rows: Rows) -> NDArray[np.float32]:
        """What each symbol costs in the file, in bits, to the rounding of the range coder."""
        bits = np.empty(q.shape, np.float32)
        for (symbols, names), (made, _) in zip(_by_channel(q, rows), _by_channel(bits, rows), strict=True):
            column = self.columns(symbols, names)
            made[:] = self.bits[names, column]
            escaped = column == self.count[names]
            if escaped.any():
                made[escaped] += [8 * len(_varint(_zigzag(int(v)))) for v in symbols[escaped]]
        return bits

    @cached_property
    def least_bits(self) -> NDArray[np.float32]:
        """(R,): what a symbol of each distribution takes at least."""
        return self.bits.min(axis=1)

    @cached_property
    def likeliest(self) -> Int32:
        """(R,): the symbol of each distribution that costs least; of equals the one nearest to 0."""
        column = np.arange(self.frequency.shape[1])
        shown = np.where(column < self.count[:, None], self.frequency, 0)
        symbols = (self.low[:, None] + column).astype(np.int32)
        distance = np.where(shown == shown.max(axis=1, keepdims=True), np.abs(symbols), np.iinfo(np.int32).max)
        return symbols[np.arange(len(symbols)), distance.argmin(axis=1)]

    def probability(self) -> NDArray[np.float32]:
        """(R, K) float32: of each symbol, zero for the escape and beyond."""
        shown = np.arange(self.frequency.shape[1]) < self.count[:, None]
        return np.where(shown, self.frequency / (1 << FREQUENCY_BITS), 0).astype(np.float32)

    @cached_property
    def coder_arguments(self) -> tuple[list[list[int]], list[int], list[int]]:
        """(cumulatives, their lengths, offsets) as CompressAI's coder takes them. Its own escape, the last entry, has
        frequency zero here and so can never occur: escapes are ours, with bounds that hold for a hostile file."""
        cumulative = np.cumsum(self.frequency, axis=1)
        rows = [[0, *row[: n + 1], 1 << FREQUENCY_BITS] for row, n in zip(cumulative.tolist(), self.count, strict=True)]
        return rows, [len(row) for row in rows], [0] * len(rows)

    @classmethod
    def stacked(cls, tables: Sequence[Table]) -> Table:
        """The distributions of several tables, one after the other."""
        if len(tables) == 1:
            return tables[0]
        width = max(table.frequency.shape[1] for table in tables)

        def joined(parts: Iterable[NDArray[Any]], fill: float) -> NDArray[Any]:
            wide = [np.pad(part, [(0, 0), (0, width - part.shape[1])], constant_values=fill) for part in parts]
            return np.concatenate(wide)

        low, count = (np.concatenate(parts) for parts in zip(*((t.low, t.count) for t in tables), strict=True))
        return cls(low, count, joined((t.frequency for t in tables), 0), joined((t.bits for t in tables), np.inf))

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """For the checkpoint."""
        parts = {"low": self.low, "count": self.count, "frequency": self.frequency}
        return {f"{prefix}.{name}": torch.from_numpy(part.astype(np.int32)) for name, part in parts.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], prefix: str) -> Table:
        return cls.of(*(as_int64(tensors[f"{prefix}.{name}"]) for name in ("low", "count", "frequency")))


def channel_rows(channels: int) -> Int64:
    """`rows` for maps (channels, h, w) with one distribution a channel."""
    return np.arange(channels)[:, None, None]


def by_channel(
    table_at: Callable[[int], Table], condition: Condition, size: Size, stride: int, reader: Reader | None = None
) -> tuple[Table, Rows]:
    """One distribution a channel for maps (C, *size) of `stride` pixels to an element: their table, and the rows that
    name each element's, which is that of the λ at its place. table_at: the table of a header level. reader: of the file
    whose next map this is, which is refused before anything of the size that it claims is made."""
    levels, index = condition.places(whole(size), stride)
    tables = [table_at(level) for level in levels.tolist()]
    if reader:
        counts = np.bincount(index.ravel())
        reader.expect(sum(float(each.least_bits.sum()) * n for each, n in zip(tables, counts, strict=True)))
    table, channels = Table.stacked(tables), len(tables[0].low)
    if len(tables) == 1:
        return table, channel_rows(channels)
    small = np.min_scalar_type(len(table.low))  # of a large picture the rows are as many as its symbols
    return table, channel_rows(channels).astype(small) + (channels * index).astype(small)


# -- tables of a density ---------------------------------------------------------------------------------------------


class DensityTables:
    """The integers of a density under gains, and the table, one distribution a channel, of any λ level.

    gains: a in units of 2⁻²⁰. knots (M, KNOTS): u in units of 2⁻²⁰ where channel c's cumulative equals levels (KNOTS,),
    in units of 2⁻³².
    """

    def __init__(self, gains: Sampled, knots: Int64, levels: Int64) -> None:
        self.gains, self.knots, self.levels = gains, knots, levels
        self._check()
        self._lock = threading.Lock()
        self._build = lru_cache(maxsize=64)(self._table)

    def _check(self) -> None:
        gains, knots = self.gains.values, self.knots
        shapes_agree = gains.shape in ((PLACES, len(knots)), (1, len(knots)))
        if not shapes_agree or (gains < 1).any() or (np.diff(knots) < 1).any():
            raise ValueError("the prior's integers do not fit together")
        if self.levels.shape != (KNOTS,) or (np.abs(self.levels - _levels()) > 1).any():  # another machine's rounding
            raise ValueError("the prior's densities are not sampled where they should be")

    @classmethod
    @torch.no_grad()
    def build(cls, density: Density, gains: Tensor) -> DensityTables:
        """Sample a trained density, and gains (PLACES or 1, M), into integers. The last time that floats are used."""
        places = _inverse_cumulative(copy.deepcopy(density).cpu().double(), _logits()).numpy()
        knots = np.round(places * 2**GAIN_BITS).astype(np.int64)
        steps = np.arange(KNOTS)
        knots = np.maximum.accumulate(knots - steps, axis=1) + steps  # strictly increasing, as interpolation needs
        return cls(Sampled(as_int64(fixed_point(gains, GAIN_BITS, low=1))), knots, _levels())

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {
            f"{prefix}.gains": torch.from_numpy(self.gains.values.astype(np.int32)),
            f"{prefix}.knots": torch.from_numpy(self.knots.astype(np.int32)),
            f"{prefix}.levels": torch.from_numpy(self.levels),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], prefix: str, channels: int) -> DensityTables:
        """From a checkpoint; KeyError or ValueError where they are none of this number of channels."""
        gains, knots, levels = (as_int64(tensors[f"{prefix}.{name}"]) for name in ("gains", "knots", "levels"))
        if knots.shape != (channels, KNOTS):
            raise ValueError("the prior's integers are of another number of channels")
        return cls(Sampled(gains), knots, levels)

    def at(self, level: int) -> Table:
        """The table of a header level in [0, 65535]."""
        with self._lock:
            return self._build(level)

    def _table(self, level: int) -> Table:
        gain = self.gains.at(level)
        low, count = self._support(gain)
        width = int(count.max())
        q = low[:, None] + np.arange(width + 1)
        edges = self._cumulative(((2 * q - 1) * gain[:, None]) >> 1)
        mass = np.where(np.arange(width) < count[:, None], np.diff(edges, axis=1), 0)
        return Table.of(low, count, _frequencies(mass, count))

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


def _logits() -> Tensor:
    """Of the cumulative at the knots, (KNOTS,) float64."""
    return torch.linspace(-LOGIT_MAX, LOGIT_MAX, KNOTS, dtype=torch.float64)


def _levels() -> Int64:
    """The cumulative there, (KNOTS,), in units of 2⁻³²."""
    return np.round(torch.sigmoid(_logits()).numpy() * 2**CDF_BITS).astype(np.int64)


def _frequencies(mass: Int64, count: Int64) -> Int64:
    """Mass (R, K) in units of 2⁻³² -> frequencies (R, K + 1) that sum to 2¹⁶, each at least 1, the escape after
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


def _inverse_cumulative(density: Density, logits: Tensor) -> Tensor:
    """u (M, KNOTS) float64 where each channel's cumulative has these logits, by bisection."""
    target = logits.expand(len(density.biases[0]), 1, -1)
    low, high = torch.full_like(target, -2000.0), torch.full_like(target, 2000.0)
    for _ in range(64):
        middle = (low + high) / 2
        below = density.logits(middle) < target
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return ((low + high) / 2)[:, 0]


# -- tables of Gaussians ---------------------------------------------------------------------------------------------


def gaussian_table(scales: Sequence[float]) -> Table:
    """Zero-mean Gaussians of these standard deviations, each over all symbols but TAIL of its mass on either side."""
    reach = math.sqrt(2) * float(torch.erfinv(torch.tensor(1 - 2 * TAIL / 2**CDF_BITS, dtype=torch.float64)))
    half = np.array([min(max(0, math.ceil(reach * scale - 0.5)), SYMBOL_MAX) for scale in scales])
    count = 2 * half + 1
    edges = np.arange(count.max() + 1) - half[:, None] - 0.5
    upper = torch.special.ndtr(torch.from_numpy(edges / np.array(scales)[:, None])).numpy()
    mass = np.diff(np.round(upper * 2**CDF_BITS).astype(np.int64), axis=1)
    mass = np.where(np.arange(count.max()) < count[:, None], mass, 0)
    return Table.of(-half, count, _frequencies(mass, count))


# -- the range coder -------------------------------------------------------------------------------------------------

# 256 symbols of 255 and 257 places each. Odd numbers carry every bit of the state on to the next symbols.
PROBE = [[0, *np.cumsum([255, 257] * 128).tolist(), 1 << FREQUENCY_BITS]], [258], [0]


def encode(parts: Sequence[tuple[Int32, Rows, Table]]) -> bytes:
    """Maps of symbols, each with its rows and its table (see `Table.columns`), in the order in which they are to be
    read -> payload: rANS words, then the escaped symbols' varints in reverse byte order, which are read from the end,
    so no length is stored. InputError for symbols that no picture of 8 bits gives."""
    few = sum(q.size for q, _, _ in parts) < 4  # the extension has a word for each symbol and writes two more
    coder, escaped = (pure_rans if few else rans.coder()).BufferedRansEncoder(), b""
    for q, rows, table in parts:
        for symbols, names in _by_channel(q, rows):
            column = table.columns(symbols, names)
            coder.encode_with_indexes(column.ravel().tolist(), _flat(names, symbols.shape), *table.coder_arguments)
            values = symbols[column == table.count[names]].astype(np.int64)
            if np.abs(values).max(initial=0) >= ESCAPED_MAX:
                raise InputError("The model's features are too large for a file; train it again with a lower rate.")
            escaped += b"".join(_varint(_zigzag(int(v))) for v in values)
    return coder.flush() + escaped[::-1]


class Reader:
    """Reads the maps of a payload in their order.

    A payload is taken only if the decoder ends where `encode` began: in its first state, with every byte used. Long
    before, a small file that claims a huge picture is refused: the symbols read so far, or what the next map takes at
    least, may not have more bits than the payload.

    For the range coder cannot beat its tables by more than rounding. Let Φ be log₂ of its state plus 32 for each word
    that it has put out. A symbol of b bits raises Φ by at least b·(1 − 2⁻¹⁵), as a state is 2³¹ or more; a word that is
    put out leaves a state of 2¹⁵ or more, and so costs Φ at most 2⁻¹⁴. Φ begins at 31, ends below 63, and the last
    state is written as two words: the bits of all symbols are below those of the payload times 1 + ROUNDING.
    """

    def __init__(self, payload: bytes) -> None:
        """Raises InputError, as all methods do, for a payload that cannot have been written by `encode`."""
        if int.from_bytes(payload[:8], "little") < STATE_MIN:  # also where there are no 8 bytes
            raise damaged()
        # The coder does not look for the end, so there has to be enough to read: from such a state on it takes in a
        # word of 4 bytes for at most every other symbol, and after each part of a map its bits are counted.
        self._after = sha256(payload).digest()  # which no payload has anywhere
        self._stream = rans.coder().RansDecoder()
        self._stream.set_stream(payload + self._after + bytes(len(payload) // 1024 + 2 * MOST_AT_ONCE))
        self._payload, self._at = payload, len(payload)
        self._left = 8 * len(payload) * (1 + ROUNDING)

    def read(self, shape: tuple[int, int, int], rows: Rows, table: Table) -> Int32:
        """The next map of symbols."""
        q = np.empty(shape, np.int32)
        least = sum(
            table.least_bits[names].sum(dtype=np.float64) * symbols.size / names.size
            for symbols, names in _by_channel(q, rows)
        )
        self.expect(least)
        for symbols, names in _by_channel(q, rows):
            flat = self._stream.decode_stream(_flat(names, symbols.shape), *table.coder_arguments)
            column = np.fromiter(flat, np.int64, len(flat)).reshape(symbols.shape)
            self._left -= float(table.bits[names, column].sum(dtype=np.float64))
            if self._left < 0:
                raise damaged()
            symbols[:] = column + table.low[names]
            escaped = column == table.count[names]
            symbols[escaped] = [self._varint() for _ in range(int(escaped.sum()))]
        return q

    def expect(self, bits: float) -> None:
        """Raise where what is to come takes at least so many bits, and the payload has fewer left."""
        if bits > self._left:
            raise damaged()

    def finish(self) -> None:
        """Check, when all maps are read, that this was the payload's end. The coder does not tell its state and place,
        but what it reads next depends on every bit of them: it has to be what a fresh decoder reads there."""
        fresh = pure_rans.RansDecoder()
        fresh.set_stream(STATE_MIN.to_bytes(8, "little") + self._payload[self._at :] + self._after + bytes(256))
        next_read, at_the_end = (decoder.decode_stream([0] * 64, *PROBE) for decoder in (self._stream, fresh))
        if self._at % 4 != 0 or next_read != at_the_end:
            raise damaged()

    def _varint(self) -> int:
        value = shift = 0
        while True:
            if self._at == 0 or shift > 21:
                raise damaged()
            self._at -= 1
            byte = self._payload[self._at]
            value |= (byte & 127) << shift
            if byte < 128:
                if byte == 0 and shift > 0:  # one byte fewer would do
                    raise damaged()
                return value // 2 if value % 2 == 0 else -(value + 1) // 2
            shift += 7


def damaged() -> InputError:
    """What is wrong with a payload that no encoder wrote."""
    return InputError("The payload of this file is damaged; encode the picture again.")


def _by_channel(q: NDArray[Any], rows: Rows) -> Iterator[tuple[NDArray[Any], Rows]]:
    """Maps (C, h, w) and their rows, some channels at a time: as lists of numbers, those of a large picture would take
    gigabytes."""
    some = max(1, MOST_AT_ONCE // max(1, math.prod(q.shape[1:])))
    for start in range(0, len(q), some):
        yield q[start : start + some], rows[start : start + some]


def _flat(rows: Rows, shape: tuple[int, ...]) -> list[int]:
    return np.broadcast_to(rows, shape).ravel().tolist()


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _varint(value: int) -> bytes:
    """Seven bits a byte, least significant first; the top bit says that more follow."""
    out = bytearray()
    while value > 127:
        out.append(128 | (value & 127))
        value >>= 7
    return bytes([*out, value])
