"""The Kubernetes API as a pod reaches it: its service account's token and CA. Two calls are all that is needed, so no
client library is loaded.
"""

import contextlib
import http.client
import json
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_loadtest.api.errors import ConfigurationError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_SECONDS = 10.0
_MERGE_PATCH = "application/merge-patch+json"


class KubernetesError(Exception):
    """The API refused or could not be reached. `status` is HTTP's, 0 when there was no answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class KubernetesAPI:
    """`account` is the folder with token, ca.crt and namespace, which Kubernetes mounts into a pod."""

    host: str
    port: int
    account: Path
    namespace: str

    @classmethod
    def of(cls, account: Path = ACCOUNT, environment: Mapping[str, str] = os.environ) -> "KubernetesAPI | None":
        """The API of the cluster that this process runs in; None outside of one, or without a token."""
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (account / "token").is_file():
            return None
        try:
            namespace = (account / "namespace").read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigurationError(f"{account / 'namespace'} cannot be read: {error.strerror}") from error
        return cls(host, int(port), account, namespace)

    def get(self, path: str) -> dict[str, Any]:
        """The object at `path`. Raises KubernetesError."""
        return self._call("GET", path, None)

    def merge(self, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Merges `patch` into the object (RFC 7396). Raises KubernetesError."""
        return self._call("PATCH", path, json.dumps(patch).encode())

    def _call(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        try:
            # Read each time, because Kubernetes renews it.
            token = (self.account / "token").read_text(encoding="utf-8").strip()
            context = ssl.create_default_context(cafile=str(self.account / "ca.crt"))
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=_SECONDS, context=context)
            with contextlib.closing(connection):
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                connection.request(method, path, body, headers | ({"Content-Type": _MERGE_PATCH} if body else {}))
                response = connection.getresponse()
                status, text = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise KubernetesError(0, f"the Kubernetes API does not answer ({error})") from error
        answer: dict[str, Any] = _parsed(text)
        if status >= 300:
            raise KubernetesError(status, str(answer.get("message") or f"HTTP {status}"))
        return answer


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
