"""What a cluster does to the machine it runs on: nothing while it runs, and nothing is left, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.keeper import clean_dead
from devcluster.binaries import Sources

_SETTINGS = (
    "vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max",
)  # fmt: skip
_START = """
import sys
from cluster import LocalCluster
cluster = LocalCluster.start()
print(cluster.kubeconfig, flush=True)
cluster.wait()
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What kubelet, containerd and kube-proxy would change."""

    settings: tuple[str, ...]
    hostname: str
    mounts: str
    rules: str
    interfaces: tuple[str, ...]
    cgroups: frozenset[Path]
    folders: frozenset[Path]

    @classmethod
    def now(cls) -> "Machine":
        files = [Path("/proc/sys", name) for name in _SETTINGS]
        return cls(
            tuple(file.read_text().strip() for file in files if file.exists()),
            socket.gethostname(),
            Path("/proc/self/mounts").read_text(),
            subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout.partition("*")[2],
            tuple(sorted(path.name for path in Path("/sys/class/net").iterdir())),
            frozenset(path for path in Path("/sys/fs/cgroup").glob("*/*") if path.is_dir()),
            frozenset(Path("/var/lib").glob("*")) | frozenset(Path("/run").glob("*")),
        )


@pytest.fixture
def running() -> Iterator["subprocess.Popen[str]"]:
    """Another cluster, of another process, with nothing but its own programs."""
    process = subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()
    clean_dead(Sources.of().cache / "clusters")


def started(process: "subprocess.Popen[str]") -> Path:
    """The kubeconfig's folder, once it is ready."""
    assert process.stdout is not None
    return Path(process.stdout.readline().strip()).parent


def keeper_of(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    [keeper] = [int(pid) for pid in children if b"cluster.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return keeper


def inhabitants(keeper: int) -> list[int]:
    """Each process of the PID namespace that the keeper made."""
    [unshare] = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    [first] = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    namespace = Path(f"/proc/{first}/ns/pid").readlink()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "ns/pid").readlink() == namespace:
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found


def await_end(pids: list[int], eventually: Any) -> None:
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 60, "the end of the cluster's processes")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_second_cluster_leaves_nothing(cluster: Any, running: Any, end: signal.Signals, awaiting: Any) -> None:
    """Beside the first one, which goes on. Ctrl-C and kill -9 of the process that started it."""
    before = Machine.now()
    folder = started(running)
    during = Machine.now()
    assert (during.settings, during.hostname, during.mounts) == (before.settings, before.hostname, before.mounts)
    assert (during.rules, during.interfaces, during.folders) == (before.rules, before.interfaces, before.folders)
    keeper = keeper_of(running)
    pids = [keeper, *inhabitants(keeper)]
    assert len(pids) > 10
    running.send_signal(end)
    running.wait()
    await_end(pids, awaiting)
    assert Machine.now() == before
    assert not folder.exists()


def test_after_the_keepers_own_death_the_next_start_cleans_up(cluster: Any, running: Any, awaiting: Any) -> None:
    before = Machine.now()
    folder = started(running)
    keeper = keeper_of(running)
    pids = inhabitants(keeper)
    os.kill(keeper, signal.SIGKILL)
    await_end(pids, awaiting)
    running.kill()
    running.wait()
    assert folder.exists()
    assert clean_dead(Sources.of().cache / "clusters") == 1
    assert Machine.now() == before
    assert not folder.exists()
    assert folder.parent == Path(tempfile.gettempdir())
