"""InvokeEndpointAsync's request: read, checked, and where its result will be. Pure. Times are seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from sagemaker_local.control.state.features import AsyncInference
from sagemaker_local.router import custom_headers
from sagemaker_local.router.custom_headers import Limit
from sagemaker_local.router.routes import EndpointKey

DEFAULT_TTL_SECONDS, DEFAULT_TIMEOUT_SECONDS = 21_600, 900
"""API reference, InvokeEndpointAsync: six hours in the queue, fifteen minutes in the model."""

MOST_INLINE_BYTES = 128_000
"""API shape AsyncBodyBlob."""

_PREFIX = "x-amzn-sagemaker-"
_ASCII = r"[\x00-\x7f]*"

_LIMITS: Mapping[str, Limit] = {
    "inputlocation": Limit("inputLocation", 1024, r"(https|s3)://([^/]+)/?(.*)", least=1),
    "content-type": Limit("contentType", 1024, _ASCII),
    "accept": Limit("accept", 1024, _ASCII),
    "s3outputpathextension": Limit("s3OutputPathExtension", 512, r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+", least=1),
    "filename": Limit("filename", 32, r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_\.]*", least=1),
}
_RANGES = {"requestttlseconds": (60, 21_600, "requestTTLSeconds")} | {
    "invocationtimeoutseconds": (1, 3_600, "invocationTimeoutSeconds")
}
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")


class InvalidRequestError(Exception):
    """Answered as ValidationError; ``violations`` are what the API's validator would say."""

    def __init__(self, message: str = "", violations: list[str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.violations = violations or []


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """One request in the queue. ``received`` and ``expires`` are the clock's time, ``timeout`` is real time.

    Either ``input_location`` is an ``s3://`` URL or ``body`` is the input itself.
    """

    identity: str
    key: EndpointKey
    inference_id: str
    received: float
    expires: float
    timeout: float
    output_location: str
    failure_location: str | None
    input_location: str | None = None
    body: bytes | None = None
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None
    attempts: int = 0


def read_request(
    key: EndpointKey, config: AsyncInference, headers: Mapping[str, str], body: bytes, identity: str, now: float
) -> AsyncRequest:
    """``headers`` are by lower-case name, ``identity`` is new. Raises InvalidRequestError."""
    given = {name.removeprefix(_PREFIX): value for name, value in headers.items() if name.startswith(_PREFIX)}
    _check(given, headers)
    location = given.get("inputlocation")
    if (location is None) == (not body):
        raise InvalidRequestError("Exactly one of InputLocation and Body must be set.")
    if len(body) > MOST_INLINE_BYTES:
        at = "Value at 'body' failed to satisfy constraint: Member must"
        raise InvalidRequestError(violations=[f"{at} have length less than or equal to {MOST_INLINE_BYTES}"])
    return AsyncRequest(
        identity=identity,
        key=key,
        inference_id=given.get("inference-id", identity),
        received=now,
        expires=now + float(given.get("requestttlseconds", DEFAULT_TTL_SECONDS)),
        timeout=float(given.get("invocationtimeoutseconds", DEFAULT_TIMEOUT_SECONDS)),
        output_location=_place(config.output_config.s3_output_path, given, given.get("filename", f"{identity}.out")),
        failure_location=_place(config.output_config.s3_failure_path, {}, f"{identity}-error.out")
        if config.output_config.s3_failure_path
        else None,
        input_location=None if location is None else s3_url(location),
        body=body or None,
        content_type=given.get("content-type"),
        accept=given.get("accept"),
        custom_attributes=given.get("custom-attributes"),
    )


def _check(given: Mapping[str, str], headers: Mapping[str, str]) -> None:
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    found = custom_headers.violations(pairs)
    for name, limit in _LIMITS.items():
        if name in given:
            found += custom_headers.broken(limit, given[name])
    for name, (least, most, member) in _RANGES.items():
        if name in given:
            found += _out_of_range(member, given[name], least, most)
    if found:
        raise InvalidRequestError(violations=found)


def _out_of_range(member: str, value: str, least: int, most: int) -> list[str]:
    start = f"Value '{value}' at '{member}' failed to satisfy constraint: Member must"
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        return [f"{start} be an integer"]
    if int(value) > most:
        return [f"{start} have value less than or equal to {most}"]
    return [f"{start} have value greater than or equal to {least}"] if int(value) < least else []


def _place(folder: str | None, given: Mapping[str, str], name: str) -> str:
    extension = given.get("s3outputpathextension", "").strip("/")
    return "/".join(filter(None, ((folder or "").rstrip("/"), extension, name)))


def s3_url(location: str) -> str:
    """``s3://bucket/key`` of an object named in either of S3's forms; unchanged when it is neither."""
    parts = urlsplit(location)
    host = _S3_HOST.fullmatch(parts.netloc)
    if parts.scheme != "https" or host is None:
        return location
    path = unquote(parts.path.lstrip("/"))
    return f"s3://{host['bucket']}/{path}" if host["bucket"] else f"s3://{path}"
