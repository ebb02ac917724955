"""Frames of `application/vnd.amazon.eventstream`, the body of InvokeEndpointWithResponseStream.

A frame: total length, length of the headers, CRC of these eight bytes; headers; payload; CRC of all before it (all
numbers 4 bytes, big endian). Source: "Event stream encoding" of AWS's protocol documentation.
"""

import functools
import struct
import zlib
from dataclasses import dataclass

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LEAST = _PRELUDE.size + _CRC.size
_MOST = 24 * 2**20
_STRING = 7
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES = 6


class FrameError(ValueError):
    """The stream is damaged: a checksum or a length is wrong."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a frame is. `error` is the type of an exception in the stream, empty for payload parts and other events."""

    event: str
    error: str


class FrameReader:
    """Takes bytes as they come and gives whole frames. `pending` says whether a frame has begun and not ended."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> bool:
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[tuple[Kind, bytes]]:
        """The frames that end in `data`, each with its payload. Raises FrameError."""
        buffer = self._buffer + data if self._buffer else data
        frames: list[tuple[Kind, bytes]] = []
        start, end = 0, len(buffer)
        while end - start >= _PRELUDE.size:
            total, headers, checksum = _PRELUDE.unpack_from(buffer, start)
            if zlib.crc32(buffer[start : start + 8]) != checksum:
                raise FrameError("a frame's prelude does not match its checksum")
            if not headers + _LEAST <= total <= _MOST:
                raise FrameError(f"a frame of {total} bytes with {headers} bytes of headers")
            stop = start + total
            if stop > end:
                break
            if zlib.crc32(buffer[start : stop - 4]) != _CRC.unpack_from(buffer, stop - 4)[0]:
                raise FrameError("a frame does not match its checksum")
            body = start + _PRELUDE.size + headers
            frames.append((_kind(buffer[start + _PRELUDE.size : body]), buffer[body : stop - 4]))
            start = stop
        self._buffer = buffer[start:]
        return frames


@functools.lru_cache(64)
def _kind(raw: bytes) -> Kind:
    """From a frame's headers; the same few come again and again."""
    found = _headers(raw)
    message = found.get(":message-type", "event")
    if message == "event":
        return Kind(found.get(":event-type", ""), "")
    return Kind("", found.get(":exception-type") or found.get(":error-code") or message)


def _headers(raw: bytes) -> dict[str, str]:
    """Those with a text for a value; others are stepped over. Raises FrameError."""
    found: dict[str, str] = {}
    position = 0
    try:
        while position < len(raw):
            length = raw[position]
            name = raw[position + 1 : position + 1 + length].decode()
            position += 1 + length
            kind = raw[position]
            position += 1
            if kind in (_BYTES, _STRING):
                size = int.from_bytes(raw[position : position + 2], "big")
                position += 2
                if kind == _STRING:
                    found[name] = raw[position : position + size].decode()
                position += size
            else:
                position += _FIXED_SIZES[kind]
    except (IndexError, KeyError, UnicodeDecodeError) as error:
        raise FrameError("a frame's headers cannot be read") from error
    return found
