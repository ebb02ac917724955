"""What moto's CloudWatch has of metrics: values of a period with their distribution, found by metric."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from moto.cloudwatch import models

from sagemaker_local.inner.clock import CLOCK, naive, seconds
from sagemaker_local.metrics.distribution import Distribution, merged, of_values

Key = tuple[str, str, frozenset[tuple[str, str]]]
_MOST_DATA = 200_000

_lock = threading.Lock()
_indexes: WeakKeyDictionary[Any, _Index] = WeakKeyDictionary()


class _Datum(models.MetricAggregatedDatum):
    """Values of one period of a metric."""

    def __init__(self, namespace: str, series: Mapping[str, Any], found: Distribution) -> None:
        super().__init__(
            namespace=namespace,
            name=series["name"],
            min_stat=min(found.counts),
            max_stat=max(found.counts),
            sample_count=float(found.samples),
            sum_stat=found.total,
            dimensions=[{"Name": name, "Value": value} for name, value in series["dimensions"]],
            timestamp=naive(series["timestamp"]),
            unit=series["unit"],
        )
        self.distribution = found


class _Index:
    """A backend's data by metric, kept up with what moto appends."""

    def __init__(self) -> None:
        self._series: dict[Key, list[tuple[float, Any]]] = {}
        self._seen = 0

    def of(self, backend: Any, key: Key) -> list[tuple[float, Any]]:
        data = backend.metric_data
        if len(data) < self._seen:
            self._series, self._seen = {}, 0
        while self._seen < len(data):
            datum = data[self._seen]
            self._seen += 1
            dimensions = frozenset((each.name, each.value) for each in datum.dimensions)
            self._series.setdefault((datum.namespace, datum.name, dimensions), []).append(
                (seconds(datum.timestamp), datum)
            )
        return self._series.get(key, [])


def key_of(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> Key:
    """Of a metric as requests name it."""
    return namespace, name, frozenset((each["Name"], each["Value"]) for each in dimensions)


def _distribution(datum: Any) -> Distribution:
    if isinstance(datum, _Datum):
        return datum.distribution
    if isinstance(datum, models.MetricAggregatedDatum):  # a statistic set has no values: its mean stands for them
        count = max(1, round(datum.sample_count))
        ends = {datum.min: 1, datum.max: 1} if count > 2 else {}
        return Distribution({datum.sum / count: count - len(ends)} | ends, datum.sum)
    return of_values({datum.value: 1})


def periods(backend: Any, key: Key, start: float, end: float, period: int) -> dict[float, Distribution]:
    """What came in each period of a span, by the period's beginning."""
    parts: dict[float, list[Distribution]] = {}
    with _lock:
        found = list(_indexes.setdefault(backend, _Index()).of(backend, key))
    for moment, datum in found:
        if start <= moment < end:
            parts.setdefault(moment // period * period, []).append(_distribution(datum))
    return {moment: merged(each) for moment, each in parts.items()}


def add(backend: Any, namespace: str, series: Mapping[str, Any], found: Distribution) -> None:
    """Values of one period. CloudWatch keeps minutes for fifteen days; here memory is the limit, days of a dozen
    endpoints."""
    backend.metric_data.append(_Datum(namespace, series, found))
    with _lock:
        if len(backend.metric_data) > _MOST_DATA:
            del backend.metric_data[: _MOST_DATA // 2]
            _indexes.pop(backend, None)  # it counts from the beginning


def _same(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return {(each.name, each.value) for each in one} == {(each.name, each.value) for each in other}


def install() -> None:
    """Let moto date by the control plane's clock and take a metric for another only when all dimensions agree."""
    replaced: Any = models
    replaced.utcnow = CLOCK.utc
    replaced.are_dimensions_same = _same
