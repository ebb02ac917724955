"""A table of figures, and the line below it that says whether its goal is met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_FIRST_WIDTH = 30


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and how its figures are written: a format of ``format()``."""

    heading: str
    form: str = ",.0f"

    @property
    def width(self) -> int:
        """Of a figure, the gap before it included."""
        return max(len(self.heading), 9) + 2


@dataclass(frozen=True, slots=True)
class Goal:
    """What is aimed at, and what was seen instead or as well."""

    text: str
    met: bool
    seen: str

    def line(self) -> str:
        """One sentence."""
        return f"Goal: {self.text}. {'Met' if self.met else 'NOT MET'}: {self.seen}."


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of figures beside a column of words, whose heading is ``title``."""

    title: str
    columns: tuple[Column, ...]

    def head(self) -> str:
        """The line above all rows."""
        return f"{self.title:{_FIRST_WIDTH}}" + "".join(f"{each.heading:>{each.width}}" for each in self.columns)

    def row(self, name: str, figures: Sequence[float | None]) -> str:
        """One line; a figure that does not exist is left blank. Raises ValueError for too many or too few figures."""
        shown = (
            f"{'' if figure is None else format(figure, column.form):>{column.width}}"
            for column, figure in zip(self.columns, figures, strict=True)
        )
        return f"{name:{_FIRST_WIDTH}}{''.join(shown)}".rstrip()


def told(name: str, why: str) -> str:
    """The row of something that could not be measured."""
    return f"{name:{_FIRST_WIDTH}}  {why}"
