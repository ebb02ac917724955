"""Replies written by the API's model: members without a value left out, unknown ones refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import Shape

from sagemaker_local.control.wire.decoding import Document
from sagemaker_local.control.wire.errors import ApiError

CONTENT_TYPE = "application/x-amz-json-1.1"

_Write = Callable[[Any], Any]
_writers: dict[tuple[Any, str], _Write] = {}


def encoded(shape: Shape | None, document: Document) -> bytes:
    """The body of a success; an operation without output answers with nothing.

    Raises KeyError for a member that the model does not have: a mistake of ours, never of a caller.
    """
    if shape is None:
        return b""
    return json.dumps(_writer(shape)(document), separators=(",", ":")).encode()


def encoded_error(error: ApiError) -> bytes:
    """The body of a refusal, as JSON 1.1 has it."""
    return json.dumps({"__type": error.code, "message": error.message}, separators=(",", ":")).encode()


def request_id() -> str:
    """A new one in the form of a UUID."""
    digits = secrets.token_hex(16)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _writer(shape: Any) -> _Write:
    key = (shape._shape_resolver, shape.name)  # two services may call different shapes alike
    write = _writers.get(key)
    if write is None:
        write = _writers[key] = _BUILDERS.get(shape.type_name, _scalar)(shape)
    return write


def _structure(shape: Any) -> _Write:
    members = dict(shape.members)
    return lambda value: {name: _writer(members[name])(each) for name, each in value.items() if each is not None}


def _list(shape: Any) -> _Write:
    return lambda value: [_writer(shape.member)(each) for each in value]


def _map(shape: Any) -> _Write:
    return lambda value: {key: _writer(shape.value)(each) for key, each in value.items()}


def _timestamp(shape: Any) -> _Write:
    return lambda value: round(value, 3)


def _scalar(shape: Any) -> _Write:
    return lambda value: value


_BUILDERS: Mapping[str, Callable[[Any], _Write]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _timestamp,
}
