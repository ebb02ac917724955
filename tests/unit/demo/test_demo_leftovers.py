"""What counts as left behind, and that processes are found whoever started them."""

import os
import subprocess
import sys
from pathlib import Path

from demo import leftovers
from demo.commands import MARK
from demo.leftovers import Leftovers, Process

MODELS = Path("/x/.demo/local")
MARKED = Process(7, "etcd --name=etcd", ("HOME=/root", f"{MARK}=/x/.demo:41"))
SERVER = Process(8, "python -m sagemaker_local.servers.xgboost_server serve", ("SM_MODEL_DIR=/x/.demo/local/f1/model",))
SHELL = Process(9, "bash", ("KUBECONFIG=/x/.demo/kubeconfig", "PWD=/x/.demo"))
OTHER = Process(10, "etcd", (f"{MARK}=/x/.demo:410",))
OTHER_SERVER = Process(11, "python", ("SM_MODEL_DIR=/x/.demo/localized/model",))


def test_ours_are_those_with_our_mark_and_our_model_servers() -> None:
    found = leftovers.ours([MARKED, SERVER, SHELL, OTHER, OTHER_SERVER], "/x/.demo:41", MODELS)
    assert found == (MARKED, SERVER)


def test_the_count_names_each_kind_even_at_zero() -> None:
    assert Leftovers().nothing
    assert Leftovers().count() == "0 endpoints, 0 configs, 0 models, 0 processes"


def test_each_kind_alone_is_something() -> None:
    assert not Leftovers(endpoints=("ml-fraud",)).nothing
    assert not Leftovers(configs=("c",)).nothing
    assert not Leftovers(models=("m",)).nothing
    assert not Leftovers(objects=("sagemakerendpoint/fraud",)).nothing
    assert not Leftovers(processes=(SERVER,)).nothing


def test_what_is_left_is_counted_and_named() -> None:
    left = Leftovers(("ml-fraud",), (), ("m1", "m2"), ("sagemakerendpoint/fraud",), (SERVER,))
    assert left.count() == "1 endpoint, 0 configs, 2 models, 1 model process, 1 Kubernetes object"
    assert left.named().startswith("endpoint ml-fraud, model m1, model m2, sagemakerendpoint/fraud, process 8 (python")


def test_a_listing_of_ps_is_read() -> None:
    listing = f"    1 /sbin/init\n  812 etcd --name=etcd HOME=/root {MARK}=/x/.demo:41\n{os.getpid()} python\n"
    init, etcd = leftovers.parsed(listing)
    assert init == Process(1, "/sbin/init", ("/sbin/init",))
    assert leftovers.ours([init, etcd], "/x/.demo:41", MODELS) == (etcd,)


def test_a_process_of_the_machine_is_found_by_the_mark_it_inherited(tmp_path: Path) -> None:
    mark = f"{tmp_path}:1"
    inherits = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import sys; sys.stdin.read()'])"
    environment = {**os.environ, MARK: mark}
    with subprocess.Popen(
        [sys.executable, "-c", f"print(flush=True); {inherits}"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = leftovers.ours(leftovers.processes(), mark, tmp_path / "local")
        assert process.pid in {each.pid for each in found}
        listed = subprocess.run(["ps", "axeww", "-o", "pid=,command="], capture_output=True, text=True, check=True)
        assert process.pid in {each.pid for each in leftovers.ours(leftovers.parsed(listed.stdout), mark, tmp_path)}
    assert leftovers.ours(leftovers.processes(), mark, tmp_path / "local") == ()
