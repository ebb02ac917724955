"""A real Kubernetes cluster of one node: all of its programs, real pods, our own images; nothing left after stop()."""

import contextlib
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster import arguments, configuration, credentials, images, keeper, requirements
from cluster.errors import RequirementError
from cluster.images import Image
from cluster.sandbox import NODE, Sandbox
from devcluster import binaries
from devcluster.access import Cluster
from devcluster.binaries import Sources
from devcluster.errors import StartError
from devcluster.progress import Progress, Silent

PROGRAMS = (*binaries.API, binaries.CONTROLLER_MANAGER, *binaries.NODE)

_READY_SECONDS = 180
_POLL_SECONDS = 0.1


class LocalCluster(Cluster):
    """A running cluster, which ends with this process. Pods reach each other and nothing outside."""

    def __init__(self, sandbox: Sandbox, programs: dict[str, Path], progress: Progress) -> None:
        super().__init__(programs["kubectl"], sandbox.folder / "kubeconfig")
        self._sandbox, self.programs, self._progress = sandbox, programs, progress

    @classmethod
    def start(cls, project: Iterable[Image] = (), progress: Progress | None = None) -> "LocalCluster":
        """Programs are fetched or built first where they are missing; returns when the node and DNS are ready.

        `project` are images that pods can use at once. Raises RequirementError, BinaryError or StartError; nothing
        is left then.
        """
        progress, sources = progress or Silent(), Sources.of()
        if lacking := requirements.missing():
            raise RequirementError(f"No cluster with a node can run here: {lacking}.")
        programs = binaries.ensure(PROGRAMS, progress, sources)
        records = sources.cache / "clusters"
        if keeper.clean_dead(records):
            progress.note("Removed what was left of a cluster that had been killed.")
        progress.step("Starting the control plane")
        folder = Path(tempfile.mkdtemp(prefix="cluster-"))
        cluster = cls(Sandbox.start(folder, records), programs, progress)
        try:
            cluster._start(tuple(project))
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def stop(self) -> None:
        self._sandbox.stop()

    def wait(self) -> str:
        """Until one of the programs ends by itself; why, with the end of its log."""
        while not (ended := self._sandbox.ended()):
            time.sleep(0.5)
        return ended

    def import_image(self, image: Image) -> None:
        """Makes it known to the node, under its name."""
        self._sandbox.run(
            *(str(self.programs["ctr"]), "--address", str(configuration.socket_of(self._sandbox.folder))),
            *("--namespace", "k8s.io", "images", "import", "--local", "--discard-unpacked-layers"),
            str(image.archive),
        )

    def inside(self, *command: str) -> str:
        """Runs a command on the node. Raises StartError when it fails."""
        return self._sandbox.run(*command)

    def forward(self, address: str, port: int) -> int:
        """A free port of this machine's loopback that leads to the address of a pod or Service, until the end."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._sandbox.forward(listening, address, port)
            return int(listening.getsockname()[1])

    def _start(self, project: tuple[Image, ...]) -> None:
        folder = self._sandbox.folder
        url = f"https://127.0.0.1:{self.forward('127.0.0.1', arguments.API_PORT)}"
        credentials.write(folder, url)
        plugins = self._plugins()
        configuration.write(folder, cgroup=self._sandbox.cgroup, runc=requirements.runc(), plugins=plugins)
        self._run("etcd", arguments.etcd())
        self._run("containerd", arguments.containerd())
        self._run("kube-apiserver", arguments.apiserver())
        self._await("the Kubernetes API", self._answers)
        self._run("kube-controller-manager", arguments.controller_manager())
        self._run("kube-scheduler", arguments.scheduler())
        self._progress.finish("The Kubernetes API answers")
        self._import_small()
        self._run("kubelet", arguments.kubelet(folder))
        self._run("kube-proxy", arguments.proxy())
        for image in project:
            self._progress.step(f"Putting the image {image.name.rpartition('/')[2]} on the node")
            self.import_image(image)
        if project:
            self._progress.finish(f"{len(project)} images are on the node")
        self._progress.step("Waiting for the node and its DNS")
        self.kubectl("apply", "--server-side", "-f", str(Path(__file__).with_name("coredns.yaml")))
        self._await("the node", self._node_is_ready)
        self._await("DNS", self._dns_is_ready)
        self._progress.finish(f"{NODE} is ready, DNS answers")

    def _run(self, name: str, words: list[str]) -> None:
        shims = self.programs["containerd-shim-runc-v2"].parent
        environment = {"PATH": f"{shims}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        self._sandbox.popen(name, [str(self.programs[name]), *words], environment)

    def _plugins(self) -> Path:
        """The one folder with all network plugins, wherever each comes from."""
        folder = self._sandbox.folder / "plugins"
        folder.mkdir()
        for name in ("bridge", "loopback", "host-local", "portmap"):
            (folder / name).symlink_to(self.programs[name])
        return folder

    def _import_small(self) -> None:
        self._await("containerd", lambda: self._containerd_answers())
        for name, program in ((configuration.PAUSE, "pause"), (configuration.COREDNS, "coredns")):
            self._progress.step(f"Putting the image {name} on the node")
            archive = self._sandbox.folder / f"{program}.tar"
            images.write_single(self.programs[program], name, archive)
            self.import_image(Image(name, archive, 0))
            archive.unlink()

    def _await(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not holds():
            if ended := self._sandbox.ended():
                raise StartError(ended)
            if time.monotonic() > deadline:
                raise StartError(f"After {_READY_SECONDS} s {what} was not ready. {self._sandbox.log('kubelet')}")
            time.sleep(_POLL_SECONDS)

    def _answers(self) -> bool:
        trust = ssl.create_default_context(cafile=str(self._sandbox.folder / "pki/ca.crt"))
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", context=trust, timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def _containerd_answers(self) -> bool:
        with contextlib.suppress(StartError):
            address = str(configuration.socket_of(self._sandbox.folder))
            self._sandbox.run(str(self.programs["ctr"]), "--address", address, "version")
            return True
        return False

    def _node_is_ready(self) -> bool:
        path = '{.status.conditions[?(@.type=="Ready")].status}'
        return self.kubectl("get", "node", NODE, "-o", f"jsonpath={path}", check=False).stdout == "True"

    def _dns_is_ready(self) -> bool:
        words = ("-n", "kube-system", "get", "deployment", "coredns", "-o", "jsonpath={.status.availableReplicas}")
        return self.kubectl(*words, check=False).stdout == "1"
