"""``sagemaker-local`` as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from testkit import admin, clients
from testkit.archives import archive
from testkit.process import Process
from testkit.waiting import until


@dataclass(frozen=True)
class Local:
    """A running one."""

    url: str
    started: Process
    bucket: str = "models"
    until = staticmethod(until)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The control plane, which starts the others."""
        return self.started.popen

    @property
    def log(self) -> Path:
        """What it printed."""
        return self.started.log

    @property
    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and what those started."""
        return self.started.descendants

    def client(self, service: str, account: str = clients.ACCOUNT, region: str = clients.REGION, **config: Any) -> Any:
        """boto3's; ``config`` is botocore's."""
        return clients.client(self.url, service, account, region, **config)

    @property
    def sagemaker(self) -> Any:
        """boto3's client of the usual account."""
        return self.client("sagemaker")

    def put(self, key: str, files: Mapping[str, bytes] | bytes) -> str:
        """Upload an object, or an archive of files, to the bucket; its URL."""
        body = files if isinstance(files, bytes) else archive(files)
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Every object of the bucket below a prefix."""
        s3 = self.client("s3")
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that the admin API answers."""
        return admin.ask(self.url, method, path, body)

    def admin_error(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and message of a refusal. Raises AssertionError when it is none."""
        try:
            self.admin(method, path, body)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())["message"]
        raise AssertionError(f"{method} {path} was not refused")

    @contextmanager
    def fault(self, **fault: Any) -> Iterator[None]:
        """A fault for a while."""
        number = self.admin("POST", "faults", fault)["id"]
        try:
            yield
        finally:
            if number in [each["id"] for each in self.admin("GET", "faults")]:
                self.admin("DELETE", f"faults/{number}")

    def instances(self, endpoint: str) -> list[dict[str, Any]]:
        """Of every fleet of an endpoint."""
        return [
            instance
            for each in self.admin("GET", "endpoints")
            if each["name"] == endpoint
            for fleet in each["fleets"]
            for instance in fleet["instances"]
        ]


def command_line(*arguments: str) -> list[str]:
    """What starts one, on a port that is free."""
    return [sys.executable, "-m", "sagemaker_local", "--port", "0", *arguments]


def quick(images: Path) -> tuple[str, ...]:
    """Flags with which everything happens soon."""
    seconds = ("--create-seconds", "0.2", "--delete-seconds", "0.1", "--health-check-seconds", "0.5")
    return (*seconds, "--startup-seconds", "20", "--images", str(images))


@contextmanager
def running(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, bucket: str | None = None
) -> Iterator[Local]:
    """A process of its own, with a bucket if one is named.

    It is ended with SIGTERM. Raises AssertionError when anything of it outlives it, or a traceback is in its log.
    """
    started = Process(command_line(*arguments), folder, "local", environment)
    children: list[psutil.Process] = []
    try:
        local = Local(started.url, started)
        if bucket is not None:
            local = replace(local, bucket=bucket)
            if bucket not in [each["Name"] for each in local.client("s3").list_buckets()["Buckets"]]:
                clients.make_bucket(local.url, bucket)
        children = started.descendants
        yield local
    finally:
        started.stop()
    assert not psutil.wait_procs(children, 10)[1], "a process of it is left"
    assert "Traceback" not in local.log.read_text(), local.log.read_text()
