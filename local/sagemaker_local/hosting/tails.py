"""The last lines of every instance's output, for whoever looks."""

from __future__ import annotations

import re
from collections import OrderedDict, deque

_LINES = 20
_MOST_CHARACTERS = 400
_INSTANCES = 500
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{17}")

Group = tuple[str, str, str]
"""Account, region and name of a log group."""


class Tails:
    """Twenty lines of each of the last 500 instances that wrote something."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[str]] = OrderedDict()
        self._last: OrderedDict[Group, str] = OrderedDict()

    def add(self, group: Group, stream: str, line: str) -> None:
        """A line of a log stream, whose name has the instance's id in it."""
        found = _INSTANCE_ID.search(stream)
        if found is None:
            return
        lines = self._lines.setdefault(found[0], deque(maxlen=_LINES))
        self._lines.move_to_end(found[0])
        lines.append(line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]} …")
        self._last[group] = found[0]
        self._last.move_to_end(group)
        for kept in (self._lines, self._last):
            while len(kept) > _INSTANCES:
                kept.popitem(last=False)

    def of(self, instance_id: str) -> tuple[str, ...]:
        """Oldest first; empty for one that wrote nothing."""
        return tuple(self._lines.get(instance_id, ()))

    def last_of(self, group: Group) -> tuple[str, ...]:
        """The lines of the instance that wrote last in a log group, also when it is gone."""
        return self.of(self._last.get(group, ""))
