"""Inference components in the control plane: rules, guards, and the way from status to status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.lifecycle.transitions import deployed
from sagemaker_local.control.state.components import (
    EDGES,
    ComponentStatus,
    Copies,
    InferenceComponent,
    Rollout,
    deleting,
    done,
    not_done,
    updating,
)
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.control.switches import DEFAULTS, Switches
from sagemaker_local.control.wire.errors import ApiError
from testkit.operations import called

VARIANT = {"VariantName": "a", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
ROLE = "arn:aws:iam::111122223333:role/serving"
NEEDS = {"MinMemoryRequiredInMb": 128}
SPECIFICATION = {"Container": {"Image": "local://echo"}, "ComputeResourceRequirements": NEEDS}
COMPONENT = {
    "InferenceComponentName": "c",
    "EndpointName": "e",
    "VariantName": "a",
    "Specification": SPECIFICATION,
    "RuntimeConfig": {"CopyCount": 2},
}


class Account:
    """One account's state with an endpoint for components in service, called as the wire calls it."""

    def __init__(self, switches: Switches = DEFAULTS) -> None:
        self.woken: list[Any] = []
        store = Store(lambda key: None, switches, on_component=self.woken.append)
        self.state: AccountState = store.of("111122223333", "eu-west-1")
        self.call("CreateEndpointConfig", EndpointConfigName="g", ProductionVariants=[VARIANT], ExecutionRoleArn=ROLE)
        self.call("CreateEndpoint", EndpointName="e", EndpointConfigName="g")

    def served(self) -> Account:
        endpoint = self.state.endpoints.require("e")
        variants = endpoint.change.variants  # type: ignore[union-attr]  # it is being created
        self.state.endpoints.put(deployed(replace(endpoint, variants=variants), 1.0))
        return self

    def call(self, name: str, **members: Any) -> Any:
        return called(self.state, name, members)

    def refused(self, name: str, **members: Any) -> str:
        with pytest.raises(ApiError) as caught:
            self.call(name, **members)
        assert caught.value.code == "ValidationException"
        return caught.value.message

    @property
    def component(self) -> InferenceComponent:
        return self.state.inference_components.require("c")


def test_a_component_wakes_whoever_carries_it_out() -> None:
    account = Account().served()
    account.call("CreateInferenceComponent", **COMPONENT)
    assert account.woken == [("111122223333", "eu-west-1", "c")]
    assert account.component.change == Rollout(account.component.spec, 2)
    found = account.call("DescribeInferenceComponent", InferenceComponentName="c")
    assert (found["InferenceComponentStatus"], found["RuntimeConfig"]["CurrentCopyCount"]) == ("Creating", 0)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"EndpointName": "none"}, "Could not find endpoint"),
        ({"VariantName": "b"}, 'Variant "b" does not exist in endpoint'),
        ({"VariantName": None}, "needs VariantName"),
        ({"RuntimeConfig": {"CopyCount": 0}}, "a CopyCount of at least 1"),
        ({"RuntimeConfig": None}, "a CopyCount of at least 1"),
        ({"Specification": None}, "needs Specification"),
        ({"Specification": SPECIFICATION | {"ModelName": "m"}}, "exactly one of ModelName and Container"),
        ({"Specification": {"ComputeResourceRequirements": NEEDS}}, "exactly one of ModelName and Container"),
        ({"Specification": {"ModelName": "m", "ComputeResourceRequirements": NEEDS}}, "Could not find model"),
        ({"Specification": {"Container": {"Image": "i"}}}, "needs ComputeResourceRequirements"),
        ({"Specification": SPECIFICATION | {"Container": {}}}, "needs Image"),
        ({"Specification": SPECIFICATION | {"BaseInferenceComponentName": "b"}}, "does not implement BaseInference"),
        ({"Specification": SPECIFICATION | {"Container": {"Image": "i", "ContainerMetricsConfig": {}}}},
         "does not implement ContainerMetricsConfig"),
        ({"Specifications": [SPECIFICATION | {"InstanceType": "ml.m5.large"}]}, "does not implement Specifications"),
    ],
)  # fmt: skip
def test_a_component_that_is_refused_leaves_nothing(members: dict[str, Any], message: str) -> None:
    account = Account().served()
    request = {name: value for name, value in (COMPONENT | members).items() if value is not None}
    assert message in account.refused("CreateInferenceComponent", **request)
    assert (list(account.state.inference_components), account.woken) == ([], [])


def test_an_endpoint_must_serve_before_it_gets_a_component() -> None:
    assert "its status is Creating" in Account().refused("CreateInferenceComponent", **COMPONENT)


def test_an_endpoint_config_for_components_needs_a_role_and_no_models() -> None:
    account = Account()
    account.call("CreateModel", ModelName="m", PrimaryContainer={"Image": "local://echo"})
    mixed = [VARIANT, VARIANT | {"VariantName": "b", "ModelName": "m"}]
    create = "CreateEndpointConfig"
    assert "needs ExecutionRoleArn" in account.refused(create, EndpointConfigName="x", ProductionVariants=[VARIANT])
    message = account.refused(create, EndpointConfigName="x", ProductionVariants=mixed, ExecutionRoleArn=ROLE)
    assert "Either all production variants have ModelName or none has" in message


def test_what_changes_is_neither_changed_nor_deleted_nor_is_its_endpoint() -> None:
    account = Account().served()
    account.call("CreateInferenceComponent", **COMPONENT)
    for name, members in (
        ("UpdateInferenceComponent", {"RuntimeConfig": {"CopyCount": 1}}),
        ("UpdateInferenceComponentRuntimeConfig", {"DesiredRuntimeConfig": {"CopyCount": 1}}),
        ("DeleteInferenceComponent", {}),
    ):
        assert "in-progress inference component" in account.refused(name, InferenceComponentName="c", **members)
    assert account.refused("DeleteEndpoint", EndpointName="e").startswith("Cannot delete endpoint with inference")


def test_an_update_asks_for_new_copies_only_when_the_specification_is_new() -> None:
    account = Account().served()
    account.call("CreateInferenceComponent", **COMPONENT)
    account.state.inference_components.put(done(account.component, 2.0))
    update = "UpdateInferenceComponent"
    assert "needs Specification or RuntimeConfig" in account.refused(update, InferenceComponentName="c")
    policy = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1}, "WaitIntervalInSeconds": 0}
    }
    assert "does not implement DeploymentConfig" in account.refused(
        update, InferenceComponentName="c", Specification=SPECIFICATION, DeploymentConfig=policy
    )
    account.call(update, InferenceComponentName="c", RuntimeConfig={"CopyCount": 5})
    assert account.component.change == Copies(5)
    account.state.inference_components.put(done(account.component, 3.0))
    account.call(update, InferenceComponentName="c", Specification=SPECIFICATION)
    assert isinstance(account.component.change, Rollout)
    assert account.component.change.copies == 5


@pytest.mark.parametrize("keeps_serving", [True, False])
def test_what_a_failed_update_leaves_is_a_switch(keeps_serving: bool) -> None:
    account = Account().served()
    account.call("CreateInferenceComponent", **COMPONENT)
    component = updating(done(account.component, 2.0), Copies(9), 3.0)
    found = not_done(component, "why", 2, 4.0, keeps_serving=keeps_serving)
    assert found.status is (ComponentStatus.IN_SERVICE if keeps_serving else ComponentStatus.FAILED)
    assert (found.failure_reason, found.desired_copies, found.change) == ("why", 2, None)


@given(st.lists(st.sampled_from(["roll out", "scale", "done", "fail", "fail hard", "delete"]), max_size=8))
def test_a_status_only_moves_along_its_edges(steps: list[str]) -> None:
    account = Account().served()
    account.call("CreateInferenceComponent", **COMPONENT)
    component = account.component
    moves = {
        "roll out": lambda each: updating(each, Rollout(each.spec, 1), 2.0),
        "scale": lambda each: updating(each, Copies(3), 2.0),
        "done": lambda each: done(each, 2.0),
        "fail": lambda each: not_done(each, "why", 1, 2.0, keeps_serving=True),
        "fail hard": lambda each: not_done(each, "why", 1, 2.0, keeps_serving=False),
        "delete": lambda each: deleting(each, 2.0),
    }
    between = {ComponentStatus.CREATING, ComponentStatus.UPDATING, ComponentStatus.DELETING}
    for step in steps:
        try:
            moved = moves[step](component)
        except ValueError:
            continue
        assert moved.status in EDGES[component.status]
        component = moved
        assert (component.change is not None) == (component.status in between)


@pytest.mark.parametrize("refused", [True, False])
def test_whether_a_used_model_can_be_deleted_is_a_switch(refused: bool) -> None:
    account = Account(Switches(deletion_of_used_model_refused=refused)).served()
    for name in ("free", "configured", "deployed"):
        account.call("CreateModel", ModelName=name, PrimaryContainer={"Image": "local://echo"})
    variant = VARIANT | {"ModelName": "configured"}
    account.call("CreateEndpointConfig", EndpointConfigName="h", ProductionVariants=[variant])
    specification = {"ModelName": "deployed", "ComputeResourceRequirements": NEEDS}
    account.call("CreateInferenceComponent", **COMPONENT | {"Specification": specification})
    account.call("DeleteModel", ModelName="free")
    for name, user in (("configured", "endpoint-config/h"), ("deployed", "inference-component/c")):
        if refused:
            assert f"{user} uses it" in account.refused("DeleteModel", ModelName=name)
        else:
            account.call("DeleteModel", ModelName=name)
