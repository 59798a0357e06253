"""How far a long computation is, for whoever waits: a bar on a terminal, lines in a log file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TextIO, TypeVar

T = TypeVar("T")

#: Names the file in which a process leaves word of how far it is. Who runs chapters sets it.
VARIABLE = "REGIME_PROGRESS"

_EVERY = 2.0  # seconds from one word to the next
_LINES_EVERY = 20.0  # seconds from one line of a log file to the next

_loops = count(1)


def steps_told(steps: Iterable[T], of: int) -> Iterator[T]:
    """Yield the steps of a training, and leave word of them where somebody asked for it.

    Parameters
    ----------
    steps : iterable
        What each step of the training gives.
    of : int
        How many there are at most.
    """
    place = os.environ.get(VARIABLE)
    if not place:
        yield from steps
        return
    training, told = next(_loops), -_EVERY
    for done, step in enumerate(steps, start=1):
        if (now := time.monotonic()) >= told + _EVERY:
            told = now
            with suppress(OSError):  # a full disk costs the word, not the training
                Path(place).write_text(f"training {training}, step {done:,} of {of:,}", "utf-8")
        yield step


def word_of(place: Path) -> str:
    """Return the word that a process left; empty if it left none."""
    try:
        return place.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@contextmanager
def progress_bar(**options: Any) -> Iterator[Any]:
    """Show a bar on standard error for as long as the block lasts; in a file, lines now and then.

    The options are those of `tqdm`.
    """
    from tqdm import tqdm

    lines = None if sys.stderr.isatty() else Lines(sys.stderr)
    try:
        with tqdm(file=lines or sys.stderr, mininterval=0.5, **options) as bar:
            yield bar
    finally:
        if lines is not None:
            lines.end()


class Lines:
    """A stream that takes a bar drawn over and over, and writes it as lines, seldom."""

    def __init__(self, stream: TextIO, every: float = _LINES_EVERY) -> None:
        self._stream, self._every = stream, every
        self._last, self._waiting = -every, ""
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Take a drawing of the bar; one that is not due waits for the end."""
        if line := text.strip():
            self._waiting = line
            if time.monotonic() >= self._last + self._every:
                self.end()
        return len(text)

    def flush(self) -> None:
        """Do nothing: every line is flushed when it is written."""

    def end(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._stream.write(f"{self._waiting}\n")
            self._stream.flush()
            self._last, self._waiting = time.monotonic(), ""
