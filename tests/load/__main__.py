"""`python -m tests.load`: see the package."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from pathlib import Path

from . import Load, prepare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Many users of one server, on loopback.")
    parser.add_argument("--users", type=int, default=40, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=180, help="of work (default: %(default)s)")
    parser.add_argument(
        "--after", type=float, default=75, help="seconds until memory is looked at (default: %(default)s)"
    )
    parser.add_argument("--model", default="mae-hyperprior", help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    chosen = parser.parse_args()
    pictures = prepare(chosen.users, chosen.model)
    command = [sys.executable, "-m", "explorer", "app", "--no-browser", "--port", "0", "--model", chosen.model]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        address = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
        report = asyncio.run(Load(address, server.pid, pictures, chosen.model).run(chosen.seconds, chosen.after))
    finally:
        server.terminate()
        server.wait(20)
    print(report.as_json())
    if chosen.json:
        chosen.json.write_text(report.as_json() + "\n", encoding="utf-8")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
