"""A Kubernetes API as its users see it, whoever runs it."""

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


class Cluster:
    """kubectl and kubeconfigs. `kubeconfig` is an administrator's, complete in itself, readable by its owner only."""

    audit_log: Path | None = None
    """One JSON line per request; None where no such log can be read."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self._kubectl, self.kubeconfig = kubectl, kubeconfig

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def programs_folder(self) -> Path:
        """Where its kubectl is."""
        return self._kubectl.parent

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the programs that run for it on this machine, in the order of their start."""
        return ()

    @property
    def url(self) -> str:
        """Where the API answers."""
        cluster: dict[str, str] = json.loads(self.kubeconfig.read_text())["clusters"][0]["cluster"]
        return cluster["server"]

    def stop(self) -> None:
        """Ends what was started for it. May be called again."""

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - as subprocess.run names it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl as administrator. Raises CalledProcessError if `check` and it fails."""
        command = [str(self._kubectl), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=input, check=check, capture_output=True, text=True)

    def service_account_kubeconfig(self, namespace: str, name: str, path: Path, duration: str = "24h") -> Path:
        """Writes a kubeconfig with a fresh token of the ServiceAccount to `path`, and returns that."""
        token = self.kubectl("create", "token", name, "-n", namespace, f"--duration={duration}").stdout.strip()
        config = json.loads(self.kubeconfig.read_text())
        config["users"] = [{"name": name, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = name
        write_private(path, json.dumps(config, indent=1))
        return path


def write_private(path: Path, content: str) -> None:
    """Readable by its owner only, from the first byte on."""
    path.touch(mode=0o600)
    path.write_text(content)
