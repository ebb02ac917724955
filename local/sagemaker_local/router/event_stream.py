"""The binary framing of event streams: application/vnd.amazon.eventstream, both checksums included. Pure.

A message is a prelude (total length, length of the headers, CRC-32 of these eight bytes), headers of type string, the
payload, and the CRC-32 of everything before it (AWS: Amazon Transcribe, Event stream encoding; Smithy,
amazon-eventstream specification).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"

MAX_PAYLOAD_BYTES = 24 * 1024 * 1024
"""What decoders take at most; botocore's is one of them."""

_PRELUDE, _CRC, _LENGTH = struct.Struct(">II"), struct.Struct(">I"), struct.Struct(">H")
_STRING = b"\x07"
_OVERHEAD = _PRELUDE.size + 2 * _CRC.size


def message(headers: Iterable[tuple[str, str]], payload: bytes) -> bytes:
    """One message. Raises ValueError for a name beyond 255 bytes, a value beyond 65,535 or a payload beyond 24 MiB."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"an event of {len(payload)} bytes is larger than {MAX_PAYLOAD_BYTES}; send it in parts")
    encoded = b"".join(_header(name.encode(), value.encode()) for name, value in headers)
    prelude = _PRELUDE.pack(_OVERHEAD + len(encoded) + len(payload), len(encoded))
    checked = b"%b%b%b%b" % (prelude, _CRC.pack(crc32(prelude)), encoded, payload)
    return checked + _CRC.pack(crc32(checked))


def _header(name: bytes, value: bytes) -> bytes:
    if not 0 < len(name) < 256 or len(value) > 65_535:
        raise ValueError(f"event header {name!r}: its name must have 1 to 255 bytes, its value at most 65535")
    return b"%c%b%b%b%b" % (len(name), name, _STRING, _LENGTH.pack(len(value)), value)


def payload_part(data: bytes) -> bytes:
    """A part of the model's reply: API shape PayloadPart."""
    headers = (
        (":event-type", "PayloadPart"),
        (":content-type", "application/octet-stream"),
        (":message-type", "event"),
    )
    return message(headers, data)


def model_stream_error(text: str, code: str) -> bytes:
    """The stream ends early because of the model: API shape ModelStreamError."""
    return _exception("ModelStreamError", {"Message": text, "ErrorCode": code})


def internal_stream_failure(text: str) -> bytes:
    """The stream ends early for another reason: API shape InternalStreamFailure."""
    return _exception("InternalStreamFailure", {"Message": text})


def _exception(name: str, members: dict[str, str]) -> bytes:
    headers = ((":exception-type", name), (":content-type", "application/json"), (":message-type", "exception"))
    return message(headers, json.dumps(members).encode())
