"""Carrying out the changes of inference components: copies started, routed to, drained and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.routes import Routes
from sagemaker_local.control.state.components import (
    ComponentChange,
    ComponentKey,
    ComponentSpec,
    ComponentStatus,
    Copies,
    InferenceComponent,
    Removal,
    Rollout,
    done,
    not_done,
)
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.types import ContainerSpec, FleetFailure, FleetSpec, InstanceStatus
from sagemaker_local.router.routes import ComponentRoute, Instance, VariantRoute
from sagemaker_local.snapshot.settling import serving_copies

log = logging.getLogger(__name__)

_INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
_RETRY_SECONDS = 1.0


def log_group(name: str) -> str:
    """Where the copies' output goes (AWS: Log groups and streams that SageMaker AI sends to CloudWatch)."""
    return f"/aws/sagemaker/InferenceComponents/{name}"


def component_fleet(component: InferenceComponent, spec: ComponentSpec, copies: int) -> FleetSpec:
    """What the host starts: one process for each copy, up to its limit."""
    account, region, name = component.key
    container = spec.container
    return FleetSpec(
        account=account,
        region=region,
        endpoint_name=component.endpoint_name,
        variant_name=component.variant_name,
        containers=(ContainerSpec(container.image, container.model_data_url, container.environment),),
        instance_type=component.instance_type,
        count=copies,
        model_data_download_timeout_seconds=spec.download_seconds,
        container_startup_health_check_timeout_seconds=spec.startup_seconds,
        log_group=log_group(name),
    )


def component_route(component: InferenceComponent, fleet: Fleet) -> ComponentRoute:
    """What the router is told of a component that serves."""
    echo = not fleet.needs_process and fleet.spec.count > 0
    variant = VariantRoute(component.variant_name, 1.0, fleet.routes, echo=echo, log_group=log_group(component.name))
    return ComponentRoute(component.name, variant)


def _told(component: InferenceComponent, failure: FleetFailure) -> str:
    """A fleet's failure as FailureReason of a component."""
    place = f"production variant {component.variant_name}"
    return failure.message.replace(place, f"inference component {component.name}")


class Components:
    """One task per component that changes. The two times are the least that a change lasts, in the clock's seconds."""

    def __init__(
        self, clock: Clock, store: Store, host: Host, routes: Routes, create_seconds: float, delete_seconds: float
    ) -> None:
        self._clock = clock
        self._store = store
        self._host = host
        self._routes = routes
        self._create_seconds = create_seconds
        self._delete_seconds = delete_seconds
        self._tasks: dict[ComponentKey, asyncio.Task[None]] = {}
        self._serving: dict[ComponentKey, Fleet] = {}
        self._owners: dict[Fleet, ComponentKey] = {}
        self._carry_out: Mapping[type[ComponentChange], Callable[[ComponentKey], Awaitable[None]]] = {
            Rollout: self._roll_out,
            Copies: self._scale,
            Removal: self._remove,
        }

    @property
    def serving(self) -> Mapping[ComponentKey, Fleet]:
        """The copies that serve, by component."""
        return self._serving

    def wake(self, key: ComponentKey) -> None:
        """The component's record asks for a change."""
        running = self._tasks.get(key)
        if running is None or running.done():
            task = self._tasks[key] = asyncio.create_task(self._run(key))
            task.add_done_callback(lambda finished: self._forget(key, finished))

    def _forget(self, key: ComponentKey, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]

    def _get(self, key: ComponentKey) -> InferenceComponent | None:
        return self._store.of(key[0], key[1]).inference_components.get(key[2])

    def _component(self, key: ComponentKey) -> InferenceComponent:
        found = self._get(key)
        if found is None:
            raise KeyError(key)
        return found

    def _put(self, component: InferenceComponent) -> None:
        self._store.of(component.key[0], component.key[1]).inference_components.put(component)

    async def _run(self, key: ComponentKey) -> None:
        while (component := self._get(key)) is not None and component.change is not None:
            try:
                with self._clock.acting():
                    await self._carry_out[type(component.change)](key)
            except Exception:  # nobody must wait for ever for a change that met a mistake of ours
                log.exception("The change of inference component %s failed", key[2])
                if isinstance(component.change, Removal):
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    self._failed(key, _INTERNAL)

    def _failed(self, key: ComponentKey, reason: str) -> None:
        fleet = self._serving.get(key)
        serving = fleet.spec.count if fleet is not None else 0
        keeps = self._store.of(key[0], key[1]).switches.failed_component_update_keeps_serving
        self._put(not_done(self._component(key), reason, serving, self._clock.now(), keeps_serving=keeps))

    async def _roll_out(self, key: ComponentKey) -> None:
        """Start new copies; switch to them when all are healthy, then end the earlier ones."""
        component = self._component(key)
        change = component.change
        assert isinstance(change, Rollout)  # noqa: S101 - _run chose this method by it
        fleet = self._host.start_fleet(component_fleet(component, change.spec, change.copies))
        try:
            await self._clock.at_least(self._create_seconds, fleet.started())
        except FleetFailure as failure:
            await fleet.stop()
            self._failed(key, _told(component, failure))
            return
        except BaseException:
            await fleet.stop()
            raise
        earlier = self._serving.get(key)
        self._adopt(key, fleet)
        self._routes.set_component(component.endpoint_key, component_route(component, fleet))
        await self._routes.flush()
        self._put(done(self._component(key), self._clock.now()))
        self._observe(key)
        if earlier is not None:
            await self._routes.drained(earlier.routes)
            await earlier.stop()

    def _adopt(self, key: ComponentKey, fleet: Fleet) -> None:
        earlier = self._serving.get(key)
        if earlier is not None:
            del self._owners[earlier]
        self._serving[key] = fleet
        self._owners[fleet] = key

    async def _scale(self, key: ComponentKey) -> None:
        """Bring the number of copies to what is desired."""
        component, fleet = self._component(key), self._serving[key]

        async def drained(leaving: Iterable[Instance]) -> None:
            self._routes.set_component(component.endpoint_key, component_route(component, fleet))
            await self._routes.flush()
            await self._routes.drained(leaving)

        resizing = fleet.resize(component.desired_copies, drained)
        _, outcome = await asyncio.gather(self._clock.sleep(self._create_seconds), resizing, return_exceptions=True)
        if isinstance(outcome, FleetFailure):
            self._failed(key, _told(component, outcome))
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            self._routes.set_component(component.endpoint_key, component_route(component, fleet))
            await self._routes.flush()
            self._put(done(self._component(key), self._clock.now()))
        self._observe(key)

    async def _remove(self, key: ComponentKey) -> None:
        """No new requests, then the last replies, then the processes, then the record."""
        component, fleet = self._component(key), self._serving.get(key)
        self._routes.remove_component(component.endpoint_key, component.name)
        await self._routes.flush()
        if fleet is not None:
            await self._routes.drained(fleet.routes)
            await fleet.stop()
            self._serving.pop(key, None)
            self._owners.pop(fleet, None)
        await self._clock.sleep(self._delete_seconds)
        self._store.of(key[0], key[1]).inference_components.remove(component.name)

    def fleet_changed(self, fleet: Fleet) -> None:
        """A copy came, went or was healed."""
        key = self._owners.get(fleet)
        if key is not None:
            self._observe(key)

    def _observe(self, key: ComponentKey) -> None:
        component, fleet = self._get(key), self._serving[key]
        if component is None or isinstance(component.change, Removal):
            return
        serving = sum(each.status is InstanceStatus.IN_SERVICE for each in fleet.instances)
        if serving != component.current_copies:
            self._put(replace(component, current_copies=serving))
        self._routes.set_component(component.endpoint_key, component_route(component, fleet))
        self._routes.flush_soon()

    async def revive(self) -> None:
        """After a restart: start what served again, and take up the changes under way."""
        everything = [each for state in self._store.states() for each in state.inference_components]
        await asyncio.gather(*(self._revive(each) for each in everything))
        for each in everything:
            self.wake(each.key)

    async def _revive(self, component: InferenceComponent) -> None:
        copies = serving_copies(component)
        if copies is None:
            return
        fleet = self._host.start_fleet(component_fleet(component, component.spec, copies))
        try:
            await fleet.started()
        except FleetFailure as failure:
            await fleet.stop()
            reason = _told(component, failure)
            log.error("Inference component %s does not serve again: %s", component.name, reason)
            self._put(replace(component, status=ComponentStatus.FAILED, change=None, failure_reason=reason))
            return
        self._adopt(component.key, fleet)
        self._observe(component.key)

    async def close(self) -> None:
        """Drop every change where it stands; the host ends the copies."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
