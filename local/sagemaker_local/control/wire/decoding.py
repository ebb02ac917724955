"""Validated bodies as frozen dataclasses, read off the dataclass's own annotations."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Document = Mapping[str, Any]
"""A part of a request or reply in the API's own member names, kept as it came because nobody acts upon it."""

T = TypeVar("T")
_Decode = Callable[[Any], Any]


def decode(kind: type[T], document: Document) -> T:
    """An instance of a dataclass whose fields are members of the API in snake case.

    Members that it does not have are left out; a member that is named otherwise stands in the field's metadata as
    ``wire``.
    """
    found: T = _dataclass(kind)(document)  # type: ignore[arg-type]  # classes are hashable
    return found


def wire_name(each: Field[Any]) -> str:
    """The API's name of a field."""
    name: str = each.metadata.get("wire") or "".join(part.capitalize() for part in each.name.split("_"))
    return name


@cache
def _dataclass(kind: type[Any]) -> _Decode:
    hints = get_type_hints(kind)
    members = [(each.name, wire_name(each), _decoder(hints[each.name])) for each in fields(kind)]
    required = {each.name for each in fields(kind) if each.default is MISSING and each.default_factory is MISSING}

    def decode_members(document: Document) -> Any:
        values = {name: read(document[wire]) for name, wire, read in members if wire in document}
        for name in required - values.keys():
            raise TypeError(f"{kind.__name__}.{name} is required, but not by the API's model")
        return kind(**values)

    return decode_members


def _decoder(hint: Any) -> _Decode:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _decoder(next(each for each in arguments if each is not type(None)))
    if origin is tuple:
        member = _decoder(arguments[0])
        return lambda values: tuple(member(each) for each in values)
    if is_dataclass(hint):
        return lambda value: _dataclass(hint)(value)  # type: ignore[arg-type]  # is_dataclass also takes instances
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value
