"""Keeps a readable result while the run goes on, for the case that nobody lives to write the last one."""

import time
from collections.abc import Callable
from pathlib import Path

from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.report import write_partial
from sagemaker_loadtest.storage.mirror import Mirrors
from sagemaker_loadtest.supervise.supervisor import Ending

INTERVAL_SECONDS = 5.0
_COST_SHARE = 0.1


class Keeper:
    """Writes the result so far at most every 5 s; less often when writing would take more than a tenth of the time.
    The `mirrors` copy it to the other places.

    A result that cannot be written is told once and does not end the run: the load goes on, and only the last writing
    decides about the exit code.
    """

    def __init__(
        self,
        build: Callable[[Ending], Result],
        out: Path,
        tell: Callable[[str], None],
        mirrors: Mirrors,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build = build
        self._out = out
        self._tell = tell
        self._mirrors = mirrors
        self._clock = clock
        self._due: float | None = None
        self._told = False

    def tick(self, ending: Ending) -> None:
        """Called often; writes when the load begins, lest an older result be taken for this one, and then in turn."""
        if not ending.start_epoch:
            return
        for news in self._mirrors.news():
            self._tell(news)
        now = self._clock()
        if self._due is None:
            self._due = now
        if now < self._due:
            return
        try:
            result = self._build(ending)
            self._mirrors.offer(result, write_partial(result, self._out))
            self._told = False
        except OSError as error:
            if not self._told:
                self._tell(f"the result so far could not be written to {self._out} ({error.strerror}); the run goes on")
            self._told = True
        self._due = now + max(INTERVAL_SECONDS, (self._clock() - now) / _COST_SHARE)
