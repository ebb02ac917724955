"""Carries out one action of a plan: the only code that changes anything on AWS."""

from collections.abc import Mapping
from typing import Any, assert_never

from sagemaker_operator.aws.client import RegionClient
from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.plan.actions import (
    AWSAction,
    ChangeTags,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    UpdateEndpoint,
    UpdateWeights,
)


def execute(client: RegionClient, action: AWSAction) -> None:
    """Raises AWSError. Deleting what is not there is a success; creating what is there raises kind EXISTS."""
    match action:
        case CreateModel():
            client.call("create_model", **action.request, Tags=tag_list(action.tags))
        case CreateEndpointConfig():
            client.call("create_endpoint_config", **action.request, Tags=tag_list(action.tags))
        case CreateEndpoint():
            names = {"EndpointName": action.name, "EndpointConfigName": action.config_name}
            client.call("create_endpoint", **names, Tags=tag_list(action.tags))
        case UpdateEndpoint():
            client.call("update_endpoint", EndpointName=action.name, EndpointConfigName=action.config_name)
        case UpdateWeights():
            client.call(
                "update_endpoint_weights_and_capacities",
                EndpointName=action.name,
                DesiredWeightsAndCapacities=_weights_and_capacities(action),
            )
        case ChangeTags():
            if action.add:
                client.call("add_tags", ResourceArn=action.arn, Tags=tag_list(action.add))
            if action.remove:
                client.call("delete_tags", ResourceArn=action.arn, TagKeys=list(action.remove))
        case DeleteEndpoint():
            _delete(client, "delete_endpoint", EndpointName=action.name)
        case DeleteEndpointConfig():
            _delete(client, "delete_endpoint_config", EndpointConfigName=action.name)
        case DeleteModel():
            _delete(client, "delete_model", ModelName=action.name)
        case _:
            assert_never(action)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """AWS's form of tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _delete(client: RegionClient, method: str, **name: str) -> None:
    try:
        client.call(method, **name)
    except AWSError as error:
        if error.kind is not Kind.ABSENT:
            raise


def _weights_and_capacities(action: UpdateWeights) -> list[dict[str, Any]]:
    names = dict.fromkeys([*action.weights, *action.counts])
    return [
        {
            "VariantName": name,
            **({"DesiredWeight": float(action.weights[name])} if name in action.weights else {}),
            **({"DesiredInstanceCount": action.counts[name]} if name in action.counts else {}),
        }
        for name in names
    ]
