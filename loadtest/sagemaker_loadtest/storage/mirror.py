"""The result so far in the other places while the run goes on, for the case that pod and folder are gone at its end."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.report import PAGE
from sagemaker_loadtest.storage.store import Store, StoreError

_LAST_SECONDS = 12.0
"""How long the end of a run waits for a copy under way, whose own time-outs are shorter: a late one must not replace
the final result.
"""


class Mirror:
    """Copies to one place, in a thread of its own: never two at once, and of what waits only the newest.

    What went wrong is told once, and once more when it is mended; `news` has it for whoever speaks to the person.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._page_due: float | None = None if store.page_seconds is None else clock()
        self._changed = threading.Condition()
        self._waiting: tuple[Result, Sequence[Path]] | None = None
        self._closing = False
        self._failing = False
        self.news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._thread.start()

    def offer(self, result: Result, files: Sequence[Path]) -> None:
        """Has this copied as soon as the copy before is done; returns at once."""
        with self._changed:
            self._waiting = (result, files)
            self._changed.notify()

    def close(self) -> None:
        """Waits for the copy under way, not for one that has not begun."""
        with self._changed:
            self._closing = True
            self._waiting = None
            self._changed.notify()
        self._thread.join(_LAST_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closing)
                if self._waiting is None:
                    return
                result, files = self._waiting
                self._waiting = None
            self._copy(result, files)

    def _copy(self, result: Result, files: Sequence[Path]) -> None:
        now = self._clock()
        page = self._page_due is not None and now >= self._page_due
        try:
            place = self._store.put(result, [path for path in files if page or path.name != PAGE])
        except StoreError as error:
            if not self._failing:
                self.news.put(f"{error}; the run goes on, and it is tried again")
            self._failing = True
            return
        if page and self._store.page_seconds is not None:
            self._page_due = now + self._store.page_seconds
        if self._failing:
            self.news.put(f"the result so far is in {place} again")
        self._failing = False


class Mirrors:
    """Those of all places."""

    def __init__(self, stores: Sequence[Store] = ()) -> None:
        self._mirrors = [Mirror(store) for store in stores]

    def offer(self, result: Result, files: Sequence[Path]) -> None:
        for mirror in self._mirrors:
            mirror.offer(result, files)

    def news(self) -> list[str]:
        """What nobody was told yet."""
        found = []
        for mirror in self._mirrors:
            while not mirror.news.empty():
                found.append(mirror.news.get())
        return found

    def close(self) -> None:
        """After it no copy of a partial result is under way."""
        for mirror in self._mirrors:
            mirror.close()
