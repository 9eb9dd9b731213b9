"""A command as a process: what it prints, in whatever encoding the terminal or the file behind it has, and its end."""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
import unicodedata
from pathlib import Path

PATIENCE_S = 3.0  # with what is left to do after an interrupt

# Signs that do not fall apart into ASCII and marks.
_SPELT = {
    "λ": "lambda",
    "μ": "mu",
    "σ": "sigma",
    "×": "x",
    "÷": "/",
    "⁄": "/",
    "·": ".",
    "–": "-",
    "−": "-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "’": "'",
    "†": "+",
}


def take_any_text() -> None:
    """From now on, print never fails for a sign that stdout or stderr has no code for: it is spelt in ASCII. Nor does
    it where the process was started without one of them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115, until the process ends
    codecs.register_error("spelt", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelt")


def _spelt(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def _ascii(sign: str) -> str:
    parts = unicodedata.normalize("NFKD", sign)  # ŷ is y and a mark, … three dots
    plain = "".join(_SPELT.get(part, part) for part in parts).encode("ascii", "ignore").decode()
    return plain or ("" if unicodedata.combining(sign) else "?")


def end_soon(number: int) -> None:
    """End the process in PATIENCE_S at the latest, as a shell calls the end by signal `number`. Some imports swallow an
    interrupt, and a thread may be busy for longer than anybody wants to wait."""
    last_word = threading.Timer(PATIENCE_S, os._exit, [128 + number])
    last_word.daemon = True
    last_word.start()
