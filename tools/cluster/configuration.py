"""The configuration files of a node: kubelet, containerd, CNI."""

import json
from pathlib import Path

from cluster.arguments import DNS
from cluster.sandbox import ADDRESS

PAUSE = "localhost/pause:1"
COREDNS = "localhost/coredns:1"

_CONTAINERD = """\
version = 3
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
address = "{socket}"

[ttrpc]
address = "{socket}.ttrpc"

[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/containerd-opt"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause}"

[plugins."io.containerd.cri.v1.runtime"]
disable_apparmor = true
# A machine without CAP_SYS_RESOURCE lets nobody lower it, and each pod would fail.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
SystemdCgroup = false
BinaryName = "{runc}"

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["{plugins}"]
conf_dir = "{folder}/cni"
"""


def socket_of(folder: Path) -> Path:
    """Where containerd listens: in the namespaces' own /run, for a socket's path is short."""
    return Path("/run") / f"{folder.name}.sock"


def write(folder: Path, *, cgroup: str, runc: Path, plugins: Path) -> None:
    """Writes them into the cluster's folder."""
    (folder / "kubelet.json").write_text(json.dumps(_kubelet(folder, cgroup), indent=1))
    (folder / "containerd.toml").write_text(
        _CONTAINERD.format(folder=folder, socket=socket_of(folder), pause=PAUSE, runc=runc, plugins=plugins)
    )
    (folder / "cni").mkdir()
    (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_network(folder), indent=1))
    (folder / "resolv.conf").write_text("")  # no way out of the cluster, so nobody to ask
    for name in ("volume-plugins", "pods-logs"):
        (folder / name).mkdir()


def _kubelet(folder: Path, cgroup: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,  # since 1.35 it ends on such a machine otherwise
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failSwapOn": False,
        "address": ADDRESS,
        "clusterDNS": [DNS],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{socket_of(folder)}",
        "authentication": {
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(folder / "pki/ca.crt")},
            "anonymous": {"enabled": False},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(folder / "pki/node.crt"),
        "tlsPrivateKeyFile": str(folder / "pki/node.key"),
        "resolvConf": str(folder / "resolv.conf"),
        "podLogsDir": str(folder / "pods-logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "nodeStatusUpdateFrequency": "5s",
    }


def _network(folder: Path) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "ranges": [[{"subnet": "10.244.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(folder / "cni-addresses"),
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": addresses,
    }
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }
