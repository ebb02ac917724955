"""The load test's result in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from demo.load_test import outcome

RESULT: dict[str, Any] = {
    "verdict": {"word": "met", "exitCode": 0, "headline": "Met", "reasons": [], "advice": ""},
    "load": {"rate": 200.0},
    "summary": {"rate": 196.4, "rateReachedPercent": 100.0, "failed": 0},
    "thresholds": [
        {"percentile": None, "measured": 0.0, "limit": 0.1},
        {"percentile": 99, "measured": 18.437, "limit": 50},
    ],
}


def written(path: Path, **changes: Any) -> Path:
    (path / "result.json").write_text(json.dumps(RESULT | changes))
    return path / "result.json"


def test_what_was_met_is_told_with_its_limit(tmp_path: Path) -> None:
    found = outcome(written(tmp_path))
    assert found.line == "Met: 200/s held, p99 18.4 ms (limit 50), 0 failed"
    assert found.exit_code == 0


def test_a_rate_that_was_not_reached_is_told_as_it_was(tmp_path: Path) -> None:
    """Poisson arrivals make 196 of 200 by chance; a closed load asks for no rate at all."""
    short = {"rate": 150.2, "rateReachedPercent": 76.0, "failed": 0}
    assert outcome(written(tmp_path, summary=short, thresholds=[])).line == "Met: 150/s held, 0 failed"
    closed = {"rate": 150.2, "rateReachedPercent": None, "failed": 0}
    assert outcome(written(tmp_path, load={"rate": None}, summary=closed, thresholds=[])).line.startswith("Met: 150/s")


def test_what_was_missed_is_told_in_the_verdicts_own_words(tmp_path: Path) -> None:
    verdict = {
        "word": "missed",
        "exitCode": 1,
        "headline": "Missed: p99 95.3 ms, limit 50 ms",
        "reasons": ["p99 was 91 % over."],
        "advice": "Add instances.",
    }
    found = outcome(written(tmp_path, verdict=verdict))
    assert (found.exit_code, found.line) == (1, "Missed: p99 95.3 ms, limit 50 ms")
    assert (found.reasons, found.advice) == (("p99 was 91 % over.",), "Add instances.")


def test_without_a_measured_percentile_none_is_made_up(tmp_path: Path) -> None:
    thresholds = [{"percentile": 99, "measured": None, "limit": 50}]
    assert outcome(written(tmp_path, thresholds=thresholds)).line == "Met: 200/s held, 0 failed"


def test_a_run_without_result_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        outcome(tmp_path / "result.json")
