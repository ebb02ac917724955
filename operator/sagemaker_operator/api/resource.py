"""A SageMakerEndpoint object as it came from the Kubernetes API, parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_operator.api.codec import DecodeError, decode
from sagemaker_operator.api.spec import EndpointSpec, Placement
from sagemaker_operator.api.status import Status

GROUP = "sagemaker-operator.io"
VERSION = "v1alpha1"
PLURAL = "sagemakerendpoints"
KIND = "SageMakerEndpoint"
FINALIZER = f"{GROUP}/finalizer"
RETRY_ANNOTATION = f"{GROUP}/retry"
FIELD_MANAGER = "sagemaker-operator"


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Namespace and name: what the work queue holds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One object. `spec` is None when it does not have the shape that we know; `spec_error` then says where.

    `placement` is what can be read of such a spec all the same.
    """

    key: ObjectKey
    uid: str
    generation: int
    resource_version: str
    deletion_requested: bool
    has_finalizer: bool
    retry_token: str | None
    spec: EndpointSpec | None
    spec_error: str | None
    status: Status
    placement: Placement | None = None

    @property
    def placed(self) -> EndpointSpec | Placement | None:
        """Names and policies; None when not even these can be read."""
        return self.spec or self.placement

    @property
    def retry_requested(self) -> bool:
        """Whether the user's retry token has not been acted on yet."""
        return self.retry_token is not None and self.retry_token != self.status.last_handled_retry


def parse_resource(body: Mapping[str, Any]) -> Resource:
    """Raises DecodeError only for metadata that no API server would send."""
    metadata = body["metadata"]
    spec, error = _parse_spec(body.get("spec") or {})
    return Resource(
        key=ObjectKey(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        resource_version=metadata["resourceVersion"],
        deletion_requested=metadata.get("deletionTimestamp") is not None,
        has_finalizer=FINALIZER in metadata.get("finalizers", ()),
        retry_token=(metadata.get("annotations") or {}).get(RETRY_ANNOTATION),
        spec=spec,
        spec_error=error,
        status=_parse_status(body.get("status") or {}),
        placement=None if spec else _parse_placement(body.get("spec") or {}),
    )


def _parse_spec(data: Mapping[str, Any]) -> tuple[EndpointSpec | None, str | None]:
    try:
        return decode(EndpointSpec, data, "spec", strict=True), None
    except DecodeError as error:
        return None, str(error)


def _parse_placement(data: Mapping[str, Any]) -> Placement | None:
    try:
        return decode(Placement, data, "spec")
    except DecodeError:
        return None


def _parse_status(data: Mapping[str, Any]) -> Status:
    """A status that another version wrote in another shape is forgotten: it is rebuilt from AWS."""
    try:
        return decode(Status, data, "status")
    except DecodeError:
        return Status()
