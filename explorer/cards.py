"""What a checkpoint is and does, as a Markdown card beside it: recipe, results, cost, how to repeat them.

The recipe comes from the checkpoint's own header, the results from the rows of `explorer evaluate`, apart for each set
of pictures. A published curve is named as such: it is another's measurement.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import files
from explorer.codecs.baselines import FAMILIES, curve_name, label, standing_for
from explorer.condition import PAPER_LAMBDAS, snap
from explorer.images import InputError
from explorer.report import footnotes, mean_cell, overlap_cell, percent, points_table, published_lines, table
from explorer.rows import Comparison, MeanPoint, PictureSet, compare, compare_means, line, picture_curves
from explorer.store import Row, printable

if TYPE_CHECKING:
    from explorer.config import ModelConfig

BETWEEN = (64 * 2**0.5, 64 * 2**3.5, 64 * 2**5.5)  # three λ that lie between the paper's
MEASURED_ANCHORS = ("jpeg", "jpeg2000")
PUBLISHED_ANCHORS = (
    "jpeg",
    "official-balle2017-mse",
    "bmshj2018-factorized-8bit",
    "bmshj2018-hyperprior-8bit",
    "mbt2018-mean-8bit",
    "bpg444",
)
PRIORS = ("factorised", "hyper")  # those of the paper's Table I


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
    """The paper's Table I for a modulated configuration: the independent models (seven, or four with a hyperprior),
    bottleneck scaling and the MAE, all with the prior of that configuration."""
    from explorer.model import Autoencoder, parameter_count

    names = {kind: standing_for(kind, config.prior) for kind in ("fixed", "bottleneck", "modulated")}
    lambdas = FAMILIES[names["fixed"]].lambdas
    systems = {
        "fixed": [replace(config, kind="fixed", lmbda=each) for each in lambdas],
        "bottleneck": [replace(config, kind="bottleneck")],
        "modulated": [config],
    }
    return [
        ModelSize(label(names[kind]), len(each), parameter_count([Autoencoder(one) for one in each]))
        for kind, each in systems.items()
    ]


def sizes_text() -> str:
    """Table I in Markdown, for the bundled preset and for the paper's, with each prior."""
    from explorer.config import PRESETS

    body = [
        [f"{size.name}, {preset}", f"{size.models}", f"{size.parameters / 1e6:.2f}", f"{size.bytes / 2**20:.1f}"]
        for preset in ("compact", "paper")
        for prior in PRIORS
        for size in model_sizes(replace(PRESETS[preset], prior=prior))
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
    if isinstance(found.get("base"), dict) and {"name", "id"} <= found["base"].keys():
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


def model_card(curve: str, sets: Sequence[PictureSet], recipe: Mapping[str, Any]) -> str:
    """A card in Markdown: recipe, results on each set at the paper's λ and at three between them, BD-rates, commands.

    curve: a family of `codecs.baselines`, or another learned codec of the rows. recipe: names and values, a value may
    be a mapping of such. Raises InputError where no set has rows of the curve, or one that has them none of JPEG."""
    own = [each for each in sets if any(curve_name(row["codec"]) == curve for row in each.rows)]
    if not own or not all(any(row["codec"] == "jpeg" for row in each.rows) for each in own):
        raise InputError(f"The rows lack {curve} or jpeg; measure both with `explorer evaluate --codecs {curve},jpeg`.")
    rows = [row for each in own for row in each.rows if curve_name(row["codec"]) == curve]
    versions = ", ".join(sorted({f"{row['codec']} {row['version']}" for row in rows}))
    sections = [
        f"# {label(curve)}",
        f"Checkpoints, by name and id: {versions}.",
        "## Recipe",
        table(["what", "value"], _recipe_lines(recipe)),
        *(section for each in own for section in _set_sections(curve, each)),
        "## Size of this and the systems it is compared with (the paper's Table I)",
        sizes_text(),
        "## Commands",
        "\n".join(f"    {command}" for command in _commands(sets)),
    ]
    return "\n\n".join(sections) + "\n"


def _set_sections(curve: str, shown: PictureSet) -> list[str]:
    """What a card says of one set of pictures."""
    own = [row for row in shown.rows if curve_name(row["codec"]) == curve]
    return [
        f"## {shown.title}",
        "Means over the pictures:",
        _results(shown.means.curves.get(curve, [])),
        *_overhead(own),
        "BD-rate, negative for fewer bits at equal PSNR: mean and median over the pictures, and on how many this needs "
        "more bits. Of a published curve only means are known: its line compares mean curves.",
        *_rates(curve, shown),
        *shown.left_out,
    ]


def _overhead(rows: Iterable[Row]) -> list[str]:
    estimated = [(8 * row["bytes"], bits) for row in rows if (bits := row.get("estimated_bits"))]
    if not estimated:
        return []
    taken, bits = (sum(each) for each in zip(*estimated, strict=True))
    return [f"Rates are of whole files, {100 * (taken / bits - 1):.2f} % above what the prior estimates."]


def _commands(sets: Sequence[PictureSet]) -> list[str]:
    """What to type to repeat the results of some sets."""
    measuring = [f"explorer evaluate {each.folder} --json {each.folder}.json" for each in sets]
    return [*measuring, " ".join(["explorer report", *(f"{each.folder}.json" for each in sets), "--cards FOLDER"])]


def _recipe_lines(recipe: Mapping[str, Any]) -> list[list[str]]:
    return [[printable(key), printable(str(value))] for key, value in _recipe_pairs(recipe)]


def _recipe_pairs(recipe: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Names and values, those of the mappings in it among them."""
    inner = [value if isinstance(value, Mapping) else {name: value} for name, value in recipe.items()]
    return [(key, value) for each in inner for key, value in each.items() if value is not None]


def _results(points: Sequence[MeanPoint]) -> str:
    kept = {snap(value) for value in (*PAPER_LAMBDAS, *BETWEEN)}
    return points_table(["λ"], [([f"{point.knob:.0f}"], point) for point in points if point.knob in kept])


def _rates(curve: str, shown: PictureSet) -> list[str]:
    """The table of BD-rates of a curve, and the footnotes to it."""
    curves = picture_curves(shown.rows)
    own = curves.get(curve, {})
    found = {f"{label(name)} (measured here)": compare(curves[name], own) for name in _anchors(curve, curves)}
    body = [[name, *_compared(each), overlap_cell(each)] for name, each in found.items()]
    if shown.has_published:
        mean = line(shown.means.curves.get(curve, []))
        others = {f"{name} (published)": compare_means(published_lines()[name], mean) for name in PUBLISHED_ANCHORS}
        body += [[name, mean_cell(each), "–", "–", overlap_cell(each)] for name, each in others.items()]
        found |= others
    head = ["against", "mean (%)", "median (%)", "loses on", "shared PSNR (dB)"]
    return [table(head, body), *footnotes(found.values())]


def _anchors(curve: str, curves: Iterable[str]) -> list[str]:
    """What a learned curve is compared with: JPEG, JPEG 2000, the families with its prior, its kind with another."""
    own = FAMILIES.get(curve)
    likes = [name for name, each in FAMILIES.items() if own and (each.prior == own.prior or each.kind == own.kind)]
    return [name for name in (*MEASURED_ANCHORS, *likes) if name in curves and name != curve]


def _compared(found: Comparison) -> list[str]:
    return [mean_cell(found), percent(found.median), f"{found.lost} of {found.counted}"]


def check_folder(folder: str | Path) -> None:
    """Raise InputError where there is no folder to write cards into."""
    if not Path(folder).is_dir():
        raise InputError(f"{folder} is no folder; name the one that holds the checkpoints.")


def write_cards(sets: Sequence[PictureSet], folder: str | Path) -> list[Path]:
    """One card for every learned curve of the rows whose checkpoints lie in `folder`: the paths written. Raises
    InputError, before anything is written, where there is no such curve or a card cannot be made."""
    texts = {}
    learned = {curve_name(row["codec"]): None for each in sets for row in each.rows if row.get("estimated_bits")}
    for curve in learned:
        checkpoints = sorted(each for each in Path(folder).glob("*.safetensors") if curve_name(each.stem) == curve)
        if checkpoints:
            texts[Path(folder) / f"{curve}.md"] = model_card(curve, sets, _recipe_of_all(checkpoints))
    if not texts:
        names = ", ".join(learned) or "nothing"
        raise InputError(f"{folder} holds no checkpoint of what was measured ({names}); name the folder that does.")
    for card in texts:
        files.check_output(card)
    for card, text in texts.items():
        files.write(card, text)
    return [*texts]
