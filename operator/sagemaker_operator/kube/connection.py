"""The way to the Kubernetes API: in the cluster as the ServiceAccount, else as KUBECONFIG says."""

import os
from pathlib import Path

import urllib3
from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException

_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
TIMEOUT_SECONDS = (5, 20)


class ConnectionRefused(Exception):  # noqa: N818 - what happened, in the user's words
    """There is no usable configuration for the Kubernetes API; the message says what was looked for."""


def connect(connections: int = 32) -> client.ApiClient:
    """A thread-safe client. Raises ConnectionRefused."""
    settings = client.Configuration()
    try:
        if _TOKEN.exists() and not os.environ.get("KUBECONFIG"):
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except (ConfigException, OSError) as error:
        given = os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise ConnectionRefused(
            f"No way to a Kubernetes API: {given} is no usable kubeconfig ({str(error).rstrip('.')}). Set KUBECONFIG."
        ) from error
    settings.connection_pool_maxsize = connections
    settings.retries = 0
    return client.ApiClient(settings)


def own_namespace(default: str = "sagemaker-operator") -> str:
    """The pod's namespace, where the Lease lives."""
    return _NAMESPACE.read_text(encoding="utf-8").strip() if _NAMESPACE.exists() else default


def cluster_id(api: client.ApiClient) -> str:
    """The UID of namespace kube-system. Raises ConnectionRefused when it cannot be read."""
    try:
        found = client.CoreV1Api(api).read_namespace("kube-system", _request_timeout=TIMEOUT_SECONDS)
    except (client.ApiException, urllib3.exceptions.HTTPError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise ConnectionRefused(
            f"The UID of namespace kube-system, which identifies the cluster in tags on AWS, cannot be read: {reason}. "
            "Is the API server there, and may the operator get it (manifests/rbac.yaml)? Else: --cluster-id."
        ) from error
    return str(found.metadata.uid if found.metadata else "")
