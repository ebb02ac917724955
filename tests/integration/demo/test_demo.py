"""The whole demo as people start it, with everything real; and that nothing of it stays, however it ends."""

import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo import leftovers
from demo.children import await_gone
from demo.folder import ROOT
from demo.leftovers import Process

pytestmark = pytest.mark.alone
_GONE_SECONDS = 30.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the models are trained once."""
    return tmp_path_factory.mktemp("demo")


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`python -m demo` with its output in a pipe, killed in the end if it still runs."""
    environment = {name: value for name, value in os.environ.items() if name not in ("KEEP", "RETRAIN")}
    command = [sys.executable, "-m", "demo", f"--folder={folder}", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(process: subprocess.Popen[str], text: str) -> str:
    """What it prints up to and with the line that has the text."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    pytest.fail(f"The demo ended before it said {text!r}:\n{said}")


def rest(process: subprocess.Popen[str]) -> str:
    """What it prints until it ends."""
    assert process.stdout is not None
    said = process.stdout.read()
    process.wait()
    return said


def left(folder: Path) -> tuple[Process, ...]:
    """Processes that were started with the folder in their command or environment."""

    def named() -> tuple[Process, ...]:
        return tuple(
            each
            for each in leftovers.processes()
            if str(folder) in each.command or any(str(folder) in word for word in each.environment)
        )

    return await_gone(named, _GONE_SECONDS)


def test_everything_holds_and_nothing_is_left(folder: Path) -> None:
    with demo(folder, "--calls=300", "--load-seconds=10") as process:
        said = rest(process)
    assert process.returncode == 0, said
    for expected in (
        r"0:00  \[(ok|!)\] +Python 3\.\d+\.\d+",
        r"\[ok\]   Kubernetes API; the operator works as its ServiceAccount, not as admin",
        r"\[ok\]   Local SageMaker, S3, STS, IAM on port \d+",
        r"\[ok\]   Trained champion \(100 trees\) and challenger \(40 trees\), 58 features",
        r"\$      kubectl apply -f manifests/examples/fraud\.yaml\n",
        r"\[ok\]   Ready: 2 model servers answer",
        r"\[ok\]   1,000 predictions equal the model's own \(largest difference 0\)",
        r"\n       aws sagemaker-runtime invoke-endpoint --endpoint-name ml-fraud ",
        r"\n       curl -sSf --aws-sigv4 aws:amz:eu-west-1:sagemaker",
        r"\$      kubectl apply -f manifests/examples/fraud-ab\.yaml   \(50 calls a second go on\)",
        r"\[ok\]   InService with the new revision; [1-9][\d,]+ calls meanwhile \(\d\d/s\), 0 failed",
        r"\n       champion      90 %  +\d\d\.\d %  .* \[ok\]\n       challenger    10 % .* \[ok\]\n",
        r"sagemaker-loadtest run -f manifests/examples/loadtest\.yaml --duration 10s",
        r"\[ok\]   Met: \d+/s held, p99 [\d.]+ ms \(limit \d+\), 0 failed\. Exit code 0",
        r"\$      kubectl delete sme fraud",
        r"\[ok\]   Nothing is left: 0 endpoints, 0 configs, 0 models, 0 processes",
        r"\nDone in ",
    ):
        assert re.search(expected, said), f"{expected} is not in:\n{said}"
    assert left(folder) == ()
    assert "\r" not in said
    assert "\x1b" not in said
    assert len(said.splitlines()) <= 60
    assert max(len(line) for line in said.splitlines() if str(folder) not in line) <= 100
    assert "<html" in (folder / "report/index.html").read_text()
    assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600
    assert {"demo.log", "operator.log", "sagemaker-local.log", "champion-0.log"} <= {
        path.name for path in (folder / "logs").iterdir()
    }


def test_ctrl_c_ends_all_of_it(folder: Path) -> None:
    with demo(folder) as process:
        until(process, "Ready: ")
        with demo(folder) as second:
            refusal = rest(second)
        process.send_signal(signal.SIGINT)
        said = rest(process)
    assert second.returncode == 1
    assert f"A demo runs already in {folder} (process {process.pid})" in refusal
    assert process.returncode == 130, said
    assert re.search(r"Stopping .*\n\[ok\] \d+ processes stopped, nothing left, .*logs kept\.\n$", said), said
    assert left(folder) == ()


def test_kill_9_leaves_nothing_either(folder: Path) -> None:
    with demo(folder) as process:
        until(process, "fraud-ab.yaml")
        running = len([each for each in leftovers.processes() if any(str(folder) in word for word in each.environment)])
        process.kill()
        process.wait()
    assert running >= 6, "etcd, kube-apiserver, operator, local SageMaker with router and inner AWS at least"
    assert left(folder) == ()


@pytest.fixture
def unreadable(tmp_path: Path) -> Path:
    """Archives whose model no XGBoost reads."""
    model = tmp_path / "xgboost-model"
    model.write_text("binf")
    for name in ("champion", "challenger"):
        with tarfile.open(tmp_path / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(model, "xgboost-model")
    return tmp_path


def test_a_model_that_does_not_load_is_told_with_its_log_and_may_be_looked_at(folder: Path, unreadable: Path) -> None:
    with demo(folder, f"--models={unreadable}", "--keep") as process:
        said = until(process, "It is left as it is. Ctrl-C stops everything.")
        typed = f". {folder}/env; kubectl get sme; aws sagemaker list-endpoints --query 'Endpoints[].EndpointStatus'"
        bare = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        seen = subprocess.check_output(["/bin/sh", "-c", typed], text=True, env=bare)
        process.send_signal(signal.SIGINT)
        said += rest(process)
    assert process.returncode == 1, said
    assert re.search(r"\[FAIL\] Ready: .*never answered GET /ping", said), said
    assert f"  {folder}/logs/champion-" in said
    assert "    ValueError: Unable to load model xgboost-model" in said
    assert "Train it anew: make demo RETRAIN=1      Look around: make demo KEEP=1" in said
    assert re.search(r"\nCleaned up: \d+ processes stopped, nothing left, 3 AWS objects removed\. Exit 1\.\n$", said), (
        said
    )
    assert "Traceback" not in said
    assert re.search(r"fraud +False +Failed", seen), seen
    assert '"Failed"' in seen
    assert left(folder) == ()


def test_given_models_that_are_not_there_stop_it_before_anything_is_applied(folder: Path, tmp_path: Path) -> None:
    with demo(folder, f"--models={tmp_path}") as process:
        said = rest(process)
    assert process.returncode == 1
    assert re.search(rf"\[FAIL\] +{tmp_path}/champion\.tar\.gz +is missing", " ".join(said.split())), said
    assert "kubectl" not in said
    assert "Kubernetes API" not in said
    assert left(folder) == ()
