"""The lines that the demo prints, as text. Pure; `screen` writes them."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from demo.split import Share
from devcluster.progress import duration

WIDEST = 100
_TIMES_AT = 92  # where durations end on a wide terminal: not too far from the text they belong to
_BAR_CELLS = 20
_NARROW = 60  # no room for a bar
_SUBSTITUTES = {"≤": "<=", "≥": ">=", "–": "-", "−": "-", "…": "...", "×": "x", "·": "-", "“": '"', "”": '"', "━": "="}


class Sign(Enum):
    """What stands before a line, with its colour: on a terminal, in ASCII, in a log."""

    OK = ("✓", "ok", "[ok]", "32")
    FAIL = ("✗", "FAIL", "[FAIL]", "31")
    WARN = ("!", "!", "[!]", "33")
    GOES = ("▸", ">", "..", "36")
    COMMAND = ("$", "$", "$", "1")
    NONE = ("", "", "", "")


@dataclass(frozen=True, slots=True)
class Style:
    """`log`: no terminal, so signs are words. `ascii`: nothing else can be shown. Colour never stands alone."""

    ascii: bool = False
    log: bool = False
    color: bool = False

    def sign(self, sign: Sign) -> str:
        return sign.value[2 if self.log else 1 if self.ascii else 0]

    @property
    def sign_width(self) -> int:
        return 6 if self.log else 4 if self.ascii else 1

    @property
    def indent(self) -> int:
        """Column of a line's text."""
        return 7 + self.sign_width + 1

    def painted(self, sign: Sign) -> str:
        text = self.sign(sign)
        return f"\x1b[{sign.value[3]}m{text}\x1b[0m" if self.color and text else text

    def plain(self, text: str) -> str:
        """In the characters that can be shown."""
        if not self.ascii:
            return text
        for character, substitute in _SUBSTITUTES.items():
            text = text.replace(character, substitute)
        return text.encode("ascii", "replace").decode()


def offset(seconds: float) -> str:
    """Since the start: `0:07`, `12:30`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def line(style: Style, sign: Sign, text: str, width: int, *, at: float | None = None, took: float | None = None) -> str:
    """A finished line: when it began, sign, text, how long it took. Long text goes on below, in the same column."""
    behind = "" if took is None else duration(took)
    room = min(width, _TIMES_AT)
    parts = textwrap.wrap(
        style.plain(text),
        room - style.indent - (len(behind) + 2 if behind else 0),
        break_on_hyphens=False,
        break_long_words=False,
    ) or [""]
    before = f"{'' if at is None else offset(at):>5}  {style.painted(sign)}{_padding(style, sign)} "
    first = before + parts[0]
    if behind:
        first += " " * (room - style.indent - len(parts[0]) - len(behind)) + behind
    return "\n".join([first.rstrip(), *(" " * style.indent + part for part in parts[1:])])


def command_line(style: Style, text: str, width: int, *, at: float, note: str = "") -> str:
    """`$` and the very command; the note stands behind it where there is room, else below."""
    first = f"{offset(at):>5}  {style.painted(Sign.COMMAND)}{_padding(style, Sign.COMMAND)} {text}"
    room = min(width, WIDEST) - style.indent - len(text)
    note = style.plain(f"({note})") if note else ""
    if not note:
        return first
    return f"{first}   {note}" if len(note) + 3 <= room else f"{first}\n{' ' * style.indent}{note}"


def moving_line(
    style: Style, text: str, width: int, *, at: float | None, took: float, share: float | None = None
) -> str:
    """The step that goes on, in one line, with its bar when it can be counted."""
    width = min(width, WIDEST) - 1
    tail = f"  {duration(took)}"
    if share is not None:
        full = int(share * _BAR_CELLS)
        filled = "━" * full + ("╸" if full < _BAR_CELLS else "")
        bar = "" if style.ascii or width < _NARROW else f"  {filled:<{_BAR_CELLS}}"
        tail = f"{bar}{int(share * 100):>5} %{tail}"
    room = max(0, width - style.indent - len(tail))
    before = f"{'' if at is None else offset(at):>5}  {style.painted(Sign.GOES)}{_padding(style, Sign.GOES)} "
    return f"{before}{style.plain(text)[:room]:<{room if share is not None else 0}}{tail}"


def split_table(style: Style, shares: Sequence[Share]) -> list[str]:
    """Asked and seen, with what chance alone explains; a sign at each row's end."""
    of = f"of {shares[0].of:,} calls" if shares else "calls"
    indent = " " * 7
    names = max([len(share.variant) for share in shares] + [10])
    rows = [f"{indent}{'variant':<{names}}{'asked':>8}{'seen':>8}{of:>16}  {'chance alone (99.9 %)':>21}"]
    for share in shares:
        chance = f"{_percent(share.low, share.of)} to {_percent(share.high, share.of)} %"
        sign = Sign.OK if share.plausible else Sign.FAIL
        rows.append(
            f"{indent}{share.variant:<{names}}{f'{100 * share.weight:.3g} %':>8}"
            f"{f'{_percent(share.calls, share.of)} %':>8}{share.calls:>16,}  {chance:>21}  {style.painted(sign)}"
        )
    return rows


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"


def _padding(style: Style, sign: Sign) -> str:
    return " " * (style.sign_width - len(style.sign(sign)))
