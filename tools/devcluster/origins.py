"""Which project each program comes from: its version, its Go module here, its official archive."""

from dataclasses import dataclass
from pathlib import Path

TOOLS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Archive:
    """An official release archive. The URL's fields: `helm` and `github` (hosts), `version` with its v, `number`
    without, `system` and `machine` (`linux`, `amd64`)."""

    url: str
    checksum: str
    """What the URL of the file with the archive's SHA-256 ends in."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A project, and those of its programs that are used here, each with its Go package."""

    name: str
    version: str
    packages: dict[str, str]
    stamps: tuple[str, ...] = ()
    """What the linker sets, as `package.variable=value`: programs tell their version by it."""
    archive: Archive | None = None

    @property
    def module(self) -> Path:
        """The Go module that pins it and all that it is made of; one each, for they disagree about versions."""
        return TOOLS / self.name

    @property
    def folder(self) -> str:
        """Its folder in the cache. That of Kubernetes is older than the others."""
        return self.version if self.name == "kubernetes" else f"{self.name}-{self.version}"


def _kubernetes(version: str) -> Origin:
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    names = ("apiserver", "controller-manager", "proxy", "scheduler")
    return Origin(
        "kubernetes",
        version,
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            **{f"kube-{name}": f"k8s.io/kubernetes/cmd/kube-{name}" for name in names},
            **{name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kubectl", "kubelet")},
        },
        # `kubectl version` and helm's kubeVersion check read these.
        tuple(f"k8s.io/component-base/version.{key}={value}" for key, value in values.items()),
    )


KUBERNETES = _kubernetes("v1.36.3")

_CONTAINERD = Origin(
    "containerd",
    "v2.3.7",
    {
        name: f"github.com/containerd/containerd/v2/cmd/{name}"
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    },
    ("github.com/containerd/containerd/v2/version.Version=v2.3.7",),
    Archive(
        "{github}/containerd/containerd/releases/download/{version}/containerd-{number}-{system}-{machine}.tar.gz",
        ".sha256sum",
    ),
)
_CNI = Origin(
    "cni",
    "v1.9.1",
    {
        name: f"github.com/containernetworking/plugins/plugins/{kind}/{name}"
        for kind, name in (("main", "bridge"), ("main", "loopback"), ("ipam", "host-local"), ("meta", "portmap"))
    },
    ("github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v1.9.1",),
    Archive(
        "{github}/containernetworking/plugins/releases/download/{version}/cni-plugins-{system}-{machine}-{version}.tgz",
        ".sha256",
    ),
)
_COREDNS = Origin(
    "coredns",
    "v1.15.0",
    {"coredns": "sagemaker-operator/tools/coredns"},
    archive=Archive(
        "{github}/coredns/coredns/releases/download/{version}/coredns_{number}_{system}_{machine}.tgz", ".sha256"
    ),
)
_PAUSE = Origin("pause", "v1", {"pause": "sagemaker-operator/tools/pause"})
_HELM = Origin(
    "helm",
    "v4.3.1",
    {"helm": "helm.sh/helm/v4/cmd/helm"},
    ("helm.sh/helm/v4/internal/version.version=v4.3.1",),
    Archive("{helm}/helm-{version}-{system}-{machine}.tar.gz", ".sha256sum"),
)
_HEY = Origin("hey", "v0.1.5", {"hey": "github.com/rakyll/hey"})

ORIGINS = (KUBERNETES, _CONTAINERD, _CNI, _COREDNS, _PAUSE, _HELM, _HEY)


def of(name: str) -> Origin:
    """The origin of the program. Raises KeyError for a program that is not used here."""
    for origin in ORIGINS:
        if name in origin.packages:
            return origin
    raise KeyError(name)
