"""A model whose files are searched for (see `explorer.search`), as a codec of its own: `mae@1`, `mae-hyperprior@2`."""

from __future__ import annotations

from explorer import search
from explorer.codecs.base import Knob
from explorer.codecs.learned import LearnedCodec
from explorer.runtime import Pixels


class Searched:
    """model: whose files they are, and who decodes them. effort: 1 or 2."""

    suffix = LearnedCodec.suffix

    def __init__(self, model: LearnedCodec, effort: int) -> None:
        self.model, self.effort = model, search.check_effort(effort)
        self.name, self.label = search.name_of(model.name, effort), f"{model.label}, searched with effort {effort}"

    def __repr__(self) -> str:
        return f"Searched({self.model!r}, {self.effort})"

    @property
    def version(self) -> str:
        """The model's id, and which search it is: another one finds other files."""
        return f"{self.model.version}, search {search.VERSIONS[self.effort]}"

    @property
    def knob(self) -> Knob:
        """λ, as the model has it."""
        return self.model.knob

    def encode(self, pixels: Pixels, setting: float) -> bytes:
        """(H, W, 3) uint8 at λ = setting -> a whole .mae file. Raises InputError."""
        condition = self.model.condition(setting)
        return search.search(self.model, pixels, self.model.latents(pixels, condition), condition, self.effort)

    def decode(self, data: bytes) -> Pixels:
        """A file of the model -> (H, W, 3) uint8. Raises InputError."""
        return self.model.decode(data)
