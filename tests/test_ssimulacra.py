"""explorer.ssimulacra: the package's value, in strips."""

from __future__ import annotations

import io
import math
from itertools import count

import numpy as np
import pytest
from ssimulacra2 import compute_ssimulacra2
from test_metrics import noisy, picture

from explorer import ssimulacra
from explorer.ssimulacra import SMALLEST, ssimulacra2


def reference(*pair: np.ndarray) -> float:
    """The package, which reads files."""
    files = [io.BytesIO(b"P6 %d %d 255\n" % (side.shape[1], side.shape[0]) + side.tobytes()) for side in pair]
    return compute_ssimulacra2(*files)


@pytest.mark.parametrize(("size", "sigma"), [((SMALLEST, SMALLEST), 4), ((256, 240), 60), ((301, 227), 12)])
def test_it_is_the_packages(size: tuple[int, int], sigma: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sides odd and even on several scales, of one strip and of many, symmetric in nothing."""
    a = picture(*size)
    b = noisy(a, sigma)
    expected = reference(a, b)
    assert ssimulacra2(a, b) == pytest.approx(expected, abs=1e-9)
    monkeypatch.setattr(ssimulacra, "_STRIP", 1)
    assert ssimulacra2(a, b) == pytest.approx(expected, abs=1e-9)
    assert abs(ssimulacra2(b, a) - expected) > 1e-3


def test_it_is_100_when_identical_and_nan_for_sizes_that_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    a = picture(SMALLEST, SMALLEST + 3)
    a.setflags(write=False)
    assert ssimulacra2(a, a) == 100
    assert math.isnan(ssimulacra2(a[1:], a[1:]))
    monkeypatch.setattr(ssimulacra, "MOST_PIXELS", a[..., 0].size - 1)
    assert math.isnan(ssimulacra2(a, a))
    with pytest.raises(ValueError, match="of one shape"):
        ssimulacra2(a, a[1:])


def test_it_stops_where_it_is_told_to() -> None:
    a, steps = picture(400, 300), count()

    def third() -> None:
        if next(steps) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ssimulacra2(a, a, third)
    assert next(steps) == 3
