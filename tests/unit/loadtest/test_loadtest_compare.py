"""Comparisons: how often equal endpoints are called different, how surely slower ones are found, what is refused."""

import json
import math
import random
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.loadtest.test_loadtest_report import OPEN, RESULTS, VOID, result_of, spec_of, tally_of

from sagemaker_loadtest.api.codec import decode, encode
from sagemaker_loadtest.api.spec import Invocation, Stage
from sagemaker_loadtest.command.cli import main
from sagemaker_loadtest.judge.compare import Comparison, compare
from sagemaker_loadtest.judge.comparison import method
from sagemaker_loadtest.judge.interval import rate, ratio, share, student
from sagemaker_loadtest.judge.result import Result, StageFacts
from sagemaker_loadtest.judge.schema import comparison_schema
from sagemaker_loadtest.measure.blocks import stretches
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.timeline import Part
from sagemaker_loadtest.measure.wire import Health, Sample, Second, pack
from sagemaker_loadtest.report import write_result
from sagemaker_loadtest.report.comparison import render_comparison

MET = RESULTS["met"]
STREAM = Invocation("InvokeEndpointWithResponseStream")
SCHEMA = Path(__file__).parents[3] / "docs/schemas/loadtest-comparison-v1.schema.json"


class Page(HTMLParser):
    """Elements that are still open, and the colour of the verdict."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.color = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name in (dict(attrs).get("class") or "").split():
            if name.startswith("v-"):
                self.color = name.removeprefix("v-")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


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


def streamed(seed: int, *, first: float = 1.0, throttled: float = 0.0, answered: int = 100) -> Result:
    """A run of streams: `first` times the usual time to the first chunk, a share of the calls throttled."""
    rng, tally = random.Random(seed), Tally(OPEN)
    quiet = pack(Histogram({100: 50}, 120))
    for second in range(int(OPEN.duration_seconds)):
        whole, chunk, gap = Histogram(), Histogram(), Histogram()
        lost = sum(rng.random() < throttled for _ in range(answered))
        for _ in range(answered - lost):
            whole.record(int(rng.lognormvariate(3, 0.2) * 1000))
            chunk.record(int(rng.lognormvariate(1, 0.2) * 1000 * first))
            gap.record(0 if rng.random() < 0.6 else int(rng.lognormvariate(0, 0.2) * 1000))
        times = {"first chunk": pack(chunk), "between chunks": pack(gap), "connect": pack(quiet_connect())}
        failures = {"": {"throttled": lost}} if lost else {}
        good = answered - lost
        told = Second(second, answered, answered, good, {"": pack(whole)}, failures=failures, measurements=times)
        tally.add(Sample("worker-1", (told,), Health(second + 1.0, 9.0, quiet, quiet, 4, 1)))
    test = replace(spec_of(OPEN, "streamed", "p99 <= 500ms"), invocation=STREAM)
    return result_of(test, tally)


def quiet_connect() -> Histogram:
    return Histogram({500: 1}, 500)


STREAMED = streamed(1)


def test_a_later_first_chunk_is_found_though_the_whole_is_as_fast() -> None:
    found = compare(STREAMED, streamed(2, first=1.5), ("a", "b"))
    assert found.exit_code == 1
    assert {(row.measure, row.reading) for row in found.rows if row.worse} == {("first chunk", "slower")}
    assert {row.measure for row in found.rows} == {"latency", "first chunk", "between chunks", "failed", "rate"}
    median = next(row for row in found.rows if row.label == "p50 first chunk")
    assert median.change == pytest.approx(50, abs=5)
    assert median.low < 50 < median.high


def test_chunks_that_come_in_one_piece_have_no_time_between_them() -> None:
    rows = compare(STREAMED, streamed(3), ("a", "b")).rows
    (gap,) = (row for row in rows if row.label == "p50 between chunks")
    assert (gap.change, gap.reading) == (0, "no difference seen")


def test_a_class_of_errors_that_grew_is_named() -> None:
    found = compare(STREAMED, streamed(4, throttled=0.03), ("a", "b"), 20)
    assert [row.label for row in found.rows if row.worse] == ["failed", "failed, throttled"]
    (row,) = (row for row in found.rows if row.of == "throttled")
    assert (row.before, row.reading) == (0, "more")
    assert row.low > 0


def test_a_rate_that_fell_is_worse_and_one_that_rose_is_not() -> None:
    slow = streamed(5, answered=80)
    found = compare(STREAMED, slow, ("a", "b"))
    assert [(row.label, row.reading) for row in found.rows if row.worse] == [("rate achieved", "lower")]
    back = compare(slow, STREAMED, ("a", "b"))
    assert (back.exit_code, back.rows[-1].reading) == (0, "higher")
    assert back.rows[-1].change == pytest.approx(25, abs=0.1)


def test_what_one_of_the_two_did_not_measure_is_told() -> None:
    bare = replace(STREAMED, exchange=replace(STREAMED.exchange, measurements=()))
    notes = compare(STREAMED, bare, ("a", "b")).notes
    assert "first chunk is in one of the two only" in notes
    assert not any("connect" in note for note in notes)
    older = tuple(replace(m, blocks=None) for m in STREAMED.exchange.measurements)
    old = replace(STREAMED, exchange=replace(STREAMED.exchange, measurements=older))
    assert any("first chunk: not compared" in note for note in compare(old, STREAMED, ("a", "b")).notes)


def test_an_asynchronous_latency_is_until_the_result() -> None:
    late = replace(MET, exchange=replace(MET.exchange, operation="InvokeEndpointAsync"))
    assert compare(late, late, ("a", "b")).rows[0].label == "p50 to the result, all"


def test_the_stretches_of_a_time_are_those_of_its_whole() -> None:
    """As many stretches as the latency has, and half of the measured times within the median."""
    for measured in STREAMED.exchange.measurements:
        assert measured.blocks is not None
        assert len(measured.blocks.answered) == len(STREAMED.blocks["all"].answered)
        assert sum(measured.blocks.answered) <= measured.count
        share = sum(measured.blocks.within["p95"]) / sum(measured.blocks.answered)
        assert share >= 0.95 - 1e-9


@given(st.lists(st.floats(1, 1000), min_size=8, max_size=40), st.floats(0.1, 10))
def test_the_interval_of_a_rate_scales_with_it(values: list[float], factor: float) -> None:
    one, other = rate(values, 0.05), rate([value * factor for value in values], 0.05)
    assert one.low <= one.value <= one.high
    assert other.value == pytest.approx(one.value * factor)
    assert other.high == pytest.approx(one.high * factor)


@pytest.mark.parametrize("alike", [0.0, 0.5])
def test_intervals_hold_the_truth_as_often_as_they_say(alike: float) -> None:
    """Rates of 30 stretches around 100/s and a share of failures around 1 %, each stretch like the one before."""
    rng = random.Random(11)
    rates, shares = 0, 0
    for _ in range(1500):
        mood, values, failed = 0.0, [], []
        for _ in range(30):
            mood = alike * mood + rng.gauss(0, math.sqrt(1 - alike * alike))
            values.append(100 + 5 * mood)
            failed.append(round(max(0.0, 10 + 3 * mood + rng.gauss(0, 3))))
        rates += rate(values, 0.05).low <= 100 <= rate(values, 0.05).high
        found = share(failed, [1000] * 30, 0.05)
        shares += found.low <= 1 <= found.high
    assert rates / 1500 >= 0.93
    assert shares / 1500 >= (0.95 if alike == 0 else 0.88)


def found_at(rate: float | None, over: float | None) -> Result:
    search = RESULTS["found"].search
    assert search is not None
    return replace(RESULTS["found"], search=replace(search, rate=rate, over=over))


@pytest.mark.parametrize(
    ("before", "after", "reading", "code"),
    [
        ((480, 502), (480, 502), "no difference seen", 0),
        ((480, 502), (400, 420), "lower", 1),
        ((480, 502), (460, 480), "no difference seen", 0),
        ((480, 502), (600, 630), "higher", 0),
        ((480, None), (400, 420), "lower", 1),
        ((480, None), (600, 630), "no difference seen", 0),
        ((480, 502), (400, None), "no difference seen", 0),
    ],
)
def test_two_searches(
    before: tuple[float, float | None], after: tuple[float, float | None], reading: str, code: int
) -> None:
    """Only what holds for every limit between held and over is called a difference."""
    found = compare(found_at(*before), found_at(*after), ("a", "b"))
    assert [(row.label, row.reading) for row in found.rows] == [("highest rate", reading)]
    assert found.exit_code == code
    assert any("between the rate that held" in words for words in method(found))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (found_at(480, 502), MET, "the first is a search, the second a run"),
        (found_at(480, 502), found_at(None, 10), "the second found no rate that held"),
        (replace(MET, partial=True), MET, "the first was written while its run went on"),
        (
            found_at(480, 502),
            replace(found_at(480, 502), thresholds=MET.thresholds + MET.thresholds),
            "thresholds: p99 <= 500ms and p99 <= 500ms, p99 <= 500ms",
        ),
    ],
)
def test_results_of_another_kind_are_refused(before: Result, after: Result, told: str) -> None:
    found = compare(before, after, ("a", "b"))
    assert (found.exit_code, found.rows) == (2, ())
    assert any(told in words for words in found.differences), found.differences


def test_another_fleet_and_another_name_are_noted() -> None:
    other = found_at(480, 502)
    assert other.search is not None
    capacity = replace(other.search.capacities[0], instances=4)
    capacities = (capacity, *other.search.capacities[1:])
    other = replace(other, name="another", search=replace(other.search, capacities=capacities))
    notes = compare(found_at(480, 502), other, ("a", "b")).notes
    assert any(note.startswith("test: ") and note.endswith(" and another") for note in notes)
    assert any(note.startswith("instances: 2 × ml.m5.large, ") and " and 4 × ml.m5.large" in note for note in notes)


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


COMPARED = {
    "same": (MET, MET),
    "worse": (STREAMED, streamed(6, first=1.5, throttled=0.03)),
    "searches": (found_at(480, 502), found_at(400, None)),
    "different": (MET, RESULTS["closed"]),
    "nothing": (MET, RESULTS["nothing at all"]),
}


@pytest.mark.parametrize("name", COMPARED)
def test_json_keeps_its_schema(name: str) -> None:
    document = encode(compare(*COMPARED[name], ("a", "b")))
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert document["schemaVersion"] == 1
    assert decode(Comparison, document) == compare(*COMPARED[name], ("a", "b"))


def test_published_schema_is_current() -> None:
    """After adding a member: write `json.dumps(comparison_schema(), indent=2, ensure_ascii=False)` to the file."""
    assert json.loads(SCHEMA.read_text()) == comparison_schema()


@pytest.mark.parametrize("name", COMPARED)
def test_page_is_complete_and_loads_nothing(name: str) -> None:
    before, after = COMPARED[name]
    found = compare(before, after, ("<i>a</i>", "b"))
    page = render_comparison(found, replace(before, name="<script>x</script>"), after)
    checker = Page()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert "<script" not in page
    assert "<i>a" not in page
    assert not re.search(r"(?:src|href)=|@import|url\((?!#)", page)
    assert {"good": "Nothing worse", "bad": "Worse"}.get(checker.color, "Not comparable") in page
    for row in found.rows:
        assert f'<th scope="row">{row.label}</th>' in page
    for words in found.differences:
        assert words[1:] in page


def test_page_shows_both_runs_in_one_chart() -> None:
    before, after = COMPARED["worse"]
    page = render_comparison(compare(before, after, ("a", "b")), before, after)
    assert {"p50 before", "p50 after", "p99 before", "p99 after"} <= set(re.findall(r"</svg>([^<]+)</li>", page))
    (lat,) = re.findall(r'<svg class="wide"[^>]*data-kind="lat".*?</svg>', page, re.DOTALL)
    assert len(re.findall(r'stroke-dasharray="6 4"', lat)) == 2
    (dist,) = re.findall(r'<svg class="wide"[^>]*data-kind="dist".*?</svg>', page, re.DOTALL)
    assert dist.count('stroke-width="2.8"') == dist.count('stroke-width="2"') == 1


def test_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = (write_result(result, tmp_path / name) for name, result in zip("ab", COMPARED["worse"], strict=True))
    page = tmp_path / "compared.html"
    assert main(["compare", str(a), str(b), "--html", str(page), "--format", "markdown"]) == 1
    assert "| p50 first chunk | " in capsys.readouterr().out
    assert "b/result.json against a/result.json" in page.read_text()
    assert main(["compare", str(a), str(b), "--html", str(tmp_path / "none" / "x.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = write_result(MET, tmp_path / "a"), write_result(RESULTS["closed"], tmp_path / "b")
    assert main(["compare", str(a), str(b)]) == 2
    assert "NOT COMPARABLE" in capsys.readouterr().out
    assert main(["compare", str(a), str(tmp_path / "none.json")]) == 2
    assert "This cannot be done" in capsys.readouterr().err
