"""Master and workers as in pods: processes that find each other over HTTP and Locust's bus, and can vanish."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.waiting import until

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret/of+the/test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_CONFIG_FILE": os.devnull,
}


class Command:
    """One process of `sagemaker-loadtest`, with its output in a file."""

    def __init__(self, folder: Path, name: str, *arguments: str, environment: dict[str, str]) -> None:
        self._file, self._ready = folder / f"{name}.txt", folder / f"{name}.json"
        command = [sys.executable, "-m", "sagemaker_loadtest", *arguments, "--ready-file", str(self._ready)]
        with self._file.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self._file.read_text()

    @property
    def url(self) -> str:
        until(lambda: self._ready.exists() or self.process.poll() is not None, "the port listens")
        assert self._ready.exists(), self.text
        return str(json.loads(self._ready.read_text())["url"])

    def read(self, path: str) -> str:
        with contextlib.closing(urllib.request.urlopen(self.url + path, timeout=10)) as answer:
            return str(answer.read().decode())

    def end(self) -> int:
        return self.process.wait(timeout=120)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Pods:
    """A master and its workers, each with a name."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.out = folder / "out"
        self._commands: list[Command] = []

    def start(self, name: str, *arguments: str, **variables: str) -> Command:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_", "KUBERNETES_"))}
        environment = kept | ENVIRONMENT | {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": self.url} | variables
        environment = {k: v for k, v in environment.items() if v}
        self._commands.append(Command(self.folder, name, *arguments, environment=environment))
        return self._commands[-1]

    def write(self, changes: dict[str, Any]) -> None:
        (self.folder / "rows.csv").write_text("1,2,3\n4,5,6\n")
        test = {
            "name": "pods",
            "endpoint": {"name": "ml-fraud", "region": "eu-west-1"},
            "payloads": {"contentType": "text/csv", "sources": [{"file": "rows.csv", "split": "Lines"}]},
            "load": {"open": {"rate": 60}, "duration": "3s", "warmUp": "1s"},
            "thresholds": ["failed <= 0%"],
            **changes,
        }
        (self.folder / "test.yaml").write_text(yaml.safe_dump(test))

    def master(self, *flags: str, workers: int = 3, port: int = 0, **changes: Any) -> Command:
        self.write(changes)
        return self.start(
            "master", "master", "-f", str(self.folder / "test.yaml"), "--out", str(self.out), "--run-id=r1",
            f"--expect-workers={workers}", "--master-bind-host=127.0.0.1", "--master-bind-port=0", f"--port={port}",
            *flags,
        )  # fmt: skip

    def worker(self, number: int, url: str, *flags: str, run: str = "r1", **variables: str) -> Command:
        name = f"worker-{number}"
        arguments = [f"--master-url={url}", f"--run-id={run}", f"--name={name}", "--port=0", *flags]
        return self.start(name, "worker", *arguments, **variables)

    def workers(self, url: str, *flags: str, number: int = 3) -> list[Command]:
        return [self.worker(i + 1, url, *flags) for i in range(number)]

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.out / "result.json").read_text())
        return document

    def close(self) -> None:
        for command in self._commands:
            command.close()


@pytest.fixture
def pods(tmp_path: Path, stub: Any) -> Iterator[Pods]:
    with contextlib.closing(Pods(tmp_path, stub.url)) as found:
        yield found


def metric(text: str, start: str) -> float:
    """Sum of all samples whose line begins so."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(start))


def test_three_workers_join_run_and_end_with_their_master(pods: Pods, stub: Any) -> None:
    reached = stub.after(150)
    master = pods.master(load={"open": {"rate": 60}, "duration": "6s", "warmUp": "1s"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    assert master.read("/readyz") == "ok\n"
    until(lambda: metric(master.read("/metrics"), "sagemaker_loadtest_requests_total") > 100, "samples are counted")
    told = master.read("/metrics")
    assert 'sagemaker_loadtest_run{run="r1"} 1.0' in told
    assert metric(told, 'sagemaker_loadtest_workers{state="reporting"}') == 3
    assert metric(told, 'sagemaker_loadtest_latency_seconds_bucket{le="+Inf"') > 0
    until(lambda: 'sent_total{worker="worker-2"}' in workers[1].read("/metrics"), "a worker tells its own")

    assert master.end() == 0, master.text
    assert [worker.end() for worker in workers] == [0, 0, 0]
    assert "run r1 is over" in workers[0].text
    result = pods.result
    assert result["run"] == "r1"
    assert result["summary"]["answered"] == 300
    assert result["load"]["workers"] == 3


def test_share_of_a_killed_worker_goes_to_the_others(pods: Pods, stub: Any) -> None:
    reached = stub.after(100)
    master = pods.master(load={"open": {"rate": 60}, "duration": "12s"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    workers[1].close()
    assert master.end() == 4, master.text
    assert [workers[0].end(), workers[2].end()] == [0, 0]
    result = pods.result
    assert [lost["worker"] for lost in result["generator"]["lost"]] == ["worker-2"]
    assert "no sign of life" in result["generator"]["lost"][0]["cause"]
    assert any(
        "The other 2 workers took over the share of worker-2" in reason for reason in result["verdict"]["reasons"]
    )
    achieved = result["series"]["achieved"]
    assert min(achieved[4:6]) < 50, achieved  # two thirds of 60/s while nobody knew
    assert sum(achieved[-4:-1]) / 3 > 50, achieved


def test_users_of_a_killed_worker_go_to_the_others(pods: Pods, stub: Any) -> None:
    stub.delay = 0.02
    reached = stub.after(60)
    master = pods.master(load={"closed": {"users": 9, "pacing": "200ms"}, "duration": "10m"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    users = "sagemaker_loadtest_users"
    until(lambda: metric(master.read("/metrics"), users) == 9, "all users run")
    workers[0].close()
    until(lambda: 'workers{state="lost"} 1.0' in master.read("/metrics"), "the loss is seen")
    until(lambda: metric(master.read("/metrics"), users) == 9, "the others have all users")
    master.process.send_signal(signal.SIGTERM)
    assert master.end() == 5, master.text


def test_evicted_worker_says_goodbye(pods: Pods, stub: Any) -> None:
    reached = stub.after(100)
    master = pods.master(load={"open": {"rate": 60}, "duration": "7s"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    workers[2].process.send_signal(signal.SIGTERM)
    assert workers[2].end() == 5, workers[2].text
    assert master.end() == 4, master.text
    (lost,) = pods.result["generator"]["lost"]
    assert lost["worker"] == "worker-3"
    assert "SIGTERM" in lost["cause"]
    achieved = pods.result["series"]["achieved"]
    assert sum(achieved[-3:-1]) / 2 > 50, achieved


def test_all_workers_killed_ends_at_once(pods: Pods, stub: Any) -> None:
    reached = stub.after(60)
    master = pods.master(load={"open": {"rate": 60}, "duration": "10m"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    for worker in workers:
        worker.close()
    assert master.end() == 4, master.text
    assert "3 of 3 workers lost" in master.text


def test_stopped_master_reports_and_its_workers_end(pods: Pods, stub: Any) -> None:
    reached = stub.after(100)
    master = pods.master(load={"open": {"rate": 60}, "duration": "10m"})
    workers = pods.workers(master.url)
    assert reached.wait(60)
    master.process.send_signal(signal.SIGTERM)
    assert master.end() == 5, master.text
    assert [worker.end() for worker in workers] == [0, 0, 0]
    assert "SIGTERM" in pods.result["verdict"]["headline"]
    assert (pods.out / "index.html").stat().st_size > 10_000


def test_workers_of_a_killed_master_end(pods: Pods, stub: Any) -> None:
    reached = stub.after(60)
    master = pods.master(load={"open": {"rate": 60}, "duration": "10m"})
    workers = pods.workers(master.url, "--master-patience=2s")
    assert reached.wait(60)
    master.close()
    assert [worker.end() for worker in workers] == [5, 5, 5]
    assert "The master went away" in workers[0].text


def test_workers_that_were_there_first_wait_for_the_master_of_their_run(pods: Pods, stub: Any) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    early = pods.worker(1, url)
    foreign = pods.worker(2, url, "--master-max-wait=60s", run="r0")
    until(lambda: "waiting for the master of run r1" in early.text, "the worker waits")
    master = pods.master("--expect-workers-max-wait=60s", workers=2, port=port)
    until(lambda: "this is the master of run r1" in foreign.text, "the foreign worker is refused")
    own = pods.worker(3, url)
    assert master.end() == 0, master.text
    assert [early.end(), own.end()] == [0, 0]
    assert {"worker-1", "worker-3"} == set(joined(master.text))


def joined(text: str) -> list[str]:
    return [word for line in text.splitlines() if "has joined" in line for word in line.split() if "worker-" in word]


def test_workers_that_never_come_are_lost(pods: Pods, stub: Any) -> None:
    master = pods.master("--expect-workers-max-wait=12s", workers=3)
    worker = pods.worker(1, master.url)
    foreign = pods.worker(2, master.url, "--master-max-wait=1s", run="r0")
    assert foreign.end() == 4, foreign.text
    assert "No master of run r0" in foreign.text
    assert master.end() == 4, master.text
    assert worker.end() == 0, worker.text
    assert "2 of 3 workers lost" in master.text
    assert "did not join the master within 12s" in master.text
    assert "No load was sent" in master.text
    assert stub.calls == 1  # the probe


def test_late_worker_is_told_so(pods: Pods, stub: Any) -> None:
    reached = stub.after(20)
    master = pods.master(workers=1, load={"open": {"rate": 60}, "duration": "10m"})
    pods.worker(1, master.url)
    assert reached.wait(60)
    late = pods.worker(2, master.url)
    assert late.end() == 5, late.text
    assert "run r1 has begun without this worker" in late.text


def test_fault_that_only_a_worker_can_see(pods: Pods, stub: Any) -> None:
    master = pods.master(workers=1)
    worker = pods.worker(1, master.url, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert master.end() == 2, master.text
    assert worker.end() == 2, worker.text
    assert "worker-1: AWS credentials: none found" in master.text


TALKATIVE = """
from locust import constant, events, task
from sagemaker_loadtest import SageMakerUser

print("imported")

@events.request.add_listener
def told(**_):
    print('{"event": "end"}', flush=True)

class Mine(SageMakerUser):
    wait_time = constant(0.05)

    @task
    def one(self):
        print("calling", flush=True)
        self.invoke(b"1,2", content_type="text/csv")
"""


def test_locustfile_may_print(pods: Pods, stub: Any) -> None:
    """What it says is its own, and never taken for what master and workers tell each other."""
    (pods.folder / "mine.py").write_text(TALKATIVE)
    load = {"closed": {"users": 4}, "duration": "2s"}
    master = pods.master(workers=2, locustfile="mine.py", load=load)
    workers = pods.workers(master.url, number=2)
    assert master.end() == 0, master.text
    assert [worker.end() for worker in workers] == [0, 0], workers[0].text
    assert pods.result["summary"]["answered"] > 20
    assert "calling" in workers[0].text


def test_port_in_use_is_a_wrong_flag(pods: Pods) -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        master = pods.master(port=taken.getsockname()[1])
        assert master.end() == 2, master.text
    assert "--port" in master.text
    assert "Traceback" not in master.text


def test_worker_waits_as_long_as_its_master_does_and_no_longer(pods: Pods, tmp_path: Path) -> None:
    """The master waits for a SageMakerEndpoint at an API that never answers; then it gives up."""
    account = tmp_path / "serviceaccount"
    account.mkdir()
    for name, text in (("token", "t"), ("namespace", "ml"), ("ca.crt", "")):
        (account / name).write_text(text)
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = (
        "master", "-f", str(tmp_path / "test.yaml"), "--out", str(pods.out), "--run-id=r1", "--port=0",
        "--master-bind-port=0", "--endpoint-max-wait=6s", f"--service-account-dir={account}",
    )  # fmt: skip
    pods.write({"endpoint": {"resource": "fraud"}})
    cluster = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(port)}
    master = pods.start("master", *arguments, **cluster)
    worker = pods.worker(1, master.url, "--master-max-wait=1s", "--master-patience=2s")
    until(lambda: "still checking the test" in worker.text, "the worker has seen the master")
    assert master.end() == 2, master.text
    assert "the Kubernetes API does not answer" in master.text
    assert worker.end() == 5, worker.text
    assert "went away before the test began" in worker.text


def test_run_with_its_workers_beside_it_has_the_port_too(pods: Pods, stub: Any) -> None:
    """As in a pod of `helm test`."""
    pods.write({"load": {"open": {"rate": 60}, "duration": "10m"}, "workers": 2})
    reached = stub.after(60)
    run = pods.start(
        "run", "run", "-f", str(pods.folder / "test.yaml"), "--out", str(pods.out), "--run-id=r1", "--port=0"
    )
    assert reached.wait(60)
    assert run.read("/readyz") == "ok\n"
    assert run.read("/healthz") == "ok\n"
    until(lambda: metric(run.read("/metrics"), 'sagemaker_loadtest_workers{state="reporting"}') == 2, "both report")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 5, run.text
    assert pods.result["run"] == "r1"
