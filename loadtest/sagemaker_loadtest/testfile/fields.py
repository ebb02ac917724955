"""Reads a mapping of a test file field by field; collects every fault with its path and its remedy, instead of the
first only.
"""

import difflib
import re
from collections.abc import Callable
from typing import Any, TypeVar

from sagemaker_loadtest.api.units import format_duration, parse_duration

T = TypeVar("T")


class Fields:
    """One mapping. Each getter takes its field out; `finish` refuses what nobody asked for."""

    def __init__(self, data: Any, path: str, faults: list[str]) -> None:
        self.path = path
        self.faults = faults
        self._known: list[str] = []
        self._data: dict[str, Any] = {}
        if isinstance(data, dict):
            self._data = {str(key): value for key, value in data.items()}
        elif data is not None:
            self.fault("", f"{_kind(data)} instead of a mapping")

    def fault(self, name: str, message: str) -> None:
        self.faults.append(f"{self.at(name)}: {message}")

    def at(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part) or "test file"

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def names(self) -> list[str]:
        """All fields that are there, for a mapping whose names are the user's own."""
        return list(self._data)

    def take(self, name: str) -> Any:
        self._known.append(name)
        return self._data.get(name)

    def section(self, name: str) -> "Fields":
        return Fields(self.take(name), self.at(name), self.faults)

    def items(self, name: str) -> list[Any]:
        value = self.take(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(name, f"{_kind(value)} instead of a list")
            return []
        return value

    def text(self, name: str, default: str | None = None, *, required: bool = False, example: str = "") -> str | None:
        value = self.take(name)
        if value is None:
            if required:
                self.fault(name, f"is missing; write for example {name}: {example}")
            return default
        if not isinstance(value, str) or not value.strip():
            self.fault(
                name, f"{shown(value)} is no text" + (f"; write for example {name}: {example}" if example else "")
            )
            return default
        if not value.strip().isprintable():
            self.fault(name, "holds a line break or another sign that cannot be printed; write it on one line")
            return default
        return value.strip()

    def choice(self, name: str, allowed: tuple[T, ...]) -> T:
        """One of `allowed`; the first is the default."""
        value = self.take(name)
        if value is None:
            return allowed[0]
        if value not in allowed:
            near = difflib.get_close_matches(str(value), [str(a) for a in allowed], 1, 0.4)
            remedy = f"; write {near[0]}" if near else ""
            self.fault(name, f"{shown(value)} is none of {', '.join(map(str, allowed))}{remedy}")
            return allowed[0]
        return next(a for a in allowed if a == value)

    def number(
        self, name: str, default: float | None = None, *, low: float, high: float, whole: bool = False
    ) -> float | None:
        value = self.take(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
            self.fault(
                name, f"{shown(value)} is no {'whole ' if whole else ''}number; {_number_remedy(name, value, low)}"
            )
            return default
        if not low <= value <= high:
            self.fault(name, f"{value:,g} is outside {plain(low)} to {plain(high)}; write a number between them")
            return default
        return value

    def duration(
        self, name: str, default: float | None = None, *, low: float = 0.0, high: float = 7 * 86400.0
    ) -> float | None:
        value = self.take(name)
        if value is None:
            return default
        if isinstance(value, int | float) and not isinstance(value, bool):
            if value == 0 and low == 0:
                return 0.0
            self.fault(name, f"{plain(value)} has no unit; write {plain(value)}s or {plain(value)}m")
            return default
        return self._parsed(
            name, value, parse_duration, "is no duration; write for example 30s or 1m30s", low, high, default
        )

    def _parsed(
        self,
        name: str,
        value: Any,
        parse: Callable[[str], float],
        hint: str,
        low: float,
        high: float,
        default: float | None,
    ) -> float | None:
        try:
            seconds = parse(str(value))
        except ValueError:
            self.fault(name, f"“{value}” {hint}")
            return default
        if not low <= seconds <= high:
            self.fault(name, f"“{value}” is outside {format_duration(low)} to {format_duration(high)}")
            return default
        return seconds

    def matches(self, name: str, value: str | None, pattern: str, message: str) -> None:
        if value is not None and not re.fullmatch(pattern, value):
            self.fault(name, f"“{value}” {message}")

    def finish(self) -> None:
        for name in self._data:
            if name not in self._known:
                near = difflib.get_close_matches(name, self._known, 1, 0.6)
                self.fault(
                    name,
                    f"unknown field; did you mean {near[0]}?"
                    if near
                    else f"unknown field; known are {', '.join(sorted(self._known))}",
                )


def shown(value: Any) -> str:
    """A value as the person wrote it, as far as YAML tells: texts in quotes, lists and mappings by their kind."""
    if isinstance(value, str):
        return f"“{value}”" if value.strip() else "an empty text"
    if isinstance(value, list | dict):
        return _kind(value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def plain(value: float) -> str:
    """A number without an exponent: `1,000,000`, `0.01`."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"


def _number_remedy(name: str, value: Any, low: float) -> str:
    """The number in a text such as `200/s`, when there is one; else any that would do."""
    found = re.match(r"\s*(\d+(?:\.\d+)?)", value) if isinstance(value, str) else None
    return f"write {name}: {found[1]}" if found else f"write for example {name}: {max(low, 1):g}"


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", dict: "a mapping", bool: "a yes or no"}.get(
        type(value), f"the number {value}"
    )
