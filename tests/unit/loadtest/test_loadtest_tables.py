"""CSV and JUnit of a run, its timeline and its stretches."""

import csv
import io
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.loadtest.test_loadtest_report import OPEN, RESULTS, result_of, spec_of, tally_of

from sagemaker_loadtest.api.spec import AsyncResults, Invocation, Load, OpenLoad
from sagemaker_loadtest.measure.blocks import blocks_of
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.timeline import MOST_ROWS
from sagemaker_loadtest.measure.wire import Health, Sample, Second, pack
from sagemaker_loadtest.report.csv import render_series, render_summary
from sagemaker_loadtest.report.junit import render_junit


@pytest.mark.parametrize("name", RESULTS)
def test_junit_counts_what_it_holds(name: str) -> None:
    result = RESULTS[name]
    suite = ET.fromstring(render_junit(result)).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert [c.get("name") for c in cases] == [*(t.text for t in result.thresholds), "verdict"]
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
    assert suite.get("errors") == str(len(suite.findall("testcase/error")))
    code = result.verdict.exit_code
    assert [child.tag for child in cases[-1]] == ([] if code == 0 else ["failure"] if code == 1 else ["error"])
    for case, threshold in zip(cases, result.thresholds, strict=False):
        known = threshold.measured is not None or code in (0, 1)
        assert [child.tag for child in case] == ([] if threshold.met else ["failure"] if known else ["skipped"])


@given(st.text())
def test_junit_is_xml_whatever_the_name(name: str) -> None:
    ET.fromstring(render_junit(result_of(spec_of(OPEN, name), Tally(OPEN))))


@pytest.mark.parametrize("name", RESULTS)
def test_summary_csv(name: str) -> None:
    rows = list(csv.DictReader(io.StringIO(render_summary(RESULTS[name]))))
    told = {(r["name"], r["of"]): r["value"] for r in rows}
    assert len(told) == len(rows)
    assert told["answered", "all"] == str(RESULTS[name].summary.answered)
    p99 = RESULTS[name].summary.latency.p99
    assert told["latency p99", "all"] == ("" if p99 is None else str(p99))


def test_a_text_is_no_formula() -> None:
    text = render_summary(result_of(spec_of(OPEN, "x"), tally_of()))
    assert "\n=" not in text
    assert not any(cell.startswith(("=", "+", "@")) for row in csv.reader(io.StringIO(text)) for cell in row)


def test_series_csv_has_a_row_per_second_that_adds_up() -> None:
    tally = tally_of()
    rows = list(csv.DictReader(io.StringIO(render_series(tally.timeline.settled_rows()))))
    assert [int(r["second"]) for r in rows] == list(range(60))
    assert sum(int(r["answered"]) for r in rows) == 60 * 200
    assert sum(int(r["failed"]) for r in rows) == sum(b.failed for b in tally.bins)
    assert all(float(r["p50_ms"]) <= float(r["p95_ms"]) <= float(r["p99_ms"]) <= float(r["max_ms"]) for r in rows)


@pytest.mark.parametrize(("waits", "told"), [(0.0, 1.0), (200.0, 1.0), (300.0, 3.0)])
def test_late_answers_still_count_in_their_second(waits: float, told: float) -> None:
    load = Load(600.0, timeout_seconds=5.0, open=OpenLoad(1))
    tally = Tally(load, waits)
    soon, late = Histogram({1000: 2}, 1000), Histogram({3000: 4}, 3000)

    def report(at: float, *seconds: Second) -> None:
        tally.add(Sample("worker-1", seconds, Health(at, 1.0, pack(Histogram()), pack(Histogram()), 0, 1)))

    report(1.0, Second(0, 6, 6, 2, {"": pack(soon)}))
    report(290.0)
    report(300.0, Second(0, 0, 0, 4, {"": pack(late)}))
    ((second, row),) = tally.timeline.settled_rows()
    assert (second, row.answered, row.p50) == (0, 6, told)


def test_an_asynchronous_answer_is_waited_for_until_its_result_may_come() -> None:
    test = spec_of(Load(600.0, timeout_seconds=5.0, open=OpenLoad(1)))
    waits = AsyncResults(timeout_seconds=300.0)
    assert test.answer_seconds == 5.0
    assert replace(test, invocation=Invocation("InvokeEndpointAsync", results=waits)).answer_seconds == 305.0


def test_no_run_is_long_enough_to_fill_the_memory() -> None:
    week = Load(7 * 86400.0, open=OpenLoad(1))
    timeline = Tally(week).timeline
    assert week.duration_seconds / timeline.row_seconds <= MOST_ROWS
    assert len(timeline.parts) <= 200


def test_stretches_are_of_what_counts() -> None:
    tally = tally_of()
    found = blocks_of(tally)
    assert set(found) == {"all", "champion", "challenger"}
    every = found["all"]
    assert every.seconds == 2
    assert sum(every.answered) == 27 * 400
    assert sum(every.within["p50"]) == pytest.approx(sum(every.answered) / 2, rel=0.01)
    assert sum(every.within["p99"]) == pytest.approx(sum(every.answered) * 0.99, rel=0.002)
    assert [a + b for a, b in zip(found["champion"].answered, found["challenger"].answered, strict=True)] == list(
        every.answered
    )


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=300), st.sampled_from([1.0, 50.0, 90.0, 99.9]))
def test_bucket_of_is_the_bucket_of_the_percentile(values: list[int], percent: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    (bucket,) = histogram.bucket_of([percent])
    assert bucket is not None
    assert histogram.count_until(bucket) >= len(values) * percent / 100 - 1e-9
    assert histogram.count_until(bucket - 1) < len(values) * percent / 100
