"""Writes on a real API server: the status as a whole, our finalizer among others, events that kubectl shows."""

import json
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from sagemaker_operator.api.resource import FINALIZER, Resource, parse_resource
from sagemaker_operator.api.status import Condition, Failure, Status, Summary
from sagemaker_operator.kube.writer import ObjectGone, WriteError, Writer
from sagemaker_operator.plan.actions import Event

OBJECT = {
    "apiVersion": "sagemaker-operator.io/v1alpha1",
    "kind": "SageMakerEndpoint",
    "metadata": {"name": "fraud", "finalizers": ["example.org/theirs"]},
    "spec": {
        "variants": [
            {
                "name": "main",
                "containers": [{"image": "r/churn:1"}],
                "instances": {"type": "ml.m5.large", "count": 1},
            }
        ]
    },
}


@pytest.fixture
def writer(control_plane: Any) -> Writer:
    settings = client.Configuration()
    config.load_kube_config(str(control_plane.kubeconfig), client_configuration=settings)
    return Writer(client.ApiClient(settings), "instance-1")


@pytest.fixture
def resource(control_plane: Any, namespace: str) -> Resource:
    control_plane.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump(OBJECT))
    return read(control_plane, namespace)


def body(cluster: Any, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.kubectl("-n", namespace, "get", "sme", "fraud", "-o", "json").stdout)
    return found


def read(cluster: Any, namespace: str) -> Resource:
    return parse_resource(body(cluster, namespace))


def test_a_status_replaces_the_one_before_it(writer: Writer, resource: Resource) -> None:
    failing = Status(failure=Failure("X", "it broke"), conditions=(Condition("Ready", "False", "X"),))
    written = writer.write_status(resource, failing)
    assert written.status.failure == Failure("X", "it broke")
    mended = Status(conditions=(Condition("Ready", "True", "InService"),), summary=Summary("InService"))
    written = writer.write_status(written, mended)
    assert written.status == mended, "nothing of the old status is left"
    assert written.generation == resource.generation


def test_the_finalizer_stands_beside_those_of_others(
    writer: Writer, resource: Resource, control_plane: Any, namespace: str
) -> None:
    claimed = writer.add_finalizer(resource)
    assert claimed.has_finalizer
    assert body(control_plane, namespace)["metadata"]["finalizers"] == ["example.org/theirs", FINALIZER]
    assert writer.add_finalizer(claimed).resource_version == claimed.resource_version, "once is enough"
    writer.remove_finalizer(claimed)
    assert body(control_plane, namespace)["metadata"]["finalizers"] == ["example.org/theirs"]


def test_another_object_of_the_same_name_is_not_written(writer: Writer, resource: Resource) -> None:
    other = type(resource)(**{f: getattr(resource, f) for f in resource.__slots__} | {"uid": "another"})
    with pytest.raises(WriteError):
        writer.write_status(other, Status(summary=Summary("X")))
    with pytest.raises(ObjectGone):
        writer.add_finalizer(other)
    writer.remove_finalizer(other)


def test_an_object_that_is_gone_is_told_as_gone(
    writer: Writer, resource: Resource, control_plane: Any, namespace: str
) -> None:
    none = '{"metadata":{"finalizers":[]}}'
    control_plane.kubectl("-n", namespace, "patch", "sme", "fraud", "--type=merge", "-p", none)
    control_plane.kubectl("-n", namespace, "delete", "sme", "fraud")
    with pytest.raises(ObjectGone):
        writer.write_status(resource, Status())
    writer.remove_finalizer(resource)


def test_an_event_reads_well(writer: Writer, resource: Resource, control_plane: Any, namespace: str) -> None:
    writer.emit(resource, Event("Warning", "RolledBack", "x" * 2000))
    [line] = control_plane.kubectl("-n", namespace, "get", "events", "--no-headers").stdout.splitlines()
    assert line.split()[1:4] == ["Warning", "RolledBack", "sagemakerendpoint/fraud"]
    described = control_plane.kubectl("-n", namespace, "describe", "sme", "fraud").stdout
    assert "sagemaker-operator  xxx" in described
