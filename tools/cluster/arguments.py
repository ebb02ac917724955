"""What each program of a cluster is started with. Paths are relative to the cluster's folder, where all of them run."""

from pathlib import Path

from cluster.sandbox import ADDRESS, NODE

API_PORT = 6443
PODS, SERVICES, DNS = "10.244.0.0/16", "10.96.0.0/16", "10.96.0.10"

_ETCD, _PEER = "http://127.0.0.1:2379", "http://127.0.0.1:2380"


def etcd() -> list[str]:
    return [
        "--name=etcd",
        "--data-dir=etcd",
        "--unsafe-no-fsync",  # the data lives as long as the cluster
        "--log-level=warn",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_PEER}",
        f"--initial-advertise-peer-urls={_PEER}",
        f"--initial-cluster=etcd={_PEER}",
    ]


def apiserver() -> list[str]:
    return [
        f"--etcd-servers={_ETCD}",
        f"--secure-port={API_PORT}",
        "--bind-address=0.0.0.0",
        f"--advertise-address={ADDRESS}",
        f"--service-cluster-ip-range={SERVICES}",
        "--tls-cert-file=pki/apiserver.crt",
        "--tls-private-key-file=pki/apiserver.key",
        "--client-ca-file=pki/ca.crt",
        "--service-account-key-file=pki/sa.pub",
        "--service-account-signing-key-file=pki/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        # For logs, exec and port-forward.
        "--kubelet-client-certificate=pki/kubelet-client.crt",
        "--kubelet-client-key=pki/kubelet-client.key",
        "--kubelet-certificate-authority=pki/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        # For aggregated APIs.
        "--requestheader-client-ca-file=pki/ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        "--proxy-client-cert-file=pki/front-proxy-client.crt",
        "--proxy-client-key-file=pki/front-proxy-client.key",
        "--profiling=false",
    ]


def controller_manager() -> list[str]:
    return [
        *_kubeconfigs("controller-manager"),
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--service-account-private-key-file=pki/sa.key",
        "--root-ca-file=pki/ca.crt",
        "--cluster-signing-cert-file=pki/ca.crt",
        "--cluster-signing-key-file=pki/ca.key",
        "--flex-volume-plugin-dir=volume-plugins",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={PODS}",
        f"--service-cluster-ip-range={SERVICES}",
    ]


def scheduler() -> list[str]:
    return [*_kubeconfigs("scheduler"), "--bind-address=127.0.0.1", "--leader-elect=false"]


def kubelet(folder: Path) -> list[str]:
    return [
        "--config=kubelet.json",
        "--kubeconfig=node.kubeconfig",
        f"--hostname-override={NODE}",
        f"--node-ip={ADDRESS}",
        f"--root-dir={folder}/kubelet",
        f"--cert-dir={folder}/kubelet/pki",
    ]


def proxy() -> list[str]:
    return [
        "--kubeconfig=proxy.kubeconfig",
        f"--hostname-override={NODE}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={PODS}",
        f"--bind-address={ADDRESS}",
        # These are the machine's, and not to be changed from a namespace.
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ]


def containerd() -> list[str]:
    return ["--config=containerd.toml"]


def _kubeconfigs(name: str) -> list[str]:
    return [
        f"--{flag}={name}.kubeconfig"
        for flag in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    ]
