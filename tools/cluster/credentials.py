"""Keys and kubeconfigs of a cluster's programs."""

import base64
import json
from pathlib import Path

from cluster.sandbox import ADDRESS, NODE
from devcluster.access import write_private
from devcluster.keys import Authority, write_token_keys

API_IN_NODE = f"https://{ADDRESS}:6443"

_SERVICE = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
_API_NAMES = (*_SERVICE, "localhost", "127.0.0.1", ADDRESS, "10.96.0.1")
_MASTERS = "system:masters"
_CLIENTS = {
    "admin": ("admin", _MASTERS),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "kubelet-client": ("kubelet-client", _MASTERS),
    "front-proxy-client": ("front-proxy-client", ""),
}


def write(folder: Path, url: str) -> None:
    """Writes `pki/` and a kubeconfig for each client of the API; `url` is where the machine reaches it."""
    pki = folder / "pki"
    pki.mkdir(mode=0o700)
    authority = Authority()
    (pki / "ca.crt").write_text(authority.certificate)
    authority.write_key(pki / "ca.key")
    write_token_keys(pki)
    authority.issue(pki, "apiserver", "kube-apiserver", names=_API_NAMES)
    authority.issue(pki, "node", f"system:node:{NODE}", organization="system:nodes", names=(NODE, ADDRESS))
    for file, (name, organization) in _CLIENTS.items():
        authority.issue(pki, file, name, organization=organization)
    for file in ("controller-manager", "scheduler", "proxy", "node"):
        write_private(folder / f"{file}.kubeconfig", _kubeconfig(pki, file, API_IN_NODE))
    write_private(folder / "kubeconfig", _kubeconfig(pki, "admin", url))


def _kubeconfig(pki: Path, client: str, url: str) -> str:
    """Complete in itself."""
    cluster = {"server": url, "certificate-authority-data": _data(pki / "ca.crt")}
    user = {"client-certificate-data": _data(pki / f"{client}.crt"), "client-key-data": _data(pki / f"{client}.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": client}}],
        "current-context": "local",
    }
    return json.dumps(config, indent=1)


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
