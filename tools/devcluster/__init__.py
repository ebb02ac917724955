"""A real Kubernetes API on demand: etcd, kube-apiserver and, where asked for, kube-controller-manager on loopback."""

from devcluster.control_plane import ControlPlane

__all__ = ["ControlPlane"]
