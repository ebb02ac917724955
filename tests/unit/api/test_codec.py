"""The JSON of the Kubernetes API to dataclasses and back: nothing is lost, and an error names the field."""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_operator.api.codec import DecodeError, decode, encode, json_name
from sagemaker_operator.api.spec import Container, EndpointSpec, Instances, Variant
from sagemaker_operator.api.status import Condition, Effective, Revisions, Status

WORDS = st.text(min_size=1, max_size=12)
TIMES = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)).map(
    lambda time: time.replace(microsecond=0)
)
LEAVES: dict[Any, st.SearchStrategy[Any]] = {str: WORDS, int: st.integers(), bool: st.booleans(), dt.datetime: TIMES}


def values(kind: Any, *, required: bool = False) -> st.SearchStrategy[Any]:
    """All values of a type of the API; a list that is required has an entry, as the CRD sees to."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return st.none() | values(next(a for a in arguments if a is not types.NoneType))
    if origin is tuple:
        return st.lists(values(arguments[0]), min_size=int(required), max_size=3).map(tuple)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        member = st.text(max_size=12) if arguments[1] is str else values(arguments[1])
        return st.dictionaries(WORDS, member, max_size=3)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        members = {
            f.name: values(hints[f.name], required=f.default is f.default_factory is dataclasses.MISSING)
            for f in dataclasses.fields(kind)
        }
        return st.builds(kind, **members)
    return LEAVES[kind]


@given(values(EndpointSpec))
def test_a_spec_comes_back_as_it_was(spec: EndpointSpec) -> None:
    assert decode(EndpointSpec, encode(spec), "spec") == spec


@given(values(Status))
def test_a_status_comes_back_as_it_was(status: Status) -> None:
    assert decode(Status, encode(status), "status") == status


def test_what_says_nothing_is_left_out() -> None:
    assert encode(Condition("Ready", "True", "InService")) == {
        "type": "Ready",
        "status": "True",
        "reason": "InService",
        "observedGeneration": 0,
    }
    assert encode(Effective(traffic={}, tag_keys=())) == {}


def test_an_empty_value_in_a_map_is_kept_for_it_is_the_users() -> None:
    container = Container(image="r/churn:1", environment={"EMPTY": ""})
    assert encode(container) == {"image": "r/churn:1", "environment": {"EMPTY": ""}}


def test_zero_is_a_value() -> None:
    assert encode(Instances("ml.m5.large", 0)) == {"type": "ml.m5.large", "count": 0}


def test_times_are_utc_to_the_second() -> None:
    summer = dt.timezone(dt.timedelta(hours=2))
    revisions = Revisions(start_time=dt.datetime(2026, 7, 1, 12, 0, 5, 999, tzinfo=summer))
    assert encode(revisions)["startTime"] == "2026-07-01T10:00:05Z"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("execution_role_arn", "executionRoleARN"),
        ("model_data_url", "modelDataURL"),
        ("account_id", "accountID"),
        ("url", "url"),
        ("class_", "class"),
        ("last_transition_time", "lastTransitionTime"),
    ],
)
def test_names_are_written_as_kubernetes_writes_them(name: str, expected: str) -> None:
    assert json_name(name) == expected


def spec(**members: Any) -> dict[str, Any]:
    variant = {"name": "main", "containers": [{"image": "i"}], "instances": {"type": "ml.m5.large", "count": 1}}
    return {"variants": [variant], **members}


def test_unknown_members_are_ignored_at_every_depth() -> None:
    newer = spec(rollout={"canary": {}})
    newer["variants"][0]["serverless"] = {"memorySizeMB": 1024}
    newer["variants"][0]["instances"]["routingStrategy"] = "RANDOM"
    variant = Variant("main", (Container("i"),), Instances("ml.m5.large", 1))
    assert decode(EndpointSpec, newer, "spec") == EndpointSpec((variant,))


def test_null_is_the_same_as_absent() -> None:
    assert decode(EndpointSpec, spec(region=None, tags=None), "spec") == decode(EndpointSpec, spec(), "spec")


def broken(path: str, value: Any) -> dict[str, Any]:
    """A good spec but for one member."""
    data: Any = spec()
    *way, last = path.split("/")
    place = data
    for key in way:
        place = place[int(key)] if key.isdigit() else place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("variants", ..., "spec.variants is missing"),
        ("variants", {}, "spec.variants: {} is not a list"),
        ("variants", ["main"], "spec.variants[0]: 'main' is not an object"),
        ("variants/0/name", ..., "spec.variants[0].name is missing"),
        ("variants/0/name", 7, "spec.variants[0].name: 7 is not a string"),
        ("variants/0/instances/count", "2", "spec.variants[0].instances.count: '2' is not an integer"),
        ("variants/0/instances/count", True, "spec.variants[0].instances.count: True is not an integer"),
        ("variants/0/instances/count", 1.5, "spec.variants[0].instances.count: 1.5 is not an integer"),
        ("variants/0/containers/0/image", [], "spec.variants[0].containers[0].image: [] is not a string"),
        ("variants/0/containers/0/framework", {"name": "xgboost"},
         "spec.variants[0].containers[0].framework.version is missing"),
        ("variants/0/containers/0/environment", {"A": 1},
         "spec.variants[0].containers[0].environment.A: 1 is not a string"),
        ("traffic", {"main": "x"}, "spec.traffic.main: 'x' is not an integer"),
        ("traffic", [], "spec.traffic: [] is not an object"),
        ("deletionPolicy", "Keep", "spec.deletionPolicy: 'Keep' is none of Delete, Retain"),
    ],
)  # fmt: skip
def test_an_error_names_the_field_and_the_value(path: str, value: Any, message: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode(EndpointSpec, broken(path, value), "spec")
    assert str(raised.value) == message


def test_a_time_that_is_none_is_an_error_of_its_field() -> None:
    with pytest.raises(DecodeError, match=r"^status\.revisions\.startTime: 'soon' is not a date and time$"):
        decode(Status, {"revisions": {"startTime": "soon"}}, "status")


def test_an_integer_where_a_fraction_may_stand_is_a_number() -> None:
    @dataclasses.dataclass(frozen=True)
    class Share:
        weight: float | None = None

    assert decode(Share, {"weight": 1}) == Share(1.0)
    with pytest.raises(DecodeError, match=r"^weight: '1' is not a number$"):
        decode(Share, {"weight": "1"})
