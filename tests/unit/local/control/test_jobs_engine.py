"""Transform jobs carried out with a fleet and an S3 of the test's own: when a stop comes at an awkward moment."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.control.lifecycle.clock import Clock
from sagemaker_local.control.lifecycle.jobs import Jobs
from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.state.jobs import JobStatus, TransformJob
from sagemaker_local.control.state.store import Store
from sagemaker_local.control.wire.decoding import decode
from sagemaker_local.hosting.types import FleetSpec, InstanceState, InstanceStatus

JOB = {
    "TransformJobName": "j",
    "ModelName": "m",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in/"}}},
    "TransformOutput": {"S3OutputPath": "s3://b/out"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


class FakeS3:
    """A bucket in memory. Uploads wait while ``may_upload`` is not set, and say in ``uploading`` that they do."""

    def __init__(self) -> None:
        self.objects = {"in/a": b"x", "in/b": b"y"}
        self.may_upload, self.uploading = threading.Event(), threading.Event()
        self.may_upload.set()
        self.broken: Exception | None = None

    def get_paginator(self, name: str) -> Any:
        listed = [{"Key": key} for key in self.objects]
        return SimpleNamespace(paginate=lambda **asked: [{"Contents": listed}])

    def get_object(self, Bucket: str, Key: str) -> Any:
        if self.broken is not None:
            raise self.broken
        content = self.objects[Key]
        body = SimpleNamespace(iter_chunks=lambda size: [content])
        return {"ContentLength": len(content), "Body": body}

    def put_object(self, Bucket: str, Key: str, Body: io.BufferedReader) -> None:
        self.uploading.set()
        assert self.may_upload.wait(60)
        self.objects[Key] = Body.read()

    def delete_object(self, Bucket: str, Key: str) -> None:
        self.objects.pop(Key, None)


class FakeFleet:
    """Answers with the request; starts when ``may_start`` is set."""

    needs_process = False

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.stopped = False
        self.instances = tuple(InstanceState(f"i-{n}", InstanceStatus.IN_SERVICE) for n in range(spec.count))

    async def started(self) -> None:
        await self.may_start.wait()

    async def stop(self) -> None:
        await asyncio.sleep(0)
        self.stopped = True


class World:
    """Everything around the jobs."""

    def __init__(self, folder: Path) -> None:
        self.s3, self.fleets, self.log, self.start = FakeS3(), list[FakeFleet](), list[str](), True
        self.begun = asyncio.Event()
        settings = SimpleNamespace(state_dir=folder, max_archive_bytes=1000)
        storage = SimpleNamespace(s3=lambda account, region: self.s3)
        self.host: Any = SimpleNamespace(
            settings=settings,
            storage=storage,
            start_fleet=self._fleet,
            write_log=lambda stream, line: self.log.append(line),
        )
        store = Store(lambda key: None, on_job=lambda key: self.jobs.wake(key))
        self.state = store.of("111122223333", "eu-west-1")
        self.jobs = Jobs(Clock(), store, self.host, 0.0)
        self.call("CreateModel", ModelName="m", PrimaryContainer={"Image": "local://echo"})

    def _fleet(self, spec: FleetSpec) -> FakeFleet:
        fleet = FakeFleet(spec)
        if not self.start:
            fleet.may_start.clear()
        self.fleets.append(fleet)
        self.begun.set()
        return fleet

    def call(self, name: str, **members: Any) -> None:
        operation = OPERATIONS[name]
        operation.behaviour(self.state, decode(operation.input_type, members), 1.0)

    @property
    def job(self) -> TransformJob:
        return self.state.transform_jobs.require("j")

    @property
    def outputs(self) -> set[str]:
        return {key for key in self.s3.objects if key.startswith("out/")}

    async def ended(self) -> TransformJob:
        while not self.job.over:  # noqa: ASYNC110 - the record tells it, no event does
            await asyncio.sleep(0)
        assert all(each.stopped for each in self.fleets)
        return self.job


Test = Callable[[World], Coroutine[Any, Any, None]]


def played(test: Test) -> Callable[[Path], None]:
    """A test with a world and an event loop of its own."""

    async def play(folder: Path) -> None:
        world = World(folder)
        await test(world)
        await world.jobs.close()
        assert not list((folder / "transform").glob("*"))

    def run(tmp_path: Path) -> None:
        asyncio.run(play(tmp_path))

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@played
async def test_a_job_runs_to_its_end(world: World) -> None:
    world.call("CreateTransformJob", **JOB)
    job = await world.ended()
    assert (job.status, job.failure_reason) == (JobStatus.COMPLETED, "")
    assert (world.s3.objects["out/a.out"], world.s3.objects["out/b.out"]) == (b"x", b"y")
    assert [each for each in world.log if "BatchStrategy=MULTI_RECORD" in each]


@played
async def test_a_stop_before_the_first_step_stops_the_job(world: World) -> None:
    world.call("CreateTransformJob", **JOB)
    world.call("StopTransformJob", TransformJobName="j")
    assert (await world.ended()).status is JobStatus.STOPPED
    assert world.fleets == []


@played
async def test_a_stop_while_the_containers_start_stops_the_job(world: World) -> None:
    world.start = False
    world.call("CreateTransformJob", **JOB)
    await world.begun.wait()
    world.call("StopTransformJob", TransformJobName="j")
    job = await world.ended()
    assert (job.status, job.start_time) == (JobStatus.STOPPED, None)


@played
async def test_a_stop_while_outputs_are_stored_takes_them_away_again(world: World) -> None:
    world.s3.may_upload.clear()
    world.call("CreateTransformJob", **JOB)
    await asyncio.to_thread(world.s3.uploading.wait, 60)
    world.call("StopTransformJob", TransformJobName="j")
    await asyncio.sleep(0)
    world.s3.may_upload.set()
    assert (await world.ended()).status is JobStatus.STOPPED
    assert world.outputs == set()


@played
async def test_an_object_that_cannot_be_read_fails_the_job(world: World) -> None:
    world.s3.broken = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    world.call("CreateTransformJob", **JOB)
    job = await world.ended()
    assert job.failure_reason == "ClientError: See job logs for more information"
    assert any("b/in/a: ClientError: The object cannot be read: S3 says AccessDenied" in each for each in world.log)


@played
async def test_a_mistake_of_ours_is_an_internal_error(world: World) -> None:
    world.s3.broken = ZeroDivisionError()
    world.call("CreateTransformJob", **JOB)
    assert (await world.ended()).failure_reason.startswith("InternalServerError: ")


@played
async def test_an_object_above_the_limit_is_not_read(world: World) -> None:
    world.s3.objects["in/b"] = b"x" * 1001
    world.call("CreateTransformJob", **JOB)
    assert (await world.ended()).status is JobStatus.FAILED
    assert world.outputs == {"out/a.out"}


@pytest.mark.parametrize("waiting", [True, False])
def test_closing_ends_the_containers_of_a_job_and_leaves_its_status(tmp_path: Path, waiting: bool) -> None:
    async def play() -> None:
        world = World(tmp_path)
        world.start = not waiting
        world.s3.may_upload.clear()
        world.call("CreateTransformJob", **JOB)
        await world.begun.wait()
        if not waiting:
            await asyncio.to_thread(world.s3.uploading.wait, 60)
        world.s3.may_upload.set()
        await world.jobs.close()
        assert all(each.stopped for each in world.fleets)
        assert world.job.status is JobStatus.IN_PROGRESS

    asyncio.run(play())
