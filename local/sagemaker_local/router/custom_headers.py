"""The runtime's own request headers: their limits as the API's model has them, and which endpoints take them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sagemaker_local.router.pool import Header

TARGET_VARIANT = b"x-amzn-sagemaker-target-variant"
TARGET_MODEL = b"x-amzn-sagemaker-target-model"
TARGET_CONTAINER = b"x-amzn-sagemaker-target-container-hostname"
INFERENCE_COMPONENT = b"x-amzn-sagemaker-inference-component"
INFERENCE_ID = b"x-amzn-sagemaker-inference-id"
CUSTOM_ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
SESSION_ID = b"x-amzn-sagemaker-session-id"

NEW_SESSION = b"NEW_SESSION"

_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"
_ASCII = r"[\x00-\x7f]*"
_PRINTABLE = r"\S[\x20-\x7e]*"
_EXPRESSIONS = {_ASCII: r"\p{ASCII}*", _PRINTABLE: r"\A\S[\p{Print}]*\z"}


@dataclass(frozen=True, slots=True)
class Limit:
    """``member`` is the API's name; lengths are characters."""

    member: str
    most: int
    expression: str
    least: int = 0


LIMITS: Mapping[bytes, Limit] = {
    CUSTOM_ATTRIBUTES: Limit("customAttributes", 1024, _ASCII),
    INFERENCE_ID: Limit("inferenceId", 64, _PRINTABLE, least=1),
    TARGET_VARIANT: Limit("targetVariant", 63, _NAME),
    TARGET_MODEL: Limit("targetModel", 1024, _PRINTABLE, least=1),
    TARGET_CONTAINER: Limit("targetContainerHostname", 63, _NAME),
    INFERENCE_COMPONENT: Limit("inferenceComponentName", 63, r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?"),
    SESSION_ID: Limit("sessionId", 256, rf"NEW_SESSION|{_NAME}"),
    b"x-amzn-sagemaker-enable-explanations": Limit("enableExplanations", 64, r".*", least=1),
}
"""API shapes of sagemaker-runtime's inputs."""

_UNSUPPORTED = {
    TARGET_MODEL: "is not a multi-model endpoint and does not support target model header",
    TARGET_CONTAINER: "is not a multi-container endpoint and does not support target container hostname header",
    SESSION_ID: "has several models or containers behind an instance and does not support session id header",
}


def value_of(headers: Sequence[Header], name: bytes) -> bytes | None:
    """The first of a name, which is in lower case."""
    return next((value for each, value in headers if each == name), None)


def violations(headers: Sequence[Header]) -> list[str]:
    """What the API's validator says of the headers, in its own words."""
    return [
        text
        for name, value in headers
        if (limit := LIMITS.get(name))
        for text in broken(limit, value.decode("latin-1"))
    ]


def broken(limit: Limit, value: str) -> list[str]:
    """What a value violates of a limit."""
    start = f"Value '{value}' at '{limit.member}' failed to satisfy constraint: Member must"
    found = []
    if len(value) > limit.most:
        found.append(f"{start} have length less than or equal to {limit.most}")
    if len(value) < limit.least:
        found.append(f"{start} have length greater than or equal to {limit.least}")
    elif not re.fullmatch(limit.expression, value):
        shown = _EXPRESSIONS.get(limit.expression, f"^{limit.expression}$")
        found.append(f"{start} satisfy regular expression pattern: {shown}")
    return found


def unsupported(
    headers: Sequence[Header], endpoint_name: str, supported: Sequence[bytes] = ()
) -> tuple[str, str] | None:
    """ErrorCode and message for a header that only another kind of endpoint takes than one with those ``supported``."""
    for name, _ in headers:
        if name in _UNSUPPORTED and name not in supported:
            code = name.removeprefix(b"x-amzn-sagemaker-").decode().replace("-", "_").upper()
            return f"{code}_HEADER_NOT_SUPPORTED", f"Endpoint {endpoint_name} {_UNSUPPORTED[name]}."
    return None
