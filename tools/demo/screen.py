"""What people see while the demo runs: finished lines that stay, and on a terminal one that moves."""

import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from demo import lines
from demo.lines import Sign, Style

log = logging.getLogger("demo")

_REDRAW_SECONDS = 0.2
_BEAT_SECONDS = 30.0
_BEATS = 20
"""With no terminal there is a line each 30 s, at most so many; then one each five minutes: a log stays short."""
_SLOW_BEAT_SECONDS = 300.0
_COLORS = re.compile(r"\x1b\[\d*m")


@dataclass(slots=True)
class _Step:
    """What goes on. `at` is None below a command, which has the time already."""

    text: str
    began: float
    at: float | None
    share: float | None = None


class Screen:
    """One step goes on at a time. `moves` says whether the cursor may be moved; times are seconds since the start."""

    def __init__(
        self, stream: TextIO, style: Style, *, moves: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.style = style
        self._stream, self._moves, self._clock = stream, moves, clock
        self._start = self._last_line = clock()
        self._step: _Step | None = None
        self._drawn, self._beats = False, 0
        self._lock, self._closing = threading.RLock(), threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="screen", daemon=True)
        self._ticker.start()

    @classmethod
    def on(cls, stream: TextIO, *, ascii_only: bool, environ: Mapping[str, str] = os.environ) -> "Screen":
        """By the house rules: NO_COLOR, TERM=dumb and no terminal mean no colour and no movement."""
        terminal = stream.isatty()
        moves = terminal and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"
        unicode = (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")
        return cls(stream, Style(ascii=ascii_only or not unicode, log=not terminal, color=moves), moves=moves)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self._clock() - self._start

    @property
    def width(self) -> int:
        """Columns that may be used."""
        return min(lines.WIDEST, shutil.get_terminal_size().columns) if self._stream.isatty() else lines.WIDEST

    def close(self) -> None:
        """Nothing moves any more."""
        self._closing.set()
        self._ticker.join()
        with self._lock:
            self._erase()

    def say(self, *texts: str) -> None:
        """Lines as they are."""
        with self._lock:
            self._erase()
            for text in texts:
                self._write(f"{text}\n")
                log.info("%s", _COLORS.sub("", text))
            self._last_line = self._clock()

    def below(self, texts: Iterable[str]) -> None:
        """Lines that belong to the step above."""
        self.say(*(f"{' ' * 7}{self.style.plain(text)}" for text in texts))

    def command(self, text: str, note: str = "") -> None:
        """A command that is run now; the steps that follow it are `under` it."""
        self.say(lines.command_line(self.style, text, self.width, at=self.seconds, note=note))

    def step(self, text: str, *, began: float | None = None, under: bool = False) -> None:
        """`text` goes on, since `began` if that was earlier."""
        began = self.seconds if began is None else began
        with self._lock:
            self._step = _Step(text, began, None if under else began)
            self._draw()

    def progress(self, text: str, share: float | None = None) -> None:
        """The step that goes on has another text, or is so far."""
        with self._lock:
            if self._step:
                self._step.text, self._step.share = text, share

    def done(self, text: str, *, sign: Sign = Sign.OK, took: float | None = None) -> None:
        """The step has led to `text`, after `took` seconds if not only now."""
        with self._lock:
            step, self._step = self._step, None
            at = self.seconds if step is None else step.at
            if took is None and step is not None:
                took = self.seconds - step.began
            self.say(lines.line(self.style, sign, text, self.width, at=at, took=took))

    def failed(self, text: str) -> None:
        """The step, if one goes on, has failed."""
        with self._lock:
            if self._step:
                self._step.at = self._step.began
            self.done(text, sign=Sign.FAIL)

    def interrupted(self) -> None:
        """Someone pressed Ctrl-C: the step is forgotten, and the line is left open for what is done about it."""
        text = "Stopping (press again to skip the waiting) …"
        with self._lock:
            self._step = None
            plain = self.style.plain(text)
            self._write(f"\r\x1b[K^C  {plain} " if self._moves else f"{plain}\n")  # the terminal has written ^C itself
            self._drawn = False
            log.info("%s", text)

    def sign(self, sign: Sign) -> str:
        return self.style.painted(sign)

    def _tick(self) -> None:
        while not self._closing.wait(_REDRAW_SECONDS):
            with self._lock:
                self._draw()
                self._beat()

    def _draw(self) -> None:
        if self._moves and self._step:
            step = self._step
            took = self.seconds - step.began
            text = lines.moving_line(self.style, step.text, self.width, at=step.at, took=took, share=step.share)
            self._write(f"\r\x1b[K{text}")
            self._drawn = True

    def _beat(self) -> None:
        pause = _BEAT_SECONDS if self._beats < _BEATS else _SLOW_BEAT_SECONDS
        if self._moves or not self._step or self._clock() - self._last_line < pause:
            return
        self._beats += 1
        share = "" if self._step.share is None else f" {int(100 * self._step.share)} %"
        self.say(lines.line(self.style, Sign.GOES, f"{self._step.text}{share}", self.width, at=self.seconds))

    def _erase(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class ProgramProgress:
    """A devcluster.Progress: how far the programs of Kubernetes are that must be fetched or built first."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._goes = screen, False

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        if not self._goes:
            self._screen.step(text)
            self._goes = True
        self._screen.progress(text, min(1.0, done / total) if total else None)

    def finish(self, text: str) -> None:
        if not self._goes:
            self._screen.step(text)
        self._goes = False
        self._screen.done(text.replace(str(Path.home()), "~"))

    def note(self, text: str) -> None:
        self._screen.say(lines.line(self._screen.style, Sign.NONE, text, self._screen.width, at=self._screen.seconds))
