"""A λ map as bytes of a file: its residuals, coded bit by bit with probabilities that follow them, by integers alone.

Of each residual: whether it is not 0, which is likelier where those to the left and above are not; its sign; and
|r| − 1, 6 bits from the top, each in the context of those before it. A disc on 8×12 blocks takes some 15 bytes. The
code has no length: where it ends, follows from the map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

from explorer.images import InputError
from explorer.lambda_map import RESIDUAL_MAX, LambdaMap

_SIGN = 3  # contexts: 0 to 2 for how many neighbours are not 0, the sign, then one for each start of |r| − 1
_CONTEXTS = _SIGN + RESIDUAL_MAX
_PROBABILITY_BITS = 12
_MOST_COUNTED = 255  # then both counts are halved, so that old bits matter less
_LAST = 0xFFFFFFFF

_Bit = Callable[[int, int], int]  # (context, the bit to write) -> that bit, or the one that was read


def encode(lambda_map: LambdaMap) -> bytes:
    """A map -> its bytes; no other bytes are taken for it."""
    coder = _Encoder()
    for _ in _residuals(coder.bit, lambda_map.columns, lambda_map.residuals()):
        pass
    return coder.finish()


def decode(data: bytes, rows: int, columns: int) -> tuple[LambdaMap, int]:
    """The map of so many blocks that `data` begins with, and how many bytes it takes. InputError where `encode` has
    written none."""
    residuals = _residuals(_Decoder(data).bit, columns, repeat(0, rows * columns))
    found = LambdaMap.of_residuals(rows, columns, residuals)
    own = encode(found)
    if not data.startswith(own):
        raise InputError("The λ map of this file is damaged; encode the picture again.")
    return found, len(own)


def _residuals(bit: _Bit, columns: int, values: Iterable[int]) -> Iterator[int]:
    """Residuals as they are written, or, where `bit` reads, as they are read: `values` are their number alone."""
    differs: list[bool] = []
    for at, value in enumerate(values):
        west = at % columns > 0 and differs[at - 1]
        north = at >= columns and differs[at - columns]
        residual = _residual(bit, west + north, value)
        differs.append(residual != 0)
        yield residual


def _residual(bit: _Bit, around: int, value: int) -> int:
    if not bit(around, value != 0):
        return 0
    is_negative = bit(_SIGN, value < 0)
    path = 1  # a leading 1, then the bits of |r| − 1
    for place in reversed(range(RESIDUAL_MAX.bit_length() - 1)):
        path = 2 * path + bit(_SIGN + path, (abs(value) - 1) >> place & 1)
    size = path - RESIDUAL_MAX + 1
    return -size if is_negative else size


class _Coder:
    """The interval [low, high] of 32 bits, and of each context how often its bit was 0 and 1."""

    def __init__(self) -> None:
        self.low, self.high = 0, _LAST
        self._counts = [[0, 0] for _ in range(_CONTEXTS)]

    def split(self, context: int) -> int:
        """The last place of the part that stands for a 1 (Krichevsky and Trofimov's estimate)."""
        zeros, ones = self._counts[context]
        probability = ((2 * ones + 1) << _PROBABILITY_BITS) // (2 * (zeros + ones + 1))
        return self.low + ((self.high - self.low) >> _PROBABILITY_BITS) * probability

    def narrow(self, context: int, bit: int, split: int) -> Iterator[int]:
        """Go on in the part of a bit: the bytes that are settled by it."""
        self.low, self.high = (self.low, split) if bit else (split + 1, self.high)
        counts = self._counts[context]
        counts[bit] += 1
        if sum(counts) > _MOST_COUNTED:
            self._counts[context] = [count // 2 for count in counts]
        while self.low >> 24 == self.high >> 24:
            yield self.low >> 24
            self.low, self.high = self.low << 8 & _LAST, (self.high << 8 | 255) & _LAST


class _Encoder(_Coder):
    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def bit(self, context: int, bit: int) -> int:
        self._written.extend(self.narrow(context, bit, self.split(context)))
        return bit

    def finish(self) -> bytes:
        """All bytes, with as few at the end as leave no doubt whatever follows."""
        for count in range(5):
            unit = 1 << (32 - 8 * count)
            first = -(-self.low // unit) * unit
            if first + unit - 1 <= self.high:
                break
        return bytes(self._written) + first.to_bytes(4, "big")[:count]


class _Decoder(_Coder):
    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = iter(data)
        self._value = 0
        for _ in range(4):
            self._shift()

    def bit(self, context: int, _: int) -> int:
        split = self.split(context)
        found = int(self._value <= split)
        for _settled in self.narrow(context, found, split):
            self._shift()
        return found

    def _shift(self) -> None:
        self._value = (self._value << 8 | next(self._data, 0)) & _LAST
