"""Where everything of a demo lies, and that only one demo uses it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.failure import DemoError

ROOT = Path(__file__).parents[2]
_KEPT = {"lock", "models"}
"""Of an earlier demo: the models, which RETRAIN=1 makes anew, and the lock, which may be held."""


@dataclass(frozen=True, slots=True)
class Folder:
    """`.demo/` by default. `base` is absolute."""

    base: Path

    @property
    def logs(self) -> Path:
        return self.base / "logs"

    @property
    def models(self) -> Path:
        return self.base / "models"

    @property
    def report(self) -> Path:
        return self.base / "report"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's, with namespace ml; for people."""
        return self.base / "kubeconfig"

    @property
    def environment(self) -> Path:
        """A shell script of exports; for people."""
        return self.base / "env"

    @property
    def rows(self) -> Path:
        """1,000 rows as CSV, without header and label."""
        return self.models / "rows.csv"

    @property
    def one_row(self) -> Path:
        return self.base / "row.csv"

    @property
    def local_state(self) -> Path:
        return self.base / "local"

    def archive(self, model: str) -> Path:
        return self.models / f"{model}.tar.gz"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def shown(self, path: Path) -> str:
        """As people may type it where the demo was started: relative below the repository, else in full."""
        return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@contextmanager
def taken(base: Path) -> Iterator[Folder]:
    """The folder for one demo, emptied of an earlier one. Raises DemoError when another demo runs in it."""
    folder = Folder(base.absolute())
    folder.base.mkdir(parents=True, exist_ok=True)
    with (folder.base / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DemoError(
                f"A demo runs already in {folder.shown(folder.base)} (process {lock.read().strip() or 'unknown'})",
                "Two would use the same files. Stop that one with Ctrl-C where it runs, or wait for its end.",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        for entry in folder.base.iterdir():
            if entry.name not in _KEPT:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for part in (folder.logs, folder.models, folder.local_state):
            part.mkdir(exist_ok=True)
        yield folder
