"""Private network, mount, UTS and PID namespaces for a cluster: what runs in there ends with this process."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster import keeper
from devcluster.errors import StartError
from devcluster.lifeline import Lifeline

NODE = "node1"
ADDRESS = "10.250.0.1"

_STOP_SECONDS = 120
_KERNEL = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet wants of the kernel. These are the whole machine's: it is shown files that say so, and sets nothing."""
_VOLATILE = ("containerd", "etcd", "kubelet")
"""In memory: a hundred thousand files of images would take a minute to delete, a mount goes away with its namespace."""
_SET_UP = """
set -eu
mount --make-rshared /
hostname {node}
for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done
mkdir /run/lock /var/lib/kubelet
for folder in {volatile}; do mkdir $folder; mount -t tmpfs -o mode=0700 tmpfs $folder; done
ip link set lo up
ip link add node0 type veth peer name node0p
ip address add {address}/24 dev node0
ip link set node0 up
ip link set node0p up
ip route add default dev node0
echo 1 > /proc/sys/net/ipv4/ip_forward
[ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
for file in {kernel}; do
  [ ! -e /proc/sys/$file ] || mount --bind kernel/$file /proc/sys/$file
done
"""


class Sandbox:
    """Use `start`. Programs run as root, in the machine's own file tree but for /run, /var/lib and /var/log.

    `cgroup` is the name of its folder in each cgroup hierarchy.
    """

    def __init__(self, folder: Path, cgroup: str, keeping: subprocess.Popen[str], first_process: int) -> None:
        self.folder, self.cgroup = folder, cgroup
        self._keeping, self._first_process = keeping, first_process
        self._lifeline = Lifeline()
        self._names: list[str] = []
        self._forwarders: list[subprocess.Popen[bytes]] = []

    @classmethod
    def start(cls, folder: Path, records: Path) -> "Sandbox":
        """`folder` is removed at the end; `records` is where a killed cluster's remains are known from.

        Raises StartError.
        """
        records.mkdir(parents=True, exist_ok=True)
        name = f"sagemaker-operator-{uuid.uuid4().hex[:8]}"
        path = records / f"{name}.json"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        keeper.Record(name, folder).write(path)
        keeping = subprocess.Popen(
            [sys.executable, "-m", "cluster.keeper", str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            assert keeping.stdout is not None
            said = keeping.stdout.readline().strip()
            if not said:
                raise StartError(f"No namespaces for the cluster: {keeping.communicate()[1].strip()[-500:]}")
            sandbox = cls(folder, name, keeping, int(said))
            sandbox._set_up()
        except BaseException:
            _end(keeping)
            raise
        return sandbox

    def stop(self) -> None:
        """Kills all in there and removes what it left on the machine. May be called again."""
        _end(self._keeping)
        self._lifeline.end()
        for forwarder in self._forwarders:
            forwarder.wait()

    def run(self, *command: str, stdin: str | None = None) -> str:
        """What the command says, once it has ended. Raises StartError when it fails."""
        done = subprocess.run(self._inside(command), input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartError(f"{' '.join(command[:3])} … failed in the cluster's node: {done.stderr.strip()[-500:]}")
        return done.stdout

    def popen(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Starts a program whose output goes to `<name>.log`."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self._lifeline.popen(self._inside(command), cwd=self.folder, stdout=log, env=env)
        self._names.append(name)

    def ended(self) -> str:
        """The first program that ended by itself, with the end of its log; empty while all run."""
        for name, process in zip(self._names, self._lifeline.processes, strict=True):
            if process.poll() is not None:
                return f"{name} ended with code {process.returncode}. {self.log(name)}"
        return ""

    def log(self, name: str) -> str:
        """The end of a program's output."""
        path = self.folder / f"{name}.log"
        return f"The end of {path}:\n{path.read_text(errors='replace').strip()[-1500:]}"

    def forward(self, listening: socket.socket, address: str, port: int) -> None:
        """Connections to a listening socket of the machine end at `address` in there."""
        program = (sys.executable, str(Path(__file__).with_name("forward.py")))
        # Of the PID namespace too, so that it ends with it.
        target = ("-t", str(self._first_process), "--net", "--pid")
        with (self.folder / "forward.log").open("wb") as log:
            self._forwarders.append(
                subprocess.Popen(
                    ["nsenter", *target, "--", *program, str(listening.fileno()), address, str(port)],
                    pass_fds=[listening.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )
            )  # fmt: skip

    def _set_up(self) -> None:
        for file, value in _KERNEL.items():
            path = self.folder / "kernel" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        script = _SET_UP.format(node=NODE, address=ADDRESS, kernel=" ".join(_KERNEL), volatile=" ".join(_VOLATILE))
        self.run("bash", "-c", script)

    def _inside(self, command: Sequence[str]) -> list[str]:
        namespaces = ("-t", str(self._first_process), "--net", "--mount", "--uts", "--pid")
        # nsenter's own --wd is looked up among the machine's mounts.
        return ["nsenter", *namespaces, "--", "env", f"--chdir={self.folder}", *command]


def _end(keeping: subprocess.Popen[str]) -> None:
    if keeping.stdin and not keeping.stdin.closed:
        keeping.communicate()
    keeping.wait(_STOP_SECONDS)
