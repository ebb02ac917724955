"""The process as a whole: its start, its settings, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

CONTAINER = "registry.example/container:1"


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("sagemaker-local")), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(os.environ) | environment,
    )


def with_endpoint(local: Any) -> list[psutil.Process]:
    """Every process of a local SageMaker that serves an endpoint of two instances."""
    sagemaker = local.client("sagemaker")
    sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": CONTAINER})
    variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e", WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    processes: list[psutil.Process] = local.descendants
    assert len(processes) == 4  # router, moto, two instances
    return processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_the_process(start: Any, images: Path, tmp_path: Path, number: signal.Signals) -> None:
    state = tmp_path / "state"
    flags = ("--create-seconds", "0", "--images", str(images), "--state-dir", str(state))
    with start(*flags, "--max-processes-per-variant", "2") as local:
        processes = with_endpoint(local)
        local.process.send_signal(number)
        status = local.process.wait(60)
        local.until(lambda: not any(each.is_running() for each in processes), "the end of every process")
    assert status == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
    if number is not signal.SIGKILL:
        assert not list((state / "fleets").glob("*"))


def test_a_router_that_died_is_replaced_and_knows_its_routes(start: Any, images: Path) -> None:
    with start("--create-seconds", "0", "--images", str(images)) as local:
        with_endpoint(local)
        before = local.admin("GET", "health")["pids"]
        assert before["control"] == local.process.pid
        os.kill(before["router"], signal.SIGKILL)
        runtime = local.client("sagemaker-runtime", retries={"mode": "standard", "total_max_attempts": 10})
        assert runtime.invoke_endpoint(EndpointName="e", Body=b"")["Body"].read()
        assert local.admin("GET", "health")["pids"]["router"] != before["router"]


def test_flags_go_over_the_environment(start: Any) -> None:
    environment = {"SAGEMAKER_LOCAL_CALLS_PER_SECOND": "7", "SAGEMAKER_LOCAL_LOG_LEVEL": "debug"}
    with start("--log-level", "error", environment=environment) as local:
        assert local.admin("GET", "limits") == {"callsPerSecond": 7.0}


def test_phases_run_by_the_clock_that_was_set(start: Any) -> None:
    with start("--create-seconds", "3600", "--clock-scale", "36000") as local:
        sagemaker = local.client("sagemaker")
        sagemaker.create_model(ModelName="m", PrimaryContainer={"Image": "local://echo"})
        variant = {"VariantName": "a", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName="e", WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )


def test_version_and_help_are_told() -> None:
    assert command("--version").stdout.startswith("sagemaker-local 0.")
    assert "--create-seconds" in command("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "message"),
    [
        (("--port", "x"), {}, 2, "--port: 'x' must be a whole number from 0 to 65535"),
        (("--host", "example.com"), {}, 2, "--host: 'example.com' must be an IP address"),
        (("--clock-scale", "0"), {}, 2, "--clock-scale: 0 must be above 0"),
        ((), {"SAGEMAKER_LOCAL_CREATE_SECONDS": "soon"}, 2, "SAGEMAKER_LOCAL_CREATE_SECONDS: 'soon' is not a number"),
        (("--images", "/none.yaml"), {}, 1, "image map /none.yaml: No such file or directory"),
        (("--state-dir", "/dev/null"), {}, 1, "--state-dir: /dev/null cannot be made a folder: File exists. Name a"),
        (("--ready-file", "/none/ready"), {}, 1, "--ready-file: there is no folder /none. Make it first"),
    ],
)
def test_a_bad_setting_is_named(
    arguments: tuple[str, ...], environment: dict[str, str], status: int, message: str
) -> None:
    found = command(*arguments, **environment)
    assert (found.returncode, message in found.stderr) == (status, True), found.stderr


def test_a_taken_port_is_a_clear_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = command("--port", str(port))
    assert found.returncode == 1
    assert f"port {port}: Address already in use. Choose another with --port" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_admin_api_answers_this_machine_only(start: Any) -> None:
    addresses = [
        each.address
        for interface in psutil.net_if_addrs().values()
        for each in interface
        if each.family is socket.AF_INET and not each.address.startswith("127.")
    ]
    with start("--host", "0.0.0.0") as local:
        assert local.admin("GET", "health")["status"] == "ok"
        port = int(local.url.rpartition(":")[2])
        for address in addresses:
            with socket.create_connection((address, port)) as connection:
                connection.sendall(b"GET /_local/health HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 403")
