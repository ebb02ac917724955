"""HTTP replies of the runtime, byte for byte: success, and each error of the InvokeEndpoint API."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from http import HTTPStatus

from sagemaker_local.router.routes import EndpointRoute, VariantRoute

MAX_BODY_IN_MESSAGE = 1024


def request_id() -> bytes:
    """A random id in the form of AWS's request ids."""
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


@dataclass(frozen=True, slots=True)
class RuntimeFailure:
    """An error reply. ``code`` is the API's exception shape; ``members`` are that shape's other members."""

    status: int
    code: str
    message: str | None
    members: tuple[tuple[str, str | int], ...] = ()

    def encode(self) -> tuple[bytes, bytes]:
        """The status line with headers up to the body's length, and the body."""
        body = json.dumps({"Message": self.message, "message": self.message, **dict(self.members)}).encode()
        head = (
            f"HTTP/1.1 {self.status} {_phrase(self.status)}\r\nx-amzn-ErrorType: {self.code}\r\n"
            "Content-Type: application/json\r\n"
        )
        return head.encode("latin-1"), body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


MISSING_TOKEN = RuntimeFailure(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
INVALID_SIGNATURE = RuntimeFailure(
    403,
    "IncompleteSignatureException",
    "Authorization header requires 'Credential' parameter of the form key/date/region/service/aws4_request.",
)

EXPIRED_TOKEN = RuntimeFailure(403, "ExpiredTokenException", "The security token included in the request is expired")
"""API reference, Common Error Types. The status is the page's."""


def endpoint_not_found(name: str, account: str, status: str | None) -> RuntimeFailure:
    """SageMaker says the same of an endpoint that never served; the status is added as help."""
    message = f"Endpoint {name} of account {account} not found."
    if status:
        message += f" (Its status is {status}; an endpoint answers once it is InService.)"
    return RuntimeFailure(400, "ValidationError", message)


def asynchronous(name: str) -> RuntimeFailure:
    """The endpoint has an AsyncInferenceConfig (seen publicly: ValidationError for InvokeEndpoint)."""
    message = (
        f"Endpoint {name} is an asynchronous endpoint and does not support InvokeEndpoint; use InvokeEndpointAsync."
    )
    return RuntimeFailure(400, "ValidationError", message)


def not_asynchronous(name: str) -> RuntimeFailure:
    """The endpoint has no AsyncInferenceConfig."""
    message = f"Endpoint {name} is not an asynchronous endpoint and does not support InvokeEndpointAsync."
    return RuntimeFailure(400, "ValidationError", message)


THROTTLED = RuntimeFailure(400, "ThrottlingException", None)
"""More calls than MaxConcurrency; the message is null, as has been seen of SageMaker."""


def no_stream(name: str) -> RuntimeFailure:
    """Serverless endpoints answer in one piece."""
    message = f"Endpoint {name} is a serverless endpoint and does not support InvokeEndpointWithResponseStream."
    return RuntimeFailure(400, "ValidationError", message)


def variant_not_found(route: EndpointRoute, variant: str) -> RuntimeFailure:
    """TargetVariant names none of the endpoint's variants."""
    names = ", ".join(each.name for each in route.variants)
    message = f"Variant {variant} not found for endpoint {route.name} of account {route.account}. It has: {names}."
    return RuntimeFailure(400, "ValidationError", message)


def no_weight(route: EndpointRoute) -> RuntimeFailure:
    """Every variant's weight is 0 and the call names no variant."""
    message = f"Endpoint {route.name} has no variant with a weight above 0; name one with TargetVariant."
    return RuntimeFailure(400, "ValidationError", message)


def constraints(violations: list[str]) -> RuntimeFailure:
    """Violated constraints of the API's model, in the words of its validator."""
    count = len(violations)
    message = f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(violations)}"
    return RuntimeFailure(400, "ValidationError", message)


def body_too_large(limit: int) -> RuntimeFailure:
    """The API's limit on the request body."""
    return constraints(
        [f"Value at 'body' failed to satisfy constraint: Member must have length less than or equal to {limit}"]
    )


def unsupported_header(code: str, message: str) -> RuntimeFailure:
    """A header that only another kind of endpoint takes; ErrorCode is not in the API's model, but in its answers."""
    return RuntimeFailure(400, "ValidationError", message, (("ErrorCode", code),))


def header_missing(header: str) -> RuntimeFailure:
    """A call must say which model or which container of the instance it is for (seen publicly of the target model)."""
    return RuntimeFailure(400, "ValidationError", f"Request {request_id().decode()} is missing a {header} header.")


def container_not_found(route: EndpointRoute, container: str, variant: VariantRoute) -> RuntimeFailure:
    """TargetContainerHostname names none of the variant's containers."""
    names = ", ".join(variant.containers.names) if variant.containers else ""
    message = f"Container {container} not found for endpoint {route.name} of account {route.account}. It has: {names}."
    return RuntimeFailure(400, "ValidationError", message)


def no_pipeline_stream(name: str) -> RuntimeFailure:
    """An inference pipeline's replies go from container to container whole."""
    message = f"Endpoint {name} is an inference pipeline and does not support InvokeEndpointWithResponseStream."
    return RuntimeFailure(400, "ValidationError", message)


MODEL_NOT_READY = RuntimeFailure(
    429,
    "ModelNotReadyException",
    "Either a serverless endpoint variant's resources are still being provisioned, or a multi-model endpoint is still "
    "downloading or loading the target model. Wait and try your request again.",
)
"""API reference, InvokeEndpoint: what is asked for takes longer than the call may."""

INTERNAL_DEPENDENCY = RuntimeFailure(
    530,
    "InternalDependencyException",
    "Your request caused an exception with an internal dependency. Contact customer support.",
)
"""API reference, InvokeEndpoint; here S3 did not answer when a model was wanted."""

INTERNAL_FAILURE = RuntimeFailure(500, "InternalFailure", "An internal failure occurred. Try your request again.")
"""API reference, InvokeEndpoint; here a mistake of local SageMaker's own, which its log tells of."""


def model_data_unreadable(cause: str) -> RuntimeFailure:
    """A multi-model endpoint's archive is not there, or is none."""
    message = (
        "Failed to download model data. Please ensure that there is an object located at the URL and that the role "
        f"passed to CreateModel has permissions to download the model. ({cause})"
    )
    return RuntimeFailure(400, "ValidationError", message)


def session_not_found(route: EndpointRoute, session_id: str) -> RuntimeFailure:
    """Closed, expired, never opened, or its instance is gone."""
    message = f"Session {session_id} not found for endpoint {route.name}; open one with NEW_SESSION."
    return RuntimeFailure(400, "ValidationError", message)


def no_instance(route: EndpointRoute, variant: str) -> RuntimeFailure:
    """Nothing that can take the request: every instance is starting again or gone."""
    message = f"No healthy instance of variant {variant} of endpoint {route.name}; the service is retrying to start it."
    return RuntimeFailure(503, "ServiceUnavailable", message)


def model_error(
    route: EndpointRoute, variant: str, instance_id: str, status: int, body: bytes, log_group: str | None = None
) -> RuntimeFailure:
    """The container answered with an error, or not at all (status 0): API shape ModelError, HTTP 424.

    The container's name ends ``instance_id`` after a slash where there are several.
    """
    text = body.decode("utf-8", "replace")
    container = instance_id.partition("/")[2] or "primary"
    if not status:
        text = text.replace("container primary", f"container {container}")
    kind = "client" if 400 <= status < 500 else "server"
    group = log_group or f"/aws/sagemaker/Endpoints/{route.name}"
    message = (
        f'Received {kind} error ({status}) from {container} with message "{text[:MAX_BODY_IN_MESSAGE]}". '
        f"See https://{route.region}.console.aws.amazon.com/cloudwatch/home?region={route.region}"
        f"#logEventViewer:group={group} in account {route.account} for more information."
    )
    stream = f"arn:aws:logs:{route.region}:{route.account}:log-group:{group}:log-stream:{variant}/{instance_id}"
    members = (("OriginalStatusCode", status), ("OriginalMessage", text), ("LogStreamArn", stream))
    return RuntimeFailure(424, "ModelError", message, members)


TIMED_OUT = (
    b"Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    b"each container in Amazon CloudWatch, resolve the issue, and try again."
)
CLOSED = b"The container closed the connection before it answered."
UNREADABLE = b"The container's answer is not HTTP/1.1."
STREAM_BROKEN = "The TCP connection between the client and the model was reset or closed."
STREAM_UNREADABLE = "The stream processing failed: the container's answer is not HTTP/1.1."
