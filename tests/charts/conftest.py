"""Helm, and a real Kubernetes API to ask what it thinks of what Helm renders."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster import Cluster, Silent, binaries

POD_MONITOR = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podmonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  names: {kind: PodMonitor, plural: podmonitors, singular: podmonitor, listKind: PodMonitorList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


@pytest.fixture(scope="session")
def helm() -> Path:
    return binaries.ensure((binaries.HELM,), Silent())[binaries.HELM]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """With the kinds that a chart may use beside Kubernetes' own."""
    with devcluster.cluster(tmp_path_factory.mktemp("control-plane")) as plane:
        plane.kubectl("apply", "-f", "-", input=POD_MONITOR)
        plane.kubectl("wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com", "--timeout=60s")
        yield plane
