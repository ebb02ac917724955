"""What is not ours is never touched; what we shall not touch, or shall leave behind, neither."""

from collections.abc import Callable
from typing import Any

Make = Callable[..., dict[str, Any]]
NOTHING = {"endpoints": [], "configs": [], "models": []}


def theirs(account: Any, name: str) -> None:
    """An endpoint that somebody made by hand."""
    sagemaker = account.sagemaker
    sagemaker.create_model(
        ModelName="theirs",
        PrimaryContainer={"Image": "local://echo"},
        ExecutionRoleArn=f"arn:aws:iam::{account.id}:role/serving",
    )
    variant = {"VariantName": "main", "ModelName": "theirs", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="theirs")


def untouched(local: Any, account: Any) -> bool:
    mine = [call for call in local.calls(account.id) if "sagemaker-operator" in call["userAgent"]]
    return not [call for call in mine if call["operation"].startswith(("Create", "Update", "Delete", "Add"))]


def test_a_name_that_is_taken_is_refused_and_nothing_is_touched(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, eventually: Any
) -> None:
    theirs(account, "prod")
    eventually(lambda: account.sagemaker.describe_endpoint(EndpointName="prod")["EndpointStatus"] == "InService")
    ns.apply(release(1, endpointName="prod"))
    assert "carries no tag of ours" in ns.wait("Stalled", reason="NameTaken")["message"]
    assert ns.condition("Ready")["status"] == "False"
    assert untouched(local, account)
    ns.apply(release(1, endpointName="prod-2"))
    ns.wait("Synced")
    ns.delete()
    assert account.names() == {"endpoints": ["prod"], "configs": ["theirs"], "models": ["theirs"]}


def test_deleting_an_object_whose_name_is_taken_leaves_the_other_endpoint_alone(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, eventually: Any
) -> None:
    theirs(account, "prod")
    eventually(lambda: account.sagemaker.describe_endpoint(EndpointName="prod")["EndpointStatus"] == "InService")
    ns.apply(release(1, endpointName="prod"))
    ns.wait("Stalled", reason="NameTaken")
    ns.delete()
    assert untouched(local, account)
    assert account.names()["endpoints"] == ["prod"]


def test_of_two_objects_with_one_name_the_second_is_refused(
    ns: Any, account: Any, operator: Any, release: Make
) -> None:
    ns.apply(release(1, endpointName="shared"), "one")
    ns.wait("Synced", name="one")
    ns.apply(release(2, endpointName="shared"), "two")
    refused = ns.wait("Stalled", reason="NameTaken", name="two")
    assert f"SageMakerEndpoint {ns.name}/one" in refused["message"]
    ns.delete("two")
    assert account.names()["endpoints"] == ["shared"]


def test_observe_reports_and_changes_nothing(
    ns: Any, account: Any, local: Any, operator: Any, release: Make, eventually: Any
) -> None:
    ns.apply(release(1, endpointName="prod", managementPolicy="Observe"))
    assert ns.wait("Synced", "False", "ObserveOnly")
    assert ns.condition("Ready")["reason"] == "NotFound"
    theirs(account, "prod")
    assert eventually(lambda: ns.condition("Ready").get("status") == "True")
    ns.delete()
    assert untouched(local, account)
    assert account.names()["endpoints"] == ["prod"]


def test_retain_leaves_the_endpoint_and_a_new_object_takes_it_up(
    ns: Any, account: Any, local: Any, operator: Any, release: Make
) -> None:
    ns.apply(release(1, deletionPolicy="Retain"))
    ns.wait("Synced")
    left = account.names()
    ns.delete()
    assert account.names() == left
    ns.told("Retained")
    ns.apply(release(1))
    ns.wait("Synced")
    assert local.changes(account.id).count("CreateEndpoint") == 1
    ns.delete()
    assert account.names() == NOTHING


def test_read_only_looks_and_changes_nothing(ns: Any, account: Any, local: Any, start: Any, release: Make) -> None:
    operator = start(read_only=True)
    assert operator.url
    ns.apply(release(1))
    ns.wait("Synced", "False", "ReadOnly")
    assert untouched(local, account)
    operator.stop()
    assert start().url
    ns.wait("Synced")
    before = len(local.changes(account.id))
    assert before == 3
    ns.delete()


def test_read_only_keeps_what_is_to_be_deleted(ns: Any, account: Any, local: Any, start: Any, release: Make) -> None:
    first = start()
    assert first.url
    ns.apply(release(1))
    ns.wait("Synced")
    first.stop()
    brake = start(read_only=True)
    assert brake.url
    ns.delete(wait=False)
    ns.wait("DeletionBlocked", reason="ReadOnly")
    assert account.names()["endpoints"]
    brake.stop()
    assert start().url
    ns.delete()
    assert account.names() == NOTHING


def test_other_namespaces_are_left_alone_when_one_is_named(
    ns: Any, account: Any, local: Any, operator: Any, release: Make
) -> None:
    """The operator of this test watches its own namespace only."""
    other = f"{ns.name}-other"
    ns.cluster.kubectl("create", "namespace", other)
    elsewhere = type(ns)(ns.cluster, other, account)
    elsewhere.apply(release(1))
    ns.apply(release(1))
    ns.wait("Synced")
    assert elsewhere.status() == {}
    assert account.names()["endpoints"] == [f"{ns.name}-fraud"]
    elsewhere.kubectl("delete", "sme", "fraud")
