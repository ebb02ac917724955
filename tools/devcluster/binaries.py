"""The Kubernetes programs: from a folder the user names, the cache, an official release, else built from Go modules."""

import fcntl
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster import go_build, releases, toolchain
from devcluster.errors import BinaryError
from devcluster.progress import Progress
from devcluster.releases import Hosts

VERSION = "v1.36.3"
API = ("etcd", "kube-apiserver", "kubectl")
CONTROLLER_MANAGER = "kube-controller-manager"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where programs come from, in this order: `named`, `cache`, `hosts`, the Go module in `module`."""

    named: Path | None
    cache: Path
    hosts: Hosts = field(default_factory=Hosts)
    module: Path = go_build.MODULE

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "Sources":
        """KUBEBUILDER_ASSETS names the user's folder; the cache is `$SAGEMAKER_OPERATOR_CACHE`, else
        `$XDG_CACHE_HOME/sagemaker-operator`, else `~/.cache/sagemaker-operator`."""
        named, cache = environ.get("KUBEBUILDER_ASSETS"), environ.get("SAGEMAKER_OPERATOR_CACHE")
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sagemaker-operator"
        return cls(Path(named).absolute() if named else None, Path(cache).absolute() if cache else base)

    @property
    def programs(self) -> Path:
        """The folder in the cache: by version and platform."""
        return self.cache / "bin" / VERSION / platform_name()


def platform_name() -> str:
    """As releases write it: `linux-amd64`, `darwin-arm64`."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}-{machine}"


def ensure(names: Sequence[str], progress: Progress, sources: Sources | None = None) -> dict[str, Path]:
    """The path of each program, fetched or built first where it is missing. Raises BinaryError."""
    sources = sources or Sources.of()
    if sources.named and not sources.named.is_dir():
        raise BinaryError(
            f"KUBEBUILDER_ASSETS is {sources.named}, which is no folder. Set it to one with etcd, kube-apiserver and "
            "kubectl, or unset it: the programs are then fetched or built."
        )
    found = {name: sources.named / name for name in names if sources.named and (sources.named / name).is_file()}
    kept = {name: sources.programs / name for name in names if name not in found}
    if not all(path.exists() for path in kept.values()):
        sources.programs.mkdir(parents=True, exist_ok=True)
        with _locked(sources.programs / ".lock", progress):
            _complete([name for name, path in kept.items() if not path.exists()], progress, sources)
    return found | kept


def _complete(missing: Sequence[str], progress: Progress, sources: Sources) -> None:
    folder = sources.programs
    for part in folder.glob(".*.part"):  # of a process that was killed
        part.unlink()
    fetched = releases.fetch(
        missing, folder, version=VERSION, platform=platform_name(), hosts=sources.hosts, progress=progress
    )
    left = [name for name in missing if name not in fetched.names]
    if left:
        progress.note(f"Nothing prebuilt for {', '.join(left)}: {fetched.why_not}. Building from Go modules.")
        go = toolchain.find(sources.cache, progress)
        for name in left:
            go_build.build(name, folder / name, version=VERSION, go=go, progress=progress, module=sources.module)


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Two at once would do the same work twice: the second waits and finds it done."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note(f"Another process is putting the programs into {path.parent}; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
