"""SageMakerEndpoint objects in a namespace of a real Kubernetes API."""

from __future__ import annotations

import functools
import json
from typing import Any

import yaml
from kubernetes import client, config

from devcluster import Cluster
from testkit.account import Account
from testkit.waiting import until

GROUP = "sagemaker-operator.io"


@functools.cache
def client_of(cluster: Cluster) -> client.ApiClient:
    """Of the cluster's administrator, kept."""
    settings = client.Configuration()
    config.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)  # type: ignore[no-untyped-call]
    return client.ApiClient(settings)


class Namespace:
    """The objects of a test: applied by kubectl as an administrator, looked at by a client, which costs less."""

    def __init__(self, cluster: Cluster, name: str, account: Account) -> None:
        self.cluster, self.name, self._account = cluster, name, account
        self.api = client_of(cluster)

    def kubectl(self, *arguments: str, **more: Any) -> str:
        """What it printed. Raises AssertionError when it failed."""
        done = self.cluster.kubectl("-n", self.name, *arguments, check=False, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, spec: dict[str, Any], name: str = "fraud") -> None:
        """A SageMakerEndpoint with the account's role."""
        body = {
            "apiVersion": f"{GROUP}/v1alpha1",
            "kind": "SageMakerEndpoint",
            "metadata": {"name": name},
            "spec": {"executionRoleARN": f"arn:aws:iam::{self._account.id}:role/serving", **spec},
        }
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump(body))

    def get(self, name: str = "fraud") -> dict[str, Any] | None:
        """The object; None when there is none."""
        objects: Any = client.CustomObjectsApi(self.api)
        try:
            found = objects.get_namespaced_custom_object(GROUP, "v1alpha1", self.name, "sagemakerendpoints", name)
        except client.ApiException as error:
            if error.status == 404:
                return None
            raise
        return dict(found)

    def status(self, name: str = "fraud") -> dict[str, Any]:
        """Of an object."""
        found: dict[str, Any] = (self.get(name) or {}).get("status", {})
        return found

    def condition(self, type_: str, name: str = "fraud") -> dict[str, Any]:
        """Of the newest generation; empty when there is none."""
        body = self.get(name) or {"metadata": {"generation": -1}}
        found = {c["type"]: c for c in body.get("status", {}).get("conditions", ())}.get(type_, {})
        return found if found.get("observedGeneration") == body["metadata"]["generation"] else {}

    def wait(self, type_: str, status: str = "True", reason: str | None = None, name: str = "fraud") -> dict[str, Any]:
        """The condition of the newest generation, once it is so."""
        seen: list[Any] = []

        def look() -> dict[str, Any] | None:
            found = self.condition(type_, name)
            seen[:] = [self.status(name)] if not found else [found]
            good = found.get("status") == status and (reason is None or found.get("reason") == reason)
            return found if good else None

        try:
            return dict(until(look, f"{name} {type_}={status} {reason or ''}"))
        except AssertionError as error:
            raise AssertionError(f"{error} {json.dumps(seen, indent=1)}") from None

    def delete(self, name: str = "fraud", wait: bool = True) -> None:
        """An object, and wait until it is gone."""
        self.kubectl("delete", "sme", name, "--wait=false")
        if wait:
            until(lambda: self.get(name) is None, f"the end of {name}, now {self.status(name)},")

    def events(self, name: str = "fraud") -> list[str]:
        """The reasons of an object's events, oldest first."""
        listed: Any = client.CoreV1Api(self.api).list_namespaced_event(self.name).items
        mine = [event for event in listed if event.involved_object.name == name]
        return [str(event.reason) for event in sorted(mine, key=lambda event: event.event_time)]

    def told(self, *reasons: str, name: str = "fraud") -> list[str]:
        """The reasons of an object's events once they end with these: an event is written after what it tells of."""
        seen: list[str] = []

        def look() -> bool:
            seen[:] = self.events(name)
            return tuple(seen[-len(reasons) :]) == reasons

        try:
            until(look, f"events that end with {', '.join(reasons)}")
        except AssertionError as error:
            raise AssertionError(f"{error}, of {seen}") from None
        return seen


class Scale:
    """Many objects at once, made without kubectl."""

    def __init__(self, ns: Namespace) -> None:
        self._api: Any = client.CustomObjectsApi(ns.api)
        self._ns = ns.name

    def create(self, names: list[str], spec: dict[str, Any]) -> None:
        """One object for each name."""
        kind = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "SageMakerEndpoint", "spec": spec}
        for name in names:
            body = {**kind, "metadata": {"name": name}}
            self._api.create_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints", body)

    def delete(self) -> None:
        """All of them; returns at once."""
        self._api.delete_collection_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints")

    def objects(self) -> list[dict[str, Any]]:
        """As they are now."""
        found = self._api.list_namespaced_custom_object(GROUP, "v1alpha1", self._ns, "sagemakerendpoints")
        return list(found["items"])

    def synced(self) -> int:
        """How many are Synced."""
        conditions = [body.get("status", {}).get("conditions", ()) for body in self.objects()]
        return sum(any(c["type"] == "Synced" and c["status"] == "True" for c in each) for each in conditions)
