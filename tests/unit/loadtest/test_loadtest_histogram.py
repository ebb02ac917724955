"""Three significant digits, exact merging, honest tails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.measure.histogram import Histogram, index_of, value_of
from sagemaker_loadtest.measure.wire import pack, unpack

VALUES = st.integers(0, 10**9)


@given(VALUES)
def test_a_bucket_is_within_a_thousandth(value: int) -> None:
    assert abs(value_of(index_of(value)) - value) <= max(0.5, value * 0.0005)


@given(VALUES, VALUES)
def test_buckets_are_ordered(a: int, b: int) -> None:
    assert (a <= b) <= (index_of(a) <= index_of(b))


@given(st.integers(0, 5000))
def test_every_index_is_its_own_bucket(index: int) -> None:
    assert index_of(round(value_of(index))) == index


@given(st.lists(VALUES, min_size=1), st.sampled_from([0, 1, 50, 90, 95, 99, 99.9, 100]))
def test_percentile_is_that_of_the_sorted_values(values: list[int], percent: float) -> None:
    histogram = filled(values)
    rank = max(1, -(-len(values) * round(percent * 10) // 1000))
    true = sorted(values)[rank - 1]
    found = histogram.percentile(percent)
    assert found is not None
    assert abs(found * 1000 - true) <= max(0.5, true * 0.0005)


@given(st.lists(VALUES), st.lists(VALUES))
def test_merging_is_recording_together(a: list[int], b: list[int]) -> None:
    merged, together = filled(a), filled(a + b)
    merged.merge(unpack(pack(filled(b))))
    assert (merged.buckets, merged.count, merged.maximum, merged.total_us) == (
        together.buckets,
        together.count,
        together.maximum,
        together.total_us,
    )


@pytest.mark.parametrize(
    ("samples", "percent", "told"),
    [(999, 99, False), (1000, 99, True), (9999, 99.9, False), (10_000, 99.9, True), (19, 50, False), (20, 50, True)],
)
def test_a_percentile_needs_ten_samples_beyond_it(samples: int, percent: float, told: bool) -> None:
    assert (filled([5000] * samples).percentile(percent, tail=10) is not None) is told


def test_empty() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().mean is None
    assert Histogram().maximum is None


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram
