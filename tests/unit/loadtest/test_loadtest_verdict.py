"""From books to verdict: thresholds, the generator's fitness, precedence of the exit codes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_loadtest.api.spec import ClosedLoad, Endpoint, Load, LoadTest, OpenLoad, Payloads
from sagemaker_loadtest.api.thresholds import margin, parse_threshold
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.judge import generator, gone, measures
from sagemaker_loadtest.judge.build import RunFacts, build_result
from sagemaker_loadtest.judge.generator import Check
from sagemaker_loadtest.judge.measures import Measure
from sagemaker_loadtest.judge.result import ToolFacts
from sagemaker_loadtest.judge.verdict import Loss, against, judge
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Health, Sample, Second, pack
from sagemaker_loadtest.supervise.supervisor import moment

OPEN = Load(12.0, warm_up_seconds=2.0, open=OpenLoad(100))
MET, MISSED = (Measure(parse_threshold("p99 <= 80ms"), v, v <= 80) for v in (40.0, 95.3))
TIRED = Check("CPU", "97 %", "85 %", ok=False, decisive=True, reason="worker-1 ran at 97 %")
LOSS = Loss("worker-2", 3.0, "killed by SIGKILL")


def spec_of(*thresholds: str, load: Load = OPEN) -> LoadTest:
    return LoadTest("t", Endpoint("e", "r"), Payloads(()), load, tuple(parse_threshold(t) for t in thresholds))


def filled(ms: float, number: int) -> Histogram:
    histogram = Histogram()
    for _ in range(number):
        histogram.record(int(ms * 1000))
    return histogram


def health(second: float, cpu: float = 5.0, lag_ms: float = 0.1, behind_ms: float = 0.1) -> Health:
    return Health(second, cpu, pack(filled(lag_ms, 50)), pack(filled(behind_ms, 50)), 0, 1)


def run_of(
    load: Load = OPEN,
    *,
    ms: float = 20.0,
    per_second: int = 100,
    sent: int | None = None,
    failures: Mapping[str, int] | None = None,
    worker: str = "worker-1",
    **about: Any,
) -> Tally:
    """A run in which every second was like every other."""
    tally = Tally(load)
    for i in range(int(load.duration_seconds)):
        failed = sum((failures or {}).values())
        good = (per_second if sent is None else sent) - failed
        second = Second(
            i,
            per_second,
            good + failed,
            good,
            {"main": pack(filled(ms, good))},
            pack(filled(ms, good)),
            {"": dict(failures or {})},
        )
        tally.add(Sample(worker, (second,), health(i + 1.0, **about)))
    return tally


def measured(text: str, tally: Tally, **about: Any) -> Measure:
    return measures.measure(parse_threshold(text), tally, **about)


@pytest.mark.parametrize(
    ("losses", "early", "checks", "judged", "code"),
    [
        ([], None, [], [MET], 0),
        ([], None, [], [], 0),
        ([], None, [], [MET, MISSED], 1),
        ([], None, [TIRED], [MET], 3),
        ([], None, [TIRED], [MISSED], 3),
        ([LOSS], None, [], [MET], 4),
        ([LOSS], None, [TIRED], [MISSED], 4),
        ([], "SIGTERM", [], [MET], 5),
        ([LOSS], "SIGTERM", [TIRED], [MISSED], 5),
    ],
)
def test_precedence(
    losses: list[Loss], early: str | None, checks: list[Check], judged: list[Measure], code: int
) -> None:
    verdict = judge(judged, checks, losses, 2, early)
    assert verdict.exit_code == code
    assert ("No verdict" in verdict.headline) == (code in (3, 4))


@given(
    losses=st.lists(st.just(LOSS), max_size=2),
    early=st.none() | st.just("SIGTERM"),
    checks=st.lists(st.booleans().map(lambda ok: replace(TIRED, ok=ok, decisive=not ok)), max_size=4),
    noted=st.booleans(),
    judged=st.lists(st.sampled_from([MET, MISSED]), max_size=5),
)
def test_precedence_holds_for_every_combination(
    losses: list[Loss], early: str | None, checks: list[Check], noted: bool, judged: list[Measure]
) -> None:
    """5, 4, 3, 1, 0: the first that applies, whatever else does; 2 is told before any of it."""
    applies = {
        5: early is not None,
        4: bool(losses),
        3: any(not c.ok for c in checks),
        1: any(not m.met for m in judged),
        0: True,
    }
    extra = [replace(TIRED, decisive=False)] if noted else []  # a sign that is only noted decides nothing
    verdict = judge(judged, [*checks, *extra], losses, 2, early)
    assert verdict.exit_code == next(code for code, does in applies.items() if does)
    assert {"met": 0, "missed": 1, "generator": 3, "workersLost": 4, "endedEarly": 5}[verdict.word] == verdict.exit_code


@given(
    answered=st.integers(0, 3000),
    failed=st.integers(0, 300),
    percentile=st.sampled_from([50.0, 90.0, 99.0, 99.9]),
    limit=st.sampled_from([10, 30]),
)
def test_a_percentile_is_met_only_when_it_is_known(answered: int, failed: int, percentile: float, limit: int) -> None:
    tally = Tally(Load(10.0, open=OpenLoad(1)))
    tally.total.latency = filled(20, answered)
    tally.total.failures["throttled"] = failed
    m = measured(f"p{percentile:g} <= {limit}ms", tally)
    known = (
        answered * (100 - percentile) / 100 >= 10 - 1e-9 and failed <= (answered + failed) * (100 - percentile) / 100
    )
    assert (m.measured is not None) == known
    assert m.met == (known and limit == 30)
    assert bool(m.needed) == (answered > 0 and not known and "too few" in m.note)


def test_a_run_too_short_is_told_how_long_it_has_to_be() -> None:
    load = Load(12.0, warm_up_seconds=2.0, open=OpenLoad(20))
    tally = run_of(load, per_second=20)
    result = build_result(
        spec_of("p99 <= 80ms", load=load),
        (),
        tally,
        RunFacts("r", "2026-01-01T00:00:00Z", "u", ToolFacts("", "", ""), {}),
    )
    assert result.verdict.exit_code == 1
    assert "p99 needs 1,000 answers" in result.verdict.advice
    assert "Run it for 1m or longer" in result.verdict.advice
    assert "more or larger instances" not in result.verdict.advice


@pytest.mark.parametrize(
    ("thresholds", "failures", "code"),
    [
        (("p90 <= 8ms",), {}, 3),
        (("p90 <= 8ms", "failed <= 1%"), {"model error": 2}, 1),
        (("p90 <= 8ms", "failed <= 1%"), {"time-out": 2}, 3),
        (("p90 <= 8ms", "failed <= 2%"), {"model error": 2}, 3),
        (("p90 of other <= 80ms",), {}, 1),
    ],
)
def test_what_no_delay_of_the_generator_explains_is_missed(
    thresholds: tuple[str, ...], failures: dict[str, int], code: int
) -> None:
    """Errors that came as answers, and a variant that never answered, stand; a latency over its limit may be ours."""
    tally = run_of(behind_ms=30, failures=failures)
    facts = RunFacts("r", "2026-01-01T00:00:00Z", "u", ToolFacts("", "", ""), {})
    assert build_result(spec_of(*thresholds), (), tally, facts).verdict.exit_code == code


def test_reasons_name_the_cause() -> None:
    assert "p99 95.3 ms, limit 80 ms (19 % over)." in judge([MET, MISSED], [], [], 2, None).reasons
    assert "worker-2 was lost at 0:03: killed by SIGKILL." in judge([MET], [], [LOSS], 2, None).reasons
    assert "worker-1 ran at 97 %." in judge([MET], [TIRED], [], 2, None).reasons


def test_only_what_follows_the_warm_up_counts() -> None:
    tally = run_of()
    assert (tally.total.latency.count, tally.requests, tally.offered(workers_lost=False)) == (1000, 1000, 1000)
    assert measured("rate >= 99%", tally).measured == 100
    assert measured("rate >= 100/s", tally).met
    assert not measured("rate > 100/s", tally).met


def test_percentiles_over_all_and_per_variant() -> None:
    tally = run_of(ms=20)
    assert measured("p99 <= 80ms", tally).measured == pytest.approx(20, rel=0.001)
    assert measured("p99 of main < 20ms", tally).met is False
    absent = measured("p99 of other <= 80ms", tally)
    assert (absent.met, absent.measured) == (False, None)
    assert "no reply named a variant other" in absent.note


def test_too_few_requests_are_no_percentile() -> None:
    m = measured("p99 <= 80ms", run_of(Load(5.0, open=OpenLoad(100))))
    assert (m.met, m.measured) == (False, None)
    assert "500 answers are too few for p99, which needs 1,000" in m.note


def test_failures_hide_the_percentiles_they_would_be() -> None:
    tally = run_of(failures={"throttled": 2})
    m = measured("p99 <= 80ms", tally)
    assert (m.met, m.measured) == (False, None)
    assert m.note == "p99 is among the 2.00 % that failed"
    assert measured("p90 <= 80ms", tally).met
    assert measured("failed <= 1%", tally).measured == pytest.approx(2)


def test_what_lost_workers_should_have_sent_was_offered() -> None:
    tally = run_of(per_second=50)
    assert measured("rate >= 99%", tally).met
    assert measured("rate >= 99%", tally, workers_lost=True).measured == pytest.approx(50)


def decisive(test: LoadTest, tally: Tally, *, missed: bool) -> list[str]:
    return [c.name for c in generator.checks(test, tally, workers_lost=0, latency_missed=missed) if c.decisive]


def test_signs_of_a_tired_generator() -> None:
    test = spec_of("p99 <= 80ms")
    assert decisive(test, run_of(), missed=True) == []
    assert decisive(test, run_of(cpu=97), missed=False) == ["Busiest worker, CPU of one core over 5 s"]
    assert decisive(test, run_of(sent=98), missed=False) == ["Sent of what was scheduled"]
    late = run_of(behind_ms=9, lag_ms=30)
    assert (
        decisive(test, late, missed=False) == []
    )  # delays only make latencies look worse, and they were met all the same
    assert decisive(test, late, missed=True) == ["Sent behind schedule, p99", "Event loop late, p99"]
    assert decisive(test, run_of(lag_ms=300), missed=True) == ["Event loop late, p99", "Longest stall of a worker"]


def test_delays_are_judged_by_what_is_measured() -> None:
    assert generator.delay_limit(spec_of("p99 <= 10ms")) == 5
    assert generator.delay_limit(spec_of("p99 <= 400ms", "p50 <= 200ms")) == 20
    assert decisive(spec_of("p99 <= 400ms"), run_of(behind_ms=30), missed=True) == []


def test_dropped_requests_are_not_the_generators_fault() -> None:
    tally = run_of(failures={"dropped": 10})
    tally.total.sent -= 100
    assert decisive(spec_of("failed <= 1%"), tally, missed=True) == []
    assert not measured("failed <= 1%", tally).met


def test_closed_load_has_no_schedule() -> None:
    load = Load(12.0, closed=ClosedLoad(5))
    names = [c.name for c in generator.checks(spec_of(load=load), run_of(load), workers_lost=0, latency_missed=False)]
    assert not any("schedule" in name for name in names)


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("p99 <= 80ms", 95.3, "19 % over"),
        ("p95 <= 65ms", 60.6, "7 % below"),
        ("rate >= 99%", 99.96, "0.96 points above"),
        ("rate >= 100/s", 50, "50 % below"),
        ("failed <= 0.1%", 5.11, "51 times the limit"),
        ("p99 <= 80ms", 870, "11 times the limit"),
        ("p99 <= 80ms", 230, "188 % over"),
        ("failed <= 0%", 0, "at the limit"),
        ("failed <= 0%", 0.1, "over"),
        ("p99 <= 80ms", None, "not measured"),
    ],
)
def test_margins(text: str, value: float | None, told: str) -> None:
    assert margin(parse_threshold(text), value) == told


def test_the_books_of_a_worker() -> None:
    recorder = Recorder()
    first, second, third = (recorder.started(t) for t in (0.5, 0.6, 1.2))
    recorder.sending(0.5, 0.502)
    recorder.finished(first, 0.502, 1.5, Outcome.OK, "main")
    recorder.finished(second, 0.6, 0.7, Outcome.THROTTLED, "main")
    recorder.not_sent(0.9, dropped=True)
    recorder.not_sent(0.95, dropped=False)
    recorder.give_up()
    recorder.finished(third, 1.2, 9.0, Outcome.OK, "main")  # too late, it has been given up
    seconds = {s.second: s for s in recorder.take()}
    assert (seconds[0].offered, seconds[0].sent, seconds[0].answered) == (4, 2, 0)
    assert seconds[0].failures == {"main": {"throttled": 1}, "": {"dropped": 1}}
    assert seconds[0].latency["main"].maximum_us == pytest.approx(1_000_000, abs=1)  # from the intended start
    assert seconds[0].service.maximum_us == pytest.approx(998_000, abs=1)
    assert (seconds[1].answered, seconds[1].failures) == (1, {"": {"unfinished": 1}})
    assert recorder.take() == ()
    assert recorder.take_behind().maximum_us == pytest.approx(2000, abs=1)


def hanging(unnamed: int, named: int = 0) -> Tally:
    """A run of 900 and 100 good answers of two variants in which so many requests named no variant when they failed."""
    tally = Tally(Load(10.0, open=OpenLoad(100)))
    latency = {"champion": pack(filled(20, 900)), "challenger": pack(filled(20, 100))}
    failures = {"": {"time-out": unnamed}, "challenger": {"model error": named}}
    tally.add(Sample("w", (Second(1, 1000, 1000, 1000, latency, pack(Histogram()), failures),), health(10.0)))
    return tally


@pytest.mark.parametrize(
    ("text", "unnamed", "measured_", "told"),
    [
        ("failed of challenger <= 1%", 0, 0, "100 % below"),
        ("failed of challenger <= 1%", 25, 20, "20 times the limit, with 25 failures that named no variant"),
        ("failed of champion <= 5%", 25, 2.7, "46 % below, with 25 failures that named no variant"),
        ("failed of champion <= 5%", 1, 0.111, "98 % below, with 1 failure that named no variant"),
        ("failed <= 5%", 25, 2.44, "51 % below"),
        ("p90 of challenger <= 80ms", 11, 20, "75 % below, with 11 failures that named no variant"),
        (
            "p90 of challenger <= 80ms",
            25,
            None,
            "p90 may be among the 20.0 % that failed, with 25 failures that named no variant",
        ),
        ("p90 <= 80ms", 25, 20, "75 % below"),
        ("p90 of other <= 80ms", 25, None, "no reply named a variant other, with 25 failures that named no variant"),
    ],
)
def test_failures_that_name_no_variant_count_against_each(
    text: str, unnamed: int, measured_: float | None, told: str
) -> None:
    """A variant that hangs names itself in no reply: without them it would be called free of errors."""
    m = measured(text, hanging(unnamed))
    assert m.measured == (None if measured_ is None else pytest.approx(measured_, rel=0.01))
    assert against(m) == told


def test_failures_that_name_no_variant_are_told() -> None:
    facts = RunFacts("r", "2026-01-01T00:00:00Z", "u", ToolFacts("", "", ""), {})
    result = build_result(spec_of("failed of challenger <= 1%"), (), hanging(25, named=3), facts)
    assert "25 of these named no variant and count against each variant that has a threshold." in result.verdict.reasons
    assert (result.summary.failed, result.summary.failed_unnamed) == (28, 25)
    assert {v.name: v.failed for v in result.variants} == {"champion": 0, "challenger": 3}
    assert {v.name: v.latency.p90 for v in result.variants} == {"champion": 20, "challenger": None}
    assert "named no variant" not in str(build_result(spec_of("failed <= 1%"), (), hanging(25), facts).verdict)


def test_the_slowest_of_all_requests_is_one_that_failed() -> None:
    assert measured("max <= 80ms", run_of()).met
    m = measured("max <= 80ms", run_of(failures={"time-out": 1}))
    assert (m.met, m.note) == (False, "max is among the 1.00 % that failed")


@settings(deadline=None)
@given(warm_up=st.floats(0.01, 9.9), rate=st.integers(1, 20))
def test_a_warm_up_that_ends_within_a_second_makes_no_rate_too_strict(warm_up: float, rate: int) -> None:
    load = Load(12.0, warm_up_seconds=warm_up, open=OpenLoad(rate))
    tally = run_of(load, per_second=rate)
    assert measured(f"rate >= {rate}/s", tally).measured == pytest.approx(rate)
    assert measured("rate >= 100%", tally).met
    assert tally.offered(workers_lost=True) == tally.offered(workers_lost=False)


@pytest.mark.parametrize(
    ("leading", "reason", "advice"),
    [
        ("no such endpoint", "ml-fraud does not exist any more in eu-west-1", "Create ml-fraud again"),
        ("not ready", "ml-fraud is not in service any more", "--endpoint-name ml-fraud --region eu-west-1"),
        ("connection refused", "nothing listens at http://127.0.0.1:1 any more", "See whether it still runs"),
    ],
)
def test_an_endpoint_that_went_away_is_told_with_what_to_do(leading: str, reason: str, advice: str) -> None:
    outcomes = {"ok": 0, leading: 9, "not ready" if leading != "not ready" else "no such endpoint": 1}
    told = gone.told(outcomes, Endpoint("ml-fraud", "eu-west-1"), "http://127.0.0.1:1", 65.0)
    assert told[0] == reason
    assert told[1].startswith(f"From 1:05 on every answer was “{leading}”.")
    assert advice in told[1]
    assert judge([], [], [], 2, *told).advice == told[1]
    assert judge([], [], [], 2, told[0]).advice == "Run it again to its end."


@pytest.mark.parametrize(
    ("passed", "told"),
    [(0, "as the load began"), (0.9, "as the load began"), (4.99, "after 4s of 1m30s"), (95, "after 1m30s of 1m30s")],
)
def test_the_moment_of_an_early_end(passed: float, told: str) -> None:
    assert moment(passed, 90.0) == told


@pytest.mark.parametrize(
    ("failures", "threshold", "advice"),
    [
        ({"bad request": 1}, "failed <= 0%", "“bad request” leads: mend the payloads"),
        ({"bad request": 1}, "p99 <= 1ms", "more or larger instances"),
        ({"time-out": 2, "throttled": 1}, "p99 <= 1ms", "“time-out” leads: the endpoint did not answer"),
    ],
)
def test_advice_is_about_what_was_missed(failures: dict[str, int], threshold: str, advice: str) -> None:
    facts = RunFacts("r", "2026-01-01T00:00:00Z", "u", ToolFacts("", "", ""), {})
    load = Load(12.0, warm_up_seconds=2.0, open=OpenLoad(100))
    result = build_result(spec_of(threshold, load=load), (), run_of(load, per_second=200, failures=failures), facts)
    assert advice in result.verdict.advice
