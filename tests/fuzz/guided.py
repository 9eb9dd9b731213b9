"""`python -m tests.fuzz.guided TARGET`: atheris (libFuzzer) keeps the inputs that reach new lines of the project.

Lines of Python are what is counted; the decoders in C are exercised, not measured. Half of the mutations are
libFuzzer's own, half the target's, which know its format. A finding ends the run and lies in --artifacts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["explorer"]):
    from explorer.images import InputError

    from . import bitstreams, checkpoints, pictures, rows, shards, states

TARGETS = {each.__name__.rpartition(".")[2]: each for each in (bitstreams, checkpoints, pictures, rows, shards, states)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided")
    parser.add_argument("target", choices=TARGETS, metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="how long (60)")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer (1)")
    parser.add_argument("--artifacts", type=Path, default=Path("runs/fuzz"), help="folder for an input that fails")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    target = TARGETS[chosen.target]
    valid = target.corpus()
    seeds = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for number, data in enumerate(valid):
        (seeds / f"{number}").write_bytes(data)
    chosen.artifacts.mkdir(parents=True, exist_ok=True)

    def one(data: bytes) -> None:
        with suppress(InputError):
            target.run(data)

    def mutated(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            with suppress(Exception):  # what knows a format may stumble over what is damaged already
                return target.mutated(random, [data] if random.random() < 0.5 else valid)[:longest]
        made = atheris.Mutate(data, longest)
        return bitstreams.sealed(made) if target is bitstreams else made

    options = [f"-max_total_time={chosen.seconds}", f"-seed={chosen.seed}", "-timeout=5", "-rss_limit_mb=3072"]
    longest = max(map(len, valid)) + 1000
    options += [f"-max_len={longest}", f"-artifact_prefix={chosen.artifacts}/{chosen.target}-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(seeds)], one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
