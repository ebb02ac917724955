"""Our encoder against botocore's decoder, which checks both checksums."""

from __future__ import annotations

import json
import struct
from zlib import crc32

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer, EventStreamMessage
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.router import event_stream

_NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=255)


def decoded(data: bytes) -> list[EventStreamMessage]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return list(buffer)


@given(st.dictionaries(_NAMES, st.text(max_size=500), max_size=5), st.binary(max_size=5000))
def test_what_is_encoded_is_decoded(headers: dict[str, str], payload: bytes) -> None:
    [found] = decoded(event_stream.message(headers.items(), payload))
    assert (found.headers, found.payload) == (headers, payload)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_messages_stand_one_after_the_other(payloads: list[bytes]) -> None:
    found = decoded(b"".join(map(event_stream.payload_part, payloads)))
    assert [each.payload for each in found] == payloads


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_flipped_bit_behind_the_lengths_is_noticed(payload: bytes, data: st.DataObject) -> None:
    encoded = bytearray(event_stream.payload_part(payload))
    encoded[data.draw(st.integers(8, len(encoded) - 1))] ^= 1
    with pytest.raises(ChecksumMismatch):
        decoded(bytes(encoded))


def test_the_bytes_of_a_message() -> None:
    encoded = event_stream.message([("a", "b")], b"c")
    assert struct.unpack(">II", encoded[:8]) == (len(encoded), 6)
    assert encoded[8:12] == struct.pack(">I", crc32(encoded[:8]))
    assert encoded[12:18] == b"\x01a\x07\x00\x01b"
    assert encoded[18:19] == b"c"
    assert encoded[19:] == struct.pack(">I", crc32(encoded[:19]))


def test_errors_are_exceptions_of_the_stream() -> None:
    [broken] = decoded(event_stream.model_stream_error("gone", "StreamBroken"))
    assert broken.headers[":message-type"] == "exception"
    assert broken.headers[":exception-type"] == "ModelStreamError"
    assert json.loads(broken.payload) == {"Message": "gone", "ErrorCode": "StreamBroken"}
    [failed] = decoded(event_stream.internal_stream_failure("why"))
    assert failed.headers[":exception-type"] == "InternalStreamFailure"


def test_limits() -> None:
    for headers, payload in (([("", "x")], b""), ([("x" * 256, "")], b""), ([("x", "y" * 65_536)], b"")):
        with pytest.raises(ValueError, match="event header"):
            event_stream.message(headers, payload)
    with pytest.raises(ValueError, match="send it in parts"):
        event_stream.message([], b"x" * (event_stream.MAX_PAYLOAD_BYTES + 1))
