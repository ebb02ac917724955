"""The files of a run: result.json, CSV and JUnit for machines, index.html for people, summary.md for pull requests."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from sagemaker_loadtest.api.codec import encode
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.measure.timeline import Row
from sagemaker_loadtest.report.csv import render_series, render_summary
from sagemaker_loadtest.report.html import render_html
from sagemaker_loadtest.report.junit import render_junit
from sagemaker_loadtest.report.markdown import render_markdown

RESULT = "result.json"
PAGE = "index.html"
SUMMARY = "summary.md"
JUNIT = "junit.xml"
SUMMARY_CSV = "summary.csv"
SERIES_CSV = "series.csv"


def render_result(result: Result) -> str:
    """result.json."""
    return json.dumps(encode(result), ensure_ascii=False, separators=(",", ":")) + "\n"


def render_reports(result: Result) -> tuple[tuple[str, str], ...]:
    """index.html, summary.md, junit.xml and summary.csv, as name and text: all that follows from the result alone."""
    return (
        (PAGE, render_html(result)),
        (SUMMARY, render_markdown(result)),
        (JUNIT, render_junit(result)),
        (SUMMARY_CSV, render_summary(result)),
    )


def write_reports(result: Result, out: Path) -> tuple[Path, ...]:
    """Those of `render_reports` in the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    return tuple(_replace(out / name, text) for name, text in render_reports(result))


def write_series(rows: Iterable[tuple[int, Row]], out: Path) -> Path:
    """series.csv in the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    return _replace(out / SERIES_CSV, render_series(rows))


def write_result(result: Result, out: Path) -> Path:
    """result.json in the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    return _replace(out / RESULT, render_result(result))


def write_partial(result: Result, out: Path) -> tuple[Path, ...]:
    """result.json, summary.md and index.html of a run that goes on. The last ones stay when it is killed.

    Raises OSError.
    """
    return (
        write_result(result, out),
        _replace(out / SUMMARY, render_markdown(result)),
        _replace(out / PAGE, render_html(result)),
    )


def _replace(path: Path, text: str) -> Path:
    """Beside and renamed: a reader never sees half a file."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path
