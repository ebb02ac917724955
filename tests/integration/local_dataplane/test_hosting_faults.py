"""What goes wrong with a fleet: it is refused in SageMaker's words, or healed; and nothing outlives its host."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from sagemaker_local.hosting.images import ImageRule
from sagemaker_local.hosting.types import ContainerSpec, FailureClass, FleetFailure
from testkit.images import command

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"


@pytest.fixture
def rules() -> tuple[ImageRule, ...]:
    return (ImageRule("test/container:*", tuple(command("faulty")), {"MODE": "none"}),)


IMAGE = "test/container:1"


async def failure_of(here: Any, *arguments: Any, **fields: Any) -> FleetFailure:
    fleet = here.fleet(*arguments, **fields)
    with pytest.raises(FleetFailure) as caught:
        await fleet.started()
    await fleet.stop()
    assert len(caught.value.message) <= 1024
    return caught.value


def test_what_cannot_be_started_is_refused_in_sagemakers_words(world: Any, aws: Any) -> None:
    async def go() -> None:
        async with world() as here:
            nowhere = "s3://models/nowhere.tar.gz"
            failure = await failure_of(here, XGBOOST, nowhere)
            assert failure.failure_class is FailureClass.MODEL_DATA_DOWNLOAD
            assert failure.message.startswith(
                f'Failed to download model data for container "container_1" from URL: "{nowhere}". Please ensure that '
                "there is an object located at the URL and that the role passed to CreateModel has permissions"
            )
            assert "NoSuchKey" in failure.message
            assert "NoSuchBucket" in (await failure_of(here, XGBOOST, "s3://no-such-bucket/m.tar.gz")).message
            assert "names no object" in (await failure_of(here, XGBOOST, "s3://models/folder/")).message

            failure = await failure_of(here, XGBOOST, aws.put("bad.tar.gz", b"PK\3\4 no tar"))
            assert failure.failure_class is FailureClass.MODEL_DATA_EXTRACT
            assert "is a valid tar.gz archive. (it is a zip file" in failure.message

            failure = await failure_of(here, "111122223333.dkr.ecr.eu-west-1.amazonaws.com/unknown:1")
            assert failure.failure_class is FailureClass.IMAGE
            assert "make sure all images included in the model for the production variant main exist" in failure.message

            pipeline = (ContainerSpec(XGBOOST), ContainerSpec("local://echo"))
            failure = await failure_of(here, XGBOOST, containers=pipeline)
            assert failure.failure_class is FailureClass.UNSUPPORTED
            assert "local://echo beside other images" in failure.message

    asyncio.run(go())


def test_an_archive_beyond_the_limit_is_not_fetched(world: Any, aws: Any) -> None:
    async def go() -> None:
        async with world(max_archive_bytes=1000) as here:
            failure = await failure_of(here, XGBOOST, aws.put("large.tar.gz", os.urandom(1001)))
            assert "the object has 1001 bytes, more than 1000" in failure.message

    asyncio.run(go())


@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("unhealthy", r"answered 503 to /ping within 0\.5 s"),
        ("crash", "ended with exit status 1 before it was healthy"),
    ],
)
def test_a_container_that_is_never_healthy_fails_the_fleet_and_its_log_is_there(
    world: Any, aws: Any, rules: Any, mode: str, cause: str
) -> None:
    async def go() -> None:
        async with world(rules, startup_attempts=2) as here:
            failure = await failure_of(
                here,
                IMAGE,
                environment={"MODE": mode},
                endpoint_name=mode,
                container_startup_health_check_timeout_seconds=0.5 if mode == "unhealthy" else 30.0,
            )
            assert failure.failure_class is FailureClass.PING_HEALTH_CHECK
            assert failure.message.startswith(
                "The primary container for production variant main did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )
            lines = await asyncio.to_thread(aws.log_lines, mode)
            assert any(f"started as ['serve'] mode {mode}" in line for line in lines)
            assert any(failure.message in line for line in lines)
            assert re.search(cause, failure.message)

    asyncio.run(go())


def test_a_container_that_dies_while_starting_gets_another_chance(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            fleet = here.fleet(IMAGE, environment={"MODE": "crash-twice"})
            await fleet.started()
            assert here.in_service(fleet)

    asyncio.run(go())


def test_a_killed_server_is_seen_and_healed_and_no_call_fails(world: Any, aws: Any, trained: Any) -> None:
    async def go() -> None:
        async with world() as here:
            fleet = here.fleet(XGBOOST, aws.put("xgb.tar.gz", trained.files()), count=2)
            await here.serve(fleet)
            victim = fleet.instances[0]
            for _ in range(4):
                await here.invoke(trained.csv, ContentType="text/csv")
            here.changes.clear()
            os.kill(victim.pid, signal.SIGKILL)
            for _ in range(20):  # the table still names the dead instance
                await here.invoke(trained.csv, ContentType="text/csv")
            await here.until(lambda: fleet.instances[0].restarts == 1 and here.in_service(fleet))
            assert here.changes
            healed = fleet.instances[0]
            assert healed.pid not in (None, victim.pid)
            assert fleet.instances[1].restarts == 0
            await here.serve(fleet)
            await here.invoke(trained.csv, ContentType="text/csv")
            await here.host.flush_logs()
            lines = await asyncio.to_thread(aws.log_lines, "fraud")
            assert "[sagemaker-local] The container ended with signal SIGKILL. It is started again." in lines

    asyncio.run(go())


def test_a_server_that_hangs_is_replaced(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules, ping_timeout_seconds=0.2, stop_grace_seconds=0.2) as here:
            fleet = here.fleet(IMAGE)
            await fleet.started()
            hung = fleet.instances[0].pid
            os.kill(hung, signal.SIGSTOP)
            await here.until(lambda: fleet.instances[0].restarts == 1 and here.in_service(fleet))
            assert fleet.instances[0].pid != hung
            assert not psutil.pid_exists(hung)

    asyncio.run(go())


def test_instances_above_the_cap_share_processes_and_say_so(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules, max_processes_per_variant=2) as here:
            fleet = here.fleet(IMAGE, count=5)
            await fleet.started()
            assert [each.shared_by for each in fleet.instances] == [3, 2, 3, 2, 3]
            assert len({each.instance_id for each in fleet.instances}) == 5
            assert len({each.pid for each in fleet.instances}) == 2
            assert len(fleet.routes) == 5
            assert all(len(each.instance_id) == 19 and each.instance_id.startswith("i-") for each in fleet.instances)

    asyncio.run(go())


def test_a_resize_keeps_the_instances_that_stay(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            fleet = here.fleet(IMAGE)
            await fleet.started()
            first = fleet.instances[0]
            await fleet.resize(3)
            assert fleet.spec.count == len(fleet.instances) == 3
            assert fleet.instances[0] == first
            leaving = [each.pid for each in fleet.instances[1:]]
            drained: list[Any] = []

            async def before_stop(instances: Any) -> None:
                drained.extend(instances)
                assert len(fleet.routes) == 1
                assert all(psutil.pid_exists(pid) for pid in leaving)

            await fleet.resize(1, before_stop)
            assert len(drained) == 2
            assert fleet.instances[0] == first
            assert not any(psutil.pid_exists(pid) for pid in leaving)
            await fleet.resize(0)
            assert fleet.instances == fleet.routes == ()
            await fleet.resize(1)
            assert here.in_service(fleet)

    asyncio.run(go())


def test_a_failed_resize_leaves_what_was(world: Any, rules: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world(rules, startup_attempts=1) as here:
            fleet = here.fleet(IMAGE)
            await fleet.started()
            before = fleet.instances
            next((tmp_path / "fleets").glob("*/model")).joinpath("starts").unlink()
            next((tmp_path / "fleets").glob("*/model")).joinpath("starts").mkdir()  # a new server cannot start now
            with pytest.raises(FleetFailure, match="ping health check"):
                await fleet.resize(2)
            assert fleet.instances == before
            assert fleet.spec.count == 1

    asyncio.run(go())


def test_a_server_that_ignores_sigterm_is_killed_with_its_children(world: Any, rules: Any, aws: Any) -> None:
    async def go() -> None:
        async with world(rules, stop_grace_seconds=0.3) as here:
            stubborn = here.fleet(IMAGE, environment={"MODE": "stubborn"})
            parent = here.fleet(IMAGE, environment={"MODE": "parent"}, endpoint_name="parent")
            await asyncio.gather(stubborn.started(), parent.started())
            pids = [stubborn.instances[0].pid, parent.instances[0].pid]
            pids += [child.pid for pid in pids for child in psutil.Process(pid).children()]
            assert len(pids) == 3
            await asyncio.gather(stubborn.stop(), parent.stop(), parent.stop())
            await here.until(lambda: not any(map(_runs, pids)))

    asyncio.run(go())


def test_a_stop_ends_only_when_the_server_has_ended(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules, stop_grace_seconds=0.3) as here:
            fleet = here.fleet(IMAGE, environment={"MODE": "stubborn"})
            await fleet.started()
            pid = fleet.instances[0].pid
            await fleet.stop()
            assert not _runs(pid)

    asyncio.run(go())


def test_a_stop_during_the_start_leaves_nothing(world: Any, rules: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world(rules) as here:
            fleet = here.fleet(IMAGE, environment={"MODE": "unhealthy"}, count=2)
            await here.until(lambda: all(each.pid for each in fleet.instances))
            pids = [each.pid for each in fleet.instances]
            await fleet.stop()
            assert not any(map(_runs, pids))
            assert not list((tmp_path / "fleets").iterdir())

    asyncio.run(go())


def test_output_reaches_cloudwatch_logs_whole(world: Any, rules: Any, aws: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            fleet = here.fleet(IMAGE, endpoint_name="talks")
            await fleet.started()
            await here.host.flush_logs()
            lines = await asyncio.to_thread(aws.log_lines, "talks")
            assert sum(line.count("y") for line in lines if set(line) == {"y"}) == 40_000
            logs = aws.client("logs")
            streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/talks")["logStreams"]
            assert [each["logStreamName"] for each in streams] == [f"main/{fleet.instances[0].instance_id}"]

    asyncio.run(go())


def test_the_echo_image_needs_no_process(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            fleet = here.fleet("local://echo", count=3)
            await fleet.started()
            assert not fleet.needs_process
            assert here.in_service(fleet)
            assert fleet.routes == ()
            await fleet.resize(1)
            assert len(fleet.instances) == 1

    asyncio.run(go())


HOST = """
import asyncio, json, sys
from pathlib import Path
from sagemaker_local.hosting.host import Host
from sagemaker_local.hosting.images import ImageRule
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec
from sagemaker_local.router.process import RouterProcess, RouterSettings
async def main():
    rule = ImageRule("*", tuple(sys.argv[2:]))
    host = Host(HostSettings(Path(sys.argv[1]), "http://127.0.0.1:9", (rule,)), lambda fleet: None)
    router = RouterProcess(RouterSettings("127.0.0.1", 9))
    await router.start()
    fleet = host.start_fleet(FleetSpec("111122223333", "eu-west-1", "e", "v", (ContainerSpec("i"),), "ml.m5.large", 2))
    await fleet.started()
    print(json.dumps([router.pid, *(each.pid for each in fleet.instances)]), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_nothing_outlives_a_host_that_was_killed(rules: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOST, str(tmp_path), *rules[0].command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        pids = json.loads(host.stdout.readline())
        assert len(pids) == 3
        assert all(map(_runs, pids))
        host.kill()
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=30)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE], gone


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
