"""The image that the Dockerfile starts from: pulled where a registry answers, else a stand-in made on this machine.

The stand-in is a minimal Debian (debootstrap) of this machine's own release with a CPython of this machine in
/usr/local, where the official image has it too.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from cluster.buildah import Buildah
from cluster.errors import ImageError
from cluster.talk import talking
from devcluster.progress import Progress

PYTHON = "3.12"
NAME = f"docker.io/library/python:{PYTHON}-slim"

_REGISTRY = "https://registry-1.docker.io/v2/"
_LABEL = "sagemaker-operator.io/stand-in"
_TIMEOUT_SECONDS = 5
_EDITION = 1
"""One more when the stand-in is put together otherwise: it is then made anew."""
_PACKAGES = (
    *("ca-certificates", "libbz2-1.0", "libffi8", "liblzma5", "libncursesw6", "libreadline8", "libsqlite3-0"),
    *("libssl3", "netbase", "tzdata", "zlib1g"),
)
_UNUSED = ("config-*", "idlelib", "site-packages/*", "test", "tkinter", "turtledemo")
_EMPTIED = ("dev", "usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man", "var/cache", "var/lib/apt")
_DEBOOTSTRAP_LINES = 420  # that it says for this many packages, about


def ensure(buildah: Buildah, progress: Progress) -> None:
    """The image is in the storage under the name that the Dockerfile uses. Raises ImageError."""
    known = buildah.label(NAME, _LABEL)
    if known is None and _registry_answers():
        buildah.pull(NAME, progress)
    elif known != "" and known != _recipe():
        _make(buildah, progress)


def lacking() -> str:
    """What this machine lacks to make the stand-in; empty: nothing, or a registry answers."""
    if _registry_answers():
        return ""
    if not shutil.which("debootstrap"):
        return "debootstrap (no image registry can be reached)"
    return "" if _python() else f"a CPython {PYTHON} outside /usr (no image registry can be reached)"


def _registry_answers() -> bool:
    try:
        urllib.request.urlopen(_REGISTRY, timeout=_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:  # it asks who we are
        error.close()
        return True
    except OSError:
        return False
    return True


def _recipe() -> str:
    """Changes with what the stand-in is made of."""
    parts = (_EDITION, _PACKAGES, _UNUSED, _EMPTIED, _release(), str(_python()))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _release() -> str:
    system = platform.freedesktop_os_release()
    if system.get("ID") != "debian":
        raise ImageError(
            f"{NAME} cannot be pulled, and a stand-in for it is made only on Debian; this is {system.get('ID')}. "
            "Go where a registry answers, or build the images with Docker elsewhere."
        )
    return system["VERSION_CODENAME"]


def _python() -> Path | None:
    """The folder of a CPython of the wanted version that can be copied: the distribution's own cannot."""
    for program in _candidates():
        asked = subprocess.run(
            [program, "-c", "import sys; print(sys.base_prefix, *sys.version_info[:2], sep='\\n')"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        prefix, *version = asked.stdout.split() or [""]
        if ".".join(version) == PYTHON and prefix not in ("", "/usr"):
            return Path(prefix)
    return None


def _candidates() -> Iterator[str]:
    yield sys.executable
    if found := shutil.which(f"python{PYTHON}"):
        yield found
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(str(path) for path in versions.glob(f"{PYTHON}*/bin/python{PYTHON}"))


def _make(buildah: Buildah, progress: Progress) -> None:
    python = _python()
    if python is None:
        raise ImageError(f"{NAME} cannot be pulled, and a stand-in needs {lacking()}. Install it.")
    root = buildah.folder / "stand-in.part"
    shutil.rmtree(root, ignore_errors=True)
    try:
        _debootstrap(root, progress)
        progress.step(f"Putting Python {PYTHON} into the base image")
        _copy_python(python, root)
        for command in (["ldconfig"], ["python3", "-m", "ensurepip", "--default-pip"]):
            _run(["chroot", str(root), *command])
        for folder in _EMPTIED:
            shutil.rmtree(root / folder, ignore_errors=True)
            (root / folder).mkdir(parents=True)
        progress.step("Storing the base image")
        buildah.commit_folder(root, NAME, {_LABEL: _recipe()}, command=f"python{PYTHON}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    progress.finish(f"Made a stand-in for {NAME.rpartition('/')[2]}, as no image registry can be reached")


def _debootstrap(root: Path, progress: Progress) -> None:
    arguments = ("--variant=minbase", f"--include={','.join(_PACKAGES)}", _release(), str(root))
    # Its own environment: a TMPDIR or a library path of ours means nothing in there.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    last = ""
    with talking(["debootstrap", *arguments], root.parent, environment) as talk:
        for number, line in enumerate(talk.lines):
            last = line
            progress.step("Installing a minimal Debian for the base image", number, _DEBOOTSTRAP_LINES)
    if talk.code():
        raise ImageError(f"debootstrap failed: {last.strip()}")


def _copy_python(prefix: Path, root: Path) -> None:
    target = root / "usr/local"
    library = Path("lib") / f"python{PYTHON}"
    ignored = shutil.ignore_patterns("__pycache__", *(pattern for pattern in _UNUSED if "/" not in pattern))
    shutil.copytree(prefix / library, target / library, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    shutil.rmtree(target / library / "site-packages")
    (target / library / "site-packages").mkdir()
    for shared in prefix.glob("lib/libpython3*.so*"):
        shutil.copy2(shared, target / "lib" / shared.name, follow_symlinks=False)
    shutil.copy2(prefix / "bin" / f"python{PYTHON}", target / "bin")
    for name in ("python3", "python"):
        (target / "bin" / name).symlink_to(f"python{PYTHON}")


def _run(command: list[str]) -> None:
    environment = {
        "PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C",
        "PIP_ROOT_USER_ACTION": "ignore",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise ImageError(f"{' '.join(command)} failed: {(done.stderr or done.stdout).strip()[-500:]}")
