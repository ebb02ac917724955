"""Rules of serverless variants, and how many environments a change asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.lifecycle.environments import wanted_count
from sagemaker_local.control.operations.deployment_policies import fitting
from sagemaker_local.control.state.endpoint import Variant
from sagemaker_local.control.state.policy import BlueGreen, CapacitySize, Policy, Rolling
from sagemaker_local.control.state.records import ProductionVariant, ServerlessConfig
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.switches import DEFAULTS, Switches, switches_of
from sagemaker_local.control.wire.errors import ApiError
from testkit.operations import called

SERVERLESS = {"MemorySizeInMB": 4096, "MaxConcurrency": 20}
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
CAPTURE = {
    "InitialSamplingPercentage": 1,
    "DestinationS3Uri": "s3://data/x",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def call(state: AccountState, name: str, **members: Any) -> Any:
    return called(state, name, members)


def account(**model: Any) -> AccountState:
    state = Store(lambda key: None).of("111122223333", "eu-west-1")
    container = {"Image": "local://echo"} | model.pop("container", {})
    call(state, "CreateModel", ModelName="m", PrimaryContainer=container, **model)
    return state


def configure(state: AccountState, *serverless: dict[str, Any], variant: Any = (), **fields: Any) -> None:
    variants = [
        {"VariantName": f"v{number}", "ModelName": "m", "ServerlessConfig": each, **dict(variant)}
        for number, each in enumerate(serverless or [SERVERLESS])
    ]
    call(state, "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=variants, **fields)


@given(st.integers(1024, 6144), st.integers(1, 200), st.none() | st.integers(1, 200))
def test_sizes(memory: int, most: int, provisioned: int | None) -> None:
    config = {"MemorySizeInMB": memory, "MaxConcurrency": most}
    config |= {} if provisioned is None else {"ProvisionedConcurrency": provisioned}
    good = memory % 1024 == 0 and (provisioned or 0) <= most
    if good:
        configure(account(), config)
        return
    with pytest.raises(ApiError, match=r"MemorySizeInMB|ProvisionedConcurrency"):
        configure(account(), config)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"DataCaptureConfig": CAPTURE}, "does not support DataCaptureConfig"),
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://d"}}}, "support AsyncInferenceConfig"),
        ({"VpcConfig": VPC}, "does not support VpcConfig"),
        ({"EnableNetworkIsolation": True}, "does not support EnableNetworkIsolation"),
        ({"variant": {"VolumeSizeInGB": 10}}, "cannot have VolumeSizeInGB"),
        ({"variant": {"InitialInstanceCount": 1}}, "cannot have InitialInstanceCount"),
        ({"variant": {"InstanceType": "ml.m5.large"}}, "needs either"),
    ],
)
def test_what_serverless_endpoints_do_not_have(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        configure(account(), **fields)


@pytest.mark.parametrize(
    "model",
    [
        {"VpcConfig": VPC},
        {"EnableNetworkIsolation": True},
        {"container": {"ImageConfig": {"RepositoryAccessMode": "Vpc"}}},
    ],
)
def test_models_that_serverless_endpoints_do_not_take(model: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="Serverless Inference does not support"):
        configure(account(**model))


def test_one_variant() -> None:
    with pytest.raises(ApiError, match="exactly one production variant"):
        configure(account(), SERVERLESS, SERVERLESS)


def variant(current: int | None, desired: int | None) -> Variant:
    return Variant(
        ProductionVariant("main", "m"),
        (),
        0.0,
        1.0,
        1.0,
        1,
        7,
        current_serverless=ServerlessConfig(1024, 20, current),
        desired_serverless=ServerlessConfig(1024, 20, desired),
    )


@given(st.none() | st.integers(1, 9), st.none() | st.integers(1, 9), st.integers(0, 9))
def test_a_change_keeps_the_environments_on_demand(current: int | None, desired: int | None, running: int) -> None:
    on_demand = max(0, running - (current or 0))
    assert wanted_count(variant(current, desired), running) == (desired or 0) + on_demand


def test_instances_are_counted_as_desired() -> None:
    found = Variant(ProductionVariant("main", "m", "ml.m5.large"), (), 0.0, 1.0, 1.0, 1, 7)
    assert wanted_count(found, 3) == 7


def test_switches_are_read_by_name() -> None:
    assert switches_of("") == DEFAULTS == Switches()
    assert not switches_of("backlog_counts_running=false").backlog_counts_running
    for text in ("nonsense=true", "backlog_counts_running=maybe", "backlog_counts_running"):
        with pytest.raises(ValueError, match=r"is no switch|must be backlog_counts_running=true"):
            switches_of(text)


def test_a_serverless_variant_needs_a_model_and_components_no_queue() -> None:
    bare = {"VariantName": "v", "ServerlessConfig": SERVERLESS}
    queue = {"OutputConfig": {"S3OutputPath": "s3://data/out"}}
    instances = {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    role = "arn:aws:iam::111122223333:role/serving"
    with pytest.raises(ApiError, match="has ServerlessConfig and so needs ModelName"):
        call(account(), "CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[bare])
    fields = {"ProductionVariants": [instances], "ExecutionRoleArn": role, "AsyncInferenceConfig": queue}
    with pytest.raises(ApiError, match="AsyncInferenceConfig of an endpoint for inference components"):
        call(account(), "CreateEndpointConfig", EndpointConfigName="c", **fields)


@pytest.mark.parametrize(("serverless", "count"), [(ServerlessConfig(1024, 1), 1), (None, 0)])
def test_what_has_no_instances_to_replace_is_updated_all_at_once(
    serverless: ServerlessConfig | None, count: int
) -> None:
    production = ProductionVariant("v", "m", "ml.m5.large")
    variant = Variant(production, (), 0.0, 1.0, 1.0, 0, count, desired_serverless=serverless)
    policy = Policy(Rolling(CapacitySize("INSTANCE_COUNT", 1), 60.0), alarms=("high",))
    found = fitting(policy, [variant], [variant])
    assert (found.strategy, found.alarms) == (BlueGreen(), ())
    ordinary = replace(variant, desired_count=2, desired_serverless=None)
    assert fitting(policy, [ordinary], [ordinary]) == policy
