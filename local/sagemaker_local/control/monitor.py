"""Publishes metrics and has alarms judged as the clock goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from sagemaker_local.asynchronous.counts import Backlog
from sagemaker_local.asynchronous.metrics import backlog_series, variant_series
from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.load_metrics import (
    HIGH_RESOLUTION_SECONDS,
    Copies,
    component_series,
    concurrency_series,
)
from sagemaker_local.control.metrics import PERIOD_SECONDS, Series, series_of
from sagemaker_local.control.state.components import ComponentKey
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.metrics.alarm import AlarmState
from sagemaker_local.router.load import Load
from sagemaker_local.router.period import VariantPeriod
from sagemaker_local.router.routes import EndpointKey

log = logging.getLogger(__name__)

TICK_SECONDS = 10
_LEAST_REAL_SECONDS = 0.05
_CLOUDWATCH, _PROOF_HEADER = "/_local/cloudwatch", "X-Sagemaker-Local-Proof"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as CloudWatch has it now. ``actions`` are ARNs, none while its actions are off."""

    account: str
    region: str
    name: str
    state: AlarmState
    actions: tuple[str, ...]
    threshold: float
    value: float | None
    """The last that it was judged by."""

    @property
    def firing(self) -> bool:
        """Whether it is in ALARM."""
        return self.state is AlarmState.ALARM


class Router(Protocol):
    """What counts calls."""

    async def periods(self) -> list[VariantPeriod]:
        """What was answered since the last call of this."""

    async def loads(self) -> list[Load]:
        """How busy everything is now."""


class Backlogs(Protocol):
    """What counts asynchronous requests."""

    def backlogs(self) -> Mapping[EndpointKey, Backlog]:
        """Of every asynchronous endpoint."""

    def take(self) -> Mapping[tuple[EndpointKey, str], Mapping[str, Mapping[float, int]]]:
        """What happened since the last call of this, by endpoint and variant."""


Ticked = Callable[[tuple[Alarm, ...]], Awaitable[None]]


class Monitor:
    """Every ten seconds of the clock alarms are judged, every minute metrics are published before."""

    def __init__(self, clock: Clock, store: Store, router: Router, aws: tuple[str, str], backlogs: Backlogs) -> None:
        """``aws`` is the inner AWS's URL and the token that it knows us by."""
        self._clock = clock
        self._store = store
        self._router = router
        self._backlogs = backlogs
        self._calls: Counter[ComponentKey] = Counter()
        self._refused: Counter[ComponentKey] = Counter()
        self._url = aws[0] + _CLOUDWATCH
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers={_PROOF_HEADER: aws[1]})
        self._published = clock.now() // PERIOD_SECONDS
        self._running: asyncio.Task[None] | None = None
        self.ticked: list[Ticked] = []
        self.minutely: list[Callable[[], Awaitable[list[Series]]]] = []
        """What else is published of each minute."""

    def start(self) -> None:
        """Begin to follow the clock."""
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop following it."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await self._session.close()

    async def _run(self) -> None:
        with self._clock.acting():
            while True:
                await self._clock.sleep(self._until_next(), first=True)
                try:
                    await self.tick()
                except (aiohttp.ClientError, OSError) as error:
                    log.warning("CloudWatch does not answer, so no alarm is judged: %s", error)
                except Exception:  # whatever one tick meets, such as a moto that is gone, the next one comes
                    log.exception("Metrics and alarms were left out once")

    def _until_next(self) -> float:
        """To the next round moment. A clock that races leaves some out: each costs real work."""
        now = self._clock.now()
        return ((now + _LEAST_REAL_SECONDS * self._clock.scale) // TICK_SECONDS + 1) * TICK_SECONDS - now

    async def tick(self) -> None:
        """Publish what is due, then judge every alarm."""
        now = self._clock.now()
        copies = {
            each.key: each.current_copies for state in self._store.states() for each in state.inference_components
        }
        data = [
            each.document((now // HIGH_RESOLUTION_SECONDS - 1) * HIGH_RESOLUTION_SECONDS)
            for each in await self._load(copies)
        ]
        minute = now // PERIOD_SECONDS
        if minute > self._published:
            self._published = minute
            data += [each.document((minute - 1) * PERIOD_SECONDS) for each in await self._minute(copies)]
        alarms = await self._tell(now, data, evaluate=True)
        for act in self.ticked:
            await act(alarms)

    async def _load(self, copies: Copies) -> list[Series]:
        loads = await self._router.loads()
        for each in loads:
            if each.component is not None:
                component = (each.key[0], each.key[1], each.component)
                self._calls[component] += each.calls
                self._refused[component] += each.without_capacity
        scaled = frozenset(
            (state.account, state.region, each) for state in self._store.states() for each in state.scaling.targets
        )
        return concurrency_series(loads, copies, scaled)

    async def _minute(self, copies: Copies) -> list[Series]:
        endpoints = {each.key: each for each in self._store.endpoints()}
        idle = self._store.switches.idle_variants_publish_zero
        calls, self._calls = self._calls, Counter()
        refused, self._refused = +self._refused, Counter()
        taken = {part: fields for part, fields in self._backlogs.take().items() if part[0] in endpoints}
        return [
            *series_of(await self._router.periods(), endpoints, idle),
            *component_series(calls, refused, copies, idle_publish_zero=idle),
            *backlog_series(self._backlogs.backlogs()),
            *variant_series(taken),
            *[series for each in self.minutely for series in await each()],
        ]

    async def change_alarms(self, state: AccountState) -> None:
        """Put and delete the alarms that scaling policies made and left."""
        scaling = state.scaling
        if scaling.put or scaling.gone:
            put, gone = list(scaling.put), list(scaling.gone)
            scaling.put.clear()
            scaling.gone.clear()
            try:
                await self._tell(self._clock.now(), change=(state.account, state.region, put, gone))
            except (aiohttp.ClientError, OSError):
                scaling.put[:0], scaling.gone[:0] = put, gone  # for the next time
                raise

    async def sync(self) -> None:
        """Tell CloudWatch the time."""
        await self._tell(self._clock.now())

    async def firing(self, account: str, region: str, names: Iterable[str]) -> list[str]:
        """Which of these alarms are in ALARM now. One that does not exist never is."""
        wanted = set(names)
        return [
            each.name
            for each in await self._tell(self._clock.now())
            if (each.account, each.region) == (account, region) and each.name in wanted and each.firing
        ]

    async def _tell(
        self,
        now: float,
        data: list[dict[str, Any]] | None = None,
        *,
        evaluate: bool = False,
        change: tuple[str, str, list[dict[str, Any]], list[str]] | None = None,
    ) -> tuple[Alarm, ...]:
        message: Mapping[str, Any] = {
            "now": now,
            "scale": self._clock.scale,
            "data": data or [],
            "evaluate": evaluate,
            "change": change,
        }
        async with self._session.post(self._url, json=message) as reply:
            reply.raise_for_status()
            answer = await reply.json()
        return tuple(
            Alarm(
                each["account"],
                each["region"],
                each["name"],
                AlarmState(each["state"]),
                tuple(each["actions"]),
                each["threshold"],
                each["value"],
            )
            for each in answer["alarms"]
        )
