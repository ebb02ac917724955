"""The process that holds a cluster's namespaces, and cleans up when its starter is gone, however that ended.

It runs as a program of its own: `python -m cluster.keeper RECORD` keeps private network, mount, UTS and PID namespaces
as long as its standard input is open, then kills all that runs in them and removes the cluster's cgroups and folder.
Should it be killed itself, the kernel kills the namespaces' first process; the next start then removes the rest.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_COPIED = ("cpuset.cpus", "cpuset.mems")
"""A new folder of cgroup v1's cpuset has none, and takes no process."""
_EMPTY_SECONDS = 20
_POLL_SECONDS = 0.05
_FIRST_PROCESS = """
echo up
exec >/dev/null 2>&1 </dev/null
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
"""bash, for the namespace's first process must bury the orphans."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a cluster leaves on the machine. In a file that its keeper holds locked: unlocked, the keeper is dead."""

    cgroup: str
    """The folder's name in each cgroup hierarchy."""
    folder: Path

    def write(self, path: Path) -> None:
        path.write_text(json.dumps({**asdict(self), "folder": str(self.folder)}))

    @classmethod
    def read(cls, path: Path) -> "Record":
        content = json.loads(path.read_text())
        return cls(content["cgroup"], Path(content["folder"]))


def clean_dead(records: Path) -> int:
    """Removes what is left of clusters whose keeper was killed; how many there were."""
    number = 0
    for path in sorted(records.glob("*.json")):
        with path.open("r+") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with suppress(json.JSONDecodeError, KeyError):  # killed while it was written: nothing was made yet
                _remove(Record.read(path))
            path.unlink(missing_ok=True)
            number += 1
    return number


def main() -> int:
    """Says the namespaces' first process (its number on the machine) on standard output. 0 when all is removed."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the end of the input is what ends it
        signal.signal(each, signal.SIG_IGN)
    path = Path(sys.argv[1])
    with path.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        record = Record.read(path)
        try:
            _make_cgroups(record.cgroup)
            with _namespaces() as holder:
                print(_first_process(holder), flush=True)
                sys.stdin.read()
                holder.kill()
        finally:
            _remove(record)
            path.unlink(missing_ok=True)
    return 0


def _namespaces() -> subprocess.Popen[str]:
    """Mounts made in there are shared among them (kubelet needs that) and never reach the machine's."""
    unshare = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
    command = ["setpriv", "--pdeathsig", "KILL", *unshare, "bash", "-c", _FIRST_PROCESS]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def _first_process(holder: subprocess.Popen[str]) -> int:
    assert holder.stdout is not None
    if holder.stdout.readline().strip() != "up":
        raise SystemExit(f"unshare ended with code {holder.wait()}")
    return int(Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0])


def _hierarchies() -> Iterator[Path]:
    """Each folder of cgroup v1, and the one of v2 where it is there."""
    with Path("/proc/self/mounts").open() as mounts:
        for line in mounts:
            _, folder, kind, *_ = line.split()
            if kind in ("cgroup", "cgroup2") and Path(folder).is_relative_to(_CGROUPS):
                yield Path(folder)


def _make_cgroups(name: str) -> None:
    for hierarchy in _hierarchies():
        folder = hierarchy / name
        folder.mkdir(exist_ok=True)
        for file in _COPIED:
            if (hierarchy / file).exists() and (folder / file).exists():
                (folder / file).write_text((hierarchy / file).read_text())


def _remove(record: Record) -> None:
    """Waits until the processes are gone: the kernel takes a moment after the kill."""
    end = time.monotonic() + _EMPTY_SECONDS
    for hierarchy in _hierarchies():
        while not _remove_cgroup(hierarchy / record.cgroup) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
    shutil.rmtree(record.folder, ignore_errors=True)


def _remove_cgroup(top: Path) -> bool:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):  # busy: something in it still runs
            Path(folder).rmdir()
    return not top.exists()


if __name__ == "__main__":
    sys.exit(main())
