"""One real Kubernetes API for the whole run, with the CRD and manifests in it; a namespace of its own for each test."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster import Cluster, ExistingCluster

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Installed is all of the operator but its Deployment. A control plane of its own has an audit log, an existing
    cluster has none."""
    folder = tmp_path_factory.mktemp("control-plane")
    with devcluster.cluster(folder, controller_manager=True, audit=True) as plane:
        install(plane)
        yield plane


def install(plane: Cluster) -> None:
    """As a cluster's administrator would; the Deployment is left out, for the operator runs as a process here."""
    parts = [ROOT / "crds/sagemakerendpoints.yaml"]
    parts += [MANIFESTS / f"{part}.yaml" for part in ("namespace", "rbac", "user-roles", "deletion-protection")]
    plane.kubectl("apply", "--server-side", *(argument for part in parts for argument in ("-f", str(part))))
    plane.kubectl(
        "wait", "--for=condition=Established", "crd/sagemakerendpoints.sagemaker-operator.io", "--timeout=60s"
    )


@pytest.fixture
def namespace(control_plane: Cluster) -> Iterator[str]:
    """A fresh namespace. Objects in it may keep finalizers."""
    name = f"test-{os.getpid()}-{next(_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    if isinstance(control_plane, ExistingCluster):  # one of its own goes away with all that is in it
        control_plane.kubectl("delete", "namespace", name, "--wait=false")
