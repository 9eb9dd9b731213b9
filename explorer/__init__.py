"""MAE Explorer: drag λ and look inside a modulated autoencoder.

    picture ── Session ── λ ──┬── reconstruct(λ)   (H, W, 3) uint8
       │          │           ├── point(λ)         rate of the real file, PSNR, MS-SSIM
       │          │           ├── latents, bits    (M, h, w) float32
       │     load_model       └── ratio(λa, λb)    the paper's Fig. 5c
       │          │
       └── model.encode(picture, λ) ── .mae file ─┬─ decode ── (H, W, 3) uint8
                                                  └─ receive ─ Received: picture, λ, bits, no original

    model   = explorer.load_model("mae")
    session = explorer.Session(model, "photo.jpg")
    session.point(512).bpp

Names are loaded when first used: `import explorer` alone takes milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.codecs.base import RDPoint
    from explorer.condition import Condition
    from explorer.images import InputError, Picture
    from explorer.inside import Edit, LogRatio, Region, Response, log_ratio, receptive_field
    from explorer.lambda_map import LambdaMap
    from explorer.library import decode, list_models, load_model, receive, samples
    from explorer.received import Received
    from explorer.session import Session
    from explorer.views.notebook import ExplorerPanel as ExplorerPanel
    from explorer.views.notebook import ExplorerWidget as ExplorerWidget
    from explorer.views.notebook import notebook as notebook
    from explorer.views.notebook import widget as widget

__version__ = "0.1.0"
__all__ = [
    "Condition",
    "Edit",
    "InputError",
    "LambdaMap",
    "LogRatio",
    "Picture",
    "RDPoint",
    "Received",
    "Region",
    "Response",
    "Session",
    "decode",
    "list_models",
    "load_model",
    "log_ratio",
    "receive",
    "receptive_field",
    "samples",
]  # and, with the extra "notebook" installed: ExplorerPanel, ExplorerWidget, notebook, widget

_HOME = {
    "Condition": "explorer.condition",
    "Edit": "explorer.inside",
    "ExplorerPanel": "explorer.views.notebook",
    "ExplorerWidget": "explorer.views.notebook",
    "InputError": "explorer.images",
    "LambdaMap": "explorer.lambda_map",
    "LogRatio": "explorer.inside",
    "Picture": "explorer.images",
    "RDPoint": "explorer.codecs.base",
    "Received": "explorer.received",
    "Region": "explorer.inside",
    "Response": "explorer.inside",
    "Session": "explorer.session",
    "decode": "explorer.library",
    "list_models": "explorer.library",
    "load_model": "explorer.library",
    "log_ratio": "explorer.inside",
    "notebook": "explorer.views.notebook",
    "receive": "explorer.library",
    "receptive_field": "explorer.inside",
    "samples": "explorer.library",
    "widget": "explorer.views.notebook",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'explorer' has no attribute {name!r}")
