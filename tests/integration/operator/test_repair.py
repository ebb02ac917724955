"""Somebody else changes or deletes what is ours: it is put right, in place where that can be, and once."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def steady(ns: Any, operator: Any, release: Make) -> dict[str, Any]:
    """The status of an endpoint that serves."""
    ns.apply(release(1, count=2, tags={"team": "risk"}))
    ns.wait("Synced")
    return dict(ns.status())


def test_a_deleted_endpoint_is_made_again(
    ns: Any, account: Any, local: Any, steady: dict[str, Any], eventually: Any
) -> None:
    account.sagemaker.delete_endpoint(EndpointName=steady["endpointName"])
    eventually(lambda: local.changes(account.id).count("CreateEndpoint") == 2)
    ns.wait("Synced")
    assert ns.status()["revisions"]["active"] == steady["revisions"]["active"]
    events = ["CreateStarted", "InService"] * 2
    assert ns.told(*events) == events


@pytest.mark.parametrize("kind", ["model", "config"])
def test_a_deleted_part_is_made_again_without_a_new_fleet(
    ns: Any, account: Any, local: Any, steady: dict[str, Any], eventually: Any, kind: str
) -> None:
    before = account.names()
    if kind == "model":
        account.sagemaker.delete_model(ModelName=before["models"][0])
    else:
        account.sagemaker.delete_endpoint_config(EndpointConfigName=before["configs"][0])
    eventually(lambda: account.names() == before, what="the part to be back")
    assert local.changes(account.id).count("UpdateEndpoint") == 0
    path = f"model/{before['models'][0]}" if kind == "model" else f"endpoint-config/{before['configs'][0]}"
    tags = account.tags(f"{steady['endpointARN'].rsplit(':', 1)[0]}:{path}")
    assert tags["sagemaker-operator.io/name"] == "fraud"


def test_a_changed_count_is_set_back(
    ns: Any, account: Any, local: Any, steady: dict[str, Any], eventually: Any
) -> None:
    account.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=steady["endpointName"],
        DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 1}],
    )
    eventually(lambda: local.changes(account.id).count("UpdateEndpointWeightsAndCapacities") == 2)
    ns.wait("Synced")
    eventually(lambda: ns.status()["summary"]["instances"] == "2/2")


def test_tags_taken_away_come_back_and_foreign_ones_stay(
    ns: Any, account: Any, steady: dict[str, Any], eventually: Any
) -> None:
    arn = steady["endpointARN"]
    account.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team", "sagemaker-operator.io/uid"])
    account.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "theirs", "Value": "1"}])
    eventually(lambda: {"team", "sagemaker-operator.io/uid", "theirs"} <= account.tags(arn).keys())


def test_an_update_by_somebody_else_is_undone(
    ns: Any, account: Any, local: Any, steady: dict[str, Any], eventually: Any
) -> None:
    model = account.names()["models"][0]
    account.sagemaker.create_endpoint_config(
        EndpointConfigName="theirs",
        ProductionVariants=[
            {"VariantName": "main", "ModelName": model, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
        ],
    )
    account.sagemaker.update_endpoint(EndpointName=steady["endpointName"], EndpointConfigName="theirs")

    def ours() -> bool:
        found = account.sagemaker.describe_endpoint(EndpointName=steady["endpointName"])
        config = steady["revisions"]["activeConfigName"]
        return bool(found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == config)

    eventually(lambda: local.changes(account.id).count("UpdateEndpoint") == 2)
    eventually(ours)
    ns.wait("Synced")
    assert "theirs" in account.names()["configs"], "what is not ours stays"


def test_a_status_that_is_lost_is_rebuilt_without_a_change(
    ns: Any, account: Any, local: Any, steady: dict[str, Any], eventually: Any
) -> None:
    changes = local.changes(account.id)
    ns.kubectl("patch", "sme", "fraud", "--subresource=status", "--type=json", '-p=[{"op":"remove","path":"/status"}]')
    ns.wait("Synced")
    assert ns.status()["revisions"]["active"] == steady["revisions"]["active"]
    assert local.changes(account.id) == changes
