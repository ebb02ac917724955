"""Each operation against the API's model, and what the operations promise each other."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from sagemaker_local.control.operations.endpoints import resolved_image
from sagemaker_local.control.operations.paging import ListInput
from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.endpoint import Endpoint, EndpointStatus
from sagemaker_local.control.state.names import arn_of, parsed_arn
from sagemaker_local.control.state.records import ProductionVariant, Tag
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.wire.decoding import decode, wire_name
from sagemaker_local.control.wire.errors import ApiError
from sagemaker_local.control.wire.replies import encoded
from sagemaker_local.control.wire.service import operation_model
from testkit.operations import called

ECHO = {"Image": "local://echo"}
VARIANT = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}


class Account:
    """One account's state, called as the wire calls it."""

    def __init__(self) -> None:
        self.woken: list[Any] = []
        self.state: AccountState = Store(self.woken.append).of("111122223333", "eu-west-1")
        self.now = 1.0

    def call(self, name: str, **members: Any) -> Any:
        return called(self.state, name, members, self.now)

    def refused(self, name: str, **members: Any) -> str:
        with pytest.raises(ApiError) as caught:
            self.call(name, **members)
        return caught.value.message

    def endpoint(self) -> Endpoint:
        self.call("CreateModel", ModelName="m", PrimaryContainer=ECHO)
        self.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[VARIANT])
        self.call("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
        return self.state.endpoints.require("e")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_inputs_fields_are_members_of_the_model(name: str) -> None:
    operation, shape = OPERATIONS[name], operation_model(name).input
    members = set(shape.members)  # type: ignore[attr-defined]  # inputs are structures
    required = set(shape.required_members)  # type: ignore[attr-defined]  # as above
    common = fields(ListInput) if issubclass(operation.input_type, ListInput) else ()
    assert {wire_name(each) for each in fields(operation.input_type)} <= members | {wire_name(each) for each in common}
    without_default = {
        wire_name(each)
        for each in fields(operation.input_type)
        if each.default is MISSING and each.default_factory is MISSING
    }
    assert without_default <= required


@pytest.mark.parametrize("name", [each for each in sorted(OPERATIONS) if each.startswith(("Create", "Update", "Add"))])
def test_no_member_of_a_mutating_operation_is_ignored(name: str) -> None:
    operation, shape = OPERATIONS[name], operation_model(name).input
    members = set(shape.members)  # type: ignore[attr-defined]  # inputs are structures
    assert {wire_name(each) for each in fields(operation.input_type)} == members


def test_every_member_of_a_variant_is_acted_upon_shown_or_refused() -> None:
    shape = operation_model("CreateEndpointConfig").input
    members = set(shape.members["ProductionVariants"].member.members)  # type: ignore[attr-defined]  # a list
    acted = {wire_name(each) for each in fields(ProductionVariant)}
    only_shown = {"VolumeSizeInGB", "EnableSSMAccess", "InferenceAmiVersion"}
    for member in members - acted - only_shown:
        account = Account()
        account.call("CreateModel", ModelName="m", PrimaryContainer=ECHO)
        operation = OPERATIONS["CreateEndpointConfig"]
        request = decode(
            operation.input_type, {"EndpointConfigName": "c", "ProductionVariants": [VARIANT | {member: {}}]}
        )
        with pytest.raises(ApiError, match=r"not implement|needs either"):
            operation.behaviour(account.state, request, 1.0)


def test_creating_an_endpoint_wakes_the_engine_with_the_whole_plan() -> None:
    account = Account()
    endpoint = account.endpoint()
    assert account.woken == [("111122223333", "eu-west-1", "e")]
    assert endpoint.status is EndpointStatus.CREATING
    shown = account.call("DescribeEndpoint", EndpointName="e")
    assert shown["ProductionVariants"][0]["DesiredInstanceCount"] == 2
    assert shown["PendingDeploymentSummary"]["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"


def test_a_refused_creation_leaves_nothing() -> None:
    account = Account()
    account.call("CreateModel", ModelName="m", PrimaryContainer=ECHO)
    account.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[VARIANT])
    twice = [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]
    message = "Tags has a key twice; give every key once."
    assert account.refused("CreateEndpoint", EndpointName="e", EndpointConfigName="c", Tags=twice) == message
    assert account.refused("CreateModel", ModelName="x", PrimaryContainer=ECHO, Tags=twice) == message
    assert (account.woken, list(account.state.endpoints)) == ([], [])
    assert [each.name for each in account.state.models] == ["m"]
    assert len(account.state.tags) == 2


def test_a_model_that_is_gone_is_missed_when_its_config_is_used() -> None:
    account = Account()
    account.call("CreateModel", ModelName="m", PrimaryContainer=ECHO)
    account.call("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[VARIANT])
    account.call("DeleteModel", ModelName="m")
    message = account.refused("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    assert message == 'Could not find model "arn:aws:sagemaker:eu-west-1:111122223333:model/m".'


def test_a_creating_endpoint_is_not_changed() -> None:
    account = Account()
    before = account.endpoint()
    weights = [{"VariantName": "a", "DesiredWeight": 1.0}]
    for name, members in (
        ("DeleteEndpoint", {}),
        ("UpdateEndpoint", {"EndpointConfigName": "c"}),
        ("UpdateEndpointWeightsAndCapacities", {"DesiredWeightsAndCapacities": weights}),
    ):
        assert account.refused(name, EndpointName="e", **members).startswith("Cannot update in-progress endpoint")
    assert account.state.endpoints.require("e") is before


def test_tags_of_another_region_or_account_are_not_there() -> None:
    account = Account()
    account.endpoint()
    for arn in (
        "arn:aws:sagemaker:us-east-1:111122223333:endpoint/e",
        "arn:aws:sagemaker:eu-west-1:444455556666:endpoint/e",
        "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/E",
    ):
        assert account.refused("ListTags", ResourceArn=arn) == f'Could not find endpoint "{arn}".'
    other = "arn:aws:sagemaker:eu-west-1:111122223333:training-job/t"
    assert "is not of a model" in account.refused("ListTags", ResourceArn=other)


@pytest.mark.parametrize(
    ("region", "partition"), [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_an_arn_has_its_regions_partition_and_a_lower_case_name(region: str, partition: str) -> None:
    arn = arn_of(region, "111122223333", "endpoint", "MyEndpoint")
    assert arn == f"arn:{partition}:sagemaker:{region}:111122223333:endpoint/myendpoint"
    parsed = parsed_arn(arn)
    assert parsed is not None
    assert (parsed.kind, parsed.name, parsed.region) == ("endpoint", "myendpoint", region)


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("1.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1.7-1", "1.dkr.ecr.eu-west-1.amazonaws.com/xgboost"),
        ("localhost:5000/a/b", "localhost:5000/a/b"),
        ("localhost:5000/a@sha256:0", "localhost:5000/a"),
        ("local://echo", "local://echo"),
        ("name:tag", "name"),
    ],
)
def test_a_resolved_image_is_the_repository_by_digest(image: str, repository: str) -> None:
    found = resolved_image(image)
    assert found.partition("@sha256:")[0] == repository
    assert len(found.partition("@sha256:")[2]) == 64


def test_a_reply_with_a_member_that_the_model_lacks_is_a_mistake() -> None:
    shape = operation_model("CreateModel").output
    assert encoded(shape, {"ModelArn": None}) == b"{}"
    with pytest.raises(KeyError):
        encoded(shape, {"ModelARN": "x"})
    assert encoded(None, {}) == b""


def test_decoding_reads_nested_members_and_defaults() -> None:
    found = decode(ProductionVariant, {**VARIANT, "RoutingConfig": {"RoutingStrategy": "RANDOM"}, "VolumeSizeInGB": 1})
    assert (found.initial_variant_weight, found.routing_config and found.routing_config.routing_strategy) == (
        1.0,
        "RANDOM",
    )
    assert decode(Tag, {"Key": "k", "Value": "v"}) == Tag("k", "v")
    with pytest.raises(TypeError, match=r"Tag\.value"):
        decode(Tag, {"Key": "k"})
