"""`python -m tests.fuzz TARGET …`: a long run, its figures into a JSON file; see the package."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import campaign

TARGETS = ("bitstreams", "pictures", "rows", "shards", "checkpoints", "states", "messages", "requests")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Mutated inputs under a watchdog.")
    parser.add_argument("target", choices=TARGETS, nargs="+", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--count", type=int, default=2000, help="cases of each target (2000)")
    parser.add_argument("--seed", type=int, default=1, help="of all cases (1)")
    parser.add_argument("--json", type=Path, help="file to add the figures to")
    parser.add_argument("--case", type=int, help="run this case alone, in this process, and show its traceback")
    parser.add_argument("--failures", type=Path, default=Path("runs/fuzz"), help="folder for inputs that failed")
    chosen = parser.parse_args()
    if chosen.case is not None:
        module = campaign.target(chosen.target[0])
        module.run(campaign.case(module, chosen.seed, chosen.case))
        return 0
    has_failed = False
    for name in chosen.target:
        result = campaign.run(name, chosen.count, chosen.seed)
        has_failed |= bool(result.failures)
        figures = _figures(name, result, chosen)
        print(json.dumps({name: figures}, indent=1, ensure_ascii=False))
        if chosen.json:
            known = json.loads(chosen.json.read_text(encoding="utf-8")) if chosen.json.exists() else {}
            text = json.dumps(known | {name: figures}, indent=1, ensure_ascii=False)
            chosen.json.write_text(text + "\n", encoding="utf-8")
    return int(has_failed)


def _figures(name: str, result: campaign.Result, chosen: argparse.Namespace) -> dict[str, object]:
    kept = result.failures[: campaign.MOST_FAILURES]
    return {
        "command": f"python -m tests.fuzz {name} --count {chosen.count} --seed {chosen.seed}",
        "count": result.counts.total(),
        "seconds": round(result.seconds, 1),
        **{each: result.counts[each] for each in campaign.OUTCOMES},
        "slowest_ms": round(result.slowest_ms, 1),
        "slowest_case": result.slowest_case,
        "peak_rss_mb": result.peak_mb,
        "failures": [
            {"case": number, "outcome": kind, "why": why, "input": _kept(name, chosen, number)}
            for number, kind, why in kept
        ],
    }


def _kept(name: str, chosen: argparse.Namespace, number: int) -> str:
    """Write the input of a case into the folder of failures; its path."""
    path = chosen.failures / name / f"{chosen.seed}-{number}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(campaign.case(campaign.target(name), chosen.seed, number))
    return str(path)


if __name__ == "__main__":
    sys.exit(main())
