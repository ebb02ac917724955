"""etcd and kube-apiserver on loopback with data, keys and logs in one folder; no root, nothing left after stop()."""

import base64
import json
import secrets
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from devcluster import binaries, keys
from devcluster.access import Cluster, write_private
from devcluster.errors import StartError
from devcluster.lifeline import Lifeline
from devcluster.progress import Progress, Silent

_START_SECONDS = 60
_POLL_SECONDS = 0.05
_CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
)
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],  # the others have the response's code too
    "rules": [{"level": "Metadata"}],  # user, verb, resource, subresource, name, code; no bodies
}
_NOWHERE = "http://127.0.0.1:1"  # etcd insists on advertising a host and port; nobody asks there


class ControlPlane(Cluster):
    """A running Kubernetes API of its own, which ends with this process."""

    def __init__(self, folder: Path, programs: dict[str, Path], *, audit: bool) -> None:
        super().__init__(programs["kubectl"], folder / "kubeconfig")
        self._folder, self._programs = folder, programs
        self._lifeline = Lifeline()
        self._names: list[str] = []
        self._url = ""
        self.ca = folder / "pki" / "ca.crt"
        self.audit_log = folder / "audit.log" if audit else None

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        controller_manager: bool = False,
        audit: bool = False,
        progress: Progress | None = None,
    ) -> "ControlPlane":
        """Programs are fetched or built first where they are missing; returns when /readyz is ok.

        `controller_manager` adds ServiceAccounts, garbage collection, the end of namespaces and aggregated roles;
        `audit` writes a line per answered request. Raises BinaryError or StartError; nothing runs then.
        """
        names = (*binaries.API, *([binaries.CONTROLLER_MANAGER] if controller_manager else []))
        programs = binaries.ensure(names, progress or Silent())
        plane = cls(folder.absolute(), programs, audit=audit)
        try:
            plane._start(controller_manager=controller_manager)
        except BaseException:
            plane.stop()
            raise
        return plane

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(process.pid for process in self._lifeline.processes)

    def stop(self) -> None:
        """Kills the programs: the data is there to be thrown away, and a polite end takes seconds."""
        self._lifeline.end()

    def wait(self) -> str:
        """Until one of the programs ends by itself; why, with the end of its log."""
        while not (ended := self._ended()):
            time.sleep(0.5)
        return ended

    def _start(self, *, controller_manager: bool) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys.write(self._folder / "pki")
        token = secrets.token_hex(16)
        write_private(self._folder / "pki" / "tokens.csv", f"{token},admin,1,system:masters\n")
        self._run("etcd", _etcd_arguments())
        with socket.socket() as reservation:
            port = _reserve(reservation)
            self._url = f"https://127.0.0.1:{port}"
            self._run("kube-apiserver", self._apiserver_arguments(port))
            self._write_kubeconfig(token)
            self._await_ready()
        if controller_manager:
            self._run("kube-controller-manager", self._controller_manager_arguments())

    def _apiserver_arguments(self, port: int) -> list[str]:
        arguments = [
            "--etcd-servers=unix://etcd.sock",
            f"--secure-port={port}",
            "--permit-port-sharing",  # with the socket that reserves it
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # the default complains of a loopback address
            "--tls-cert-file=pki/apiserver.crt",
            "--tls-private-key-file=pki/apiserver.key",
            "--token-auth-file=pki/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=pki/sa.key",
            "--service-account-signing-key-file=pki/sa.key",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--profiling=false",
        ]
        if self.audit_log:
            (self._folder / "audit-policy.json").write_text(json.dumps(_AUDIT_POLICY))
            arguments += ["--audit-policy-file=audit-policy.json", f"--audit-log-path={self.audit_log}"]
        return arguments

    def _controller_manager_arguments(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            "--use-service-account-credentials=true",
            "--service-account-private-key-file=pki/sa.key",
            "--root-ca-file=pki/ca.crt",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(_CONTROLLERS)}",
        ]

    def _run(self, name: str, arguments: Sequence[str]) -> None:
        """Works in the folder: its sockets' relative names stay short enough wherever it lies."""
        with (self._folder / f"{name}.log").open("wb") as log:
            self._lifeline.popen([str(self._programs[name]), *arguments], cwd=self._folder, stdout=log)
        self._names.append(name)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        trust = ssl.create_default_context(cafile=str(self.ca))
        while not self._answers(trust):
            if ended := self._ended():
                raise StartError(ended)
            if time.monotonic() > deadline:
                log = self._log("kube-apiserver")
                raise StartError(f"kube-apiserver did not get ready within {_START_SECONDS} s. {log}")
            time.sleep(_POLL_SECONDS)

    def _answers(self, trust: ssl.SSLContext) -> bool:
        try:
            with urllib.request.urlopen(f"{self._url}/readyz", context=trust, timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def _ended(self) -> str:
        """Empty while all of them run."""
        for name, process in zip(self._names, self._lifeline.processes, strict=True):
            if process.poll() is not None:
                return f"{name} ended with code {process.returncode}. {self._log(name)}"
        return ""

    def _log(self, name: str) -> str:
        path = self._folder / f"{name}.log"
        return f"The end of {path}:\n{path.read_text(errors='replace').strip()[-800:]}"

    def _write_kubeconfig(self, token: str) -> None:
        authority = base64.b64encode(self.ca.read_bytes()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": {"server": self._url, "certificate-authority-data": authority}}],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
            "current-context": "local",
        }
        write_private(self.kubeconfig, json.dumps(config, indent=1))


def _etcd_arguments() -> list[str]:
    """Sockets in the folder only: on a port, another run's kube-apiserver could end up with this store."""
    return [
        "--name=etcd",
        "--data-dir=etcd",
        "--unsafe-no-fsync",  # the data lives as long as the test
        "--log-level=warn",
        "--listen-client-urls=unix://etcd.sock",
        f"--advertise-client-urls={_NOWHERE}",
        "--listen-peer-urls=unix://peer.sock",
        f"--initial-advertise-peer-urls={_NOWHERE}",
        f"--initial-cluster=etcd={_NOWHERE}",
    ]


def _reserve(holder: socket.socket) -> int:
    """A free port that nobody gets but who shares it on purpose, as long as `holder` is open."""
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.bind(("127.0.0.1", 0))
    return int(holder.getsockname()[1])
