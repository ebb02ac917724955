"""Payloads to signed-for requests of the three operations of the SageMaker runtime, headers as botocore names them."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sagemaker_loadtest.api.spec import Invocation, Operation
from sagemaker_loadtest.exchange.sigv4 import Request, make_request
from sagemaker_loadtest.workload.objects import input_location
from sagemaker_loadtest.workload.payloads import Payload

NEW_SESSION = "NEW_SESSION"
"""SageMaker's own word: the endpoint opens a session and tells its id."""
_HEADER = "X-Amzn-SageMaker-"
_PATHS: dict[Operation, str] = {
    "InvokeEndpoint": "invocations",
    "InvokeEndpointAsync": "async-invocations",
    "InvokeEndpointWithResponseStream": "invocations-response-stream",
}
NEVER_NAMED: dict[Operation, frozenset[str]] = {
    "InvokeEndpoint": frozenset(),
    "InvokeEndpointAsync": frozenset(
        (
            "targetVariant",
            "targetModel",
            "targetModels",
            "targetContainerHostname",
            "inferenceComponentName",
            "sessionId",
            "sessions",
        )
    ),
    "InvokeEndpointWithResponseStream": frozenset(("targetModel", "targetModels", "sessions")),
}
"""Members that an operation does not have, by their names in the test file (service model of the runtime)."""


def invocation_path(endpoint: str, operation: Operation = "InvokeEndpoint") -> str:
    """Request URI of the operation in the runtime's service model."""
    return f"/endpoints/{endpoint}/{_PATHS[operation]}"


def asked_variant(request: Request) -> str:
    """The variant that the request names; empty when SageMaker is to choose."""
    return next((value for name, value in request.headers if name == f"{_HEADER}Target-Variant"), "")


def headers_of(
    invocation: Invocation,
    content_type: str,
    accept: str | None,
    *,
    model: str | None = None,
    session: str | None = None,
    inference_id: str | None = None,
    input_uri: str | None = None,
) -> dict[str, str]:
    """The operation's headers; what is None is left out."""
    operation = invocation.operation
    prefix = _HEADER if operation == "InvokeEndpointAsync" else ""
    found = {
        f"{prefix}Content-Type": content_type,
        f"{'' if operation == 'InvokeEndpoint' else _HEADER}Accept": accept,
        f"{_HEADER}Custom-Attributes": invocation.custom_attributes,
        f"{_HEADER}Target-Model": model,
        f"{_HEADER}Target-Variant": invocation.target_variant,
        f"{_HEADER}Target-Container-Hostname": invocation.target_container_hostname,
        f"{_HEADER}Inference-Component": invocation.inference_component_name,
        f"{_HEADER}Session-Id": session or invocation.session_id,
        f"{_HEADER}Inference-Id": inference_id,
        f"{_HEADER}InputLocation": input_uri,
    }
    return {name: value for name, value in found.items() if value is not None}


class Requests:
    """Makes the requests of one process. Those that can be sent again are made once, so that their signature can be
    cached.
    """

    def __init__(self, payloads: Sequence[Payload], invocation: Invocation, host: str, endpoint: str) -> None:
        self._payloads = payloads
        self._invocation = invocation
        self._host = host
        self._path = invocation_path(endpoint, invocation.operation)
        self._models = invocation.target_models.names if invocation.target_models else (None,)
        self._prefix = invocation.results.input_s3_uri if invocation.operation == "InvokeEndpointAsync" else None
        self._made: dict[tuple[int, int], Request] = {}

    def get(self, payload: int, model: int, numbers: Iterator[int], session: str | None) -> Request:
        """The request of a payload to a model (0 when there is no choice), in a session of its own if given."""
        found = self._payloads[payload]
        if found.template is not None or session is not None or self._invocation.unique_inference_ids:
            return replace(self._make(found, model, numbers, session), once=True)
        request = self._made.get((payload, model))
        if request is None:
            request = self._made[payload, model] = self._make(found, model, numbers, None)
        return request

    def _make(self, payload: Payload, model: int, numbers: Iterator[int], session: str | None) -> Request:
        body = payload.template.fill(next(numbers)) if payload.template else payload.body
        headers = headers_of(
            self._invocation,
            payload.content_type,
            payload.accept,
            model=self._models[model],
            session=session,
            inference_id=str(uuid.uuid4()) if self._invocation.unique_inference_ids else None,
            input_uri=input_location(self._prefix, body) if self._prefix else None,
        )
        if self._prefix:
            body = b""
        return make_request(self._host, self._path, headers, body)


def object_request(host: str, path: str) -> Request:
    """A GET of an object's first byte, to learn whether it is there. `path` is percent-encoded."""
    empty = hashlib.sha256(b"").hexdigest()
    return Request(host, path, (("Range", "bytes=0-0"), ("X-Amz-Content-SHA256", empty)), b"", empty, "GET", once=True)
