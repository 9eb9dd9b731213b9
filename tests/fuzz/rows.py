"""Row files of `evaluate` and their journals: JSON that is damaged, or that says nonsense."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random

from explorer import report
from explorer.rows import load_sets, mean_curves
from explorer.store import Store

from . import mutate
from .campaign import Wrong

JOURNAL = b"\nJOURNAL\n"  # between the file and its journal


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


@cache
def corpus() -> list[bytes]:
    rows = [_row(codec, image, knob) for codec in ("jpeg", "mae") for image in ("0a", "1b") for knob in (10, 50, 90)]
    store = Store(folder() / "corpus.json")
    files = []
    for whole, noted in ((rows, []), (rows[:4], rows[4:]), ([], rows)):
        store.write({"pictures": {"folder": "kodak", "number": 2}, "commands": ["explorer evaluate kodak"]}, whole)
        store.journal.write_text("")
        store.note(noted)
        files.append(store.path.read_bytes() + JOURNAL + store.journal.read_bytes())
    return files


def _row(codec: str, image: str, knob: float) -> dict[str, object]:
    return {
        "codec": codec, "version": "1", "image": f"{image}.png", "image_id": image * 4, "knob": {"quality": knob},
        "width": 64, "height": 48, "bytes": 100 * knob, "estimated_bits": None, "bpp": 0.26 * knob,
        "psnr": 25 + knob / 9, "ms_ssim": None if image == "0a" else 0.9 + knob / 1000, "encode_s": 0.1,
        "decode_s": 0.1,
    }  # fmt: skip


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    data = random.choice(corpus)
    if random.random() < 0.3:
        return mutate.mutated(random, data, corpus, random.randrange(len(data)))
    text, _, journal = data.partition(JOURNAL)
    lines = [json.loads(line) for line in journal.splitlines()]
    if random.random() < 0.6 or not lines:
        text = mutate.to_json(mutate.json_mutated(random, json.loads(text)))
    else:
        lines = mutate.json_mutated(random, lines)
    lines = lines if isinstance(lines, list) else [lines]
    return text + JOURNAL + b"".join(mutate.to_json(line) + b"\n" for line in lines)


def run(data: bytes) -> None:
    store = Store(folder() / "rows.json")
    text, _, journal = data.partition(JOURNAL)
    store.path.write_bytes(text)
    store.journal.write_bytes(journal)
    for each in load_sets([store.path]):
        report.bd_text(each)
        report.curves_text(mean_curves(each.rows))
        report.figure(each)
    about, rows, _ = store.read()
    store.write(about, rows)
    if json.dumps(store.read()) != json.dumps((about, rows, [])):
        raise Wrong("written again, the rows are other ones")
