"""What the watchdog is tested on: its inputs say what they do."""

from __future__ import annotations

import os
import signal
import time
from random import Random

from explorer.images import InputError

from .campaign import Wrong

KINDS = ("accepted", "refused", "wrong", "error", "two sentences", "hang", "memory", "crash")


def corpus() -> list[bytes]:
    return [b"accepted"]


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    return random.choice(KINDS).encode()


def run(data: bytes) -> None:
    match data:
        case b"refused":
            raise InputError("It is refused; send another.")
        case b"wrong":
            raise Wrong("it is not what it says")
        case b"error":
            raise KeyError("leaked")
        case b"two sentences":
            raise InputError("Traceback:\n of a library")
        case b"hang":
            time.sleep(60)
        case b"memory":
            time.sleep(len(bytearray(b"x") * (300 << 20)) / 1e9)
        case b"crash":
            os.kill(os.getpid(), signal.SIGSEGV)
