"""The operator as a process under its shipped ServiceAccount, a real API server, local SageMaker with real servers.

Each test has a namespace and an AWS account of its own. Nothing sleeps: what is awaited is asked for again until it is
there, or the test fails saying what it saw last.
"""

import itertools
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import Cluster
from testkit import admin
from testkit.account import Account
from testkit.clients import REGION, make_bucket
from testkit.images import command
from testkit.namespace import Namespace, Scale
from testkit.process import Process
from testkit.relay import Relay
from testkit.waiting import until

SILENT = "import time; print('waiting', flush=True); time.sleep(999)"
BROKEN = "import sys; sys.exit('ValueError: no such column')"
IMAGES = [
    {"match": "test/silent:*", "command": [sys.executable, "-c", SILENT]},
    {"match": "test/broken:*", "command": [sys.executable, "-c", BROKEN]},
    {"match": "*/scorer:*", "command": command("echo")},
]
# Short enough for a test, long enough that each phase is seen.
QUICK = {
    "sweep-seconds": 0.5, "sweep-in-motion-seconds": 0.2, "look-in-motion-seconds": 1.0, "drift-seconds": 4.0,
    "parts-seconds": 2.0, "settle-seconds": 0.5, "blocked-seconds": 1.5, "role-seconds": 3.0,
    "backoff-base-seconds": 0.2, "backoff-limit-seconds": 1.0, "attempts-base-seconds": 0.2,
    "attempts-limit-seconds": 1.0, "lease-seconds": 2, "aws-calls-per-second": 100,
}  # fmt: skip
_numbers = itertools.count(1)


def started(folder: Path, name: str, flags: dict[str, Any], environment: dict[str, str]) -> Process:
    """A command of the virtual environment."""
    words = [f"--{flag}={value}" if value is not True else f"--{flag}" for flag, value in flags.items()]
    return Process([str(Path(sys.executable).with_name(name)), *words], folder, f"{name}-{next(_numbers)}", environment)


class LocalSageMaker:
    """Its admin API."""

    def __init__(self, process: Process) -> None:
        self.process, self.url = process, process.url

    def fault(self, **fault: Any) -> int:
        return int(admin.ask(self.url, "POST", "faults", fault)["id"])

    def remove_faults(self) -> None:
        admin.ask(self.url, "DELETE", "faults")

    def calls(self, account: str, *operations: str) -> list[dict[str, Any]]:
        found = [call for call in admin.ask(self.url, "GET", "calls") if call["account"] == account]
        return [call for call in found if not operations or call["operation"] in operations]

    def changes(self, account: str) -> list[str]:
        """The mutating operations that were carried out, in order."""
        return [
            call["operation"]
            for call in self.calls(account)
            if call["outcome"] == "ok" and call["operation"].startswith(("Create", "Update", "Delete", "Add"))
        ]

    def by_operator(self, account: str) -> list[dict[str, Any]]:
        """The calls that the operator made."""
        return [call for call in self.calls(account) if "sagemaker-operator" in call["userAgent"]]

    def limit(self, calls_per_second: float | None) -> None:
        admin.ask(self.url, "POST", "limits", {"callsPerSecond": calls_per_second})


def variant(name: str = "main", count: int = 1, url: str | None = None, **container: Any) -> dict[str, Any]:
    given = container or {"image": "local://echo"}
    where = {"modelDataURL": url} if url else {}
    return {"name": name, "containers": [{**given, **where}], "instances": {"type": "ml.m5.large", "count": count}}


def echo(release: int = 1, count: int = 1, **spec: Any) -> dict[str, Any]:
    """An endpoint without a process; another release is another revision."""
    container = {"image": "local://echo", "environment": {"RELEASE": str(release)}}
    return {"variants": [variant(count=count, **container)], **spec}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs and ready files of all processes."""
    return tmp_path_factory.mktemp("operator")


@pytest.fixture(scope="session")
def local(folder: Path) -> Iterator[LocalSageMaker]:
    (folder / "images.yaml").write_text(yaml.safe_dump(IMAGES))
    flags = {
        "port": 0, "create-seconds": 0.6, "delete-seconds": 0.3, "startup-seconds": 4, "stop-grace-seconds": 2,
        "images": folder / "images.yaml", "max-processes-per-variant": 2, "role-session-seconds": 2,
    }  # fmt: skip
    process = started(folder, "sagemaker-local", flags, {})
    try:
        yield LocalSageMaker(process)
    finally:
        assert process.stop() == 0, process.log.read_text()


@pytest.fixture
def account(local: LocalSageMaker) -> Iterator[Account]:
    number = next(_numbers)
    made = Account(f"{500_000_000_000 + number}", local.url, f"models-{number}")
    make_bucket(made.url, made.bucket, made.id)
    yield made
    local.remove_faults()
    local.limit(None)
    made.close()


@pytest.fixture
def ns(control_plane: Cluster, namespace: str, account: Account) -> Namespace:
    return Namespace(control_plane, namespace, account)


@pytest.fixture
def scale(ns: Namespace) -> Scale:
    return Scale(ns)


@pytest.fixture
def irsa(account: Account, folder: Path) -> dict[str, str]:
    """What the webhook of EKS puts into a pod, instead of keys."""
    token = folder / "token"
    token.write_text("header.claims.signature")
    names = {"AWS_ENDPOINT_URL": account.url, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null"}
    role = f"arn:aws:iam::{account.id}:role/sagemaker-operator"
    return names | {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token)}


Start = Callable[..., Process]


@pytest.fixture
def start(control_plane: Cluster, folder: Path, account: Account, ns: Namespace) -> Iterator[Start]:
    """Starts an operator for the test's namespace and account; flags are added to the quick ones."""
    kubeconfig = control_plane.service_account_kubeconfig(
        "sagemaker-operator", "sagemaker-operator", folder / f"operator-{ns.name}.kubeconfig"
    )
    running: list[Process] = []

    def begin(environment: dict[str, str] | None = None, **flags: Any) -> Process:
        given = {
            **QUICK,
            "port": 0,
            "default-region": REGION,
            "namespace": ns.name,
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        aws = account.environment if environment is None else environment
        process = started(folder, "sagemaker-operator", given, {"KUBECONFIG": str(kubeconfig), **aws})
        running.append(process)
        return process

    yield begin
    codes = [process.stop() for process in running]
    for process, code in zip(running, codes, strict=True):
        text = process.log.read_text()
        assert code in (0, -signal.SIGKILL) or "Lease" in text, text
        assert "does not know" not in text, text  # a defect that the operator survived


@pytest.fixture
def operator(start: Start) -> Process:
    """An operator that watches."""
    process = start()
    assert process.url
    return process


@pytest.fixture
def release() -> Callable[..., dict[str, Any]]:
    """`echo`, for tests that import nothing."""
    return echo


def count_passes(operator: Process) -> int:
    with urllib.request.urlopen(f"{operator.url}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return int(sum(float(line.split()[-1]) for line in lines if line.startswith("sagemaker_operator_reconcile_total")))


@pytest.fixture
def passes(operator: Process) -> Callable[..., int]:
    """The operator's passes so far; given a number, waits until there are as many."""

    def wait(wanted: int = 0) -> int:
        return until(lambda: seen if (seen := count_passes(operator)) >= wanted else None, f"{wanted} passes")

    return wait


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[..., Any]:
    """For tests that import nothing."""
    return until


@pytest.fixture(name="variant")
def variant_fixture() -> Callable[..., dict[str, Any]]:
    """For tests that import nothing."""
    return variant


@pytest.fixture
def relay(local: LocalSageMaker) -> Iterator[Relay]:
    made = Relay(local.url)
    yield made
    made.end()


@pytest.fixture
def passes_of() -> Callable[[Process], int]:
    """How many passes an operator has made."""
    return count_passes
