"""From the spec to AWS's requests: what is refused, what is in them, and what makes a new fleet."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.api.spec import Container, EndpointSpec, Framework, Instances, Variant
from sagemaker_operator.api.status import Condition, Status
from sagemaker_operator.plan.desired import Defaults, Desired, build_desired, settled_defaults
from sagemaker_operator.plan.hashing import content_hash
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.plan.problems import InvalidSpec

OWNER = Owner("c1", ObjectKey("ml", "fraud"), "u1")
ROLE = "arn:aws:iam::111122223333:role/serving"
DEFAULTS = Defaults(ROLE, "eu-west-1")


def variant(name: str = "main", type_: str = "ml.m5.large", count: int = 1, **container: Any) -> Variant:
    given = {"image": "r/churn:1", "model_data_url": "s3://m/1.tar.gz", **container}
    return Variant(name, (Container(**given),), Instances(type_, count))


def build(*variants: Variant, defaults: Defaults = DEFAULTS, **spec: Any) -> Desired:
    return build_desired(EndpointSpec(variants or (variant(),), **spec), OWNER, defaults, image_table())


@pytest.mark.parametrize(
    ("spec", "defaults", "message", "remedy"),
    [
        (EndpointSpec((variant(),)), Defaults(ROLE, None), "no region is given.", "spec.region"),
        (EndpointSpec((variant(),)), Defaults(None, "eu-west-1"), "no execution role is given.", "executionRoleARN"),
        (EndpointSpec((variant("a"), variant("b"), variant("c")), traffic={"a": 1}), DEFAULTS,
         "traffic does not name b, c.", "spec.traffic"),
        (EndpointSpec((variant(image=None, framework=Framework("tensorflow", "2")),)), DEFAULTS,
         "framework 'tensorflow' is not known.", "Known frameworks: xgboost, scikit-learn."),
        (EndpointSpec((variant(image=None, framework=Framework("xgboost", "9")),)), DEFAULTS,
         "framework xgboost has no version '9'.", "1.7-1, 3.0-5"),
        (EndpointSpec((variant(image=None, framework=Framework("xgboost", "1.7-1")),), region="mars-1"), DEFAULTS,
         "the registry of AWS's xgboost images in region 'mars-1' is not known.", "Set image"),
    ],
)  # fmt: skip
def test_what_the_crd_cannot_refuse_is_refused_with_a_way_out(
    spec: EndpointSpec, defaults: Defaults, message: str, remedy: str
) -> None:
    with pytest.raises(InvalidSpec) as raised:
        build_desired(spec, OWNER, defaults, image_table())
    problem = raised.value.problem
    assert problem.message == str(raised.value) == message
    assert remedy in problem.hint
    assert problem.hint.endswith(".")
    assert (problem.reason, problem.stalled) == ("InvalidSpec", True)


def test_the_requests_in_full() -> None:
    desired = build(
        variant("a", count=2, environment={"A": "1"}),
        variant("b", "ml.c5.xlarge", image=None, framework=Framework("scikit-learn", "1.4-2")),
        traffic={"a": 90, "b": 10},
        tags={"team": "risk"},
    )
    first, second = desired.models
    assert first.request == {
        "ModelName": first.name,
        "PrimaryContainer": {"Image": "r/churn:1", "ModelDataUrl": "s3://m/1.tar.gz", "Environment": {"A": "1"}},
        "ExecutionRoleArn": ROLE,
    }
    container = second.request["PrimaryContainer"]
    assert container["Image"] == ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3")
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert desired.config_request == {
        "EndpointConfigName": desired.config_name,
        "ProductionVariants": [
            {"VariantName": "a", "ModelName": first.name, "InstanceType": "ml.m5.large",
             "InitialVariantWeight": 90.0, "InitialInstanceCount": 2},
            {"VariantName": "b", "ModelName": second.name, "InstanceType": "ml.c5.xlarge",
             "InitialVariantWeight": 10.0, "InitialInstanceCount": 1},
        ],
    }  # fmt: skip
    assert desired.instance_count == 3
    assert desired.traffic == {"a": 90, "b": 10}
    assert desired.tags == {"team": "risk", **OWNER.tags()}
    assert desired.revision_tags == {**desired.tags, "sagemaker-operator.io/revision": desired.revision}


def test_unset_members_are_left_out_of_the_request() -> None:
    (model,) = build(variant(model_data_url=None)).models
    assert model.request["PrimaryContainer"] == {"Image": "r/churn:1"}


def test_a_user_cannot_overwrite_the_identity_by_a_tag() -> None:
    desired = build(tags={"sagemaker-operator.io/name": "other", "sagemaker-operator.io/revision": "0"})
    assert OWNER.owns(desired.revision_tags)
    assert desired.revision_tags["sagemaker-operator.io/revision"] == desired.revision


def test_the_users_environment_wins_over_the_frameworks() -> None:
    framework = Framework("scikit-learn", "1.4-2")
    (model,) = build(variant(image=None, framework=framework, environment={"SAGEMAKER_PROGRAM": "serve.py"})).models
    assert model.request["PrimaryContainer"]["Environment"] == {
        "SAGEMAKER_PROGRAM": "serve.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def test_one_variant_needs_no_traffic_and_may_have_it() -> None:
    assert build().traffic == {"main": 1}
    assert build(traffic={"main": 100}).traffic == {"main": 100}


def test_the_spec_wins_over_the_defaults() -> None:
    desired = build(region="us-east-1", execution_role_arn=ROLE + "2", endpoint_name="mine")
    assert (desired.region, desired.execution_role_arn, desired.endpoint_name) == ("us-east-1", ROLE + "2", "mine")


def test_an_endpoint_stays_where_it_is_when_the_operators_settings_change() -> None:
    status = Status(endpoint_name="ml-fraud", region="eu-west-1")
    changed = Defaults(ROLE, "us-east-1", "prefix-")
    desired = build(defaults=settled_defaults(changed, status))
    assert (desired.region, desired.endpoint_name) == ("eu-west-1", "ml-fraud")
    assert build(defaults=settled_defaults(changed, Status())).endpoint_name == "prefix-ml-fraud"


def test_a_name_that_was_refused_as_taken_is_not_kept() -> None:
    taken = Status(endpoint_name="ml-fraud", conditions=(Condition("Ready", "False", "NameTaken"),))
    assert build(defaults=settled_defaults(Defaults(ROLE, "eu-west-1", "p-"), taken)).endpoint_name == "p-ml-fraud"


AB = {"traffic": {"a": 9, "b": 1}}
BEFORE = build(variant("a"), variant("b", model_data_url="s3://m/2.tar.gz"), **AB)


def changed(first: Variant, second: Variant | None = None, **spec: Any) -> Desired:
    return build(first, second or variant("b", model_data_url="s3://m/2.tar.gz"), **{**AB, **spec})


@pytest.mark.parametrize(
    "after",
    [
        changed(variant("a", "ml.m5.xlarge")),
        changed(variant("a", image="r/churn:2")),
        changed(variant("a", model_data_url="s3://m/3.tar.gz")),
        changed(variant("a", environment={"A": "1"})),
        changed(variant("a", image=None, framework=Framework("xgboost", "1.7-1"))),
        changed(variant("a"), execution_role_arn=ROLE + "2"),
        changed(variant("a"), restart_token="1"),
        changed(variant("c"), traffic={"c": 9, "b": 1}),
        changed(variant("b", model_data_url="s3://m/1.tar.gz"), variant("a", model_data_url="s3://m/2.tar.gz")),
        build(variant("a")),
    ],
    ids=["type", "image", "archive", "environment", "framework", "role", "restartToken", "name", "swapped", "removed"],
)
def test_what_makes_a_new_fleet_is_another_revision(after: Desired) -> None:
    assert after.revision != BEFORE.revision
    assert after.config_name != BEFORE.config_name


@pytest.mark.parametrize(
    ("after", "same_config"),
    [
        (changed(variant("a"), traffic={"a": 1, "b": 1}), False),
        (changed(variant("a", count=5)), False),
        (changed(variant("a"), tags={"team": "risk"}), True),
        (changed(variant("a"), endpoint_name="other"), False),
        (changed(variant("a"), deletion_policy="Retain", management_policy="Observe"), True),
        (build(variant("b", model_data_url="s3://m/2.tar.gz"), variant("a"), **AB), True),
    ],
    ids=["weights", "counts", "tags", "endpoint name", "policies", "order of the variants"],
)
def test_what_is_changed_in_place_is_the_same_revision(after: Desired, same_config: bool) -> None:
    assert after.revision == BEFORE.revision
    assert (after.config_name == BEFORE.config_name) is same_config


def test_equal_containers_are_one_model() -> None:
    desired = build(variant("a"), variant("b", "ml.c5.xlarge"), traffic={"a": 1, "b": 1})
    assert len(desired.models) == 1
    assert {v["ModelName"] for v in desired.config_request["ProductionVariants"]} == {desired.models[0].name}


@given(st.permutations([(f"KEY_{n}", str(n)) for n in range(5)]))
def test_the_order_of_the_environment_means_nothing(pairs: list[tuple[str, str]]) -> None:
    assert (
        build(variant(environment=dict(pairs))).config_name
        == build(variant(environment=dict(sorted(pairs)))).config_name
    )


@given(st.integers(0, 1000), st.integers(1, 50))
def test_no_weight_and_no_count_is_ever_in_the_revision(weight: int, count: int) -> None:
    assert changed(variant("a", count=count), traffic={"a": weight, "b": 1}).revision == BEFORE.revision


def test_the_hash_is_that_of_the_canonical_json() -> None:
    content = {"b": [1.0, "ü"], "a": {"d": 1, "c": 2}}
    canonical = '{"a":{"c":2,"d":1},"b":[1.0,"ü"]}'
    assert json.loads(canonical) == content
    assert content_hash(content) == hashlib.sha256(canonical.encode()).hexdigest()[:10]
    assert content_hash(content, 4) == content_hash(content)[:4]


def test_an_object_under_another_name_has_names_of_its_own() -> None:
    other = replace(OWNER, key=ObjectKey("ml", "fraud-2"))
    desired = build_desired(EndpointSpec((variant(),)), other, DEFAULTS, image_table())
    mine = build()
    assert desired.revision == mine.revision
    assert {m.name for m in desired.models}.isdisjoint(m.name for m in mine.models)
