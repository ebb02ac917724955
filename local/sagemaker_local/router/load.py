"""How busy each part of an endpoint is: what its policies of automatic scaling look at beside the variants' periods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sagemaker_local.router.routes import EndpointKey

if TYPE_CHECKING:
    from sagemaker_local.router.board import Counter, EndpointTarget, VariantTarget
    from sagemaker_local.router.period import Period


class ComponentCounter:
    """Counts the calls of one inference component; all that is known of them besides is its variant's.

    It outlives the component's routes.
    """

    __slots__ = ("calls", "setup_time", "setups", "variant", "without_capacity")

    def __init__(self, variant: Counter) -> None:
        self.variant = variant
        self.calls = self.without_capacity = 0
        self.setups = self.setup_time = 0

    @property
    def period(self) -> Period:
        """The variant's."""
        return self.variant.period

    def answered(self, status: int, microseconds: int) -> None:
        """Count one call, for the variant too."""
        self.calls += 1
        self.variant.answered(status, microseconds)


@dataclass(frozen=True, slots=True)
class Load:
    """``outstanding`` calls are under way now; ``calls`` of a component were answered since it was last asked, and
    ``without_capacity`` refused because no copy takes calls.

    ``component`` is None for a variant with models of its own, which counts its calls in periods.
    """

    key: EndpointKey
    variant_name: str
    component: str | None
    calls: int
    outstanding: int
    without_capacity: int = 0


def measured(targets: Mapping[EndpointKey, EndpointTarget]) -> list[list[Any]]:
    """Of everything that is routed, as JSON values."""
    rows = []
    for key, endpoint in targets.items():
        by_name: dict[str, list[VariantTarget]] = {}
        for each in endpoint.variants if endpoint.components is None else ():
            by_name.setdefault(each.route.name, []).append(each)
        rows += [[*key, name, None, 0, _outstanding(parts), 0] for name, parts in by_name.items()]
        for name, each in (endpoint.components or {}).items():
            calls = refused = 0
            if isinstance(each.counter, ComponentCounter):
                calls, each.counter.calls = each.counter.calls, 0
                refused, each.counter.without_capacity = each.counter.without_capacity, 0
            rows.append([*key, each.route.name, name.decode("latin-1"), calls, _outstanding([each]), refused])
    return rows


def _outstanding(parts: Iterable[VariantTarget]) -> int:
    """Instances may share a process and so a pool."""
    return sum(pool.outstanding for pool in {pool for part in parts for _, pool in part.instances})


def load_of(row: list[Any]) -> Load:
    """A row of ``measured``."""
    account, region, endpoint, *fields = row
    return Load((account, region, endpoint), *fields)
