"""What the shipped roles allow and forbid, asked of the API server's own authorizer."""

import time

import pytest

from devcluster import ControlPlane

OPERATOR = "system:serviceaccount:sagemaker-operator:sagemaker-operator"
SME = "sagemakerendpoints.sagemaker-operator.io"


def may(plane: ControlPlane, who: str, verb: str, what: str, *options: str) -> bool:
    return str(plane.kubectl("auth", "can-i", verb, what, "--as", who, *options, check=False).stdout).strip() == "yes"


@pytest.mark.parametrize(
    ("verb", "what", "options"),
    [
        *((verb, SME, ("-A",)) for verb in ("get", "list", "watch", "patch")),
        ("patch", SME, ("-A", "--subresource=status")),
        ("create", "events", ("-A",)),
        ("get", "namespaces/kube-system", ()),
        ("create", "leases.coordination.k8s.io", ("-n", "sagemaker-operator")),
        ("get", "leases.coordination.k8s.io/sagemaker-operator", ("-n", "sagemaker-operator")),
        ("update", "leases.coordination.k8s.io/sagemaker-operator", ("-n", "sagemaker-operator")),
    ],
)
def test_the_operator_may(verb: str, what: str, options: tuple[str, ...], control_plane: ControlPlane) -> None:
    assert may(control_plane, OPERATOR, verb, what, *options)


@pytest.mark.parametrize(
    ("verb", "what", "options"),
    [
        *((verb, SME, ("-A",)) for verb in ("create", "update", "delete", "deletecollection")),
        ("update", SME, ("-A", "--subresource=status")),
        ("list", "namespaces", ()),
        ("get", "namespaces/default", ()),
        ("get", "secrets", ("-n", "sagemaker-operator")),
        ("list", "customresourcedefinitions.apiextensions.k8s.io", ()),
        ("patch", "events", ("-A",)),
        ("update", "leases.coordination.k8s.io/other", ("-n", "sagemaker-operator")),
        ("create", "leases.coordination.k8s.io", ("-n", "default")),
        ("list", "leases.coordination.k8s.io", ("-n", "sagemaker-operator")),
    ],
)
def test_the_operator_may_not(verb: str, what: str, options: tuple[str, ...], control_plane: ControlPlane) -> None:
    assert not may(control_plane, OPERATOR, verb, what, *options)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("view", {"get", "list", "watch"}),
        ("edit", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}),
        ("admin", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}),
    ],
)
def test_the_clusters_own_roles_reach_our_kind(
    role: str, allowed: set[str], control_plane: ControlPlane, namespace: str
) -> None:
    who = f"person-{role}"
    control_plane.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={who}", "-n", namespace)
    deadline = time.monotonic() + 60
    while not all(may(control_plane, who, verb, SME, "-n", namespace) for verb in allowed):
        assert time.monotonic() < deadline, "the roles were not aggregated"
        time.sleep(0.5)
    others = {"create", "update", "patch", "delete", "deletecollection"} - allowed
    assert [verb for verb in others if may(control_plane, who, verb, SME, "-n", namespace)] == []
    for verb in ("patch", "update"):
        assert not may(control_plane, who, verb, SME, "-n", namespace, "--subresource=status")
