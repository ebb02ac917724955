"""Carrying out an update: the new fleet takes over step by step, bakes, and gives back what it took on an alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sagemaker_local.control.lifecycle import changes, transitions
from sagemaker_local.control.lifecycle.changes import Workbench
from sagemaker_local.control.lifecycle.environments import cool
from sagemaker_local.control.lifecycle.fleets import failure_of
from sagemaker_local.control.state.endpoint import Deployment, EndpointStatus, Stage
from sagemaker_local.control.state.policy import Policy, Rolling, Step, steps
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.router.routes import EndpointKey

_LOOK_SECONDS = 10.0

_TIMED_OUT = "The deployment exceeded MaximumExecutionTimeoutInSeconds and was rolled back."


async def deploy(key: EndpointKey, bench: Workbench) -> None:
    """A creation, or an update by its policy."""
    if bench.endpoint(key).status is EndpointStatus.CREATING:
        await changes.deploy(key, bench)
    else:
        await _Rollout(key, bench).run()


class _Rollout:
    """One update, from its start to its end."""

    def __init__(self, key: EndpointKey, bench: Workbench) -> None:
        endpoint = bench.endpoint(key)
        if not isinstance(endpoint.change, Deployment):
            raise TypeError(f"endpoint {endpoint.name} has no deployment under way")
        self._key = key
        self._bench = bench
        self._name = endpoint.name
        self._deployment = endpoint.change
        self._policy: Policy = endpoint.change.policy
        self._counts = {each.name: each.desired_count for each in endpoint.change.variants}
        self._old_counts = {name: fleet.spec.count for name, fleet in bench.fleets.of(key).items()}

    async def run(self) -> None:
        """To the end: deployed, or as it was before, or stuck between both."""
        path = steps(self._policy, self._counts, self._old_counts)
        reason = self._bench.faults.take_failure(self._name, self._key[:2])
        if reason is None:
            reason = await self._alarmed("before the deployment began")
        if reason is None:
            reason = await self._start(path[0])
        if reason is not None:
            await self._bench.fleets.give_up(self._key)
            endpoint = transitions.not_deployed(self._bench.endpoint(self._key), reason, self._bench.clock.now())
            self._bench.store.put_endpoint(endpoint)
            return
        if self._bench.store.switches.first_serverless_call_is_cold:
            await cool(self._bench.fleets.starting(self._key), self._deployment.variants)
        self._bench.fleets.join(self._key)
        for number, step in enumerate(path):
            reason = await self._take(step, first=number == 0)
            if reason is not None:
                await self._roll_back(reason)
                return
        await self._take_over()

    async def _start(self, first: Step) -> str | None:
        """None once the new fleet's first instances are healthy."""
        if isinstance(self._policy.strategy, Rolling):
            self._bench.store.put_endpoint(
                transitions.staged(self._bench.endpoint(self._key), Stage.UPDATING, self._bench.clock.now())
            )
        variants = [replace(each, desired_count=first.instances[each.name]) for each in self._deployment.variants]
        fleets = self._bench.fleets.start(self._key, variants)
        failure = await self._bench.clock.at_least(self._bench.create_seconds, failure_of(fleets.values()))
        return failure if failure is not None else self._overdue()

    async def _take(self, step: Step, *, first: bool) -> str | None:
        """One step and its baking; why to roll back, if so."""
        if not first and isinstance(self._policy.strategy, Rolling):
            failure = await self._resize(self._bench.fleets.joining(self._key), step.instances)
            if failure is not None:
                return failure
        await self._shift(step.shares)
        reason = await self._bake()
        if reason is None and isinstance(self._policy.strategy, Rolling):
            remaining = {name: count for name, count in step.old_instances.items() if count}
            reason = await self._resize(self._bench.fleets.of(self._key), remaining)
        return reason

    async def _shift(self, shares: Mapping[str, float]) -> None:
        """The router goes by the new shares before anybody can see them."""
        bench, now = self._bench, self._bench.clock.now()
        bench.routes.set(bench.fleets.route(transitions.activating(bench.endpoint(self._key), now, shares)))
        await bench.routes.flush()
        endpoint = transitions.activating(bench.endpoint(self._key), now, shares)
        bench.store.put_endpoint(endpoint)
        bench.routes.set(bench.fleets.route(endpoint))  # an instance may have changed, by the record before
        await bench.routes.flush()

    async def _bake(self) -> str | None:
        """None when the wait went by without an alarm."""
        remaining = self._policy.strategy.wait_seconds
        if remaining <= 0:
            return self._overdue()
        now = self._bench.clock.now()
        self._bench.store.put_endpoint(transitions.baking(self._bench.endpoint(self._key), now))
        while remaining > 0:
            seconds = min(_LOOK_SECONDS, remaining)
            await self._bench.clock.sleep(seconds)
            remaining -= seconds
            reason = await self._alarmed("while the new fleet was baking") or self._overdue()
            if reason is not None:
                return reason
        return None

    async def _alarmed(self, when: str) -> str | None:
        if not self._policy.alarms:
            return None
        firing = await self._bench.firing(self._key[0], self._key[1], self._policy.alarms)
        if not firing:
            return None
        return f"The deployment was rolled back: {', '.join(sorted(firing))} in ALARM {when}."

    def _overdue(self) -> str | None:
        limit = self._policy.maximum_seconds
        if limit is None or self._bench.clock.now() < self._deployment.start_time + limit:
            return None
        return _TIMED_OUT

    async def _resize(self, fleets: Mapping[str, Fleet], counts: Mapping[str, int]) -> str | None:
        wanted = {fleet: counts[name] for name, fleet in fleets.items() if name in counts}
        growing = any(count > fleet.spec.count for fleet, count in wanted.items())
        work = changes.resized(wanted, self._bench)
        return await self._bench.clock.at_least(self._bench.create_seconds if growing else 0, work)

    async def _take_over(self) -> None:
        """The earlier fleet leaves after the policy's last wait."""
        bench, strategy = self._bench, self._policy.strategy
        if not isinstance(strategy, Rolling) and strategy.termination_wait_seconds:
            bench.store.put_endpoint(transitions.retiring(bench.endpoint(self._key), bench.clock.now()))
            await bench.clock.sleep(strategy.termination_wait_seconds)
        leaving = bench.fleets.take_over(self._key)
        endpoint = transitions.deployed(bench.endpoint(self._key), bench.clock.now())
        bench.routes.set(bench.fleets.route(endpoint))
        await bench.routes.flush()
        bench.fleets.retire(self._key, leaving)
        bench.store.put_endpoint(endpoint)
        for each in bench.fleets.of(self._key).values():
            changes.observe(self._key, each, bench)

    async def _roll_back(self, reason: str) -> None:
        """Traffic and instances go back to the earlier fleet; when that fails both serve on."""
        bench = self._bench
        if not bench.store.switches.rollback_has_failure_reason:
            reason = ""
        if bench.store.switches.rollback_shows_rolling_back:
            bench.store.put_endpoint(transitions.deployment_rolling_back(bench.endpoint(self._key), bench.clock.now()))
        failure = bench.faults.take_rollback_failure(self._name, self._key[:2])
        if failure is None:
            failure = await self._give_back()
        now = bench.clock.now()
        if failure is not None:
            bench.fleets.strand(self._key)
            bench.store.put_endpoint(transitions.rollback_failed(bench.endpoint(self._key), failure, now))
            bench.routes.set(bench.fleets.route(bench.endpoint(self._key)))
            await bench.routes.flush()
            return
        leaving = bench.fleets.leave(self._key)
        bench.fleets.retire(self._key, leaving)
        bench.store.put_endpoint(transitions.not_deployed(bench.endpoint(self._key), reason, now))
        for each in bench.fleets.of(self._key).values():
            changes.observe(self._key, each, bench)

    async def _give_back(self) -> str | None:
        """None once the earlier fleet is complete and has every call."""
        strategy = self._policy.strategy
        if isinstance(strategy, Rolling):
            return await self._roll_batches_back(strategy)
        await self._shift(dict.fromkeys(self._counts, 0.0))
        await self._bench.clock.sleep(self._bench.create_seconds)
        return None

    async def _roll_batches_back(self, strategy: Rolling) -> str | None:
        serving = self._bench.fleets.of(self._key)
        while any(fleet.spec.count < self._old_counts[name] for name, fleet in serving.items()):
            counts = {
                name: min(total, serving[name].spec.count + strategy.rollback_batch.instances(total))
                for name, total in self._old_counts.items()
            }
            failure = await self._resize(serving, counts)
            if failure is not None:
                return failure
            await self._shift({name: 1 - counts[name] / total for name, total in self._old_counts.items()})
        await self._shift(dict.fromkeys(self._counts, 0.0))
        return None
