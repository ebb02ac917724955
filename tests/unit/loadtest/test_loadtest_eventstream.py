"""Our reader of event-stream frames against botocore's, and against damage."""

import binascii
import struct

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_loadtest.exchange.eventstream import FrameError, FrameReader, Kind
from sagemaker_loadtest.exchange.invocation import StreamBook
from sagemaker_loadtest.exchange.replies import Outcome

PART = {":message-type": "event", ":event-type": "PayloadPart", ":content-type": "application/octet-stream"}

BROKEN = {":message-type": "exception", ":exception-type": "ModelStreamError"}


def frame(headers: dict[str, str | int | bool], payload: bytes) -> bytes:
    packed = b""
    for name, value in headers.items():
        packed += bytes((len(name),)) + name.encode()
        if isinstance(value, bool):
            packed += b"\x00" if value else b"\x01"
        elif isinstance(value, int):
            packed += b"\x04" + struct.pack(">i", value)
        else:
            packed += b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    body = prelude + struct.pack(">I", binascii.crc32(prelude)) + packed + payload
    return body + struct.pack(">I", binascii.crc32(body))


VALUES = st.text(max_size=20) | st.integers(-(2**31), 2**31 - 1) | st.booleans()
FRAMES = st.lists(
    st.tuples(st.dictionaries(st.from_regex(r"\A:?[a-z-]{1,20}\Z"), VALUES, max_size=4), st.binary(max_size=300)),
    max_size=8,
)


@given(FRAMES, st.lists(st.integers(1, 100), min_size=1))
def test_frames_are_botocores_however_the_bytes_come(
    frames: list[tuple[dict[str, str | int | bool], bytes]], sizes: list[int]
) -> None:
    data = b"".join(frame(headers, payload) for headers, payload in frames)
    theirs = EventStreamBuffer()
    theirs.add_data(data)
    reader, ours, position, turn = FrameReader(), [], 0, 0
    while position < len(data):
        step = sizes[turn % len(sizes)]
        ours += reader.feed(data[position : position + step])
        position, turn = position + step, turn + 1
    assert [payload for _, payload in ours] == [message.payload for message in theirs]
    assert not reader.pending


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_wrong_byte_is_noticed(position: int, change: int) -> None:
    data = bytearray(frame(PART, b"x" * 100))
    data[position % len(data)] ^= change
    reader = FrameReader()
    try:
        frames = reader.feed(bytes(data))
    except FrameError:
        return
    assert frames == []  # never: a length that is wrong is in the prelude, which has a checksum
    pytest.fail("the damage was not noticed")


def test_kinds() -> None:
    reader = FrameReader()
    data = frame(PART, b"a") + frame({":message-type": "exception", ":exception-type": "ModelStreamError"}, b"{}")
    data += frame({":message-type": "error", ":error-code": "InternalStreamFailure"}, b"")
    assert [kind for kind, _ in reader.feed(data)] == [
        Kind("PayloadPart", ""),
        Kind("", "ModelStreamError"),
        Kind("", "InternalStreamFailure"),
    ]


@pytest.mark.parametrize(
    ("data", "outcome", "chunks"),
    [
        (frame(PART, b"a") * 3, Outcome.OK, 3),
        (b"", Outcome.OK, 0),
        (frame(PART, b"a") + frame(PART, b"b")[:-1], Outcome.RESET, 1),
        (frame(PART, b"a") + frame(BROKEN, b""), Outcome.MODEL_ERROR, 1),
        (frame({**BROKEN, ":exception-type": "InternalStreamFailure"}, b""), Outcome.SERVICE_ERROR, 0),
    ],
)
def test_what_a_stream_was(data: bytes, outcome: Outcome, chunks: int) -> None:
    book = StreamBook()
    book.take(5.0, data)
    assert (book.outcome(), book.chunks) == (outcome, [5.0] * chunks)
