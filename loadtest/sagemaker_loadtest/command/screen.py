"""Writes progress: redrawn in place on a terminal, finished lines elsewhere."""

import datetime as dt
import os
import shutil
import time
from typing import TextIO

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.command.terminal import WIDTH, Style, live, plain_line
from sagemaker_loadtest.measure.tally import Tally

_PLAIN_INTERVAL_SECONDS = 30.0
_LIVE_INTERVAL_SECONDS = 0.9


def style_of(stream: TextIO, *, ascii_only: bool) -> Style:
    """Colour on a terminal that wants it; ASCII when asked for or when the encoding has nothing else."""
    encoding = (stream.encoding or "ascii").lower()
    color = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Style(ascii=ascii_only or not encoding.startswith("utf"), color=color)


class TerminalScreen:
    """Progress of one test on `stream`."""

    def __init__(self, test: LoadTest, stream: TextIO, style: Style) -> None:
        self._test = test
        self._stream = stream
        self._style = style
        self._redraws = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._drawn = 0
        self._next = 0.0

    def progress(self, tally: Tally, workers: int) -> None:
        now = time.monotonic()
        if now < self._next or (not self._redraws and tally.elapsed < 1):
            return
        if not self._redraws:
            self._next = now + _PLAIN_INTERVAL_SECONDS
            self._write(f"{_utc()} {self._style.plain(plain_line(self._test, tally))}\n")
            return
        self._next = now + _LIVE_INTERVAL_SECONDS
        width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns - 1)
        self.clear()
        lines = live(self._test, tally, workers, self._style, width)
        self._write("\n".join(lines) + "\n")
        self._drawn = len(lines)

    def event(self, second: float, text: str) -> None:
        self.clear()
        moment = f"{int(second) // 60}:{int(second) % 60:02d}"
        prefix = f"{moment:<13}" if self._redraws else f"{_utc()} {moment} event "
        self._write(f"{prefix}{self._style.plain(text)}\n")

    def clear(self) -> None:
        """Takes the live lines away, so that what follows stands in their place."""
        if self._drawn:
            self._write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _utc() -> str:
    return dt.datetime.now(dt.UTC).strftime("%H:%M:%SZ")
