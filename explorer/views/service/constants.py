"""What Python and the viewer both reckon with: it travels in the setup, so that it is written down once."""

from __future__ import annotations

from explorer.codecs.base import BYTES_TOLERANCE
from explorer.condition import PAPER_LAMBDAS
from explorer.inside import FACTOR_MAX
from explorer.metrics import SMALLEST_SIDE
from explorer.model import STRIDE
from explorer.ssimulacra import MOST_PIXELS, SMALLEST
from explorer.tiles import SIDE
from explorer.views.service.messages import Constants
from explorer.views.service.wishes.ratios import OWN

CONSTANTS: Constants = {
    "element": STRIDE,
    "paper_lambdas": PAPER_LAMBDAS,
    "own_lambda": OWN,
    "factor_max": FACTOR_MAX,
    "ms_ssim_side": SMALLEST_SIDE,
    "ssimulacra2_side": SMALLEST,
    "ssimulacra2_pixels": MOST_PIXELS,
    "bytes_tolerance": BYTES_TOLERANCE,
    "samples_per_octave": 10,  # so that the paper's λ are among them
    "tile": SIDE * STRIDE,
}
