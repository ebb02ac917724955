"""Thresholds against what was measured."""

from dataclasses import dataclass

from sagemaker_loadtest.api.measurement import Measurement
from sagemaker_loadtest.api.spec import Threshold
from sagemaker_loadtest.api.thresholds import holds, label
from sagemaker_loadtest.api.units import percent
from sagemaker_loadtest.measure.histogram import TAIL_SAMPLES, Histogram
from sagemaker_loadtest.measure.tally import Tally


@dataclass(frozen=True, slots=True)
class Measure:
    """One threshold with its measurement, in the threshold's unit. `note` says why there is none; `needed` is the
    number of answers that it would have taken, when only their number was the reason. `remark`: what else the
    measurement holds.
    """

    threshold: Threshold
    measured: float | None
    met: bool
    note: str = ""
    needed: int = 0
    remark: str = ""


def measure(threshold: Threshold, tally: Tally, *, workers_lost: bool = False) -> Measure:
    """Judges one threshold on everything after the warm-up.

    A failure of which no reply named a variant (time-outs, lost connections, what was never sent) may be of any: it
    counts against each variant that has a threshold, or one that hangs would be called free of errors.
    """
    if threshold.metric == "rate":
        measured, note = _rate(threshold, tally, workers_lost)
    elif threshold.metric == "failed":
        measured, note = _failed(threshold, tally)
    elif threshold.measurement:
        measured, note = _measurement(threshold, tally)
    else:
        measured, note = _latency(threshold, tally)
    short = threshold.metric == "latency" and measured is None and note.endswith(_needs(threshold))
    needed, remark = needed_for(threshold) if short else 0, _remark(threshold, tally)
    return Measure(threshold, measured, holds(threshold, measured), note, needed, remark)


def _remark(threshold: Threshold, tally: Tally) -> str:
    number = unnamed_failures(tally) if threshold.variant else 0
    return f"with {number:,} failure{'s' if number > 1 else ''} that named no variant" if number else ""


def _rate(threshold: Threshold, tally: Tally, workers_lost: bool) -> tuple[float | None, str]:
    if threshold.unit == "/s":
        seconds = tally.measured_until()
        return (tally.total.answered / seconds, "") if seconds else (None, "the run ended in its warm-up")
    offered = tally.offered(workers_lost=workers_lost)
    if not offered:
        return None, "nothing was offered"
    return min(100.0, 100 * tally.total.answered / offered), ""


def _failed(threshold: Threshold, tally: Tally) -> tuple[float | None, str]:
    if not sum(counts_of(tally, threshold.variant)):
        return None, _nothing(threshold.variant)
    answered, failed = most_failed(tally, threshold.variant)
    return 100 * failed / (answered + failed), ""


def _latency(threshold: Threshold, tally: Tally) -> tuple[float | None, str]:
    percentile = threshold.percentile or 100.0
    answered, failed = counts_of(tally, threshold.variant)
    if not answered:
        return None, _nothing(threshold.variant) if not failed else "no request was answered"
    answered, failed = most_failed(tally, threshold.variant)
    if hidden_by_failures(percentile, answered, failed):
        return None, _hidden(threshold, answered, failed)
    return _of(latency_of(tally, threshold.variant), threshold, "answers")


def _measurement(threshold: Threshold, tally: Tally) -> tuple[float | None, str]:
    """Only good answers have one, except connections, of which most requests make none."""
    answered, failed = counts_of(tally, None)
    if threshold.measurement != Measurement.CONNECT and hidden_by_failures(
        threshold.percentile or 100.0, answered, failed
    ):
        return None, _hidden(threshold, answered, failed)
    histogram = tally.total.measurements.get(threshold.measurement or "") or Histogram()
    if not histogram.count:
        return None, f"no {threshold.measurement} was measured"
    return _of(histogram, threshold, "values")


def _hidden(threshold: Threshold, answered: int, failed: int) -> str:
    share = 100 * failed / (answered + failed)
    name = label(threshold).split(",")[0]
    return f"{name} {'may be' if threshold.variant else 'is'} among the {percent(share)} that failed"


def _of(histogram: Histogram, threshold: Threshold, what: str) -> tuple[float | None, str]:
    percentile = threshold.percentile or 100.0
    found = histogram.percentile(percentile, tail=TAIL_SAMPLES)
    if found is None:
        return None, f"{histogram.count:,} {what} are too few for p{percentile:g}{_needs(threshold)}"
    return found, ""


def _needs(threshold: Threshold) -> str:
    return f", which needs {needed_for(threshold):,}"


def needed_for(threshold: Threshold) -> int:
    """Answers without which the threshold's percentile is not told: 10 beyond it; 1 for everything else."""
    if threshold.metric != "latency" or threshold.percentile is None or threshold.percentile >= 100:
        return 1
    return round(TAIL_SAMPLES * 100 / (100 - threshold.percentile))


def _nothing(variant: str | None) -> str:
    return f"no reply named a variant {variant}" if variant else "no request was counted"


def hidden_by_failures(percentile: float, answered: int, failed: int) -> bool:
    """Whether so many requests failed that the percentile of all requests would fall on a failed one; the slowest of
    all, p100, does as soon as one failed.
    """
    return failed > (answered + failed) * (100 - percentile) / 100


def counts_of(tally: Tally, variant: str | None) -> tuple[int, int]:
    """Answered and failed requests, of all or of those of which the reply named the variant."""
    if variant is None:
        return tally.total.latency.count, tally.total.failed
    failures = tally.variant_failures.get(variant)
    return latency_of(tally, variant).count, failures.total() if failures else 0


def unnamed_failures(tally: Tally) -> int:
    """Failed requests of which nothing names the variant."""
    failures = tally.variant_failures.get("")
    return failures.total() if failures else 0


def most_failed(tally: Tally, variant: str | None) -> tuple[int, int]:
    """Answered and failed requests, of all or of one variant; of the latter as many as may have failed."""
    answered, failed = counts_of(tally, variant)
    return answered, failed if variant is None else failed + unnamed_failures(tally)


def latency_of(tally: Tally, variant: str | None) -> Histogram:
    """Latencies after the warm-up, of one variant or of all."""
    return tally.total.latency if variant is None else tally.variants.get(variant) or Histogram()
