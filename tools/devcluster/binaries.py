"""Where the Kubernetes programs come from: a folder the user names, the cache, else built from their Go modules.

The official prebuilt archives are not fetched yet; see docs/control-plane.md.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = "v1.36.3"
API = ("etcd", "kube-apiserver", "kubectl")
CONTROLLER_MANAGER = "kube-controller-manager"

_MODULE = Path(__file__).parents[1] / "kubernetes"
_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    **{name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kube-apiserver", CONTROLLER_MANAGER, "kubectl")},
}
# `kubectl version` and helm's kubeVersion check read these.
_VERSION_FLAGS = " ".join(
    f"-X k8s.io/component-base/version.{key}={value}"
    for key, value in {
        "gitVersion": VERSION,
        "gitMajor": VERSION.split(".")[0].removeprefix("v"),
        "gitMinor": VERSION.split(".")[1],
        "gitTreeState": "clean",
    }.items()
)

Progress = Callable[[str], None]


class BinaryError(Exception):
    """A program can be neither found nor built; the message says what was tried and what to do."""


def cache_folder() -> Path:
    """`$SAGEMAKER_OPERATOR_CACHE`, else `$XDG_CACHE_HOME/sagemaker-operator`; programs by version and platform."""
    given = os.environ.get("SAGEMAKER_OPERATOR_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sagemaker-operator"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return (Path(given) if given else base) / "bin" / VERSION / f"{platform.system().lower()}-{machine}"


def ensure(names: tuple[str, ...], progress: Progress) -> dict[str, Path]:
    """The path of each program, built first where it is missing. Raises BinaryError."""
    given = os.environ.get("KUBEBUILDER_ASSETS")
    found = {name: Path(given) / name for name in names if given and (Path(given) / name).exists()}
    missing = [name for name in names if name not in found]
    cache = cache_folder()
    if any(not (cache / name).exists() for name in missing):
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / ".lock"):
            for name in missing:
                if not (cache / name).exists():
                    _build(name, cache / name, progress)
    return {**found, **{name: cache / name for name in missing}}


def _build(name: str, target: Path, progress: Progress) -> None:
    go = shutil.which("go")
    if go is None:
        raise BinaryError(
            f"{name} is neither in KUBEBUILDER_ASSETS nor in {target.parent}, and no Go is there to build it. "
            "Install Go 1.26 or newer, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl."
        )
    progress(f"building {name} {VERSION} from its Go module (once; minutes)")
    started = time.monotonic()
    part = target.with_name(f".{name}.part")
    command = [go, "build", "-trimpath", "-ldflags", f"-s -w {_VERSION_FLAGS}", "-o", str(part), _PACKAGES[name]]
    try:
        done = subprocess.run(
            command, cwd=_MODULE, env={**os.environ, "CGO_ENABLED": "0"}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BinaryError(f"{name} could not be built: {done.stderr.strip()[-800:]}")
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    progress(f"built {name} in {time.monotonic() - started:.0f} s; kept in {target.parent}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two builds at once would do the same work twice: the second waits and finds it done."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
