"""What the bundled checkpoints show: modulation bends the features, bottleneck scaling cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import sample_paths

import explorer

UNIFORM = 0.001  # octaves within a channel: a factor of 1.0007


@pytest.mark.parametrize("path", sample_paths(), ids=lambda path: path.stem)
def test_bottleneck_scaling_only_scales_and_modulation_does_more(mae, path: Path) -> None:
    picture = explorer.images.read(path)
    scaling, modulation = (explorer.Session(model, picture) for model in (explorer.load_model("bottleneck"), mae))
    for low in (64, 256, 1024):
        scaled, modulated = (each.log_ratio(4096, low) for each in (scaling, modulation))
        for ratio in (scaled, modulated):
            assert np.isfinite(ratio.spread).sum() >= 20, "enough channels are not masked"
        assert np.nanmax(scaled.spread) < UNIFORM
        assert not scaled.flipped.any()
        assert np.nanmedian(modulated.spread) >= 50 * UNIFORM
