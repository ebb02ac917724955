"""Which calls are copied: the shadow variant's weight relative to the production variant's."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.router.board import Board
from sagemaker_local.router.routes import EndpointRoute, RouteTable, VariantRoute
from sagemaker_local.router.shadow import sampled, shadow_of
from sagemaker_local.router.tables import changes

POINTS = st.floats(0, 1, exclude_max=True)


@given(st.floats(0.01, 100), POINTS)
def test_as_much_weight_copies_every_call_and_none_copies_none(weight: float, point: float) -> None:
    assert sampled(weight, weight, point)
    assert sampled(weight * 2, weight, point)
    assert not sampled(0.0, weight, point)


@given(st.integers(0, 100))
def test_the_part_that_is_copied_is_the_weights_ratio(percent: int) -> None:
    assert sum(sampled(percent, 100, (each + 0.5) / 1000) for each in range(1000)) == percent * 10


def test_during_an_update_each_fleet_has_the_shadow_of_its_own_configuration() -> None:
    parts = tuple(VariantRoute("live", 1.0, share=0.5, config_name=each) for each in ("old", "new"))
    shadows = tuple(VariantRoute("next", 1.0, share=0.5, config_name=each) for each in ("new",))
    route = EndpointRoute("1", "r", "e", "Updating", parts, shadows=shadows)
    board = Board()
    board.apply(changes(RouteTable(), RouteTable({route.key: route})))
    target = board.targets[route.key]
    old, new = target.variants
    assert shadow_of(target, old) is None
    assert shadow_of(target, new) is target.shadows[0]
    assert target.special
