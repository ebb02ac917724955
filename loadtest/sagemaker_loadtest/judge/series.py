"""The part of a result that goes over time: one value per bin."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VariantSeries:
    """One variant over time; one value per bin. The p99 of a bin is shown, never judged."""

    p50: tuple[float | None, ...]
    p99: tuple[float | None, ...]
    answered: tuple[int, ...]
    failed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FitnessSeries:
    """The generator over time; one value per bin: of the worst worker (CPU in percent of a core, delays as p99 in ms),
    or of all workers together (requests in flight, users, workers that reported). null: no worker reported.
    """

    cpu_percent: tuple[float | None, ...] = ()
    loop_late_ms: tuple[float | None, ...] = ()
    behind_ms: tuple[float | None, ...] = ()
    in_flight: tuple[int | None, ...] = ()
    users: tuple[int | None, ...] = ()
    workers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """One value per bin of `bin_seconds`, warm-up included."""

    bin_seconds: int
    p50: tuple[float | None, ...]
    p95: tuple[float | None, ...]
    p99: tuple[float | None, ...]
    offered: tuple[float | None, ...]
    achieved: tuple[float, ...]
    failures: Mapping[str, tuple[int, ...]]
    variants: Mapping[str, VariantSeries] = field(default_factory=dict)
    fitness: FitnessSeries = FitnessSeries()
