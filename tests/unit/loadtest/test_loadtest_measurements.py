"""Times beside the latency: from a worker's books to the result and to thresholds."""

import pytest

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.api.spec import Load, OpenLoad
from sagemaker_loadtest.api.thresholds import label, parse_threshold
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.judge import measures
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Counts, Health, Sample


def tallied(recorder: Recorder, warm_up: float = 0.0) -> Tally:
    tally = Tally(Load(10.0, warm_up, open=OpenLoad(10)))
    tally.add(Sample("worker-1", recorder.take(), Health(10.0, 1.0, Counts(), Counts(), 0, 1), final=True))
    return tally


def filled(number: int) -> Recorder:
    recorder = Recorder()
    for i in range(number):
        recorder.measured(5.0, Measurement.FIRST_CHUNK, 0.1)
        recorder.measured(5.0, Measurement.BETWEEN_CHUNKS, 0.001 * (i + 1))
        recorder.carried(5.0, 200 if i % 2 else 0, sent_bytes=10, received_bytes=20, chunks=3)
    recorder.measured(1.0, Measurement.FIRST_CHUNK, 9.0)
    return recorder


@pytest.mark.parametrize(
    ("text", "measured", "met"),
    [
        ("p90 first chunk <= 100ms", 100.0, True),
        ("p90 first chunk <= 99ms", 100.0, False),
        ("max between chunks <= 0.2s", 200.0, True),
        ("p50 connect <= 5ms", None, False),
        ("p99 between chunks <= 1s", None, False),
    ],
)
def test_thresholds_on_measurements(text: str, measured: float | None, met: bool) -> None:
    found = measures.measure(parse_threshold(text), tallied(filled(200), warm_up=2.0))
    assert found.met is met
    assert found.measured == (None if measured is None else pytest.approx(measured, rel=0.001))
    assert found.note or met or measured


@pytest.mark.parametrize(
    ("failed", "met"),
    [(0, True), (50, True), (51, False), (950, False)],
    ids=["none", "as many as p95 leaves", "more", "half"],
)
@pytest.mark.parametrize("name", ["first chunk", "between chunks", "accepted"])
def test_requests_that_failed_have_no_first_chunk_in_time(name: str, failed: int, met: bool) -> None:
    recorder = Recorder()
    for i in range(950 + failed):
        number = recorder.started(5.0)
        if i >= failed:
            recorder.measured(5.0, Measurement(name), 0.1)
        recorder.finished(number, 5.0, 5.2, Outcome.TIME_OUT if i < failed else Outcome.OK, "")
    found = measures.measure(parse_threshold(f"p95 {name} <= 1s"), tallied(recorder))
    assert (found.met, found.measured is None) == (met, not met)
    assert met or found.note.startswith("p95 is among the ")


def test_what_went_over_the_wire_adds_up() -> None:
    total, statuses = tallied(filled(20)).total, tallied(filled(20)).statuses
    assert (total.sent_bytes, total.received_bytes, total.chunks, statuses) == (200, 400, 60, {"200": 10})


def test_labels() -> None:
    assert label(parse_threshold("p95 first chunk <= 1s")) == "p95, first chunk"


@pytest.mark.parametrize(
    "text", ["failed first chunk <= 1%", "rate first chunk >= 1/s", "p99 first chunk of main <= 1s"]
)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match="first chunk has percentiles"):
        parse_threshold(text)
