"""Tables sent as changes: applying them always gives the table that was meant."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.router.callers import AccessKey
from sagemaker_local.router.routes import (
    CaptureRoute,
    ComponentRoute,
    ContainersRoute,
    EndpointRoute,
    Instance,
    ModelsRoute,
    RouteTable,
    RoutingStrategy,
    ServerlessRoute,
    VariantRoute,
)
from sagemaker_local.router.tables import apply, changes

INSTANCES = st.builds(
    Instance, st.text("ab", max_size=3), st.just("127.0.0.1"), st.integers(1, 65535), st.sampled_from([(), (1, 2)])
)
VARIANTS = st.builds(
    VariantRoute,
    st.sampled_from(["main", "challenger"]),
    st.floats(0, 100),
    st.lists(INSTANCES, max_size=3).map(tuple),
    st.booleans(),
    st.sampled_from(RoutingStrategy),
    st.floats(0, 1),
    st.sampled_from(["", "config"]),
    st.none() | st.builds(CaptureRoute, st.integers(1, 100), st.booleans(), st.booleans()),
    st.none() | st.builds(ServerlessRoute, st.integers(1, 200)),
    st.none() | st.just("/aws/sagemaker/InferenceComponents/c"),
    st.sampled_from([None, ContainersRoute(("a", "b"), direct=True), ContainersRoute(("a", "b"), direct=False)]),
    st.sampled_from([None, ModelsRoute(cached=True), ModelsRoute(cached=False)]),
)
COMPONENTS = st.builds(ComponentRoute, st.sampled_from(["c", "d"]), VARIANTS)
ROUTES = st.builds(
    EndpointRoute,
    st.sampled_from(["111122223333", "123456789012"]),
    st.just("eu-west-1"),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["Creating", "InService"]),
    st.lists(VARIANTS, max_size=2).map(tuple),
    st.none() | st.lists(COMPONENTS, max_size=2).map(tuple),
    st.booleans(),
    st.sampled_from([(), (VariantRoute("shadow", 1.0),)]),
)
KEYS = st.builds(AccessKey, st.just("123456789012"), st.none() | st.sampled_from([1.0, 2.0]))
TABLES = st.builds(
    lambda routes, access_keys: RouteTable({each.key: each for each in routes}, access_keys),
    st.lists(ROUTES, max_size=5),
    st.dictionaries(st.text("k", max_size=2), KEYS, max_size=2),
)


@given(TABLES, TABLES)
def test_changes_applied_to_the_old_table_give_the_new_one(old: RouteTable, new: RouteTable) -> None:
    assert apply(old, json.loads(json.dumps(changes(old, new)))) == new


@given(TABLES)
def test_nothing_is_sent_for_what_did_not_change(table: RouteTable) -> None:
    assert changes(table, table) == {"set": [], "removed": [], "access_keys": {}}
