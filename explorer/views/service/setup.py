"""What the viewer is told before it opens a picture."""

from __future__ import annotations

import base64
import io
import json
from functools import cached_property
from pathlib import Path

from PIL import Image

from explorer import bitstream, images
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN
from explorer.library import folder
from explorer.views import viewer
from explorer.views.figures.kodak import mean_curves
from explorer.views.figures.palettes import PALETTES
from explorer.views.figures.rates import rd_figure, series
from explorer.views.service import replies
from explorer.views.service.constants import CONSTANTS
from explorer.views.service.messages import MeanSetting, Sample, Setup
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.rivals import CHOSEN, Rivals
from explorer.views.service.uploads import MAX_UPLOAD

# Here the picture still looks fine at first sight, and the difference to the original shows at the second.
START_LAMBDA = 256.0
LESSONS = viewer.FOLDER / "story" / "lessons.json"


class Start:
    """All that there is to choose from: models, samples, codecs, lessons. What takes time to make is made once."""

    def __init__(self, pictures: OpenPictures, model: str, rivals: Rivals) -> None:
        self.pictures, self.model, self.rivals = pictures, model, rivals

    @cached_property
    def _means(self) -> dict[str, list[MeanSetting]] | None:
        return mean_curves(folder() / "results")

    @cached_property
    def _samples(self) -> list[Sample]:
        return [self._sample(name, path) for name, path in self.pictures.samples.items()]

    def setup(self) -> Setup:
        """Everything that the viewer needs before it opens a picture."""
        rivals = self.rivals.listed
        labels = {rival["name"]: rival["label"] for rival in rivals}
        curves = series({"model": "This model"} | labels | {replies.SEARCHED: "Searched"})
        return {
            "offline": False,
            "models": self.pictures.models,
            "model": self.model,
            "samples": self._samples,
            "source": {"sample": next(iter(self.pictures.samples))},
            "lmbda": {"min": LAMBDA_MIN, "max": LAMBDA_MAX, "start": START_LAMBDA},
            "maxUpload": MAX_UPLOAD,
            "rivals": rivals,
            "chosen": [rival["name"] for rival in rivals if rival["name"] in CHOSEN and not rival["reason"]],
            "means": self._means,
            "figure": rd_figure(curves),
            "palettes": PALETTES,
            "lessons": json.loads(LESSONS.read_text(encoding="utf-8")),
            "constants": CONSTANTS,
        }

    def _sample(self, name: str, path: Path) -> Sample:
        if bitstream.is_file(path.name):
            opened = self.pictures.open_sample(self.model, name)
            small = Image.fromarray(opened.source.reconstruct(opened.nearest(START_LAMBDA)))
        else:
            small = Image.fromarray(images.read(path).pixels)
        width, height = small.size
        small.thumbnail((192, 128))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=88)
        thumbnail = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
        return {"name": name, "thumbnail": thumbnail, "width": width, "height": height, "bytes": path.stat().st_size}
