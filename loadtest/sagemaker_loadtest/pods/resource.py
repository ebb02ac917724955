"""`endpoint.resource`: name and region of the endpoint behind a SageMakerEndpoint, once that is ready."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Endpoint, LoadTest
from sagemaker_loadtest.api.units import format_duration
from sagemaker_loadtest.pods.kube import KubernetesAPI, KubernetesError

_PATH = "/apis/sagemaker-operator.io/v1alpha1/namespaces/{namespace}/sagemakerendpoints/{name}"
_POLL_SECONDS = 2.0
_PATIENT = (0, 429, 500, 502, 503, 504)
"""Answers of the Kubernetes API that may be others in a moment."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What one look at the object says. `endpoint`: it can be tested. `hopeless`: waiting does not help."""

    endpoint: Endpoint | None
    reason: str
    hopeless: bool = False


def resolve(
    test: LoadTest,
    api: KubernetesAPI | None,
    max_wait_seconds: float,
    tell: Callable[[str], None],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> LoadTest:
    """The test with its endpoint's name and region. Waits until the SageMakerEndpoint is Ready and Synced.

    Raises ConfigurationError with the condition's own message when it is not by then, or never will be.
    """
    name = test.endpoint.resource
    if name is None:
        return test
    if api is None:
        raise ConfigurationError(
            f"endpoint.resource: “{name}” can only be looked up from inside the cluster, by a pod with a service "
            "account's token. Set endpoint.name and endpoint.region, or --endpoint-name and --region"
        )
    told = ""
    seen = Readiness(None, "nothing was seen of it yet")
    for _ in _until(max_wait_seconds, sleep):
        seen = _look(api, name)
        if seen.endpoint:
            tell(f"SageMakerEndpoint {name} is ready: {seen.endpoint.name} in {seen.endpoint.region}")
            return replace(test, endpoint=replace(seen.endpoint, resource=name))
        if seen.hopeless:
            break
        if seen.reason != told:
            told = seen.reason
            tell(f"waiting for SageMakerEndpoint {name}: {told}")
    waited = "" if seen.hopeless else f" after {format_duration(max_wait_seconds)}"
    raise ConfigurationError(f"endpoint.resource: SageMakerEndpoint {name} is not ready{waited}: {seen.reason}")


def _until(seconds: float, sleep: Callable[[float], None]) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while True:
        yield
        left = deadline - time.monotonic()
        if left <= 0:
            return
        sleep(min(_POLL_SECONDS, left))


def _look(api: KubernetesAPI, name: str) -> Readiness:
    try:
        return readiness(api.get(_PATH.format(namespace=api.namespace, name=name)))
    except KubernetesError as error:
        if error.status == 404:
            reason = (
                f"there is none of that name in namespace {api.namespace} ({error}). Check endpoint.resource and the "
                "release's namespace"
            )
            return Readiness(None, reason, hopeless=True)
        if error.status in (401, 403):
            return Readiness(None, f"{error}. The chart's Role allows it (rbac.create)", hopeless=True)
        return Readiness(None, str(error), hopeless=error.status not in _PATIENT)


def readiness(document: dict[str, Any]) -> Readiness:
    """What the object's status says. Ready alone is not enough: during an update it is the old model that answers."""
    status = document.get("status") or {}
    generation = (document.get("metadata") or {}).get("generation", 0)
    if status.get("observedGeneration", 0) < generation:
        return Readiness(None, "the operator has not looked at its newest spec yet. Is the operator running?")
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    stalled = conditions.get("Stalled", {})
    if stalled.get("status") == "True":
        return Readiness(None, _told(stalled), hopeless=True)
    for kind in ("Ready", "Synced"):
        condition = conditions.get(kind, {})
        if condition.get("status") != "True":
            return Readiness(None, _told(condition) if condition else f"it has no condition {kind} yet")
    name, region = status.get("endpointName"), status.get("region")
    if not name or not region:
        return Readiness(None, "its status names no endpointName and region yet")
    return Readiness(Endpoint(str(name), str(region)), "")


def _told(condition: dict[str, Any]) -> str:
    return ", ".join(filter(None, (f"{condition.get('type')}={condition.get('status')}", condition.get("reason")))) + (
        f": {condition['message']}" if condition.get("message") else ""
    )
