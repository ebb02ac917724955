"""The report files: complete, offline, escaped, equal to their schema."""

import itertools
import json
import math
import random
import re
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.api import variants
from sagemaker_loadtest.api.codec import decode, encode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import ClosedLoad, Endpoint, Invocation, Load, LoadTest, OpenLoad, Payloads, Stage
from sagemaker_loadtest.api.thresholds import parse_threshold
from sagemaker_loadtest.api.units import clock, exact, format_duration, parse_duration, percent, significant
from sagemaker_loadtest.command.terminal import Style, live, plain_line, search_summary, summary
from sagemaker_loadtest.exchange.fleet import Fleet, Variant
from sagemaker_loadtest.judge.build import RunFacts, build_result
from sagemaker_loadtest.judge.found import searched, step_of
from sagemaker_loadtest.judge.result import Result, StageFacts, ToolFacts
from sagemaker_loadtest.judge.schema import result_schema
from sagemaker_loadtest.judge.search import Found, Step, Why, next_step
from sagemaker_loadtest.judge.verdict import Loss
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Health, Sample, Second, pack
from sagemaker_loadtest.report import charts, write_reports, write_result
from sagemaker_loadtest.report.html import render_html
from sagemaker_loadtest.report.junit import render_junit
from sagemaker_loadtest.report.markdown import render_markdown
from sagemaker_loadtest.report.svg import nice_above, spread, ticks
from sagemaker_loadtest.testfile.search import searchable
from sagemaker_loadtest.workload.payloads import Payload

SCHEMA = Path(__file__).parents[3] / "docs/schemas/loadtest-result-v1.schema.json"
OPEN = Load(60.0, warm_up_seconds=5.0, ramp_up_seconds=5.0, open=OpenLoad(200, "Poisson"))
PAYLOADS = (Payload(b"1,2", "text/csv", "text/csv", "a"), Payload(b"1,22", "text/csv", None, "b"))
VOID = {"meta", "br", "hr", "img", "input", "link"}


def spec_of(load: Load = OPEN, name: str = "fraud, peak", *thresholds: str) -> LoadTest:
    texts = thresholds or ("p99 <= 80ms", "p95 <= 30ms", "p90 of challenger <= 80ms", "failed <= 0.1%")
    return LoadTest(
        name, Endpoint("ml-fraud", "eu-west-1"), Payloads(()), load, tuple(parse_threshold(t) for t in texts)
    )


def tally_of(load: Load = OPEN, *, failures: bool = True, answered: int = 200) -> Tally:
    rng = random.Random(3)
    tally = Tally(load)
    for i in range(int(load.duration_seconds)):
        latencies = {name: Histogram() for name in ("champion", "challenger")}
        for _ in range(answered):
            latencies["champion" if rng.random() < 0.9 else "challenger"].record(int(rng.lognormvariate(3, 0.5) * 1000))
        failed = {"champion": {"throttled": i % 3, "time-out": i % 2}} if failures else {}
        second = Second(
            i, answered, answered, answered, {k: pack(h) for k, h in latencies.items() if h.count}, failures=failed
        )
        quiet = Histogram({100: 50}, 120)
        tally.add(Sample("worker-1", (second,), Health(i + 1.0, 9.0, pack(quiet), pack(quiet), 4, 1)))
    return tally


def result_of(test: LoadTest, tally: Tally, **about: object) -> Result:
    facts = RunFacts(
        "7f3a91c2",
        "2026-11-12T14:21:00Z",
        "http://127.0.0.1:1",
        ToolFacts("0.1.0", "2.47.0", "3.11.7"),
        {"champion": 90.0, "challenger": 10.0},
        **about,
    )  # type: ignore[arg-type]  # members of RunFacts
    return build_result(test, PAYLOADS, tally, facts)


RESULTS = {
    "missed": result_of(spec_of(), tally_of()),
    "met": result_of(spec_of(OPEN, "met", "p99 <= 500ms"), tally_of(failures=False)),
    "closed": result_of(
        spec_of(Load(20.0, closed=ClosedLoad(5)), "closed", "rate >= 1/s"), tally_of(Load(20.0, closed=ClosedLoad(5)))
    ),
    "lost": result_of(spec_of(), tally_of(), losses=(Loss("worker-2", 12.3, "killed by SIGKILL"),)),
    "early": result_of(spec_of(), tally_of(), ended_early="SIGTERM after 12 of 60 s"),
    "nothing answered": result_of(spec_of(), tally_of(answered=0)),
    "nothing at all": result_of(spec_of(), Tally(OPEN), ended_early="a worker could not be started"),
}


SEARCHED = searchable(spec_of(OPEN, "search", "p99 <= 80ms"))


def search_of(tries: Iterable[tuple[float, Why, float, bool]], aborted: str = "") -> Result:
    """A search whose steps had these rates, reasons, p99 in ms, and were held or not."""
    steps = []
    for rate, why, p99, held in tries:
        made = RESULTS["met"] if held else RESULTS["missed"]
        threshold = replace(RESULTS["met"].thresholds[0], limit=80.0, measured=p99, met=held)
        made = replace(made, thresholds=(threshold,), load=replace(made.load, rate=rate))
        steps.append((step_of(made, rate, why), made))
    decided = next_step(
        replace(SEARCHED.search, start_rate=60, max_steps=len(steps), max_rate=1000),
        [Step(s.rate, s.outcome, s.seconds) for s, _ in steps],
        0,
    )
    assert isinstance(decided, Found)
    fleet = Fleet("InService", (Variant("champion", 2, 2, "ml.m5.large"), Variant("challenger", 1, 1, "ml.m5.large")))
    priced = replace(SEARCHED, search=replace(SEARCHED.search, price_per_hour=0.13, peak_rate=540, base_rate=270))
    return searched(priced, fleet, decided, steps, aborted)


RESULTS |= {
    "found": search_of(
        [
            (60, "grow", 41.2, True),
            (120, "grow", 41.6, True),
            (240, "grow", 43.0, True),
            (480, "grow", 76.6, True),
            (960, "grow", 412.0, False),
            (679, "narrow", 230.1, False),
            (571, "narrow", 120.0, False),
            (524, "narrow", 96.0, False),
            (502, "narrow", 83.1, False),
            (480, "confirm", 78.0, True),
        ]
    ),
    "nothing found": search_of([(60, "grow", 412.0, False), (30, "lower", 312.0, False)]),
    "search aborted": search_of([(60, "grow", 12.0, True)], "the instances of a changed from 2 to 3"),
}


def streamed() -> Result:
    """A run with times beside the latency."""
    tally = tally_of(failures=False)
    chunks = pack(Histogram({200_000: 2000}, 210_000))
    quiet = pack(Histogram())
    second = Second(10, measurements={"connect": chunks, "first chunk": chunks}, chunks=5000)
    tally.add(Sample("worker-1", (second,), Health(60.0, 9.0, quiet, quiet, 4, 1), final=True))
    return result_of(spec_of(OPEN, "streamed", "p99 first chunk <= 300ms", "p50 connect <= 1ms"), tally)


RESULTS["streamed"] = streamed()


def refused(text: str = "400 ValidationError: Invalid content type") -> Result:
    """A run in which five requests were refused with a message and two got no answer."""
    tally = tally_of(failures=False)
    failures = {"champion": {"bad request": 5}, "": {"time-out": 2}}
    second = Second(12, failures=failures, samples={"champion": {"bad request": (text,)}})
    quiet = pack(Histogram())
    tally.add(Sample("worker-2", (second,), Health(60.0, 9.0, quiet, quiet, 4, 1), final=True))
    return result_of(spec_of(OPEN, "refused", "failed <= 0%"), tally)


RESULTS["refused"] = refused()


class Page(HTMLParser):
    """Checks nesting and collects what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {k}={v}" for k, v in attrs if k in ("src", "href", "srcset", "data", "poster", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", RESULTS)
def test_page(name: str) -> None:
    page = render_html(RESULTS[name])
    reader = Page()
    reader.feed(page)
    assert reader.open == []
    assert reader.loads == []
    assert not re.search(r"@import|url\((?!#)", page)
    assert len(page.encode()) < 100_000
    for drawing in re.findall(r"<svg class=\"(?:wide|narrow|half)\".*?</svg>", page, re.DOTALL):
        ET.fromstring(drawing)
        assert "nan" not in drawing
        assert "inf" not in drawing
    data = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert data
    json.loads(data[1])
    assert RESULTS[name].verdict.exit_code in (0, 1, 3, 4, 5)


@pytest.mark.parametrize("name", RESULTS)
def test_result_keeps_its_schema_and_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    path = write_result(RESULTS[name], tmp_path)
    document = json.loads(path.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert decode(Result, document) == RESULTS[name]
    assert encode(decode(Result, document)) == document


def test_published_schema_is_current() -> None:
    """After adding a member: write `json.dumps(result_schema(), indent=2, ensure_ascii=False)` to the file."""
    assert json.loads(SCHEMA.read_text()) == result_schema()


def test_names_are_escaped() -> None:
    evil = "<script>alert(1)</script>|x"
    page = render_html(result_of(spec_of(OPEN, evil), tally_of()))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<script>" not in render_markdown(result_of(spec_of(OPEN, evil), tally_of()))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("missed", "**✗ Load test: Missed: "),
        ("met", "**✓ Load test: Met"),
        ("lost", "**! Load test: No verdict"),
        ("early", "**! Load test: Ended early"),
    ],
)
def test_summary_begins_with_the_verdict(name: str, first: str) -> None:
    text = render_markdown(RESULTS[name])
    assert text.startswith(first)
    widths = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert len(set(widths)) <= 4
    assert text.count("<details>") == text.count("</details>") == 1


def test_variants_and_split() -> None:
    champion, challenger = RESULTS["missed"].variants
    assert (champion.name, champion.asked_percent) == ("champion", 90)
    assert champion.answered + challenger.answered == RESULTS["missed"].summary.answered == 11_000
    assert challenger.chance_low_percent is not None
    assert challenger.chance_low_percent < challenger.seen_percent < (challenger.chance_high_percent or 0)
    assert champion.failed == RESULTS["missed"].summary.failed


STAGES = (Stage(20.0, 30.0, 30.0), Stage(40.0, 30.0, 200.0))


def test_a_load_in_stages_is_not_told_as_one_rate() -> None:
    """Its highest rate is no average, and what was offered is not less than asked for by chance."""
    result = result_of(spec_of(replace(OPEN, ramp_up_seconds=0.0, stages=STAGES)), tally_of())
    assert result.load.stages == (StageFacts(20.0, 30.0, 30.0), StageFacts(40.0, 30.0, 200.0))
    text = "\n".join(summary(result, [], Style()))
    for told in (text, render_html(result), render_markdown(result)):
        assert "up to 200" in told
        assert "on average" not in told.replace("On average", "")
        assert "by chance, here" not in told
    assert "20s at 30, 40s from 30 to 200" in render_html(result)


def test_variants_that_the_replies_cannot_name_or_that_the_test_names_itself() -> None:
    """A split in which nothing was asked of the endpoint's own choice would read as a fault of the endpoint."""
    spec, tally = spec_of(), tally_of()
    for steered in (
        replace(spec, invocation=Invocation(target_variant="champion")),
        replace(spec, locustfile="mine.py"),
        replace(spec, invocation=Invocation(operation="InvokeEndpointAsync")),
    ):
        assert {v.asked_percent for v in result_of(steered, tally).variants} == {None}
    assert result_of(replace(spec, invocation=Invocation(operation="InvokeEndpointAsync")), Tally(OPEN)).variants == ()


def test_a_threshold_of_a_variant_that_is_not_there() -> None:
    spec = spec_of(OPEN, "t", "p99 <= 80ms", "p99 of chalenger <= 80ms")
    with pytest.raises(ConfigurationError, match=r"thresholds\[1\].*does not have. It has challenger, champion"):
        variants.check(spec, {"champion": 90.0, "challenger": 10.0})
    variants.check(spec, {})
    with pytest.raises(ConfigurationError, match="Leave “of chalenger” out"):
        variants.check(replace(spec, invocation=Invocation(operation="InvokeEndpointAsync")), {})


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    write_reports(RESULTS["met"], tmp_path)
    write_reports(RESULTS["missed"], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.html", "junit.xml", "summary.csv", "summary.md"]
    assert "Missed" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("style", [Style(), Style(ascii=True), Style(color=True)])
@pytest.mark.parametrize("name", RESULTS)
def test_terminal(name: str, style: Style) -> None:
    told = search_summary if RESULTS[name].search else summary
    lines = told(RESULTS[name], ["out/index.html"], style)
    plain = [re.sub(r"\x1b\[\d*m", "", line) for line in lines]
    assert all(len(line) <= 120 for line in plain)
    assert plain[0].split("  ")[0] == plain[-1].split("  ")[0]  # the verdict first, and once more last
    assert f"Exit code {RESULTS[name].verdict.exit_code}" in plain[-1]
    assert not style.ascii or "\n".join(lines).isascii()
    assert style.color or lines == plain


def test_progress_lines() -> None:
    lines = live(spec_of(), tally_of(), 2, Style())
    assert len(lines) == 8
    assert all(len(line) <= 100 for line in lines)
    assert "200/s" in lines[3]
    assert "offered=200/s answered=200/s" in plain_line(spec_of(), tally_of())
    assert "answered=" in plain_line(spec_of(), Tally(OPEN))
    assert live(spec_of(), Tally(OPEN), 2, Style(ascii=True))
    test = spec_of(OPEN, "t", "p99 <= 80ms", "failed of champion <= 9%")
    tallies = (tally_of(), tally_of(answered=2), tally_of(answered=2, failures=False))
    assert [live(test, tally, 2, Style())[5] for tally in tallies] == [
        "thresholds   p99 ≤ 80 ms  ✓ 65.8 ms   failed of champion ≤ 9 %  ✓ 0.84 %",
        "thresholds   p99 ≤ 80 ms  ✗ –   failed of champion ≤ 9 %  ✗ 45.7 %",  # it is among those that failed
        "thresholds   p99 ≤ 80 ms  … too early   failed of champion ≤ 9 %  ✓ 0 %",
    ]


@given(st.floats(1e-6, 1e9))
def test_axes_end_above_the_value(value: float) -> None:
    top = nice_above(value, 5)
    assert top >= value * 0.999
    assert len(ticks(top, 5)) <= 12


@given(st.lists(st.floats(0, 100), max_size=8))
def test_labels_do_not_overlap(values: list[float]) -> None:
    placed = sorted(spread(values, 5, 200))
    assert all(b - a >= 5 - 1e-6 for a, b in itertools.pairwise(placed))


@given(st.integers(0, 10**7))
def test_durations_are_read_as_they_are_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.floats(1e-6, 1e6))
def test_three_significant_digits(value: float) -> None:
    shown = float(significant(value).replace(",", ""))
    assert math.isclose(shown, value, rel_tol=0.006)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (99.999, "99.99 %"),
        (100, "100 %"),
        (0.038, "0.038 %"),
        (0, "0 %"),
        (None, "–"),
        (12.34, "12.3 %"),
        (0.0001, "0.0001 %"),
    ],
)
def test_percent_is_never_rounded_to_all_or_nothing(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_clock() -> None:
    assert clock(760) == "12:40"


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("found", 0, "Found: 480/s holds on 2 × ml.m5.large and 1 × ml.m5.large"),
        ("nothing found", 1, "Missed: no rate held; 30/s was still over"),
        ("search aborted", 5, "Ended early: the instances of a changed from 2 to 3"),
    ],
)
def test_verdict_of_a_search(name: str, code: int, told: str) -> None:
    result = RESULTS[name]
    assert (result.verdict.exit_code, result.verdict.headline) == (code, told)
    lines = search_summary(result, [], Style())
    assert any("invocationsPerInstance: 6451" in line for line in lines) == (name == "found")


def test_times_beside_the_latency_are_judged_and_told_everywhere() -> None:
    result = RESULTS["streamed"]
    assert [t.label for t in result.thresholds] == ["p99, first chunk", "p50, connect"]
    assert [m.name for m in result.exchange.measurements] == ["connect", "first chunk"]
    page = render_html(result)
    assert "Times beside the latency" in page
    assert "5,000 chunks came" in page
    assert "| first chunk | 2,000 |" in render_markdown(result)
    assert any(line.startswith("  first chunk") for line in summary(result, [], Style()))
    assert "p99 first chunk" in "\n".join(live(spec_of(OPEN, "s", "p99 first chunk <= 300ms"), tally_of(), 2, Style()))


def test_failed_requests_say_what_they_were_told() -> None:
    result = RESULTS["refused"]
    assert encode(result)["samples"] == {
        "bad request": [{"text": "400 ValidationError: Invalid content type", "variant": "champion", "second": 12}]
    }
    said = "400 ValidationError: Invalid content type"
    lines = summary(result, [], Style())
    assert f"  5 bad request: {said}" in lines
    assert "  2 time-out: no answer within the time-out" in lines  # nobody said anything: what the class means
    assert f"| bad request | 5 | 0.045 % | `{said}` |" in render_markdown(result)
    assert f"5 bad request: {said}" in render_junit(result)
    page = render_html(result)
    assert f'<q>{said}</q> <span class="soft">champion, at 0:12</span>' in page
    assert '<span class="soft">no answer within the time-out</span>' in page
    for told in ("\n".join(lines), render_markdown(result), page):
        assert "2 failed requests named no variant: in no row here" in " ".join(told.split())


def test_what_was_said_is_no_markup() -> None:
    evil = "500: <script>alert(1)</script> `x` | @everyone"
    result = refused(evil)
    assert "<script>alert" not in render_html(result)
    assert "| `500: <script>alert(1)</script> 'x' \\| @everyone` |" in render_markdown(result)
    ET.fromstring(render_junit(result))


def test_numbers_look_alike_everywhere() -> None:
    load = Load(20.0, closed=ClosedLoad(1500))
    closed = result_of(spec_of(load, "n", "p50 <= 12800ms"), tally_of(load))
    load = Load(20.0, open=OpenLoad(1280))
    test = spec_of(load, "n", "rate >= 1280/s", "p50 <= 1280.5ms", "failed <= 12.5%")
    opened = result_of(test, tally_of(load, answered=1280, failures=False))
    texts = [
        "\n".join(told)
        for result in (closed, opened)
        for told in (
            summary(result, [], Style()),
            [render_markdown(result)],
            [re.sub(r"<script.*?</script>|<style.*?</style>|<svg.*?</svg>", "", render_html(result), flags=re.DOTALL)],
            [re.sub('name="[^"]*"', "", render_junit(result))],  # a case has the name that the user wrote
            live(test, tally_of(load, answered=1280), 2, Style()),
        )
    ]
    found = re.findall(r"\d+[\d,.]*(?:/s| ms| users| requests)", "\n".join(texts))
    assert {"1,280/s", "1,280.5 ms", "12,800 ms", "1,500 users", "1,280 requests"} <= set(found)
    assert [number for number in found if re.match(r"\d{4}", number)] == []


@pytest.mark.parametrize(
    ("value", "text"), [(80, "80"), (1280.0, "1,280"), (99.95, "99.95"), (0.000001, "0.000001"), (1e6, "1,000,000")]
)
def test_a_number_is_shown_as_it_was_written(value: float, text: str) -> None:
    assert exact(value) == text


def test_a_limit_far_above_does_not_press_the_lines_flat() -> None:
    near, far = (result_of(spec_of(OPEN, "x", limit), tally_of()) for limit in ("p95 <= 90ms", "p95 <= 2000ms"))
    assert "p95 limit 90 ms" in charts.latency_over_time(near)
    assert "limit" not in charts.latency_over_time(far)
    longest = result_of(spec_of(OPEN, "x", "max <= 200ms"), tally_of())
    assert "limit" not in charts.latency_over_time(longest)  # none of its lines is a maximum


def test_a_threshold_that_was_not_measured_is_not_missed_when_there_is_no_verdict() -> None:
    unknown, missed = RESULTS["nothing at all"], RESULTS["nothing answered"]
    assert {t.measured for t in unknown.thresholds} == {None}
    assert "no threshold could be measured" in unknown.verdict.reasons[0]
    for result, known in ((unknown, False), (missed, True)):
        page, lines = render_html(result), summary(result, [], Style())
        assert ("✗ missed" in page, "not known" in page) == (known, not known)
        assert ('class="tile hot"' in page) == known
        assert any(line.startswith("✗ p99, all") for line in lines) == known
        assert any(line.startswith("– p99, all") for line in lines) != known
        assert ("| ✗ |" in render_markdown(result)) == known


def test_the_page_says_why_there_is_no_verdict_once() -> None:
    for name, word, why in (
        ("lost", "No verdict", "1 of 2 workers lost."),
        ("early", "Ended early", "SIGTERM after 12 of 60 s."),
    ):
        page = render_html(RESULTS[name])
        assert f'<div class="word">{word} <small>' in page
        assert f"<p><b>{why}</b></p>" in page
