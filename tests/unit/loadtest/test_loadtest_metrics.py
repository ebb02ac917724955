"""Prometheus metrics: they add up, and lose nothing of what the samples hold."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.wire import Counts, Health, Sample, Second, pack
from sagemaker_loadtest.pods.metrics import Metrics


def histogram(*microseconds: int) -> Counts:
    found = Histogram()
    for value in microseconds:
        found.record(value)
    return pack(found)


def sample(worker: str, *latencies: int, failed: int = 0) -> Sample:
    second = Second(
        0, offered=len(latencies) + failed, sent=len(latencies), latency={"main": histogram(*latencies)},
        failures={"": {"throttled": failed}},
    )  # fmt: skip
    return Sample(worker, (second,), Health(1.0, 50.0, Counts(), Counts(), 3, 2))


def values(metrics: Metrics) -> dict[tuple[str, frozenset[str]], float]:
    families = text_string_to_metric_families(metrics.exposition().decode())  # type: ignore[no-untyped-call]
    return {(s.name, frozenset(s.labels.values())): s.value for family in families for s in family.samples}


def test_two_workers_add_up() -> None:
    metrics = Metrics("r1")
    metrics.observe(sample("a", 900, 4_000, failed=1))
    metrics.observe(sample("b", 90_000_000))
    found = values(metrics)
    name = "sagemaker_loadtest_requests_total"
    assert found[name, frozenset({"a", "main", "ok"})] == 2
    assert found[name, frozenset({"a", "", "throttled"})] == 1
    assert found["sagemaker_loadtest_offered_total", frozenset({"a"})] == 3
    assert found["sagemaker_loadtest_sent_total", frozenset({"a"})] == 2
    bucket = "sagemaker_loadtest_latency_seconds_bucket"
    assert [found[bucket, frozenset({"main", le})] for le in ("0.001", "0.005", "60.0", "+Inf")] == [1, 2, 2, 3]
    assert found["sagemaker_loadtest_cpu_ratio", frozenset({"a"})] == 0.5
    assert found["sagemaker_loadtest_workers", frozenset({"reporting"})] == 2


def test_lost_worker_keeps_its_counts_but_not_its_users() -> None:
    metrics = Metrics("r1")
    metrics.observe(sample("a", 1_000))
    metrics.lost("a")
    found = values(metrics)
    assert found["sagemaker_loadtest_workers", frozenset({"lost"})] == 1
    assert ("sagemaker_loadtest_users", frozenset({"a"})) not in found
    assert found["sagemaker_loadtest_sent_total", frozenset({"a"})] == 1


@given(st.lists(st.integers(0, 200_000_000), min_size=1, max_size=50))
def test_no_latency_is_lost(latencies: list[int]) -> None:
    metrics = Metrics("r1")
    metrics.observe(sample("a", *latencies))
    found = values(metrics)
    assert found["sagemaker_loadtest_latency_seconds_count", frozenset({"main"})] == len(latencies)
    total = found["sagemaker_loadtest_latency_seconds_sum", frozenset({"main"})]
    assert abs(total - sum(latencies) / 1e6) < 1e-3
