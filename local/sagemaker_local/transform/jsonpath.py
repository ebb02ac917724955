"""The part of JSONPath that batch transform knows (AWS: Associate Prediction Results with Input Records)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\.([\w-]+)")
_WILDCARD = re.compile(r"\.\*|\.?\[\*\]")
_BRACKET = re.compile(r"""\.?\[((?:'[^']*'|"[^"]*"|[^\]'"])*)\]""")
_NAMES = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)")\s*(?:,(?!\s*$)|$)""")
_INDEX = re.compile(r"\s*(-?\d+)\s*")
_SLICE = re.compile(r"\s*(-?\d+)?\s*:\s*(-?\d+)?\s*")


class PathError(ValueError):
    """The expression is none of those that batch transform knows, or it does not fit the data."""


@dataclass(frozen=True, slots=True)
class Names:
    """``.name`` and ``['name','other']``: one child, or an object of several."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """``[1]``, ``[0,-1]`` and ``[0,5:]``: one element, or an array of several."""

    items: tuple[int | slice, ...]


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``.*`` and ``[*]``: every value."""


Step = Names | Elements | Wildcard
Path = tuple[Step, ...]

ROOT: Path = ()


def parsed(text: str) -> Path:
    """``$`` followed by steps. Raises PathError naming what is not known."""
    if not text.startswith("$"):
        raise PathError(f"The JSONPath {text!r} must begin with $.")
    steps: list[Step] = []
    position = 1
    while position < len(text):
        step, position = _step(text, position)
        if steps and isinstance(steps[-1], Names) and len(steps[-1].names) > 1:
            raise PathError(f"The JSONPath {text!r} goes on after several names, which is not supported.")
        steps.append(step)
    return tuple(steps)


def _step(text: str, position: int) -> tuple[Step, int]:
    if found := _WILDCARD.match(text, position):
        return Wildcard(), found.end()
    if found := _NAME.match(text, position):
        return Names((found[1],)), found.end()
    if found := _BRACKET.match(text, position):
        return _bracket(text, found[1]), found.end()
    raise PathError(f"The JSONPath {text!r} has {text[position:]!r}, which is not supported.")


def _bracket(text: str, inside: str) -> Step:
    if "'" in inside or '"' in inside:
        names, position = [], 0
        while position < len(inside):
            found = _NAMES.match(inside, position)
            if found is None:
                raise PathError(f"The JSONPath {text!r} has [{inside}], which is no list of quoted names.")
            names.append(found[1] if found[1] is not None else found[2])
            position = found.end()
        return Names(tuple(names))
    return Elements(tuple(_element(text, each) for each in inside.split(",")))


def _element(text: str, item: str) -> int | slice:
    if found := _INDEX.fullmatch(item):
        return int(found[1])
    if found := _SLICE.fullmatch(item):
        start, end = (None if each is None else int(each) for each in found.groups())
        return slice(start, end)
    raise PathError(f"The JSONPath {text!r} has {item!r} between brackets, which is neither an index nor a slice.")


def select(path: Path, value: Any) -> Any:
    """What a path finds in a JSON value; a CSV row is an array. Raises PathError for what is not there."""
    for number, step in enumerate(path):
        rest = path[number + 1 :]
        if isinstance(step, Names):
            value = _children(step.names, value)
        elif isinstance(step, Elements) and len(step.items) == 1 and isinstance(step.items[0], int):
            value = _elements(step.items, value)[0]
        else:
            many = _elements(step.items, value) if isinstance(step, Elements) else list(_values(value))
            return [select(rest, each) for each in many]
    return value


def _children(names: tuple[str, ...], value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise PathError(f"{names[0]!r} is the name of an attribute, but the data there is no JSON object.")
    for name in names:
        if name not in value:
            raise PathError(f"The data has no attribute {name!r}.")
    return value[names[0]] if len(names) == 1 else {name: value[name] for name in names}


def _elements(items: tuple[int | slice, ...], value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError("An index or a slice needs a row of CSV or a JSON array.")
    found: list[Any] = []
    for item in items:
        if isinstance(item, slice):
            found += value[item]
        elif -len(value) <= item < len(value):
            found.append(value[item])
        else:
            raise PathError(f"The index {item} is not within the {len(value)} elements of the data.")
    return found


def _values(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    if isinstance(value, list):
        return value
    raise PathError("A wildcard needs a JSON object or an array.")
