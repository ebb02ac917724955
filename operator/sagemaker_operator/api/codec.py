"""Frozen dataclasses to and from the JSON of the Kubernetes API: one place for field names and for what is left out."""

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_INITIALISMS = ("ARN", "URL", "ID")
_NOUNS = {str: "a string", int: "an integer", bool: "a boolean", float: "a number", dict: "an object", list: "a list"}


class DecodeError(ValueError):
    """The JSON does not have the shape of the dataclass; the message names the field."""


def json_name(name: str) -> str:
    """`execution_role_arn` -> `executionRoleARN`; initialisms stay upper-case as in Kubernetes' own API."""
    head, *rest = name.rstrip("_").split("_")
    return head + "".join(part.upper() if part.upper() in _INITIALISMS else part.capitalize() for part in rest)


def encode(value: Any) -> Any:
    """JSON of a dataclass; members that are None or empty are left out, for an absent field says the same."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((json_name(f.name), getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: encode(member) for name, member in fields if member is not None and member not in ("", (), {})}
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: encode(item) for key, item in value.items()}
    return value


def decode(cls: type[T], data: Any, where: str = "", *, strict: bool = False) -> T:
    """A dataclass from its JSON. Raises DecodeError when a member has the wrong type or a required one is missing.

    `strict`: an unknown member too is an error. Else it is ignored, so that an older operator reads a newer status.
    """
    return typing.cast("T", _decode(cls, data, where, strict))


def _decode(kind: Any, data: Any, where: str, strict: bool) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if a is not type(None)]
        return None if data is None else _decode(inner[0], data, where, strict)
    if origin is tuple:
        items = enumerate(_typed(list, data, where))
        return tuple(_decode(arguments[0], item, f"{where}[{i}]", strict) for i, item in items)
    if origin is typing.Literal:
        if data not in arguments:
            raise DecodeError(f"{where}: {data!r} is none of {', '.join(map(str, arguments))}")
        return data
    if isinstance(origin, type) and issubclass(origin, Mapping):
        members = _typed(dict, data, where).items()
        return {key: _decode(arguments[1], item, f"{where}.{key}", strict) for key, item in members}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, _typed(dict, data, where), where, strict)
    if kind is dt.datetime:
        return _time(_typed(str, data, where), where)
    if kind is float and isinstance(data, int):
        return float(data)
    return _typed(kind, data, where)


def _decode_dataclass(cls: Any, data: dict[str, Any], where: str, strict: bool) -> Any:
    hints = typing.get_type_hints(cls)
    members = {}
    unknown = data.keys() - {json_name(field.name) for field in dataclasses.fields(cls)}
    if strict and unknown:
        raise DecodeError(f"{where}.{min(unknown)} is not known to this operator, it may be for a newer one")
    for field in dataclasses.fields(cls):
        name = json_name(field.name)
        path = f"{where}.{name}" if where else name
        if data.get(name) is not None:
            members[field.name] = _decode(hints[field.name], data[name], path, strict)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise DecodeError(f"{path} is missing")
    return cls(**members)


def _time(text: str, where: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        raise DecodeError(f"{where}: {text!r} is not a date and time") from None


def _typed(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise DecodeError(f"{where}: {data!r} is not {_NOUNS.get(kind, kind.__name__)}")
    return data
