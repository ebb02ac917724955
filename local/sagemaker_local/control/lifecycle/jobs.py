"""Carrying out transform jobs: containers started, objects transformed, containers ended."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.fleets import container_spec
from sagemaker_local.control.state.jobs import JobKey, JobStatus, TransformJob, completed, failed, started, stopped
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet, Host
from sagemaker_local.hosting.logs import LogStream
from sagemaker_local.hosting.types import FleetFailure, FleetSpec
from sagemaker_local.transform import failures
from sagemaker_local.transform.failures import JobFailed
from sagemaker_local.transform.invoking import Instances
from sagemaker_local.transform.objects import Objects
from sagemaker_local.transform.run import Surroundings, run
from sagemaker_local.transform.spec import batch_environment

log = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TransformJobs"


def job_fleet(job: TransformJob) -> FleetSpec:
    """What the host starts for a job: the model's containers, told that they serve a batch."""
    account, region, name = job.key
    batch = {**batch_environment(job.spec), **job.environment}
    return FleetSpec(
        account=account,
        region=region,
        endpoint_name=name,
        variant_name=name,
        containers=tuple(
            replace(container_spec(each), environment={**each.environment, **batch}) for each in job.containers
        ),
        instance_type=job.instance_type,
        count=job.spec.instance_count,
        log_group=LOG_GROUP,
        log_suffix=f"-{int(job.creation_time)}",
    )


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do it all, however often that is cancelled meanwhile; the cancellation is passed on then."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


class Jobs:
    """One task per job that is not over. ``create_seconds`` is the least that starting containers takes."""

    def __init__(self, clock: Clock, store: Store, host: Host, create_seconds: float) -> None:
        self._clock = clock
        self._store = store
        self._host = host
        self._create_seconds = create_seconds
        self._tasks: dict[JobKey, asyncio.Task[None]] = {}
        self._instances: dict[Fleet, Instances] = {}

    def wake(self, key: JobKey) -> None:
        """The job is new, or is to stop."""
        running = self._tasks.get(key)
        if running is None:
            task = self._tasks[key] = asyncio.create_task(self._run(key))
            task.add_done_callback(lambda ended: self._ended(key, ended))
        elif self._job(key).status is JobStatus.STOPPING:
            running.cancel()

    def _ended(self, key: JobKey, task: asyncio.Task[None]) -> None:
        self._tasks.pop(key, None)
        if task.cancelled() and self._job(key).status is JobStatus.STOPPING:  # before its first step
            self._change(key, stopped)

    def _job(self, key: JobKey) -> TransformJob:
        return self._store.of(key[0], key[1]).transform_jobs.require(key[2])

    def _change(self, key: JobKey, change: Callable[[TransformJob, float], TransformJob]) -> None:
        job = change(self._job(key), self._clock.now())
        self._store.of(key[0], key[1]).transform_jobs.put(job)

    async def _run(self, key: JobKey) -> None:
        reason = ""
        try:
            with self._clock.acting():
                await self._carry_out(self._job(key))
        except JobFailed as failure:
            reason = str(failure)
        except asyncio.CancelledError:
            if self._job(key).status is not JobStatus.STOPPING:
                raise
        except Exception:  # a job must end, also by a mistake of ours
            log.exception("Transform job %s failed", key[2])
            reason = failures.INTERNAL
        if self._job(key).status is JobStatus.STOPPING:
            self._change(key, stopped)
        elif reason:
            self._change(key, lambda job, now: failed(job, reason, now))
        else:
            self._change(key, completed)

    async def _carry_out(self, job: TransformJob) -> None:
        """Raises JobFailed."""
        spec = job_fleet(job)
        fleet = self._host.start_fleet(spec)
        instances = self._instances[fleet] = Instances(fleet)
        name = f"{job.key[0]}-{job.key[1]}-{job.name}-{secrets.token_hex(4)}"
        folder = self._host.settings.state_dir / "transform" / name
        try:
            await self._clock.at_least(self._create_seconds, fleet.started())
            self._change(job.key, started)
            folder.mkdir(parents=True)
            stream = f"{job.name}/{fleet.instances[0].instance_id}{spec.log_suffix}/data-log"
            data_log = LogStream(job.key[0], job.key[1], LOG_GROUP, stream)
            around = Surroundings(
                objects=Objects(self._host.storage, job.key[0], job.key[1]),
                region=job.key[1],
                folder=folder,
                max_object_bytes=self._host.settings.max_archive_bytes,
                say=lambda line: self._host.write_log(data_log, f"[sagemaker logs]: {line}"),
            )
            with self._clock.resting():
                await run(job.spec, instances, around)
        except FleetFailure as failure:
            raise failures.of_fleet(failure) from failure
        finally:
            await _to_the_end(fleet.stop())
            del self._instances[fleet]
            shutil.rmtree(folder, ignore_errors=True)

    def fleet_changed(self, fleet: Fleet) -> None:
        """An instance came, went or was healed."""
        instances = self._instances.get(fleet)
        if instances is not None:
            instances.changed()

    async def close(self) -> None:
        """Drop every job where it stands."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
