"""A control plane of one's own: what it offers, and that it leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from devcluster import ControlPlane, StartError, binaries
from devcluster.progress import Silent


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane.start(tmp_path_factory.mktemp("plane"), audit=True) as started:
        yield started


def refused(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as caller:
        return caller.connect_ex((address.hostname, address.port)) != 0


def namespaces(plane: ControlPlane) -> set[str]:
    listed = json.loads(plane.kubectl("get", "namespaces", "-o", "json").stdout)
    return {item["metadata"]["name"] for item in listed["items"]}


def test_after_stop_nothing_runs_and_nothing_listens(marked: Any, tmp_path: Path) -> None:
    plane = ControlPlane.start(tmp_path, controller_manager=True)
    running = marked.commands()
    assert [sum(f"/{name} " in command for command in running) for name in ("etcd", "kube-apiserver")] == [1, 1]
    assert len(plane.pids) == 3
    plane.stop()
    assert marked.commands() == []
    assert plane.pids == ()
    assert refused(plane.url)
    plane.stop()


def test_when_its_starter_is_killed_nothing_stays(
    marked: Any, tmp_path: Path, await_line: Callable[[Path, str], str]
) -> None:
    said = tmp_path / "said"
    with said.open("w") as stdout:
        command = [sys.executable, "-m", "devcluster", "up", "--controller-manager", "--folder", str(tmp_path / "data")]
        starter = subprocess.Popen(command, stdout=stdout, env={**os.environ, "TMPDIR": str(tmp_path)})
    await_line(said, "export KUBECONFIG=")
    assert len(marked.commands()) >= 4
    starter.kill()
    starter.wait()
    marked.await_none()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_gives_a_kubeconfig_until_it_is_interrupted(
    number: signal.Signals, marked: Any, tmp_path: Path, await_line: Callable[[Path, str], str]
) -> None:
    said, told = tmp_path / "said", tmp_path / "told"
    with said.open("w") as stdout, told.open("w") as stderr:
        command = [sys.executable, "-m", "devcluster", "up", "--folder", str(tmp_path / "data")]
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
    kubeconfig = await_line(said, "export KUBECONFIG=").partition("=")[2]
    assert kubeconfig == str(tmp_path / "data" / "kubeconfig")
    await_line(told, "Ctrl-C stops it.")
    process.send_signal(number)
    assert process.wait(60) == 0
    assert told.read_text().splitlines()[-1] == "Stopped; nothing is left running."
    exports = said.read_text()
    assert [line.partition("=")[0] for line in exports.splitlines()] == ["export KUBECONFIG", "export PATH"]
    found = subprocess.run(["sh", "-c", f"{exports}command -v kubectl"], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(binaries.ensure(("kubectl",), Silent())["kubectl"])
    assert marked.commands() == []


def test_a_program_that_ends_is_named(tmp_path: Path) -> None:
    with ControlPlane.start(tmp_path) as plane:
        os.kill(plane.pids[0], signal.SIGKILL)
        assert plane.wait().startswith(f"etcd ended with code -9. The end of {tmp_path / 'etcd.log'}:\n")


def test_two_at_once_do_not_mix(plane: ControlPlane, tmp_path: Path) -> None:
    with ControlPlane.start(tmp_path) as other:
        plane.kubectl("create", "namespace", "only-here")
        other.kubectl("create", "namespace", "only-there")
        assert {"only-here", "only-there"} & namespaces(plane) == {"only-here"}
        assert {"only-here", "only-there"} & namespaces(other) == {"only-there"}
        stranger = other.kubectl("--kubeconfig", str(plane.kubeconfig), "--server", other.url, "get", "ns", check=False)
        assert "certificate signed by unknown authority" in stranger.stderr
        unknown = other.kubectl(f"--token={'0' * 32}", "auth", "whoami", check=False)
        assert unknown.returncode != 0
    assert "only-here" in namespaces(plane)


def test_a_service_accounts_token_works_and_is_no_administrators(plane: ControlPlane, tmp_path: Path) -> None:
    plane.kubectl("create", "serviceaccount", "worker", "-n", "default")
    kubeconfig = plane.service_account_kubeconfig("default", "worker", tmp_path / "worker", duration="10m")
    who = plane.kubectl("--kubeconfig", str(kubeconfig), "auth", "whoami", "-o", "json").stdout
    assert json.loads(who)["status"]["userInfo"]["username"] == "system:serviceaccount:default:worker"
    denied = plane.kubectl("--kubeconfig", str(kubeconfig), "get", "secrets", "-n", "default", check=False)
    assert 'serviceaccount:default:worker" cannot list resource "secrets"' in denied.stderr


def test_the_audit_log_tells_user_verb_resource_and_code(plane: ControlPlane, tmp_path: Path) -> None:
    plane.kubectl("create", "serviceaccount", "audited", "-n", "default")
    kubeconfig = plane.service_account_kubeconfig("default", "audited", tmp_path / "audited", duration="10m")
    plane.kubectl("--kubeconfig", str(kubeconfig), "get", "configmaps", "-n", "default", check=False)
    assert plane.audit_log is not None
    events = [json.loads(line) for line in plane.audit_log.read_text().splitlines()]
    seen = [
        (e["verb"], e["objectRef"]["resource"], e["objectRef"].get("subresource"), e["responseStatus"]["code"])
        for e in events
        if "objectRef" in e
    ]
    assert ("create", "serviceaccounts", "token", 201) in seen
    [denied] = [e for e in events if e["user"]["username"] == "system:serviceaccount:default:audited"]
    assert (denied["verb"], denied["objectRef"]["resource"], denied["responseStatus"]["code"]) == (
        "list",
        "configmaps",
        403,
    )


def test_keys_and_tokens_are_their_owners_only(plane: ControlPlane) -> None:
    folder = plane.kubeconfig.parent
    secret = [plane.kubeconfig, *(folder / "pki" / name for name in ("tokens.csv", "sa.key", "apiserver.key"))]
    assert {stat.filemode(path.stat().st_mode) for path in secret} == {"-rw-------"}


def test_a_folder_may_lie_deep_and_be_used_again(tmp_path: Path) -> None:
    """A unix socket's name has at most about 100 bytes."""
    folder = tmp_path / ("deep" * 30) / ("er" * 60)
    with ControlPlane.start(folder) as plane:
        plane.kubectl("create", "namespace", "kept")
    with ControlPlane.start(folder) as plane:
        assert "kept" in namespaces(plane)


def test_a_start_that_fails_says_why_and_leaves_nothing(marked: Any, tmp_path: Path) -> None:
    (tmp_path / "etcd").write_text("no folder")
    with pytest.raises(StartError, match=rf"^etcd ended with code \d+\. The end of {tmp_path}/etcd\.log:\n"):
        ControlPlane.start(tmp_path)
    assert marked.commands() == []
