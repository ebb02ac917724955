"""A cluster's programs: from a folder the user names, the cache, an official release, else built from Go modules."""

import fcntl
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devcluster import go_build, origins, releases, toolchain
from devcluster.errors import BinaryError
from devcluster.origins import KUBERNETES, Origin
from devcluster.progress import Progress
from devcluster.releases import Hosts

VERSION = KUBERNETES.version
API = ("etcd", "kube-apiserver", "kubectl")
CONTROLLER_MANAGER = "kube-controller-manager"
HELM = "helm"
HEY = "hey"
NODE = (
    *("kube-scheduler", "kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr"),
    *("bridge", "loopback", "host-local", "portmap", "coredns", "pause"),
)
"""What a node adds to a control plane. runc and the netfilter programs are the distribution's."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where programs come from, in this order: `named`, `cache`, `hosts`, the origin's Go module (or `module`)."""

    named: Path | None
    cache: Path
    hosts: Hosts = field(default_factory=Hosts)
    module: Path | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "Sources":
        """KUBEBUILDER_ASSETS names the user's folder; the cache is `$SAGEMAKER_OPERATOR_CACHE`, else
        `$XDG_CACHE_HOME/sagemaker-operator`, else `~/.cache/sagemaker-operator`."""
        named, cache = environ.get("KUBEBUILDER_ASSETS"), environ.get("SAGEMAKER_OPERATOR_CACHE")
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sagemaker-operator"
        return cls(Path(named).absolute() if named else None, Path(cache).absolute() if cache else base)

    @property
    def programs(self) -> Path:
        """The folder of Kubernetes' programs in the cache: by version and platform."""
        return self.programs_of(KUBERNETES)

    def programs_of(self, origin: Origin) -> Path:
        """The folder of the origin's programs in the cache."""
        return self.cache / "bin" / origin.folder / platform_name()


def platform_name() -> str:
    """As releases write it: `linux-amd64`, `darwin-arm64`."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}-{machine}"


def ensure(names: Sequence[str], progress: Progress, sources: Sources | None = None) -> dict[str, Path]:
    """The path of each program, fetched or built first where it is missing. Raises BinaryError; KeyError for a
    program that `origins` does not name."""
    sources = sources or Sources.of()
    if sources.named and not sources.named.is_dir():
        raise BinaryError(
            f"KUBEBUILDER_ASSETS is {sources.named}, which is no folder. Set it to one with etcd, kube-apiserver and "
            "kubectl, or unset it: the programs are then fetched or built."
        )
    found = {name: sources.named / name for name in names if sources.named and (sources.named / name).is_file()}
    for origin in origins.ORIGINS:
        folder = sources.programs_of(origin)
        kept = {name: folder / name for name in names if name in origin.packages and name not in found}
        if not all(path.exists() for path in kept.values()):
            folder.mkdir(parents=True, exist_ok=True)
            with _locked(folder / ".lock", progress):
                missing = [name for name, path in kept.items() if not path.exists()]
                _complete(origin, missing, folder, progress, sources)
        found |= kept
    return {name: found[name] for name in names}


def _complete(origin: Origin, missing: Sequence[str], folder: Path, progress: Progress, sources: Sources) -> None:
    for part in folder.glob(".*.part"):  # of a process that was killed
        part.unlink()
    if not missing:  # another process has put them there meanwhile
        return
    fetched = _fetch(origin, missing, folder, progress, sources)
    left = [name for name in missing if name not in fetched.names]
    if left:
        progress.note(f"Nothing prebuilt for {', '.join(left)}: {fetched.why_not}. Building from Go modules.")
        go = toolchain.find(sources.cache, progress)
        module = sources.module or origin.module
        for name in left:
            go_build.build(name, folder / name, version=origin.version, go=go, progress=progress, module=module)


def _fetch(
    origin: Origin, missing: Sequence[str], folder: Path, progress: Progress, sources: Sources
) -> releases.Fetched:
    platform, hosts = platform_name(), sources.hosts
    if origin is KUBERNETES:
        return releases.fetch(
            missing, folder, version=origin.version, platform=platform, hosts=hosts, progress=progress
        )
    return releases.fetch_archive(origin, missing, folder, platform=platform, hosts=hosts, progress=progress)


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
