"""CompressAI's range coder once more, in Python: the same bytes to the last bit, for machines without its extension.

rANS with a state of 64 bits, words of 32 bits and frequencies of 2¹⁶ (Duda 2013; Giesen's rans64). Classes and methods
are called as those of `compressai.ans`. Its own escape is left out: it has the last entry of each row of cumulatives,
and the tables here give that none (see `Table.coder_arguments`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FREQUENCY_BITS = 16
STATE_MIN = 1 << 31  # a state lies in [STATE_MIN, STATE_MIN << 32): below, the decoder takes a word in

Rows = Sequence[Sequence[int]]
UInt16 = NDArray[np.uint16]


class BufferedRansEncoder:
    """Collects symbols in the order in which they are to be read."""

    def __init__(self) -> None:
        self._intervals: list[tuple[UInt16, UInt16]] = []  # first place and number of places: 4 bytes a symbol

    def encode_with_indexes(
        self, symbols: Sequence[int], indexes: Sequence[int], cdfs: Rows, lengths: Sequence[int], offsets: Sequence[int]
    ) -> None:
        """Symbols in [0, length − 2), each of the row of cumulatives that `indexes` names; offsets are zero."""
        starts = np.concatenate([row[:-1] for row in cdfs]).astype(np.uint16)
        frequencies = np.concatenate([np.diff(row) for row in cdfs]).astype(np.uint16)
        before = np.cumsum([0, *lengths[:-1]]) - np.arange(len(lengths))
        at = before[np.asarray(indexes, np.int64)] + np.asarray(symbols, np.int64)
        self._intervals.append((starts[at], frequencies[at]))

    def flush(self) -> bytes:
        """All of them as little-endian words."""
        state, words = STATE_MIN, []
        while self._intervals:
            starts, frequencies = self._intervals.pop()
            for start, frequency in zip(starts[::-1].tolist(), frequencies[::-1].tolist(), strict=True):
                if state >= frequency << 47:  # else the state would leave its range
                    words.append(state & 0xFFFFFFFF)
                    state >>= 32
                state = (state // frequency << FREQUENCY_BITS) + state % frequency + start
        words += [state >> 32, state & 0xFFFFFFFF]
        return np.array(words[::-1], dtype="<u4").tobytes()


class RansDecoder:
    """Reads symbols in the order in which they were given to the encoder."""

    def set_stream(self, stream: bytes) -> None:
        """At least as many words as the symbols may take; what follows the last whole one is not looked at."""
        words = np.frombuffer(stream, "<u4", len(stream) // 4).tolist()
        self._state, self._words = words[0] | words[1] << 32, iter(words[2:])

    def decode_stream(
        self, indexes: Sequence[int], cdfs: Rows, lengths: Sequence[int], offsets: Sequence[int]
    ) -> list[int]:
        """The next symbols; see `BufferedRansEncoder.encode_with_indexes`."""
        state, words, symbols = self._state, self._words, []
        for index in indexes:
            row, place = cdfs[index], state & 0xFFFF
            symbol = bisect_right(row, place) - 1
            start = row[symbol]
            state = (row[symbol + 1] - start) * (state >> FREQUENCY_BITS) + place - start
            if state < STATE_MIN:
                state = state << 32 | next(words)
            symbols.append(symbol)
        self._state = state
        return symbols
