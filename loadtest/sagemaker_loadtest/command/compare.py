"""`sagemaker-loadtest compare`: reads two results, tells what got slower."""

import json
import sys
import textwrap
from pathlib import Path

from sagemaker_loadtest.api.codec import encode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.command.run import read_result
from sagemaker_loadtest.command.screen import style_of
from sagemaker_loadtest.command.terminal import WIDTH, Style
from sagemaker_loadtest.judge.compare import Comparison, compare
from sagemaker_loadtest.judge.comparison import WORDS, cells, headline, interval, method
from sagemaker_loadtest.report.comparison import render_comparison


def compare_files(
    before: Path, after: Path, tolerance: float, form: str, page: Path | None, *, ascii_only: bool
) -> int:
    """Prints the comparison, and writes it to `page` as HTML; returns 0 when nothing got worse, 1 when something did,
    2 when the two cannot be compared.

    Raises ConfigurationError for a file that is no result, and for a page that cannot be written.
    """
    results = (read_result(before), read_result(after))
    found = compare(*results, _names(before, after), tolerance)
    if page:
        try:
            page.write_text(render_comparison(found, *results), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"--html {page}: cannot be written ({error.strerror}). Name a file in a folder that is there"
            ) from error
    if form == "json":
        print(json.dumps(encode(found), ensure_ascii=False, indent=2))
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


def lines(found: Comparison, style: Style) -> list[str]:
    """For a terminal."""
    told = [headline(found)]
    told += [f"  different  {words}" for words in found.differences]
    told += [f"  note       {words}" for words in found.notes]
    if found.rows:
        width = max(12, *(len(row.label) + 2 for row in found.rows))
        told.append(f"  {'':<{width}}{'before':>12}{'after':>12}{'change':>14}{'interval':>24}   reading")
    for row in found.rows:
        sign = f"{style.sign(False)} " if row.worse else ""
        before, after, changed = cells(row)
        numbers = f"{before:>12}{after:>12}{changed:>14}{interval(row):>24}"
        told.append(f"  {row.label:<{width}}{numbers}   {sign}{row.reading}")
    told += [f"  {line}" for words in method(found) for line in textwrap.wrap(words, WIDTH - 4)]
    told.append(f"{style.sign(found.exit_code == 0)} {WORDS[found.exit_code]}. Exit code {found.exit_code}")
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
        told.append(f"| {_cell(row.label)} | {' | '.join((*cells(row), interval(row)))} | {reading} |")
    return [*told, "", *method(found)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
