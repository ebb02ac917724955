"""`sagemaker-loadtest compare`: reads two results, prints what got slower."""

import json
import sys
import textwrap
from pathlib import Path

from sagemaker_loadtest.app import read_result
from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.compare import Comparison, Row, compare
from sagemaker_loadtest.screen import style_of
from sagemaker_loadtest.terminal import WIDTH, Style
from sagemaker_loadtest.units import format_duration, milliseconds, percent, significant

_WORDS = {0: "NOTHING WORSE", 1: "WORSE", 2: "NOT COMPARABLE"}


def compare_files(before: Path, after: Path, tolerance: float, form: str, *, ascii_only: bool) -> int:
    """Prints the comparison; returns 0 when nothing got worse, 1 when something did, 2 when the tests are different.

    Raises ConfigurationError for a file that is no result.
    """
    found = compare(read_result(before), read_result(after), _names(before, after), tolerance)
    if form == "json":
        print(
            json.dumps({"schemaVersion": 1, "exitCode": found.exit_code, **encode(found)}, ensure_ascii=False, indent=2)
        )
    elif form == "markdown":
        print("\n".join(markdown(found)))
    else:
        print("\n".join(lines(found, style_of(sys.stdout, ascii_only=ascii_only))))
    return found.exit_code


def _names(before: Path, after: Path) -> tuple[str, str]:
    """The shortest ends of the two paths that tell them apart."""
    a, b = before.resolve().parts, after.resolve().parts
    number = next((i for i in range(1, min(len(a), len(b)) + 1) if a[-i:] != b[-i:]), 1)
    return "/".join(a[-number:]), "/".join(b[-number:])


def headline(found: Comparison) -> str:
    """`b.json against a.json: WORSE`, and in what."""
    worse = [row.label for row in found.rows if row.worse]
    what = f" in {', '.join(worse)}" if worse else ""
    return f"{found.after} against {found.before}: {_WORDS[found.exit_code]}{what}"


def lines(found: Comparison, style: Style) -> list[str]:
    """For a terminal."""
    told = [headline(found)]
    told += [f"  different  {words}" for words in found.differences]
    told += [f"  note       {words}" for words in found.notes]
    if found.rows:
        width = max(12, *(len(row.label) + 2 for row in found.rows))
        told.append(f"  {'':<{width}}{'before':>12}{'after':>12}{'change':>12}{'interval':>22}   reading")
    for row in found.rows:
        sign = f"{style.sign(False)} " if row.worse else ""
        cells = "".join(f"{cell:>12}" for cell in _cells(row))
        told.append(f"  {row.label:<{width}}{cells}{_interval(row):>22}   {sign}{row.reading}")
    told += [f"  {line}" for words in _method(found) for line in textwrap.wrap(words, WIDTH - 4)]
    told.append(f"{style.sign(found.exit_code == 0)} {_WORDS[found.exit_code]}. Exit code {found.exit_code}")
    return [style.plain(line) for line in told]


def markdown(found: Comparison) -> list[str]:
    """For a pull request."""
    sign = {0: "✓", 1: "✗", 2: "!"}[found.exit_code]
    told = [f"**{sign} {_cell(headline(found))}**", ""]
    told += [f"- different: {_cell(words)}" for words in found.differences]
    told += [f"- note: {_cell(words)}" for words in found.notes]
    if found.rows:
        told += ["", "| | before | after | change | interval | reading |", "|---|---:|---:|---:|---:|---|"]
    for row in found.rows:
        reading = f"**✗ {row.reading}**" if row.worse else row.reading
        told.append(f"| {_cell(row.label)} | {' | '.join((*_cells(row), _interval(row)))} | {reading} |")
    return [*told, "", *_method(found)]


def _method(found: Comparison) -> list[str]:
    if not found.rows:
        return []
    first, second = found.blocks
    number = str(first) if first == second else f"{first} and {second}"
    return [
        f"Intervals hold for all rows together with {found.confidence_percent:g} % confidence, from stretches of "
        f"{format_duration(found.block_seconds)} ({number} a run).",
        f"Worse: by more than {found.tolerance_percent:g} % for sure. One run a side: differences between days are not "
        "in them. “No difference seen” is not “equal”.",
    ]


def _cells(row: Row) -> tuple[str, str, str]:
    return _value(row, row.before), _value(row, row.after), _change(row, row.change)


def _value(row: Row, value: float) -> str:
    return milliseconds(value) if row.unit == "ms" else percent(value)


def _change(row: Row, value: float) -> str:
    sign = "+" if value > 0 else "−" if value < 0 else ""
    unit = "%" if row.unit == "ms" else "points"
    return f"{sign}{significant(abs(value), 2)} {unit}" if abs(value) < 1000 else f"{sign}over 1,000 {unit}"


def _interval(row: Row) -> str:
    low, high = (_change(row, value).rsplit(" ", 1)[0] for value in (row.low, row.high))
    return f"{low} to {high} {'%' if row.unit == 'ms' else 'points'}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
