"""What the load test's result says, in one line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of a run, with its exit code and the sentences that explain it."""

    exit_code: int
    line: str
    reasons: tuple[str, ...]
    advice: str


def outcome(result: Path) -> Outcome:
    """From result.json. Raises FileNotFoundError when the run wrote none."""
    document: dict[str, Any] = json.loads(result.read_text())
    verdict = document["verdict"]
    summary = document["summary"]
    if verdict["word"] == "met":
        line = f"Met: {_rate(document):.0f}/s held, {_p99(document)}{summary['failed']:,} failed"
    else:
        line = str(verdict["headline"])
    return Outcome(verdict["exitCode"], line, tuple(verdict["reasons"]), verdict["advice"])


def _rate(document: dict[str, Any]) -> float:
    """The rate asked for when it was held: what chance makes of it (Poisson arrivals) differs a little in each run."""
    asked, reached = document["load"]["rate"], document["summary"]["rateReachedPercent"]
    return float(asked if asked and reached is not None and reached >= 99 else document["summary"]["rate"])


def _p99(document: dict[str, Any]) -> str:
    for threshold in document["thresholds"]:
        if threshold["percentile"] == 99 and threshold["measured"] is not None:
            return f"p99 {threshold['measured']:.3g} ms (limit {threshold['limit']:g}), "
    return ""
