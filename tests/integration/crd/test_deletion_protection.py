"""deletionProtection, kept by the ValidatingAdmissionPolicy that comes with the manifests."""

import time
from pathlib import Path

import pytest
import yaml

from devcluster import ControlPlane

EXAMPLES = Path(__file__).parents[3] / "manifests/examples"


@pytest.fixture
def protected(control_plane: ControlPlane, namespace: str) -> str:
    """A protected object named fraud-production, once the API server enforces the policy; the namespace."""
    body = yaml.safe_load((EXAMPLES / "production.yaml").read_text(encoding="utf-8"))
    body["metadata"]["namespace"] = namespace
    control_plane.kubectl("create", "-f", "-", input=yaml.safe_dump(body))
    deadline = time.monotonic() + 60
    while not delete(control_plane, namespace, "--dry-run=server"):
        assert time.monotonic() < deadline, "the policy is not enforced"
        time.sleep(0.2)
    return namespace


def delete(plane: ControlPlane, namespace: str, *options: str) -> str:
    """Empty when it is deleted, else what kubectl says."""
    command = ("delete", "sme", "fraud-production", "-n", namespace, "--wait=false", *options)
    result = plane.kubectl(*command, check=False)
    return "" if result.returncode == 0 else str(result.stderr).strip()


def names(plane: ControlPlane, namespace: str) -> str:
    return str(plane.kubectl("get", "sme", "-n", namespace, "-o", "name").stdout).strip()


def protect(plane: ControlPlane, namespace: str, value: str) -> None:
    change = f'{{"spec":{{"deletionProtection":{value}}}}}'
    plane.kubectl("patch", "sme", "fraud-production", "-n", namespace, "--type=merge", "-p", change)


def test_a_protected_object_is_not_deleted_and_the_message_says_how(
    control_plane: ControlPlane, protected: str
) -> None:
    message = delete(control_plane, protected)
    assert message.endswith(
        f"denied request: spec.deletionProtection of {protected}/fraud-production is Enabled. "
        f"To delete it all the same, first: kubectl -n {protected} patch sme fraud-production "
        """--type merge -p '{"spec":{"deletionProtection":"Disabled"}}'"""
    )
    assert names(control_plane, protected) == "sagemakerendpoint.sagemaker-operator.io/fraud-production"


def test_deleting_all_at_once_does_not_get_around_it(control_plane: ControlPlane, protected: str) -> None:
    path = f"/apis/sagemaker-operator.io/v1alpha1/namespaces/{protected}/sagemakerendpoints"
    result = control_plane.kubectl("delete", "--raw", path, check=False)
    assert result.returncode != 0
    assert "is Enabled" in result.stderr
    assert names(control_plane, protected)


@pytest.mark.parametrize("value", ['"Disabled"', "null"], ids=["disabled", "absent"])
def test_without_protection_it_is_deleted(value: str, control_plane: ControlPlane, protected: str) -> None:
    protect(control_plane, protected, value)
    assert delete(control_plane, protected) == ""
    assert names(control_plane, protected) == ""


def test_a_protected_object_can_be_changed(control_plane: ControlPlane, protected: str) -> None:
    change = '{"spec":{"traffic":{"champion":50,"challenger":50}}}'
    control_plane.kubectl("patch", "sme", "fraud-production", "-n", protected, "--type=merge", "-p", change)
