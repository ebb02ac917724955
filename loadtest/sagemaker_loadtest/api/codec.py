"""Frozen dataclasses to and from JSON: camelCase outside, snake_case inside, nothing unknown accepted."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class DecodeError(ValueError):
    """The JSON does not have the shape of the dataclass; the message names the member."""


def json_name(name: str) -> str:
    """`warm_up_seconds` -> `warmUpSeconds`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def encode(value: Any) -> Any:
    """JSON of a dataclass. None stays null: a reader of a result need not guess which members can be absent."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {json_name(f.name): encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def decode(cls: type[T], data: Any, where: str = "") -> T:
    """A dataclass from its JSON. Raises DecodeError for a wrong type, a missing or an unknown member."""
    return typing.cast("T", _decode(cls, data, where))


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        return _decode(next(a for a in arguments if a is not type(None)), data, where)
    if origin is tuple:
        items = _typed(list, data, where)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(items))
        if len(items) != len(arguments):
            raise DecodeError(f"{where}: {len(items)} items instead of {len(arguments)}")
        return tuple(
            _decode(a, item, f"{where}[{i}]") for i, (a, item) in enumerate(zip(arguments, items, strict=True))
        )
    if origin is typing.Literal:
        if data not in arguments:
            raise DecodeError(f"{where}: {data!r} is none of {', '.join(map(str, arguments))}")
        return data
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in _typed(dict, data, where).items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type", kind), _typed(dict, data, where), where)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return _typed(kind, data, where)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode_dataclass(cls: Any, data: dict[str, Any], where: str) -> Any:
    members = {}
    left = dict(data)
    for field in dataclasses.fields(cls):
        name = json_name(field.name)
        path = f"{where}.{name}" if where else name
        if name in left:
            members[field.name] = _decode(_hints(cls)[field.name], left.pop(name), path)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise DecodeError(f"{path} is missing")
    if left:
        raise DecodeError(f"{where or 'document'}: unknown member {', '.join(sorted(left))}")
    return cls(**members)


def _typed(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise DecodeError(f"{where}: {type(data).__name__} instead of {kind.__name__}")
    return data
