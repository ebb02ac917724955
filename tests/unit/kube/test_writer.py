"""Writes to the Kubernetes API: the status whole, our finalizer beside others', never on another object's behalf."""

import copy
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from kubernetes import client

from sagemaker_operator.api.resource import FINALIZER, Resource, parse_resource
from sagemaker_operator.api.status import Status
from sagemaker_operator.kube.writer import ObjectGone, WriteError, Writer

OTHERS = "example.com/keep"
VARIANT = {"name": "main", "containers": [{"image": "r/churn:1"}], "instances": {"type": "ml.m5.large", "count": 1}}


class Objects:
    """The API server's one object. `meanwhile` happens after each time it is read."""

    def __init__(self) -> None:
        metadata = {"namespace": "ml", "name": "fraud", "uid": "u1", "resourceVersion": "7", "finalizers": []}
        self.body: dict[str, Any] = {"metadata": metadata, "spec": {"variants": [VARIANT]}}
        self.gone = False
        self.meanwhile: Callable[[], object] = lambda: None

    @property
    def finalizers(self) -> list[str]:
        found: list[str] = self.body["metadata"]["finalizers"]
        return found

    def resource(self) -> Resource:
        return parse_resource(self.body)

    def touch(self, **metadata: Any) -> None:
        self.body["metadata"] |= {"resourceVersion": str(int(self.body["metadata"]["resourceVersion"]) + 1), **metadata}

    def get_namespaced_custom_object(self, **_: Any) -> dict[str, Any]:
        found = copy.deepcopy(self._found())
        self.meanwhile()
        return found

    def patch_namespaced_custom_object(self, *, body: Any, _content_type: str, **_: Any) -> dict[str, Any]:
        return self._patched(body, _content_type)

    def patch_namespaced_custom_object_status(self, *, body: Any, _content_type: str, **_: Any) -> dict[str, Any]:
        return self._patched(body, _content_type)

    def _found(self) -> dict[str, Any]:
        if self.gone:
            raise client.ApiException(status=HTTPStatus.NOT_FOUND)
        return self.body

    def _patched(self, patch: Any, form: str) -> dict[str, Any]:
        body = copy.deepcopy(self._found())
        if form == "application/json-patch+json":
            for step in patch:
                _apply(body, step)
        else:
            assert form == "application/merge-patch+json"
            version = patch.get("metadata", {}).get("resourceVersion", body["metadata"]["resourceVersion"])
            if version != body["metadata"]["resourceVersion"]:
                raise client.ApiException(status=HTTPStatus.CONFLICT)
            body = _merged(body, patch)
        self.body = body
        self.touch()
        return copy.deepcopy(self.body)


def _apply(body: dict[str, Any], step: dict[str, Any]) -> None:
    *parents, last = step["path"].removeprefix("/").split("/")
    target = body
    for parent in parents:
        target = target[parent]
    if step["op"] == "add":
        target[last] = step["value"]
    elif target.get(last) != step["value"]:
        raise client.ApiException(status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(patch, dict):
        return patch
    return {**value, **{key: _merged(value.get(key), member) for key, member in patch.items()}}


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Objects:
    server = Objects()
    monkeypatch.setattr(client, "CustomObjectsApi", lambda _: server)
    return server


@pytest.fixture
def writer(objects: Objects) -> Writer:
    return Writer(client.ApiClient(), "operator-1")


def test_a_status_is_replaced_whole(objects: Objects, writer: Writer) -> None:
    objects.body["status"] = {"failure": {"class": "Failed", "message": "It broke."}, "observedGeneration": 1}
    after = writer.write_status(objects.resource(), Status(observed_generation=2, endpoint_name="ml-fraud"))
    assert objects.body["status"]["observedGeneration"] == 2
    assert "failure" not in objects.body["status"]
    assert after.status.endpoint_name == "ml-fraud"


def test_another_object_of_the_same_name_gets_no_status_and_no_finalizer(objects: Objects, writer: Writer) -> None:
    before = objects.resource()
    objects.touch(uid="u2")
    with pytest.raises(WriteError):
        writer.write_status(before, Status(observed_generation=2))
    with pytest.raises(ObjectGone):
        writer.add_finalizer(before)
    assert "status" not in objects.body
    assert objects.finalizers == []


def test_the_finalizers_of_others_stay(objects: Objects, writer: Writer) -> None:
    objects.touch(finalizers=[OTHERS])
    claimed = writer.add_finalizer(objects.resource())
    assert claimed.has_finalizer
    assert objects.finalizers == [OTHERS, FINALIZER]
    writer.remove_finalizer(claimed)
    assert objects.finalizers == [OTHERS]


def test_a_finalizer_that_somebody_adds_meanwhile_is_not_lost(objects: Objects, writer: Writer) -> None:
    objects.meanwhile = lambda: objects.touch(finalizers=[OTHERS])
    with pytest.raises(WriteError):
        writer.add_finalizer(objects.resource())
    assert objects.finalizers == [OTHERS]


def test_what_is_so_already_is_not_written(objects: Objects, writer: Writer) -> None:
    objects.touch(finalizers=[FINALIZER])
    version = objects.body["metadata"]["resourceVersion"]
    assert writer.add_finalizer(objects.resource()).resource_version == version
    assert objects.body["metadata"]["resourceVersion"] == version


def test_an_object_that_is_gone_needs_no_release(objects: Objects, writer: Writer) -> None:
    before = objects.resource()
    objects.gone = True
    writer.remove_finalizer(before)
    with pytest.raises(ObjectGone):
        writer.add_finalizer(before)
