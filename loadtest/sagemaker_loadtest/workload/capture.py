"""SageMaker's data-capture files as payloads: the inputs that an endpoint really got, and when.

Source: "Capture data from real-time endpoint" of SageMaker's guide; each line is one JSON object.
"""

import base64
import binascii
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class _DamagedError(Exception):
    """An event whose input cannot be used."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One input. `at` is when it was answered, in seconds since 1970; None when the line does not say."""

    body: bytes
    content_type: str | None
    at: float | None
    line: int


def captured(content: bytes) -> Iterator[Captured]:
    """The inputs of a file; lines without a captured input are left out. Raises ValueError for what is no such file."""
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
            given = event["captureData"].get("endpointInput")
            found = None if given is None else _input(event, given, number)
        except _DamagedError as error:
            raise ValueError(f"line {number}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number} is no event of data capture") from error
        if found is not None:
            yield found


def _input(event: dict[str, Any], given: dict[str, Any], number: int) -> Captured:
    kind = given.get("observedContentType")
    if not isinstance(kind, str | None):
        raise TypeError("observedContentType is no text")
    return Captured(_body(given), kind, _time(event), number)


def _body(given: dict[str, Any]) -> bytes:
    data = str(given.get("data", ""))
    if given.get("encoding") != "BASE64":
        return data.encode()
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise _DamagedError("its data is no base64") from error


def _time(event: dict[str, Any]) -> float | None:
    told = event.get("eventMetadata", {}).get("inferenceTime")
    try:
        return dt.datetime.fromisoformat(told.replace("Z", "+00:00")).timestamp() if told else None
    except ValueError:
        return None
