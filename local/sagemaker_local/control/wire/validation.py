"""A request's body checked against the API's model: one check per shape, built once and kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import Shape

from sagemaker_local.control.wire.errors import constraints, unreadable
from sagemaker_local.control.wire.patterns import compiled

Check = Callable[[Any, str, list[str]], Any]
"""Takes a value, its path and the list of violations to add to; returns the value without its null members."""

_SHOWN = 256
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def validated(shape: Shape, document: object) -> Mapping[str, Any]:
    """The body without null members; times as seconds since the epoch.

    Raises ApiError: SerializationException for a wrong JSON type, ValidationException for violated constraints.
    """
    violations: list[str] = []
    clean: Mapping[str, Any] = _Checks.of(shape)(document, "", violations)
    if violations:
        raise constraints(violations)
    return clean


class _Checks:
    """Checks by shape name; a shape may contain itself, so they are looked up when they are used."""

    _known: dict[tuple[Any, str], Check] = {}  # noqa: RUF012 - a cache

    @classmethod
    def of(cls, shape: Any) -> Check:
        key = (shape._shape_resolver, shape.name)  # two services may call different shapes alike
        check = cls._known.get(key)
        if check is None:
            check = cls._known[key] = _BUILDERS[shape.type_name](shape)
        return check


def _structure(shape: Any) -> Check:
    members = {name: (_lower(name), member) for name, member in shape.members.items()}
    required = tuple((name, _lower(name)) for name in shape.required_members)

    def check(value: Any, path: str, violations: list[str]) -> Any:
        if not isinstance(value, dict):
            raise unreadable(f"{path or 'The body'} must be a JSON object, not {_kind(value)}.")
        prefix = f"{path}." if path else ""
        clean: dict[str, Any] = {}
        for name, each in value.items():
            known = members.get(name)
            if known is None:
                where = f"{prefix}{name}"
                violations.append(
                    _violation(each, where, f"Member must be a member of {shape.name}: {', '.join(members)}")
                )
            elif each is not None:
                clean[name] = _Checks.of(known[1])(each, prefix + known[0], violations)
        for name, lower in required:
            if name not in clean:
                violations.append(_violation(None, prefix + lower, "Member must not be null"))
        return clean

    return check


def _list(shape: Any) -> Check:
    length = _length(shape.metadata)

    def check(value: Any, path: str, violations: list[str]) -> Any:
        if not isinstance(value, list):
            raise unreadable(f"{path} must be a JSON array, not {_kind(value)}.")
        length(value, path, violations)
        member = _Checks.of(shape.member)
        return [member(each, f"{path}.{number}.member", violations) for number, each in enumerate(value, 1)]

    return check


def _map(shape: Any) -> Check:
    length = _length(shape.metadata)

    def check(value: Any, path: str, violations: list[str]) -> Any:
        if not isinstance(value, dict):
            raise unreadable(f"{path} must be a JSON object, not {_kind(value)}.")
        length(value, path, violations)
        key_check, value_check = _Checks.of(shape.key), _Checks.of(shape.value)
        return {
            key_check(key, f"{path}.key", violations): value_check(each, f"{path}.{key}.member", violations)
            for key, each in value.items()
        }

    return check


def _string(shape: Any) -> Check:
    length, allowed, pattern = _length(shape.metadata), frozenset(shape.enum), shape.metadata.get("pattern")
    enum_text = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    expression = compiled(pattern) if pattern else None

    def check(value: Any, path: str, violations: list[str]) -> Any:
        if not isinstance(value, str):
            raise unreadable(f"{path} must be a string, not {_kind(value)}.")
        if not value.isascii() and _LONE_SURROGATE.search(value):
            raise unreadable(f"{path} must be Unicode text.")
        length(value, path, violations)
        if allowed and value not in allowed:
            violations.append(_violation(value, path, enum_text))
        if expression is not None and not expression.fullmatch(value):
            violations.append(_violation(value, path, f"Member must satisfy regular expression pattern: {pattern}"))
        return value

    return check


def _number(shape: Any) -> Check:
    whole = shape.type_name in ("integer", "long")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")

    def check(value: Any, path: str, violations: list[str]) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            raise unreadable(f"{path} must be {'an integer' if whole else 'a number'}, not {_kind(value)}.")
        if not math.isfinite(value):
            raise unreadable(f"{path} must be a finite number.")
        if low is not None and value < low:
            violations.append(_violation(value, path, f"Member must have value greater than or equal to {low}"))
        if high is not None and value > high:
            violations.append(_violation(value, path, f"Member must have value less than or equal to {high}"))
        return value if whole else float(value)

    return check


def _boolean(shape: Any) -> Check:
    def check(value: Any, path: str, violations: list[str]) -> Any:
        if not isinstance(value, bool):
            raise unreadable(f"{path} must be true or false, not {_kind(value)}.")
        return value

    return check


def _timestamp(shape: Any) -> Check:
    def check(value: Any, path: str, violations: list[str]) -> Any:
        if isinstance(value, str):
            try:
                return datetime.fromisoformat(value).timestamp()
            except ValueError:
                raise unreadable(f"{path} must be seconds since the epoch or an ISO 8601 time.") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise unreadable(f"{path} must be seconds since the epoch, not {_kind(value)}.")
        return float(value)

    return check


_BUILDERS: Mapping[str, Callable[[Any], Check]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def _length(metadata: Mapping[str, Any]) -> Callable[[Any, str, list[str]], None]:
    low, high = metadata.get("min", 0), metadata.get("max")

    def check(value: Any, path: str, violations: list[str]) -> None:
        if len(value) < low:
            violations.append(_violation(value, path, f"Member must have length greater than or equal to {low}"))
        if high is not None and len(value) > high:
            violations.append(_violation(value, path, f"Member must have length less than or equal to {high}"))

    return check


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{value if isinstance(value, str) else json.dumps(value)}'"
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}…'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


@cache
def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _kind(value: object) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
