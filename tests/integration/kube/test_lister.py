"""All objects in pages from a real API server, in one namespace or in all."""

from typing import Any

import yaml
from kubernetes import client, config

from sagemaker_operator.api.resource import ObjectKey
from sagemaker_operator.kube import lister as module
from sagemaker_operator.kube.lister import Lister

SPEC = {
    "variants": [{"name": "main", "containers": [{"image": "r/c:1"}], "instances": {"type": "ml.m5.large", "count": 1}}]
}


def test_pages_are_put_together(control_plane: Any, namespace: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_PAGE", 2)
    names = [f"e{number}" for number in range(5)]
    kind = {"apiVersion": "sagemaker-operator.io/v1alpha1", "kind": "SageMakerEndpoint", "spec": SPEC}
    documents = [{**kind, "metadata": {"name": name}} for name in names]
    control_plane.kubectl("-n", namespace, "apply", "-f", "-", input=yaml.safe_dump_all(documents))
    settings = client.Configuration()
    config.load_kube_config(str(control_plane.kubeconfig), client_configuration=settings)
    api = client.ApiClient(settings)
    wanted = {ObjectKey(namespace, name) for name in names}
    resources, version = Lister(api, (namespace,)).all()
    assert {resource.key for resource in resources} == wanted
    assert version >= max(int(resource.resource_version) for resource in resources)
    everywhere, _ = Lister(api, ()).all()
    assert wanted <= {resource.key for resource in everywhere}
