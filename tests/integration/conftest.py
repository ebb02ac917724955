"""One real Kubernetes API for the whole run, with the CRD and manifests in it; a namespace of its own for each test."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster import ControlPlane

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd, kube-apiserver and kube-controller-manager; installed is all of the operator but its Deployment."""
    plane = ControlPlane.start(tmp_path_factory.mktemp("control-plane"), controller_manager=True, audit=True)
    try:
        install(plane)
        yield plane
    finally:
        plane.stop()


def install(plane: ControlPlane) -> None:
    """As a cluster's administrator would; the Deployment is left out, for the operator runs as a process here."""
    parts = [ROOT / "crds/sagemakerendpoints.yaml"]
    parts += [MANIFESTS / f"{part}.yaml" for part in ("namespace", "rbac", "user-roles", "deletion-protection")]
    plane.kubectl("apply", "--server-side", *(argument for part in parts for argument in ("-f", str(part))))
    plane.kubectl(
        "wait", "--for=condition=Established", "crd/sagemakerendpoints.sagemaker-operator.io", "--timeout=60s"
    )


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A fresh namespace. It goes away with the control plane; objects in it may keep finalizers."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    return name
