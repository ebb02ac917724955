"""Whether the installed packages are those of the lock."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;?)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`different`: `name installed instead of locked`."""

    equal: int
    different: tuple[str, ...]


def installed(name: str) -> str | None:
    """The version of a distribution; None when there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def compare(lock: str, find: Callable[[str], str | None] = installed) -> Comparison:
    """A lock in pip's form for all platforms: several versions of a package, some under conditions."""
    pins: dict[str, list[str]] = {}
    conditional = set()
    for name, locked, condition in _PINNED.findall(lock):
        pins.setdefault(name, []).append(locked)
        if condition:
            conditional.add(name)
    equal, different = 0, []
    for name, versions in pins.items():
        found = find(name)
        if found in versions:
            equal += 1
        elif found is not None or name not in conditional:
            different.append(f"{name} {found or 'missing'} instead of {' or '.join(versions)}")
    return Comparison(equal, tuple(different))
