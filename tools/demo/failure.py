"""What went wrong, in words: the one exception of the demo, and how it is told."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

_LINES = 6


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The end of the one log that matters."""

    path: Path
    lines: tuple[str, ...]


class DemoError(Exception):
    """`what` happened, in one line; `why`, in sentences; the log that shows it; what to do, ready to copy."""

    def __init__(self, what: str, why: str = "", excerpt: Excerpt | None = None, advice: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what, self.why, self.excerpt, self.advice = what, why, excerpt, advice


def end_of(path: Path, number: int = _LINES) -> Excerpt | None:
    """The last lines of a log that are not blank; None when there are none."""
    if not path.is_file():
        return None
    lines = [line.rstrip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return Excerpt(path, tuple(lines[-number:])) if lines else None


def account(error: DemoError, shown_path: str, width: int) -> list[str]:
    """The lines below the ✗ line. A log line gets three rows at most, and a traceback only its last line."""
    lines = [
        row for paragraph in error.why.splitlines() for row in textwrap.wrap(paragraph, width, break_long_words=False)
    ]
    if error.excerpt:
        lines.append(f"  {shown_path}:")
        for line in _telling(error.excerpt.lines):
            lines += textwrap.wrap(line, width, initial_indent="    ", subsequent_indent="      ", max_lines=3)
    lines += [f"  {advice}" for advice in error.advice]
    return lines


def _telling(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Without the frames of tracebacks, which are in the file; unless nothing else is there."""
    left = tuple(line for line in lines if not line.startswith((" ", "Traceback (")))
    return left or lines
