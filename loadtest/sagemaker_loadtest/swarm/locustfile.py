"""A locustfile of the user's own: its classes instead of ours. Importing it is tried out before the load."""

import importlib.util
import inspect
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from sagemaker_loadtest.api.errors import ConfigurationError

_CHECK_SECONDS = 60
_LAST_LINES = 4
NONE_THERE = "it defines no class that extends SageMakerUser or another of Locust's users"


def check(path: Path) -> None:
    """Imports the locustfile in a process of its own, as it will be imported by the workers. Raises ConfigurationError
    with the last lines of the traceback when that fails.
    """
    if not path.is_file():
        raise ConfigurationError(f"locustfile: {path} is not there. The path is relative to the test file")
    command = [sys.executable, "-m", "sagemaker_loadtest.swarm.locustfile", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_CHECK_SECONDS, env=os.environ)
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"locustfile: importing {path} did not end within {_CHECK_SECONDS} s. Nothing may run while it is imported"
        ) from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        lines = [line for line in lines if not line.startswith('File "<frozen ')]
        told = " | ".join(lines[-_LAST_LINES:]) or f"exit code {done.returncode}"
        raise ConfigurationError(f"locustfile: {path} cannot be imported: {told}")


def users_of(path: Path) -> list[Any]:
    """The classes of users that the locustfile defines or imports, abstract ones left out. Raises what it raises."""
    from locust import User

    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, User) and not value.abstract
    ]


def main() -> int:
    """Entry point of the check's process."""
    try:
        from sagemaker_loadtest.swarm import user

        found = users_of(Path(sys.argv[1]))
    except BaseException:  # the file is somebody else's, and may even end the process
        traceback.print_exc()
        return 1
    del user
    if not found:
        print(NONE_THERE, file=sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
