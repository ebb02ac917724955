"""Python environments for images: made once for a list of requirements, kept for the next start."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SECONDS = 1800


class EnvironmentNotMadeError(Exception):
    """The environment could not be made; the text says why."""


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where what outlives a run is kept, by the environment variables that the project's tools share."""
    given, base = environment.get("SAGEMAKER_OPERATOR_CACHE"), environment.get("XDG_CACHE_HOME")
    return Path(given) if given else (Path(base) if base else Path.home() / ".cache") / "sagemaker-operator"


def environment_of(requirements: Sequence[str], folder: Path, say: Callable[[str], None]) -> Path:
    """The folder of a virtual environment with these requirements, made now if it is new. Blocks.

    What is installed beside local SageMaker can be imported too, after the environment's own packages: its model
    servers run in it. Several processes may ask at the same time. Raises EnvironmentNotMadeError.
    """
    made = folder / _key(requirements)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{made.name}.lock"):
        if (made / "complete").is_file():
            return made
        shutil.rmtree(made, ignore_errors=True)  # of a start that ended early
        say(f"[sagemaker-local] Making a Python environment with {', '.join(requirements)}")
        _run((sys.executable, "-m", "venv", "--without-pip", str(made)), say)
        python = str(made / "bin" / "python")
        _run((sys.executable, "-m", "pip", "--python", python, "install", *_QUIET, *requirements), say)
        _add_installed(made)
        (made / "complete").touch()
    return made


_QUIET = ("--disable-pip-version-check", "--no-input", "--ignore-installed")


def _key(requirements: Sequence[str]) -> str:
    """An environment belongs to one interpreter and one list."""
    parts = (platform.python_version(), sys.executable, sorted(requirements))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _add_installed(made: Path) -> None:
    """A path file is read after the folder that it is in, so the environment's own packages go first."""
    own = Path(sysconfig.get_path("purelib", "venv", {"base": str(made), "platbase": str(made)}))
    paths = dict.fromkeys((*site.getsitepackages(), *(each for each in sys.path if each)))
    (own / "sagemaker_local_installed.pth").write_text("".join(f"{each}\n" for each in paths if Path(each).is_dir()))


def _run(command: Sequence[str], say: Callable[[str], None]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentNotMadeError(f"{command[2]} was not done within {_SECONDS} s") from error
    lines = (done.stdout + done.stderr).splitlines()
    for line in lines:
        say(line)
    if done.returncode:
        cause = next((each for each in reversed(lines) if each.strip()), "it said nothing")
        raise EnvironmentNotMadeError(f"{command[2]} ended with exit status {done.returncode}: {cause}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
