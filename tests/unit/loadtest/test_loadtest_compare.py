"""Comparisons: how often equal endpoints are called different, how surely slower ones are found, what is refused."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.loadtest.test_loadtest_report import OPEN, RESULTS, result_of, spec_of, tally_of

from sagemaker_loadtest.blocks import stretches
from sagemaker_loadtest.cli import main
from sagemaker_loadtest.compare import Comparison, compare, ratio, student
from sagemaker_loadtest.histogram import Histogram
from sagemaker_loadtest.report import write_result
from sagemaker_loadtest.result import MeasurementFacts, Result, StageFacts
from sagemaker_loadtest.spec import Stage
from sagemaker_loadtest.timeline import Part
from sagemaker_loadtest.wire import pack

MET = RESULTS["met"]


def simulated(
    rng: random.Random,
    *,
    slower: float = 1.0,
    number: int = 20,
    answers: int = 80,
    wander: float = 0.0,
    fail: float = 0.0,
) -> Result:
    """A run whose latency wanders from stretch to stretch: requests that follow each other are alike."""
    groups = []
    total = Histogram()
    mood = 0.0
    for _ in range(number):
        part = Part()
        mood = 0.7 * mood + rng.gauss(0, wander)
        for _ in range(answers):
            if rng.random() < fail:
                part.failed += 1
            else:
                part.latency.record(int(rng.lognormvariate(3 + mood, 0.5) * 1000 * slower))
        total.merge(part.latency)
        groups.append([{"": part}])
    return replace(MET, blocks={"all": stretches(groups, None, 2)}, histograms={"all": pack(total)})


def alarms(seed: int, pairs: int, *, tolerance: float = 0.0, after: float = 1.0, **about: float) -> float:
    rng = random.Random(seed)
    found = [
        compare(simulated(rng, **about), simulated(rng, slower=after, **about), ("a", "b"), tolerance)  # type: ignore[arg-type]
        for _ in range(pairs)
    ]
    assert all(one.rows for one in found)
    return sum(one.exit_code for one in found) / pairs


@pytest.mark.parametrize("wander", [0.0, 0.03, 0.1])
def test_equal_endpoints_are_rarely_called_slower(wander: float) -> None:
    """With no tolerance at all, and stretches that are like their neighbours (correlation 0.7)."""
    assert alarms(7, 120, wander=wander) <= 0.06


def test_equal_endpoints_with_failures() -> None:
    assert alarms(8, 120, fail=0.01) <= 0.05


@pytest.mark.parametrize("wander", [0.0, 0.03])
def test_slower_endpoints_are_found(wander: float) -> None:
    assert alarms(9, 40, tolerance=5, after=1.3, wander=wander) >= 0.95


def test_faster_is_not_worse() -> None:
    assert alarms(10, 20, after=0.7) == 0


def test_what_is_within_the_tolerance_is_told_and_passes() -> None:
    rng = random.Random(3)
    runs = [simulated(rng, slower=s, answers=900) for s in (1.0, 1.04)]
    found = compare(*runs, ("a", "b"), 8)
    assert found.exit_code == 0
    assert any(row.reading == "about the tolerance" for row in found.rows)


def test_more_failures_are_worse() -> None:
    rng = random.Random(4)
    found = compare(simulated(rng, fail=0.001), simulated(rng, fail=0.03), ("a", "b"), 50)
    assert [row.label for row in found.rows if row.worse] == ["failed"]


@given(seed=st.integers(0, 10_000))
def test_nothing_differs_from_itself(seed: int) -> None:
    run = simulated(random.Random(seed), number=10, answers=40)
    found = compare(run, run, ("a", "a"), 0)
    assert found.exit_code == 0
    assert all(row.change == 0 and row.low <= 0 <= row.high for row in found.rows)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: replace(r, load=replace(r.load, rate=300.0)), "rate: 200 and 300"),
        (lambda r: replace(r, load=replace(r.load, model="closed", rate=None, users=5)), "load model: open and closed"),
        (lambda r: replace(r, payloads=replace(r.payloads, largest_bytes=9)), "largest payload in bytes: 4 and 9"),
        (
            lambda r: replace(r, load=replace(r.load, stages=(StageFacts(60.0, 0.0, 200.0),))),
            "stages: none and 0 to 200 in 1m",
        ),
        (lambda r: replace(r, planned_seconds=90.0), "length in s: 60 and 90"),
        (lambda _: RESULTS["lost"], "the second has no verdict"),
        (lambda r: replace(r, blocks={}), "without stretches"),
    ],
)
def test_different_tests_are_not_compared(change: object, told: str) -> None:
    found = compare(MET, change(MET), ("a", "b"))  # type: ignore[operator]
    assert (found.exit_code, found.rows) == (2, ())
    assert any(told in words for words in found.differences)


def test_a_spike_is_no_ramp() -> None:
    """Peak and length are the same, the load is not."""
    ramp, spike = (
        replace(MET, load=replace(MET.load, stages=stages))
        for stages in ((StageFacts(60.0, 0.0, 200.0),), (StageFacts(50.0, 10.0, 10.0), StageFacts(10.0, 200.0, 200.0)))
    )
    assert compare(ramp, ramp, ("a", "b")).exit_code == 0
    found = compare(ramp, spike, ("a", "b"))
    assert found.exit_code == 2
    assert found.differences == ("stages: 0 to 200 in 1m and 10 in 50s, 200 in 10s",)


def test_stages_stand_in_the_result() -> None:
    stages = (Stage(6.0, 0.0, 100.0), Stage(6.0, 100.0, 100.0))
    load = replace(OPEN, duration_seconds=12.0, warm_up_seconds=2.0, stages=stages)
    assert result_of(spec_of(load), tally_of(load)).load.stages == (
        StageFacts(6.0, 0.0, 100.0),
        StageFacts(6.0, 100.0, 100.0),
    )


def test_times_that_are_not_compared_are_told() -> None:
    chunks = MeasurementFacts("first chunk", 10, MET.summary.latency, MET.histograms["all"])
    streamed = replace(MET, exchange=replace(MET.exchange, measurements=(chunks,)))
    assert "first chunk: not compared; each report has its percentiles" in compare(streamed, MET, ("a", "b")).notes
    assert not any("not compared" in note for note in compare(MET, MET, ("a", "b")).notes)


def test_runs_that_are_too_short() -> None:
    rng = random.Random(1)
    found = compare(simulated(rng, number=4), simulated(rng, number=4), ("a", "b"))
    assert found.exit_code == 2
    assert "too short" in found.differences[0]


def test_variants_are_compared_where_both_have_them() -> None:
    found: Comparison = compare(
        MET, result_of(spec_of(OPEN, "met", "p99 <= 500ms"), tally_of(failures=False)), ("a", "b")
    )
    assert {row.label for row in found.rows} >= {"p50, all", "p99, all", "p50, challenger", "failed"}
    assert any("p99, challenger: too few answers" in note for note in found.notes) or any(
        row.label == "p99, challenger" for row in found.rows
    )


@pytest.mark.parametrize(("freedom", "t"), [(7, 2.365), (10, 2.228), (29, 2.045), (1000, 1.962)])
def test_student(freedom: int, t: float) -> None:
    assert student(0.05, freedom) == pytest.approx(t, rel=0.01)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(50, 100)), min_size=2, max_size=40))
def test_ratio_is_a_share(pairs: list[tuple[int, int]]) -> None:
    share, error = ratio([a for a, _ in pairs], [b for _, b in pairs])
    assert 0 <= share <= 1
    assert error >= 0


@pytest.mark.parametrize(("form", "told"), [("text", "NOTHING WORSE"), ("markdown", "**✓ "), ("json", '"exitCode": 0')])
def test_command(form: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (write_result(MET, tmp_path / name) for name in ("a", "b"))
    assert main(["compare", str(a), str(b), "--format", form]) == 0
    out = capsys.readouterr().out
    assert told in out
    if form == "json":
        document = json.loads(out)
        assert {row["reading"] for row in document["rows"]} == {"no difference seen"}
    elif form == "text":
        assert all(len(line) <= 120 for line in out.splitlines())
        assert "b/result.json against a/result.json" in out


def test_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write_result(MET, tmp_path / "a"), write_result(RESULTS["closed"], tmp_path / "b")
    assert main(["compare", str(a), str(b)]) == 2
    assert "NOT COMPARABLE" in capsys.readouterr().out
    assert main(["compare", str(a), str(tmp_path / "none.json")]) == 2
    assert "This cannot be done" in capsys.readouterr().err
