"""What became of a request: one word per cause, because throttling, a model's error and a lost connection ask for
different remedies.
"""

import json
import re
from enum import StrEnum


class Outcome(StrEnum):
    """The classes under which failed requests are counted; the values are what a person reads."""

    OK = "ok"
    THROTTLED = "throttled"
    MODEL_ERROR = "model error"
    NOT_READY = "not ready"
    NO_ENDPOINT = "no such endpoint"
    TIME_OUT = "time-out"
    REFUSED = "connection refused"
    RESET = "connection reset"
    UNREACHABLE = "not reachable"
    BAD_CREDENTIALS = "bad credentials"
    BAD_REQUEST = "bad request"
    SERVICE_ERROR = "service error"
    DROPPED = "dropped"
    UNFINISHED = "unfinished"
    OTHER = "other"


ANSWERED = (
    Outcome.THROTTLED,
    Outcome.MODEL_ERROR,
    Outcome.NOT_READY,
    Outcome.NO_ENDPOINT,
    Outcome.BAD_CREDENTIALS,
    Outcome.BAD_REQUEST,
    Outcome.SERVICE_ERROR,
)
"""Failures that came as an answer: whatever the generator did, the endpoint said so."""

MEANING = {
    Outcome.THROTTLED: "SageMaker or the container asked to slow down (429, ThrottlingException)",
    Outcome.MODEL_ERROR: "the container answered with an error (ModelError, 424)",
    Outcome.NOT_READY: "the endpoint or the model is not in service",
    Outcome.NO_ENDPOINT: "SageMaker knows no endpoint of that name in the region",
    Outcome.TIME_OUT: "no answer within the time-out",
    Outcome.REFUSED: "nothing listened at the address",
    Outcome.RESET: "the connection was closed before the answer was complete",
    Outcome.UNREACHABLE: "name resolution, routing or TLS failed",
    Outcome.BAD_CREDENTIALS: "the credentials were missing, expired or not allowed to invoke (403)",
    Outcome.BAD_REQUEST: "SageMaker refused the request itself (400)",
    Outcome.SERVICE_ERROR: "an error inside SageMaker (5xx)",
    Outcome.DROPPED: "never sent: the bound on requests in flight was reached",
    Outcome.UNFINISHED: "no answer when the run ended",
    Outcome.OTHER: "a failure that a locustfile's own user reported",
}

_BY_TYPE = {
    "ThrottlingException": Outcome.THROTTLED,
    "Throttling": Outcome.THROTTLED,
    "TooManyRequestsException": Outcome.THROTTLED,
    "RequestLimitExceeded": Outcome.THROTTLED,
    "ModelError": Outcome.MODEL_ERROR,
    "ModelNotReadyException": Outcome.NOT_READY,
    "AccessDeniedException": Outcome.BAD_CREDENTIALS,
    "AccessDenied": Outcome.BAD_CREDENTIALS,
    "ExpiredTokenException": Outcome.BAD_CREDENTIALS,
    "ExpiredToken": Outcome.BAD_CREDENTIALS,
    "IncompleteSignature": Outcome.BAD_CREDENTIALS,
    "InvalidClientTokenId": Outcome.BAD_CREDENTIALS,
    "InvalidSignatureException": Outcome.BAD_CREDENTIALS,
    "MissingAuthenticationTokenException": Outcome.BAD_CREDENTIALS,
    "SignatureDoesNotMatch": Outcome.BAD_CREDENTIALS,
    "UnrecognizedClientException": Outcome.BAD_CREDENTIALS,
    "InternalDependencyException": Outcome.SERVICE_ERROR,
    "InternalFailure": Outcome.SERVICE_ERROR,
    "InternalFailureException": Outcome.SERVICE_ERROR,
    "ServiceUnavailable": Outcome.SERVICE_ERROR,
    "ServiceUnavailableException": Outcome.SERVICE_ERROR,
}
_NOT_FOUND = re.compile(r"not found|does not exist", re.IGNORECASE)
_NOT_READY = re.compile(r"not in service|\bstate\b|\bstatus\b|\bcreating\b|\bupdating\b|\bdeleting\b", re.IGNORECASE)
_MODEL_ERROR = 424


def error_type(header: str | None, body: bytes) -> tuple[str, str]:
    """Error code and message of an AWS JSON reply: `X-Amzn-ErrorType`, else `__type`; empty when there are none."""
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    code = header or str(document.get("__type") or document.get("code") or "")
    message = document.get("message") or document.get("Message") or ""
    return code.split(":")[0].rsplit("#")[-1].strip(), str(message)


def classify(status: int, header: str | None, body: bytes) -> Outcome:
    """Class of a complete HTTP reply of InvokeEndpoint.

    SageMaker's own errors are told from `X-Amzn-ErrorType` (errors of InvokeEndpoint in the API reference), the status
    decides when there is none. Under overload a 400 without any message has been reported; it counts as throttled.
    """
    if 200 <= status < 300:
        return Outcome.OK
    code, message = error_type(header, body)
    if code in _BY_TYPE:
        return _BY_TYPE[code]
    if code in ("ValidationError", "ValidationException"):
        if not message:
            return Outcome.THROTTLED
        if _NOT_FOUND.search(message):
            return Outcome.NO_ENDPOINT
        return Outcome.NOT_READY if _NOT_READY.search(message) else Outcome.BAD_REQUEST
    return _by_status(status, body)


def _by_status(status: int, body: bytes) -> Outcome:
    if status in (429, 503):
        return Outcome.THROTTLED
    if status in (401, 403):
        return Outcome.BAD_CREDENTIALS
    if status == _MODEL_ERROR:
        return Outcome.MODEL_ERROR
    if status == 400 and not body.strip():
        return Outcome.THROTTLED
    return Outcome.SERVICE_ERROR if status >= 500 else Outcome.BAD_REQUEST


def stream_outcome(error: str) -> Outcome:
    """Class of an exception in the middle of a stream (errors of InvokeEndpointWithResponseStream)."""
    if error == "ModelStreamError":
        return Outcome.MODEL_ERROR
    return _BY_TYPE.get(error, Outcome.SERVICE_ERROR)


def gone(outcomes: dict[str, int]) -> bool:
    """Whether these replies (of some seconds) say that there is no endpoint to test any more: all of them, and no
    other.
    """
    lost = sum(outcomes.get(o, 0) for o in (Outcome.NO_ENDPOINT, Outcome.NOT_READY, Outcome.REFUSED))
    return lost > 0 and lost == sum(outcomes.values())
