"""The work queue: each key at most once, never two passes of one key at a time, delays without a timer per key."""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from sagemaker_operator.api.resource import ObjectKey


class WorkQueue:
    """Thread-safe. Objects that are under way go first: a creation that AWS has finished must not wait behind a
    thousand that have not begun."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ready = threading.Condition()
        self._urgent: deque[ObjectKey] = deque()
        self._patient: deque[ObjectKey] = deque()
        self._waiting: set[ObjectKey] = set()
        self._working: set[ObjectKey] = set()
        self._again: set[ObjectKey] = set()
        self._delayed: list[tuple[float, int, ObjectKey]] = []
        self._due: dict[ObjectKey, tuple[float, int]] = {}
        self._numbers = itertools.count()
        self._closed = False

    def __len__(self) -> int:
        """Keys that wait for a worker now; those with a delay do not count."""
        return len(self._waiting)

    def add(self, key: ObjectKey, *, urgent: bool = True) -> None:
        """As soon as a worker is free; a pass under way is followed by another one."""
        with self._ready:
            self._due.pop(key, None)
            self._add(key, urgent)

    def add_after(self, key: ObjectKey, seconds: float) -> None:
        """Not before `seconds` from now; replaces an earlier delay of the key."""
        with self._ready:
            entry = (self._clock() + seconds, next(self._numbers))
            self._due[key] = entry
            heapq.heappush(self._delayed, (*entry, key))
            self._ready.notify()

    def take(self) -> ObjectKey | None:
        """Waits for a key; None when the queue is closed. Say `done` afterwards."""
        with self._ready:
            while not self._closed:
                pause = self._release_due()
                lane = self._urgent or self._patient
                if lane:
                    key = lane.popleft()
                    self._waiting.discard(key)
                    self._working.add(key)
                    return key
                self._ready.wait(pause)
            return None

    def done(self, key: ObjectKey) -> None:
        """The pass has ended."""
        with self._ready:
            self._working.discard(key)
            if key in self._again:
                self._again.discard(key)
                self._add(key, urgent=True)

    def close(self) -> None:
        """No more keys are handed out."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _add(self, key: ObjectKey, urgent: bool) -> None:
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            (self._urgent if urgent else self._patient).append(key)
            self._ready.notify()

    def _release_due(self) -> float | None:
        """Moves what is due to the lanes; the seconds until the next one."""
        now = self._clock()
        while self._delayed and self._delayed[0][0] <= now:
            *entry, key = heapq.heappop(self._delayed)
            if self._due.get(key) == tuple(entry):
                del self._due[key]
                self._add(key, urgent=True)
        return self._delayed[0][0] - now if self._delayed else None
