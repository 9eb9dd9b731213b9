"""What a checkpoint is and does, as a Markdown card beside it: recipe, results, cost, how to repeat them.

The recipe comes from the checkpoint's own header, the results from the rows of `explorer evaluate`. A published curve
is named as such: it is another's measurement.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.codecs.baselines import curve_name, label
from explorer.condition import PAPER_LAMBDAS, snap
from explorer.images import InputError
from explorer.report import cells, percent, published_lines, table
from explorer.rows import MeanPoint, Row, bd_table, line, mean_curves

if TYPE_CHECKING:
    from explorer.model import ModelConfig

BETWEEN = (64 * 2**0.5, 64 * 2**3.5, 64 * 2**5.5)  # three λ that lie between the paper's
PUBLISHED_ANCHORS = ("jpeg", "official-balle2017-mse")


# -- cost: the paper's Table I ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ModelSize:
    """What a system needs to cover the axis of λ."""

    name: str
    models: int
    parameters: int

    @property
    def bytes(self) -> int:
        """Memory of all its parameters in float32."""
        return 4 * self.parameters


def model_sizes(config: ModelConfig) -> list[ModelSize]:
    """The paper's Table I for a modulated configuration: seven independent models, bottleneck scaling, MAE."""
    from explorer.model import Autoencoder, parameter_count

    systems = [
        ("independent models", [replace(config, kind="fixed", lmbda=each) for each in PAPER_LAMBDAS]),
        ("bottleneck scaling", [replace(config, kind="bottleneck")]),
        ("MAE", [config]),
    ]
    return [ModelSize(name, len(each), parameter_count([Autoencoder(one) for one in each])) for name, each in systems]


def sizes_text() -> str:
    """Table I in Markdown, for the bundled preset and for the paper's."""
    from explorer.model import PRESETS

    body = [
        [f"{size.name}, {preset}", f"{size.models}", f"{size.parameters / 1e6:.2f}", f"{size.bytes / 2**20:.1f}"]
        for preset in ("compact", "paper")
        for size in model_sizes(PRESETS[preset])
    ]
    return table(["system, preset", "models", "parameters (million)", "float32 memory (MiB)"], body)


# -- cards -----------------------------------------------------------------------------------------------------------


def recipe_of(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint's header says of its training: its configuration and its notes. Raises InputError."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(checkpoint, framework="np") as file:
            found = {name: _parsed(value) for name, value in sorted((file.metadata() or {}).items())}
    except (OSError, SafetensorError):
        raise InputError(f"{checkpoint} is not a checkpoint of this project; train or fetch it again.") from None
    if "base" in found:
        found["base"] = "kept as the difference from {name} {id}".format(**found["base"])
    return found


def _recipe_of_all(checkpoints: Sequence[Path]) -> dict[str, Any]:
    """One recipe for a set of models: what they share once, the rest for each in order of λ."""
    flat = [dict(_recipe_pairs(recipe_of(checkpoint))) for checkpoint in checkpoints]
    flat.sort(key=lambda recipe: recipe.get("lmbda") or 0)
    keys = dict.fromkeys(key for recipe in flat for key in recipe)
    values = {key: [str(recipe.get(key, "–")) for recipe in flat] for key in keys}
    return {key: found[0] if len(set(found)) == 1 else ", ".join(found) for key, found in values.items()}


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def model_card(curve: str, rows: Sequence[Row], recipe: Mapping[str, Any], commands: Sequence[str]) -> str:
    """A card in Markdown: recipe, results at the paper's λ and at three between them, BD-rate, commands.

    curve: "mae", "bottleneck", "independent" or another learned codec of the rows. recipe: names and values, a value
    may be a mapping of such. rows: those of JPEG must be among them. Raises InputError where one of both has none."""
    own = [row for row in rows if curve_name(row["codec"]) == curve]
    curves = mean_curves(rows)
    if not own or "jpeg" not in curves:
        raise InputError(f"The rows lack {curve} or jpeg; measure both with `explorer evaluate --codecs {curve},jpeg`.")
    versions = ", ".join(sorted({f"{row['codec']} {row['version']}" for row in own}))
    overhead = 100 * (8 * sum(row["bytes"] for row in own) / sum(row["estimated_bits"] for row in own) - 1)
    sections = [
        f"# {label(curve)}",
        f"Checkpoints, by name and id: {versions}.",
        "## Recipe",
        table(["what", "value"], _recipe_lines(recipe)),
        f"## Results, means over {len({row['image_id'] for row in own})} pictures",
        _results(curves[curve]),
        f"Rates are of whole files, {overhead:.2f} % above what the prior estimates.",
        "## BD-rate (negative: fewer bits at equal PSNR)",
        _rates(curves[curve], curves["jpeg"]),
        "## Size of this and the systems it is compared with (the paper's Table I)",
        sizes_text(),
        "## Commands",
        "\n".join(f"    {command}" for command in commands),
    ]
    return "\n\n".join(sections) + "\n"


def _recipe_lines(recipe: Mapping[str, Any]) -> list[list[str]]:
    return [[key, str(value)] for key, value in _recipe_pairs(recipe)]


def _recipe_pairs(recipe: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values, those of the mappings in it among them."""
    inner = [value if isinstance(value, Mapping) else {name: value} for name, value in recipe.items()]
    return [(key, value) for each in inner for key, value in each.items() if value is not None]


def _results(points: Sequence[MeanPoint]) -> str:
    kept = {snap(value) for value in (*PAPER_LAMBDAS, *BETWEEN)}
    body = [[f"{point.knob:.0f}", *cells(point)] for point in points if point.knob in kept]
    return table(["λ", "bpp", "PSNR (dB)", "MS-SSIM", "MS-SSIM (dB)"], body)


def _rates(points: Sequence[MeanPoint], jpeg: Sequence[MeanPoint]) -> str:
    anchors = {"jpeg (measured here)": line(jpeg)}
    anchors |= {f"{name} (published)": published_lines()[name] for name in PUBLISHED_ANCHORS}
    found = bd_table({"": line(points)}, anchors)[""]
    return table(["against", "percent"], [[name, percent(value)] for name, value in found.items()])


def write_cards(rows: Sequence[Row], folder: str | Path, commands: Sequence[str]) -> list[Path]:
    """One card for every learned curve of the rows whose checkpoints lie in `folder`: the paths written."""
    written = []
    for curve in {curve_name(row["codec"]): None for row in rows if "estimated_bits" in row}:
        checkpoints = sorted(each for each in Path(folder).glob("*.safetensors") if curve_name(each.stem) == curve)
        if checkpoints:
            card = Path(folder) / f"{curve}.md"
            card.write_text(model_card(curve, rows, _recipe_of_all(checkpoints), commands), encoding="utf-8")
            written.append(card)
    return written
