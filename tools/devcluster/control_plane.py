"""etcd and kube-apiserver on loopback with data, keys and logs in one folder; no root, nothing left after stop()."""

import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devcluster import binaries
from devcluster.binaries import Progress

_START_SECONDS = 60
_STOP_SECONDS = 10
_CONTROLLERS = (
    "namespace-controller",
    "serviceaccount-controller",
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
)


class StartError(Exception):
    """A program ended or did not get ready; the message has the end of its log."""


def _say_nothing(_message: str) -> None:
    return


class ControlPlane:
    """A running Kubernetes API. `kubeconfig` is an administrator's."""

    def __init__(self, folder: Path, programs: dict[str, Path]) -> None:
        self._folder, self._programs = folder, programs
        self._processes: list[subprocess.Popen[bytes]] = []
        self.kubeconfig = folder / "kubeconfig"
        self.audit_log = folder / "audit.log"
        self.ca = folder / "pki" / "apiserver.crt"
        self.url = ""

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        controller_manager: bool = False,
        audit: bool = False,
        progress: Progress = _say_nothing,
    ) -> "ControlPlane":
        """Programs are built first where they are missing. Raises BinaryError or StartError; nothing runs then."""
        names = (*binaries.API, *([binaries.CONTROLLER_MANAGER] if controller_manager else []))
        plane = cls(folder.absolute(), binaries.ensure(names, progress))
        try:
            plane._start(controller_manager=controller_manager, audit=audit)
        except BaseException:
            plane.stop()
            raise
        return plane

    def __enter__(self) -> "ControlPlane":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the programs that run."""
        return tuple(p.pid for p in self._processes)

    def stop(self) -> None:
        """Ends the programs, the last started first."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run names it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as administrator."""
        command = [str(self._programs["kubectl"]), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=input, check=check, capture_output=True, text=True)

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path, duration: str = "24h") -> Path:
        """A kubeconfig with a fresh token of the ServiceAccount."""
        token = self.kubectl("create", "token", name, "-n", namespace, f"--duration={duration}").stdout.strip()
        self._write_kubeconfig(path, token)
        return path

    def _start(self, *, controller_manager: bool, audit: bool) -> None:
        (self._folder / "pki").mkdir(parents=True, exist_ok=True)
        _write_key(self._folder / "pki" / "sa.key")
        token = secrets.token_hex(16)
        _write_private(self._folder / "pki" / "tokens.csv", f"{token},admin,1,system:masters\n")
        self._start_etcd()
        self._start_apiserver(audit)
        self._write_kubeconfig(self.kubeconfig, token)
        if controller_manager:
            self._start_controller_manager()

    def _start_etcd(self) -> None:
        peer, client = f"http://127.0.0.1:{_free_port()}", f"http://127.0.0.1:{_free_port()}"
        self._run(
            "etcd",
            "--name=default",
            f"--data-dir={self._folder / 'etcd'}",
            "--unsafe-no-fsync",  # the data lives as long as the test
            "--log-level=warn",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )
        self._etcd_url = client

    def _start_apiserver(self, audit: bool) -> None:
        pki, port = self._folder / "pki", _free_port()
        arguments = [
            f"--etcd-servers={self._etcd_url}",
            f"--secure-port={port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={pki}",
            f"--token-auth-file={pki / 'tokens.csv'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'sa.key'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--profiling=false",
        ]
        if audit:
            policy = self._folder / "audit-policy.json"
            policy.write_text('{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Metadata"}]}')
            arguments += [f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}"]
        process = self._run("kube-apiserver", *arguments)
        self.url = f"https://127.0.0.1:{port}"
        self._await_ready(process)

    def _start_controller_manager(self) -> None:
        pki = self._folder / "pki"
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={self.ca}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(_CONTROLLERS)}",
        )

    def _run(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("bound_child.py")),
                    str(self._programs[name]),
                    *arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "DEVCLUSTER_PARENT": str(os.getpid())},
            )
        self._processes.append(process)
        return process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self.ca.exists() and self._answers():
                return
            time.sleep(0.1)
        log = (self._folder / "kube-apiserver.log").read_text(errors="replace").strip()[-800:]
        raise StartError(f"kube-apiserver did not get ready within {_START_SECONDS} s. The end of its log: {log}")

    def _answers(self) -> bool:
        try:
            trust = ssl.create_default_context(cafile=str(self.ca))
            with urllib.request.urlopen(f"{self.url}/readyz", context=trust, timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _write_kubeconfig(self, path: Path, token: str) -> None:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "local", "cluster": {"server": self.url, "certificate-authority": str(self.ca)}}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "local", "context": {"cluster": "local", "user": "user"}}],
            "current-context": "local",
        }
        _write_private(path, json.dumps(content, indent=1))


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _write_key(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    _write_private(path, key.private_bytes(*form).decode())


def _write_private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
