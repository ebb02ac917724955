"""An existing cluster is used only when its context is named; kubectl is a script that remembers what it was asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import devcluster
from devcluster.errors import ClusterRefusedError
from devcluster.existing import ExistingCluster

CONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1:6443", "certificate-authority-data": "Q0E="}}],
    "users": [{"name": "me", "user": {"client-key-data": "secret"}}],
    "contexts": [{"name": "kind-test", "context": {"cluster": "c", "user": "me", "namespace": "ml"}}],
    "current-context": "kind-test",
}


@pytest.fixture
def environ(script: Callable[[str, str], Path], tmp_path: Path) -> dict[str, str]:
    """With a kubectl that knows the context kind-test and makes tokens."""
    asked = tmp_path / "asked"
    kubectl = script(
        "kubectl",
        f"""
echo "$*" >> {asked}
case "$*" in
  *current-context*) echo kind-test ;;
  *"config view"*) echo '{json.dumps(CONFIG)}' ;;
  *"create token"*) echo a-token ;;
esac""",
    )
    return {"KUBEBUILDER_ASSETS": str(kubectl.parent), "KUBECONFIG": "/some/config", "PATH": "/usr/bin:/bin"}


def asked(tmp_path: Path) -> list[str]:
    return (tmp_path / "asked").read_text().splitlines()


def connect(environ: dict[str, str], allowed: str | None, folder: Path, recorder: Any) -> ExistingCluster:
    named = {} if allowed is None else {"SAGEMAKER_OPERATOR_ALLOWED_CONTEXTS": allowed}
    return ExistingCluster.connect(folder, recorder, {**environ, **named})


@pytest.mark.parametrize("allowed", [None, "", "kind", "kind-test2,kind-*", "KIND-TEST", "kind test"])
def test_a_context_that_is_not_named_is_refused_before_the_cluster_is_asked(
    allowed: str | None, environ: dict[str, str], tmp_path: Path, recorder: Any
) -> None:
    with pytest.raises(ClusterRefusedError) as refused:
        connect(environ, allowed, tmp_path / "folder", recorder)
    assert str(refused.value) == (
        'KUBECONFIG\'s current context is "kind-test", which SAGEMAKER_OPERATOR_ALLOWED_CONTEXTS does not name; '
        "nothing was asked of that cluster. If it is for tests: "
        "export SAGEMAKER_OPERATOR_ALLOWED_CONTEXTS=kind-test. "
        "Else unset SAGEMAKER_OPERATOR_USE_EXISTING_CLUSTER to get a cluster of its own."
    )
    assert asked(tmp_path) == ["config current-context"]


@pytest.mark.parametrize("allowed", ["kind-test", "other, kind-test ,third"])
def test_a_named_context_is_used_and_pinned(
    allowed: str, environ: dict[str, str], tmp_path: Path, recorder: Any
) -> None:
    cluster = connect(environ, allowed, tmp_path / "folder", recorder)
    assert json.loads(cluster.kubeconfig.read_text()) == CONFIG
    assert cluster.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert asked(tmp_path)[-1] == "config view --raw --minify --flatten --context=kind-test -o json"
    cluster.kubectl("get", "nodes")
    assert asked(tmp_path)[-1] == f"--kubeconfig={cluster.kubeconfig} get nodes"
    assert (cluster.url, cluster.audit_log, cluster.pids) == ("https://192.0.2.1:6443", None, ())


def test_a_service_accounts_kubeconfig_has_none_of_the_administrators_rights(
    environ: dict[str, str], tmp_path: Path, recorder: Any
) -> None:
    cluster = connect(environ, "kind-test", tmp_path / "folder", recorder)
    path = cluster.service_account_kubeconfig("ml", "operator", tmp_path / "sa", duration="1h")
    config = json.loads(path.read_text())
    assert config["users"] == [{"name": "operator", "user": {"token": "a-token"}}]
    assert config["contexts"][0]["context"]["user"] == "operator"
    assert config["clusters"] == CONFIG["clusters"]
    assert "secret" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert asked(tmp_path)[-1].endswith("create token operator -n ml --duration=1h")


def test_without_kubeconfig_it_is_refused(environ: dict[str, str], tmp_path: Path, recorder: Any) -> None:
    """kubectl would fall back to ~/.kube/config, which nobody has named."""
    del environ["KUBECONFIG"]
    with pytest.raises(
        ClusterRefusedError, match=r"KUBECONFIG is not\. Set KUBECONFIG, or unset SAGEMAKER_OPERATOR_USE_"
    ):
        connect(environ, "kind-test", tmp_path, recorder)
    assert not (tmp_path / "asked").exists()


def test_a_kubeconfig_without_a_context_is_refused_with_kubectls_reason(
    environ: dict[str, str], script: Callable[[str, str], Path], tmp_path: Path, recorder: Any
) -> None:
    script("kubectl", "echo 'error: current-context is not set' >&2; exit 1")
    with pytest.raises(
        ClusterRefusedError, match=r"KUBECONFIG=/some/config is of no use: error: current-context is not"
    ):
        connect(environ, "kind-test", tmp_path, recorder)


@pytest.mark.parametrize(("value", "existing"), [("1", True), ("0", False), ("", False), (None, False)])
def test_one_variable_chooses(
    value: str | None, existing: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SAGEMAKER_OPERATOR_USE_EXISTING_CLUSTER", raising=False)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "nowhere"))
    if value is not None:
        monkeypatch.setenv("SAGEMAKER_OPERATOR_USE_EXISTING_CLUSTER", value)
    with pytest.raises(devcluster.ClusterRefusedError if existing else devcluster.BinaryError):
        devcluster.cluster(tmp_path)
