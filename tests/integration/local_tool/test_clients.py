"""Clients as people have them, unchanged but for the address: boto3, the AWS CLI, SageMaker's Python SDK, Locust."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = {"sagemaker.core": "sagemaker-core.txt", "sagemaker_core.main": "sagemaker-core-1.txt"}
"""Of SageMaker's Python SDK, by the package of its resources: the current major version and the one before."""

ECHO = "local://echo"
BIN = Path(sys.executable).parent
VARIANT = {"VariantName": "main", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
SDK = """
import json, pathlib
from PACKAGE.resources import Endpoint, EndpointConfig, Model
from PACKAGE.shapes import ContainerDefinition, ProductionVariant
model = Model.create(model_name="sdk", primary_container=ContainerDefinition(image="local://echo"),
                     execution_role_arn="arn:aws:iam::111122223333:role/serving")
variant = ProductionVariant(
    variant_name="main", model_name="sdk", instance_type="ml.m5.large", initial_instance_count=1)
EndpointConfig.create(endpoint_config_name="sdk", production_variants=[variant])
endpoint = Endpoint.create(endpoint_name="sdk", endpoint_config_name="sdk")
endpoint.wait_for_status("InService", poll=1)
reply = Endpoint.get("sdk").invoke(body="1,2,3", content_type="text/csv")
found = json.dumps({"status": endpoint.endpoint_status, "variant": reply.invoked_production_variant,
                  "body": reply.body.read().decode(), "names": [each.endpoint_name for each in Endpoint.get_all()]})
pathlib.Path("found.json").write_text(found)
endpoint.delete()
"""
LOCUSTFILE = """
import time
import boto3
from locust import User, constant, task
client = boto3.client("sagemaker-runtime")
class Caller(User):
    wait_time = constant(0.01)
    @task
    def invoke(self):
        start, error, length = time.perf_counter(), None, 0
        try:
            reply = client.invoke_endpoint(EndpointName="shop", ContentType="text/csv", Body=b"1,2,3")
            length = len(reply["Body"].read())
        except Exception as found:
            error = found
        self.environment.events.request.fire(request_type="boto3", name="invoke", response_length=length,
            response_time=(time.perf_counter() - start) * 1e3, exception=error, context={})
"""


def variables(local: Any, environment: dict[str, str]) -> dict[str, str]:
    return environment | {
        "AWS_ENDPOINT_URL": local.url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def run(*command: str, env: dict[str, str], cwd: Path | None = None) -> str:
    found = subprocess.run(
        command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


def served(local: Any, name: str = "shop") -> None:
    local.model("main", image=ECHO)
    local.config(name, main=1)
    local.endpoint(name, name)


def test_boto3_waiters(starter: Any) -> None:
    quick = {"Delay": 1, "MaxAttempts": 60}
    with starter() as local:
        local.model("main", image=ECHO)
        local.model("bad", image="registry.example/nothing:1")
        for name in ("main", "bad"):
            local.config(name, **{name: 1})
            local.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        local.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="main", WaiterConfig=quick)
        with pytest.raises(Exception, match="terminal failure state"):
            local.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bad", WaiterConfig=quick)
        local.sagemaker.delete_endpoint(EndpointName="main")
        local.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="main", WaiterConfig=quick)


@pytest.mark.parametrize(
    ("operation", "result", "name", "create"),
    [
        (
            "list_models",
            "Models",
            "ModelName",
            lambda s, n: s.create_model(ModelName=n, PrimaryContainer={"Image": ECHO}),
        ),
        (
            "list_endpoint_configs",
            "EndpointConfigs",
            "EndpointConfigName",
            lambda s, n: s.create_endpoint_config(EndpointConfigName=n, ProductionVariants=[VARIANT]),
        ),
        (
            "list_endpoints",
            "Endpoints",
            "EndpointName",
            lambda s, n: s.create_endpoint(EndpointName=n, EndpointConfigName="c"),
        ),
        (
            "list_model_package_groups",
            "ModelPackageGroupSummaryList",
            "ModelPackageGroupName",
            lambda s, n: s.create_model_package_group(ModelPackageGroupName=n),
        ),
    ],
    ids=["models", "configs", "endpoints", "groups"],
)
def test_boto3_paginators(starter: Any, operation: str, result: str, name: str, create: Any) -> None:
    with starter() as local:
        local.model("m", image=ECHO)
        local.sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[VARIANT])
        wanted = {f"n{number}" for number in range(7)}
        for each in sorted(wanted):
            create(local.sagemaker, each)
        pages = list(local.sagemaker.get_paginator(operation).paginate(PaginationConfig={"PageSize": 3}))
        assert all(len(page[result]) <= 3 for page in pages)
        found = [each[name] for page in pages for each in page[result]]
        assert len(found) == len(set(found))
        assert wanted <= set(found)


def test_the_aws_cli(starter: Any, environment: dict[str, str], tmp_path: Path) -> None:
    with starter() as local:
        env = variables(local, environment)

        def aws(*words: str) -> str:
            return run(str(BIN / "aws"), *words, env=env, cwd=tmp_path)

        (tmp_path / "file").write_text("content")
        aws("s3", "mb", "s3://models")
        aws("s3", "cp", "file", "s3://models/a/file")
        assert "a/file" in aws("s3", "ls", "s3://models", "--recursive")
        aws("sagemaker", "create-model", "--model-name", "m", "--primary-container", f"Image={ECHO}")
        shape = ",".join(f"{key}={value}" for key, value in VARIANT.items())
        aws("sagemaker", "create-endpoint-config", "--endpoint-config-name", "c", "--production-variants", shape)
        aws("sagemaker", "create-endpoint", "--endpoint-name", "shop", "--endpoint-config-name", "c")
        aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", "shop")
        listed = json.loads(aws("sagemaker", "list-endpoints", "--output", "json"))
        assert [each["EndpointStatus"] for each in listed["Endpoints"]] == ["InService"]
        aws("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "shop", "--body", "fileb://file", "out")
        assert (tmp_path / "out").read_text() == "content"
        refused = subprocess.run(
            [str(BIN / "aws"), "sagemaker", "describe-endpoint", "--endpoint-name", "none"],
            env=env,
            capture_output=True,
            text=True,
        )
        assert "ValidationException" in refused.stderr
        assert "Could not find endpoint" in refused.stderr


def sdk_python(lock_file: Path) -> Path:
    """An interpreter with what a lock names, cached by the lock: it wants other versions than ours."""
    found = os.environ.get("SAGEMAKER_OPERATOR_CACHE")
    cache = Path(found) if found else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "sagemaker-operator")
    version = hashlib.sha256(lock_file.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache.expanduser() / "clients" / f"{lock_file.stem}-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = str(BIN / "uv")
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
            install = [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder / "bin/python")]
            subprocess.run([*install, str(lock_file)], check=True)
            (folder / "ready").touch()
    return folder / "bin" / "python"


@pytest.mark.parametrize("package", LOCKS)
def test_the_sagemaker_python_sdk(starter: Any, environment: dict[str, str], tmp_path: Path, package: str) -> None:
    python = sdk_python(ROOT / "requirements" / LOCKS[package])
    with starter() as local:
        env = variables(local, environment) | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
        env.pop("PYTHONPATH", None)
        run(str(python), "-c", SDK.replace("PACKAGE", package), env=env, cwd=tmp_path)
        found = json.loads((tmp_path / "found.json").read_text())
        assert found == {"status": "InService", "variant": "main", "body": "1,2,3", "names": ["sdk"]}
        local.until(lambda: not local.sagemaker.list_endpoints()["Endpoints"], "the deletion")


def test_locust_with_boto3(starter: Any, environment: dict[str, str], tmp_path: Path) -> None:
    with starter() as local:
        served(local)
        (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
        load = ("--headless", "--run-time", "4s", "--users", "2", "--spawn-rate", "2", "--json")
        told = json.loads(run(str(BIN / "locust"), *load, env=variables(local, environment), cwd=tmp_path))
        calls = local.admin("GET", "status")["endpoints"][0]["calls"]
        assert [(each["name"], each["num_failures"]) for each in told] == [("invoke", 0)]
        assert 0 < told[0]["num_requests"] <= calls
