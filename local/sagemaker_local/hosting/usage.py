"""What processes use of this machine's CPUs and memory."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

_LEAST_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu`` is per cent of one CPU, so that it may exceed 100; ``memory`` is per cent of the machine's."""

    cpu: float
    memory: float


class ProcessMeter:
    """One look after the other: CPU is the mean since the last look at a process, or since its start."""

    def __init__(self) -> None:
        self._looked: dict[psutil.Process, float] = {}
        self._used: dict[psutil.Process, float] = {}

    def look(self, pids: Collection[int]) -> Mapping[int, Usage]:
        """Of each process together with all that it has started. Blocks. One that is gone is left out."""
        now, total = time.time(), psutil.virtual_memory().total
        children = _children()
        found: dict[int, Usage] = {}
        looked: dict[psutil.Process, float] = {}
        used: dict[psutil.Process, float] = {}
        for pid in pids:
            with suppress(psutil.Error):
                root = psutil.Process(pid)
                since = self._looked.get(root, root.create_time())
                seconds, memory = 0.0, 0
                for each in _tree(root, children):
                    with suppress(psutil.Error), each.oneshot():
                        times = each.cpu_times()
                        used[each] = times.user + times.system
                        seconds += used[each] - self._used.get(each, 0.0)
                        memory += each.memory_info().rss
                looked[root] = now
                found[pid] = Usage(100 * seconds / max(now - since, _LEAST_SECONDS), 100 * memory / total)
        self._looked, self._used = looked, used
        return found


def _children() -> Mapping[int, list[psutil.Process]]:
    """Every process by its parent, in one look at the machine."""
    found: dict[int, list[psutil.Process]] = {}
    for each in psutil.process_iter(["ppid"]):
        found.setdefault(each.info["ppid"], []).append(each)
    return found


def _tree(root: psutil.Process, children: Mapping[int, list[psutil.Process]]) -> list[psutil.Process]:
    tree = [root]
    for each in tree:
        tree += children.get(each.pid, [])
    return tree
