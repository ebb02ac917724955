"""Keeps the file up with the store while local SageMaker runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from sagemaker_local.control.faults import Mark
from sagemaker_local.control.state.store import Store
from sagemaker_local.router.callers import AccessKey
from sagemaker_local.snapshot.file import MAKE_ROOM, Changes, StateFile, differences
from sagemaker_local.snapshot.kinds import RecordKey, marks_of, records_of

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.2
"""The most that a killed process loses, and the time that writing takes."""


class Keeper:
    """Looks for what changed every 0.2 s. ``access_keys`` are those that were given out; they may get more.

    ``marks`` is what is left of markers. ``now`` is the clock; ``own_time`` says that it is not this machine's, so that
    it is kept up to the second.
    """

    def __init__(
        self,
        file: StateFile,
        store: Store,
        access_keys: Mapping[str, AccessKey],
        now: Callable[[], float],
        *,
        own_time: bool = False,
        marks: Callable[[], Iterable[Mark]] = tuple,
    ) -> None:
        self._marks = marks
        self._own_time = own_time
        self._file = file
        self._store = store
        self._access_keys = access_keys
        self._now = now
        self._written: Mapping[RecordKey, Any] = {}
        self._written_keys: Mapping[str, AccessKey] = {}
        self._written_now = 0.0
        self._failing = False
        self._closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, known: Mapping[RecordKey, Any]) -> None:
        """Begin; ``known`` is what the file has."""
        self._written = known
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_SECONDS):
                    await self._closing.wait()
            await self._keep()

    async def _keep(self) -> str:
        """Write what is other than in the file. What could not be written, as this says, is tried again next time."""
        found, put, gone = differences(self._written, chain(records_of(self._store), marks_of(self._marks())))
        keys = dict(self._access_keys)
        new_keys = tuple(each for each in keys.items() if each not in self._written_keys.items())
        now = self._now()
        time_went_on = self._own_time and now - self._written_now >= 1
        if not put and not gone and not new_keys and not time_went_on:
            return ""
        try:
            await asyncio.to_thread(self._file.write, Changes(tuple(put), tuple(gone), new_keys, now))
        except (OSError, ValueError, TypeError) as error:  # a record that cannot be written is a mistake of ours
            if not self._failing:
                log.error("State is not kept until this works again: %s", error)
            self._failing = True
            return str(error)
        self._failing = False
        self._written, self._written_keys, self._written_now = found, keys, now
        return ""

    async def close(self) -> None:
        """Write the last changes and close the file. Raises OSError when it lacks them."""
        wrong = ""
        if self._task is not None:
            self._closing.set()
            await self._task
            wrong = await self._keep()  # what changed during its last write
        self._file.close()
        if wrong:
            raise OSError(f"{wrong}. It lacks what changed last. {MAKE_ROOM}")
