"""The records of the store as JSON and back. What a record is made of is read off its own annotations."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin

from cattrs import Converter, ForbiddenExtraKeysError
from cattrs.errors import BaseValidationError
from cattrs.preconf.json import make_converter

_TAG = "is"
"""Beside the fields of a member of a union, its name: several have the same fields."""


class RecordError(ValueError):
    """A record cannot be read; the text says where and why."""


def encoded(record: object, kind: Any) -> str:
    """A record of a type, as one line of JSON."""
    return json.dumps(_converter().unstructure(record, unstructure_as=kind), separators=(",", ":"), allow_nan=False)


def decoded(text: str, kind: Any) -> Any:
    """The record again. Raises RecordError."""
    try:
        return _converter().structure(json.loads(text), kind)
    except (BaseValidationError, ForbiddenExtraKeysError, ValueError, TypeError, KeyError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise RecordError(f"it is no {name}: {_first_cause(error)}") from error


def _first_cause(error: BaseException) -> str:
    """The innermost reason, with the field that it is about."""
    field = ""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
        field = next(iter(getattr(error, "__notes__", ())), field)
    return f"{field}: {error!r}" if field else repr(error)


@cache
def _converter() -> Converter:
    """Unknown fields are refused: they are of another version, and leaving them out would lose them for good."""
    converter: Converter = make_converter(forbid_extra_keys=True)
    converter.register_structure_hook_func(_is_document, lambda value, _: value)
    converter.register_unstructure_hook_func(_is_document, lambda value: value)
    converter.register_structure_hook(slice, lambda value, _: slice(*value))
    converter.register_unstructure_hook(slice, lambda value: [value.start, value.stop, value.step])
    converter.register_structure_hook_factory(_is_choice, lambda kind: _structure_choice(converter, kind))
    converter.register_unstructure_hook_factory(_is_choice, lambda kind: _unstructure_choice(converter, kind))
    return converter


def _is_document(kind: Any) -> bool:
    """Parts of requests, which are JSON already."""
    return get_origin(kind) is not None and get_args(kind) == (str, Any) and issubclass(get_origin(kind), Mapping)


def _is_choice(kind: Any) -> bool:
    """A union of dataclasses; those of one class and None need no tag."""
    members = [each for each in get_args(kind) if is_dataclass(each)]
    return get_origin(kind) in (Union, types.UnionType) and len(members) > 1


def _structure_choice(converter: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    members: dict[str, type[Any]] = {each.__name__: each for each in get_args(kind) if isinstance(each, type)}

    def structure(value: Any, _: Any) -> Any:
        if value is None and type(None) in get_args(kind):
            return None
        fields = dict(value)
        return converter.structure(fields, members[fields.pop(_TAG)])

    return structure


def _unstructure_choice(converter: Converter, kind: Any) -> Callable[[Any], Any]:
    def unstructure(value: Any) -> Any:
        return None if value is None else {_TAG: type(value).__name__, **converter.unstructure(value)}

    return unstructure
