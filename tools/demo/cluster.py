"""The demo's Kubernetes API: started, prepared as an administrator would, and watched through kubectl."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import commands
from demo.children import Child, Children
from demo.failure import DemoError
from demo.folder import ROOT, Folder
from devcluster import Cluster

_CRD = "sagemakerendpoints.sagemaker-operator.io"
_PARTS = (
    "crds/sagemakerendpoints.yaml",
    *(f"manifests/{part}.yaml" for part in ("namespace", "rbac", "user-roles", "deletion-protection")),
)
_SERVICE_ACCOUNT = "sagemaker-operator"


@dataclass(frozen=True, slots=True)
class Seen:
    """The object as it was at one moment. Conditions of an older generation count as absent."""

    ready: bool
    synced: bool
    stalled: bool
    message: str
    failure: str
    hint: str
    log: tuple[str, ...]
    instances: str
    revision: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Seen":
        status = document.get("status", {})
        generation = document["metadata"].get("generation", 0)
        conditions = {
            each["type"]: each
            for each in status.get("conditions", [])
            if each.get("observedGeneration", 0) == generation
        }
        failure = status.get("failure", {})
        ready, synced, stalled = (
            conditions.get(name, {}).get("status") == "True" for name in ("Ready", "Synced", "Stalled")
        )
        return cls(
            ready,
            synced,
            stalled,
            conditions.get("Ready", {}).get("message", ""),
            failure.get("message") or conditions.get("Stalled", {}).get("message", ""),
            failure.get("hint", ""),
            tuple(failure.get("logExcerpt", ())),
            status.get("summary", {}).get("instances", ""),
            status.get("revisions", {}).get("active", ""),
        )


def prepare(cluster: Cluster, folder: Folder) -> Path:
    """Installs all but the Deployment, for the operator runs as a process here; writes the kubeconfig for people.

    Returns the operator's own kubeconfig, with a token of its ServiceAccount.
    """
    cluster.kubectl("apply", "--server-side", *(word for part in _PARTS for word in ("-f", str(ROOT / part))))
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{_CRD}", "--timeout=60s")
    cluster.kubectl("create", "namespace", commands.NAMESPACE)
    config = json.loads(cluster.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = commands.NAMESPACE
    _write_private(folder.kubeconfig, json.dumps(config, indent=1))
    path = folder.base / "operator.kubeconfig"
    own = cluster.service_account_kubeconfig(_SERVICE_ACCOUNT, _SERVICE_ACCOUNT, path)
    _check_rights(cluster, own)
    return own


def _check_rights(cluster: Cluster, kubeconfig: Path) -> None:
    """That it is who it should be, and not an administrator."""
    who = cluster.kubectl(f"--kubeconfig={kubeconfig}", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    everything = cluster.kubectl(f"--kubeconfig={kubeconfig}", "auth", "can-i", "*", "*", check=False)
    expected = f"system:serviceaccount:{_SERVICE_ACCOUNT}:{_SERVICE_ACCOUNT}"
    if who.stdout != expected or everything.returncode == 0:
        raise DemoError(f"The operator's token is not that of {expected} with the rights of manifests/rbac.yaml")


def _write_private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)


class Kubectl:
    """kubectl as a person in the demo's shell runs it: the same kubeconfig, found on PATH, from the same folder."""

    def __init__(self, children: Children, environment: dict[str, str]) -> None:
        self._children, self._environment = children, environment

    def run(self, *arguments: str) -> str:
        """Its output. Raises DemoError with what it complained of."""
        done = self._children.run(["kubectl", *arguments], self._environment)
        if done.returncode:
            raise DemoError(f"kubectl {' '.join(arguments)} ended with code {done.returncode}", done.stderr.strip())
        return done.stdout

    def until(
        self,
        wanted: Callable[[Seen], bool],
        seconds: float,
        on_change: Callable[[Seen], None],
        check: Callable[[], None],
    ) -> Seen:
        """Follows the object until it is as wanted, or Stalled.

        Raises DemoError when that takes longer, and what `check` raises, which is asked all the while.
        """
        watching = ["kubectl", "get", "sme", commands.OBJECT, "--watch", "-o", "json"]
        child = self._children.start("kubectl", watching, self._environment, output=subprocess.PIPE)
        guard = _Guard(child, seconds, check)
        seen = None
        try:
            assert child.process.stdout is not None
            for document in documents(os.fsdecode(line) for line in child.process.stdout):
                seen = Seen.of(document)
                on_change(seen)
                if wanted(seen) or seen.stalled:
                    return seen
        finally:
            guard.end()
        if guard.error:
            raise guard.error
        state = f"Its last state: {seen.message}" if seen and seen.message else "It had no status yet."
        raise DemoError(f"{commands.OBJECT} did not get there within {seconds:g} s", state)


class _Guard(threading.Thread):
    """Ends a child that is read from when the time is up, or as soon as `check` raises: `error` is that."""

    def __init__(self, child: Child, seconds: float, check: Callable[[], None]) -> None:
        super().__init__(name=f"guard of {child.name}", daemon=True)
        self.error: DemoError | None = None
        self._child, self._deadline, self._check = child, time.monotonic() + seconds, check
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(0.5) and time.monotonic() < self._deadline:
            try:
                self._check()
            except DemoError as error:
                self.error = error
                break
        self._child.process.kill()

    def end(self) -> None:
        self._over.set()
        self.join()
        self._child.process.wait()
        if self._child.process.stdout:
            self._child.process.stdout.close()


def documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The JSON objects that kubectl prints one after the other, each ending in a line with its closing brace."""
    collected = list[str]()
    for line in lines:
        collected.append(line)
        if line.rstrip("\n") == "}":
            yield json.loads("".join(collected))
            collected.clear()
