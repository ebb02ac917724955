"""The admin API's part about time and about what is not known of SageMaker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sagemaker_local.control.lifecycle import transitions
from sagemaker_local.control.lifecycle.clock import Clock, ManualClock
from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.control.state.store import Store
from sagemaker_local.control.switches import shown, switched

Answer = Callable[[object], Awaitable[object]]

_MOST_SECONDS = 30 * 24 * 3600


class ClockAdmin:
    """``advanced`` is called after the clock was, ``moved`` with each endpoint whose status was set."""

    def __init__(
        self,
        clock: Clock,
        store: Store,
        advanced: Callable[[], Awaitable[None]],
        moved: Callable[[Endpoint], None],
    ) -> None:
        self._moved = moved
        self._clock = clock
        self._store = store
        self._advanced = advanced

    @property
    def answers(self) -> Mapping[tuple[str, str], Answer]:
        """By method and path below /_local/."""
        return {
            ("GET", "clock"): self._show,
            ("POST", "clock"): self._advance,
            ("GET", "switches"): self._switches,
            ("POST", "switches"): self._switch,
            ("POST", "status"): self._set_status,
        }

    async def _show(self, body: object) -> object:
        return {"now": self._clock.now(), "scale": self._clock.scale}

    async def _advance(self, body: object) -> object:
        if not isinstance(self._clock, ManualClock):
            raise ValueError("the clock goes by itself; start with --clock manual to advance it")
        seconds = body.get("advanceSeconds") if isinstance(body, dict) and len(body) == 1 else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= _MOST_SECONDS:
            raise ValueError(f"the body must be an object with advanceSeconds, above 0 and at most {_MOST_SECONDS}")
        await self._clock.advance(float(seconds))
        await self._advanced()
        return await self._show(body)

    async def _switches(self, body: object) -> object:
        return shown(self._store.switches)

    async def _switch(self, body: object) -> object:
        self._store.switches = switched(self._store.switches, body)
        return shown(self._store.switches)

    async def _set_status(self, body: object) -> object:
        """What SageMaker itself does to an endpoint: maintenance, taking it out of service, putting it back."""
        if not isinstance(body, dict) or not {"endpoint", "status"} <= body.keys() <= {"endpoint", "status", "seconds"}:
            raise ValueError("the body must be an object with endpoint, status and, for SystemUpdating, seconds")
        found = [each for each in self._store.endpoints() if each.name == body["endpoint"]]
        if not found:
            raise ValueError(f"there is no endpoint {body['endpoint']}")
        for each in found:
            self._moved(_moved(each, body["status"], body.get("seconds"), self._clock.now()))
        return {}


def _moved(endpoint: Endpoint, status: object, seconds: object, now: float) -> Endpoint:
    if status == "SystemUpdating":
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError("seconds must say how long the endpoint is SystemUpdating")
        return transitions.maintaining(endpoint, float(seconds), now)
    if status == "OutOfService":
        return transitions.out_of_service(endpoint, now)
    if status == "InService":
        return transitions.back_in_service(endpoint, now)
    raise ValueError("status must be SystemUpdating, OutOfService or InService")
