"""Writes of the operator to the Kubernetes API: status, finalizer, events. Nothing else is ever written."""

import contextlib
import datetime as dt
import logging
import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import urllib3
from kubernetes import client

from sagemaker_operator.api.codec import encode
from sagemaker_operator.api.resource import (
    FIELD_MANAGER,
    FINALIZER,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    ObjectKey,
    Resource,
    parse_resource,
)
from sagemaker_operator.api.status import Status
from sagemaker_operator.kube.connection import TIMEOUT_SECONDS
from sagemaker_operator.plan.actions import Event

log = logging.getLogger(__name__)

# Limits of the API's validation of events.
_MESSAGE_LIMIT, _INSTANCE_LIMIT = 1024, 128


class WriteError(Exception):
    """The API server refused a write or gave no answer; the pass is repeated with a fresh object."""


class ObjectGone(Exception):  # noqa: N818 - a fact, not a fault
    """The object does not exist any more, or another one has its name."""


class Writer:
    """Thread-safe."""

    def __init__(self, api: client.ApiClient, instance: str) -> None:
        self._instance = instance
        self._objects, self._events = client.CustomObjectsApi(api), client.CoreV1Api(api)

    def write_status(self, resource: Resource, status: Status) -> Resource:
        """Replaces the whole status. Raises WriteError, ObjectGone."""
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": resource.uid},
            {"op": "add", "path": "/status", "value": encode(status)},
        ]
        return self._call(
            self._objects.patch_namespaced_custom_object_status,
            resource.key,
            body=patch,
            field_manager=FIELD_MANAGER,
            _content_type="application/json-patch+json",
        )

    def add_finalizer(self, resource: Resource) -> Resource:
        """From now on the object cannot go without us. Raises WriteError, ObjectGone."""
        return self._set_finalizers(resource, present=True)

    def remove_finalizer(self, resource: Resource) -> None:
        """Lets the object go. One that is gone already is fine. Raises WriteError."""
        with contextlib.suppress(ObjectGone):
            self._set_finalizers(resource, present=False)

    def emit(self, resource: Resource, event: Event) -> None:
        """One Event on the object. Best effort: what it tells stands in the status too."""
        key, now = resource.key, dt.datetime.now(dt.UTC)
        body = client.CoreV1Event(
            metadata=client.V1ObjectMeta(name=f"{key.name[:200]}.{uuid.uuid4().hex[:16]}", namespace=key.namespace),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}",
                kind=KIND,
                namespace=key.namespace,
                name=key.name,
                uid=resource.uid,
            ),
            type=event.type,
            reason=event.reason,
            action=event.reason,
            message=event.message[:_MESSAGE_LIMIT],
            event_time=now,
            first_timestamp=now,  # kubectl sorts by the old time stamps
            last_timestamp=now,
            reporting_component=FIELD_MANAGER,
            reporting_instance=self._instance[:_INSTANCE_LIMIT],
            source=client.V1EventSource(component=FIELD_MANAGER),
        )
        try:
            self._events.create_namespaced_event(key.namespace, body, _request_timeout=TIMEOUT_SECONDS)
        except client.ApiException as error:
            if "NamespaceTerminating" not in str(error.body):  # nothing may be made there any more
                log.warning("Event %s was not written: %s", event.reason, error.reason, extra={"object": str(key)})
        except urllib3.exceptions.HTTPError as error:
            log.warning("Event %s was not written: %s", event.reason, error, extra={"object": str(key)})

    def _set_finalizers(self, resource: Resource, *, present: bool) -> Resource:
        """Read first, because others may hold finalizers too; the resourceVersion guards against a race with them."""
        body = self._raw(self._objects.get_namespaced_custom_object, resource.key)
        metadata = body["metadata"]
        if metadata["uid"] != resource.uid:
            raise ObjectGone(str(resource.key))
        before = metadata.get("finalizers", [])
        finalizers = [f for f in before if f != FINALIZER] + ([FINALIZER] if present else [])
        if finalizers == before:
            return parse_resource(body)
        return self._call(
            self._objects.patch_namespaced_custom_object,
            resource.key,
            body={"metadata": {"resourceVersion": metadata["resourceVersion"], "finalizers": finalizers}},
            field_manager=FIELD_MANAGER,
            _content_type="application/merge-patch+json",
        )

    def _call(self, method: Callable[..., Any], key: ObjectKey, **arguments: Any) -> Resource:
        return parse_resource(self._raw(method, key, **arguments))

    def _raw(self, method: Callable[..., Any], key: ObjectKey, **arguments: Any) -> dict[str, Any]:
        where = {"group": GROUP, "version": VERSION, "plural": PLURAL, "namespace": key.namespace, "name": key.name}
        try:
            reply: dict[str, Any] = method(**where, **arguments, _request_timeout=TIMEOUT_SECONDS)
        except client.ApiException as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise ObjectGone(str(key)) from error
            raise WriteError(f"{key}: {error.status} {error.reason}") from error
        except urllib3.exceptions.HTTPError as error:
            raise WriteError(f"{key}: {error}") from error
        return reply
