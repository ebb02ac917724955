"""The shipped RBAC says exactly what the operator needs; one verb more or less fails here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MANIFESTS = Path(__file__).parents[3] / "manifests"


def documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((MANIFESTS / file).read_text(encoding="utf-8")))


def one(file: str, kind: str, name: str = "sagemaker-operator") -> dict[str, Any]:
    [found] = [d for d in documents(file) if d["kind"] == kind and d["metadata"]["name"] == name]
    return found


def grants(role: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(verb, group, resource, name or *) of every rule."""
    for rule in role["rules"]:
        assert rule.keys() <= {"apiGroups", "resources", "resourceNames", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", ["*"]):
                    yield from ((verb, group, resource, name) for verb in rule["verbs"])


GROUP = "sagemaker-operator.io"


def test_the_operator_gets_exactly_this_in_the_cluster() -> None:
    assert sorted(grants(one("rbac.yaml", "ClusterRole"))) == sorted(
        [
            ("get", GROUP, "sagemakerendpoints", "*"),
            ("list", GROUP, "sagemakerendpoints", "*"),
            ("watch", GROUP, "sagemakerendpoints", "*"),
            ("patch", GROUP, "sagemakerendpoints", "*"),
            ("patch", GROUP, "sagemakerendpoints/status", "*"),
            ("create", "", "events", "*"),
            ("get", "", "namespaces", "kube-system"),
        ]
    )


def test_the_operator_gets_exactly_one_lease_in_its_namespace() -> None:
    role = one("rbac.yaml", "Role")
    assert role["metadata"]["namespace"] == "sagemaker-operator"
    assert sorted(grants(role)) == sorted(
        [
            ("create", "coordination.k8s.io", "leases", "*"),
            ("get", "coordination.k8s.io", "leases", "sagemaker-operator"),
            ("update", "coordination.k8s.io", "leases", "sagemaker-operator"),
        ]
    )


def test_only_the_operators_service_account_is_bound() -> None:
    bindings = [d for d in documents("rbac.yaml") if d["kind"].endswith("Binding")]
    subject = {"kind": "ServiceAccount", "name": "sagemaker-operator", "namespace": "sagemaker-operator"}
    assert sorted(b["roleRef"]["kind"] for b in bindings) == ["ClusterRole", "Role"]
    assert all(b["subjects"] == [subject] and b["roleRef"]["name"] == "sagemaker-operator" for b in bindings)
    assert {d["kind"] for d in documents("rbac.yaml")} == {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}


def test_people_view_and_edit_but_never_write_status() -> None:
    view = one("user-roles.yaml", "ClusterRole", "sagemaker-operator-view")
    edit = one("user-roles.yaml", "ClusterRole", "sagemaker-operator-edit")
    assert {verb for verb, *_ in grants(view)} == {"get", "list", "watch"}
    assert {(verb, resource) for verb, _, resource, _ in grants(edit)} == {
        (verb, "sagemakerendpoints") for verb in ("create", "update", "patch", "delete", "deletecollection")
    }
    assert aggregated(view) == {"view", "edit", "admin"}
    assert aggregated(edit) == {"edit", "admin"}


def aggregated(role: dict[str, Any]) -> set[str]:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    return {
        k.removeprefix(prefix) for k, v in role["metadata"]["labels"].items() if k.startswith(prefix) and v == "true"
    }


def test_the_pod_is_hardened() -> None:
    pod = one("deployment.yaml", "Deployment")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any(key.startswith("host") for key in pod)
    assert all("emptyDir" in volume for volume in pod["volumes"])
    assert container["resources"].keys() == {"requests", "limits"}


def test_the_pod_is_probed_and_runs_as_the_service_account() -> None:
    deployment = one("deployment.yaml", "Deployment")["spec"]
    pod = deployment["template"]["spec"]
    [container] = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = {
        p: (container[p]["httpGet"]["path"], ports[container[p]["httpGet"]["port"]])
        for p in ("livenessProbe", "readinessProbe")
    }
    assert probes == {"livenessProbe": ("/healthz", 8080), "readinessProbe": ("/readyz", 8080)}
    assert pod["serviceAccountName"] == one("namespace.yaml", "ServiceAccount")["metadata"]["name"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert deployment["selector"]["matchLabels"].items() <= deployment["template"]["metadata"]["labels"].items()
