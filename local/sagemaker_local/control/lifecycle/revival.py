"""Bringing back what was there before a restart: processes started again, changes under way taken up."""

from __future__ import annotations

import asyncio
import logging

from sagemaker_local.control.lifecycle.changes import Workbench, observe
from sagemaker_local.control.lifecycle.components import Components
from sagemaker_local.control.lifecycle.engine import Engine
from sagemaker_local.control.lifecycle.fleets import failure_of
from sagemaker_local.control.lifecycle.jobs import Jobs
from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.snapshot.settling import cannot_serve, serving_variants, settled, settled_job

log = logging.getLogger(__name__)


async def revive(bench: Workbench, engine: Engine, components: Components, jobs: Jobs) -> None:
    """Return when everything that served serves again, or is OutOfService because it could not be started."""
    now = bench.clock.now()
    with bench.clock.acting():
        await asyncio.gather(*(_endpoint(settled(each, now), bench) for each in bench.store.endpoints()))
        await components.revive()
    for endpoint in bench.store.endpoints():
        if endpoint.change is not None:
            engine.wake(endpoint.key)
    for state in bench.store.states():
        for job in list(state.transform_jobs):
            job = settled_job(job, now)
            state.transform_jobs.put(job)
            if not job.over:
                jobs.wake(job.key)


async def _endpoint(endpoint: Endpoint, bench: Workbench) -> None:
    key = endpoint.key
    bench.store.put_endpoint(endpoint)
    fleets = bench.fleets.start(key, serving_variants(endpoint))
    failure = await failure_of(fleets.values())
    if failure is None:
        bench.fleets.adopt(key, fleets)
        failure = await _stranded(endpoint, bench)
    if failure is not None:
        log.error("Endpoint %s does not serve again: %s", endpoint.name, failure)
        await bench.fleets.give_up(key)
        endpoint = cannot_serve(endpoint, failure, bench.clock.now())
        bench.store.put_endpoint(endpoint)
    bench.routes.set(bench.fleets.route(endpoint))
    await bench.routes.flush()
    for each in bench.fleets.of(key).values():
        observe(key, each, bench)


async def _stranded(endpoint: Endpoint, bench: Workbench) -> str | None:
    """The fleet of a deployment whose rollback failed serves beside the other one."""
    if endpoint.stranded is None:
        return None
    fleets = bench.fleets.start(endpoint.key, endpoint.stranded.variants)
    failure = await failure_of(fleets.values())
    if failure is None:
        bench.fleets.join(endpoint.key)
        bench.fleets.strand(endpoint.key)
    return failure
