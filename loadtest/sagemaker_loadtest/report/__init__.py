"""The files of a run: result.json for machines, index.html for people, summary.md for pull requests."""

import json
import os
from pathlib import Path

from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.report.html import render_html
from sagemaker_loadtest.report.markdown import render_markdown
from sagemaker_loadtest.result import Result

RESULT = "result.json"
PAGE = "index.html"
SUMMARY = "summary.md"


def write_reports(result: Result, out: Path) -> tuple[Path, Path]:
    """index.html and summary.md in the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    return _replace(out / PAGE, render_html(result)), _replace(out / SUMMARY, render_markdown(result))


def write_result(result: Result, out: Path) -> Path:
    """result.json in the folder `out`. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    return _replace(out / RESULT, json.dumps(encode(result), ensure_ascii=False, separators=(",", ":")) + "\n")


def _replace(path: Path, text: str) -> Path:
    """Beside and renamed: a reader never sees half a file."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path
