"""A real Kubernetes API on demand: etcd, kube-apiserver and, where asked for, kube-controller-manager on loopback."""

import os
from pathlib import Path

from devcluster.access import Cluster
from devcluster.control_plane import ControlPlane
from devcluster.errors import BinaryError, ClusterRefusedError, StartError
from devcluster.existing import USE, ExistingCluster
from devcluster.progress import Progress, Silent, Terminal

__all__ = [
    "BinaryError",
    "Cluster",
    "ClusterRefusedError",
    "ControlPlane",
    "ExistingCluster",
    "Progress",
    "Silent",
    "StartError",
    "Terminal",
    "cluster",
]


def cluster(
    folder: Path, *, controller_manager: bool = False, audit: bool = False, progress: Progress | None = None
) -> Cluster:
    """The cluster of KUBECONFIG if SAGEMAKER_OPERATOR_USE_EXISTING_CLUSTER is 1, else a control plane of its own.

    Raises ClusterRefusedError, BinaryError or StartError.
    """
    if os.environ.get(USE) == "1":
        return ExistingCluster.connect(folder, progress or Silent())
    return ControlPlane.start(folder, controller_manager=controller_manager, audit=audit, progress=progress)
