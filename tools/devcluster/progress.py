"""Long work shown to people: an object that is told of each step, and one that draws it on a terminal."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO

_QUIET_SECONDS = 30  # without a terminal: one line per step each so many seconds
_BAR_CELLS = 20


class Progress(Protocol):
    """Is told what goes on. Whoever runs long work calls it from one thread."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        """`text` goes on: `done` of `total` units (packages, bytes). Total 0: nothing can be counted. Called often."""

    def finish(self, text: str) -> None:
        """The step that went on has led to `text`."""

    def note(self, text: str) -> None:
        """Something worth a line of its own."""


class Silent:
    """Shows nothing."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        return

    def finish(self, text: str) -> None:
        return

    def note(self, text: str) -> None:
        return


class Terminal:
    """One moving line on a terminal, one line each 30 s elsewhere; a finished step stays, with how long it took.

    With NO_COLOR or TERM=dumb the cursor is never moved. A step's share never goes down and is 100 % only at the end.
    """

    def __init__(
        self,
        stream: TextIO,
        clock: Callable[[], float] = time.monotonic,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._stream, self._clock = stream, clock
        self._moves = stream.isatty() and environ.get("TERM") != "dumb" and "NO_COLOR" not in environ
        self._text, self._share, self._countable = "", 0.0, False
        self._step_started: float | None = None  # the first step since the last finished one
        self._last_line = 0.0

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        now = self._clock()
        if self._step_started is None:
            self._step_started = self._last_line = now
        if text != self._text:
            self._text, self._share = text, 0.0
        self._countable = total > 0
        if total > 0:
            self._share = max(self._share, min(1.0, done / total))
        if self._moves:
            self._redraw(now - self._step_started)
        elif now - self._last_line >= _QUIET_SECONDS:
            self._last_line = now
            self._print(f"  ..   {self._text}{f' {self._percent()}' if self._countable else ''}")

    def finish(self, text: str) -> None:
        took = "" if self._step_started is None else f"  {duration(self._clock() - self._step_started)}"
        self._step_started, self._text = None, ""
        self.note(f"{'✓' if self._moves else '[ok]'} {text}{took}")

    def note(self, text: str) -> None:
        if self._moves:
            self._stream.write("\r\x1b[K")
        self._print(text)

    def _redraw(self, seconds: float) -> None:
        full = int(self._share * _BAR_CELLS)
        bar = f"  {'━' * full}{'╸' if full < _BAR_CELLS else ''}".ljust(_BAR_CELLS + 3) + f"{self._percent():>5}"
        tail = f"{bar if self._countable else ''}  {duration(seconds)}"
        room = shutil.get_terminal_size().columns - 1 - len(tail)
        self._stream.write(f"\r\x1b[K{f'▸ {self._text}'[: max(room, 0)]}{tail}")
        self._stream.flush()

    def _percent(self) -> str:
        return f"{int(self._share * 100)} %"

    def _print(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """As people read it: `4.1 s`, `42 s`, `2m18s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest} s"
