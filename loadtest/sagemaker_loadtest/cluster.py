"""Locust's master and workers of one run. Only this module and `user` know Locust."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from locust import User, events
from locust.env import Environment
from locust.runners import MasterRunner

# isort: split
import gevent
import gevent.os
from gevent.event import Event

from sagemaker_loadtest import wire
from sagemaker_loadtest.codec import decode
from sagemaker_loadtest.locustfile import users_of
from sagemaker_loadtest.user import ClosedUser, OpenUser
from sagemaker_loadtest.wire import Job

LOOPBACK = "127.0.0.1"
HELLO = "sagemaker-hello"
BEGIN = "sagemaker-begin"
SAMPLE = "sagemaker-sample"
STOP = "sagemaker-stop"
LEAD_SECONDS = 0.3
DRAIN_SECONDS = 10.0
ASYNC_DRAIN_SECONDS = 60.0
EARLY_DRAIN_SECONDS = 2.0
_LATE_SECONDS = 5.0


def run(document: dict[str, Any]) -> int:
    """Runs the job to its end; returns the exit code of the process."""
    import logging

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    job = decode(Job, document)
    if job.role == "worker":
        from sagemaker_loadtest.worker import run_worker

        return run_worker(job)
    return Master(job).run()


def user_classes(job: Job) -> list[type[User]]:
    """Open and closed load are different users; a locustfile brings its own."""
    if job.test.locustfile:
        return users_of(Path(job.test.folder) / job.test.locustfile)
    return [OpenUser if job.test.load.open else ClosedUser]


def environment(job: Job) -> Environment:
    """Locust's environment with the run's user classes."""
    return Environment(user_classes=user_classes(job), host=job.url, events=events, stop_timeout=0)


def drain_seconds(job: Job) -> float:
    """How long answers are waited for after the last request; results of asynchronous ones longer."""
    if job.test.invocation.operation == "InvokeEndpointAsync":
        return min(ASYNC_DRAIN_SECONDS, job.test.invocation.results.timeout_seconds)
    return min(DRAIN_SECONDS, job.test.load.timeout_seconds)


class Master:
    """Waits for its workers, starts them at one moment, passes their samples on, ends when all have reported their
    last.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._names: dict[str, str] = {}
        self._begun: set[str] = set()
        self._final: set[str] = set()
        self._lost: set[str] = set()
        self._complete = Event()
        self._stopped = Event()

    def run(self) -> int:
        runner = environment(self._job).create_master_runner(LOOPBACK, self._job.master_port)
        runner.register_message(HELLO, lambda msg, **_: self._hello(msg.node_id, msg.data["name"]))
        runner.register_message(SAMPLE, lambda msg, **_: self._sample(msg.data))
        gevent.spawn(self._commands, runner)
        tell(wire.READY, port=runner.server.port)
        self._complete.wait()
        if not self._stopped.is_set():
            self._begin(runner)
            self._wait(runner)
        tell(wire.END)
        runner.quit()
        return 0

    def _hello(self, client: str, name: str) -> None:
        self._names[client] = name
        tell(wire.CONNECTED, worker=name)
        if len(self._names) == self._job.test.workers:
            self._complete.set()

    def _sample(self, sample: dict[str, Any]) -> None:
        tell(wire.SAMPLE, sample=sample)
        if sample["final"]:
            self._final.add(sample["worker"])

    def _begin(self, runner: MasterRunner) -> None:
        import time

        load, workers = self._job.test.load, self._job.test.workers
        start = time.time() + LEAD_SECONDS
        for place, (client, name) in enumerate(sorted(self._names.items(), key=lambda pair: pair[1])):
            runner.send_message(BEGIN, {"start": start, "place": place}, client_id=client)
            self._begun.add(name)
        tell(wire.BEGIN, start=start)
        users = load.closed.users if load.closed else workers
        ramp = load.ramp_up_seconds if load.closed else 0.0
        rate = max(users / ramp, 0.1) if ramp else users
        gevent.spawn_later(max(0.0, start - time.time()), runner.start, users, rate)

    def _wait(self, runner: MasterRunner) -> None:
        end = self._job.test.load.duration_seconds + LEAD_SECONDS + drain_seconds(self._job) + _LATE_SECONDS
        with gevent.Timeout(end, exception=False):
            while self._begun - self._final - self._lost and not self._stopped.is_set():
                gevent.sleep(0.05)
        with gevent.Timeout(EARLY_DRAIN_SECONDS + 1, exception=False):
            while self._begun - self._final - self._lost:
                gevent.sleep(0.05)
        for name in self._begun - self._final - self._lost:
            tell(wire.LOST, worker=name)

    def _commands(self, runner: MasterRunner) -> None:
        """Lines from the supervisor; the end of them means that it is gone."""
        descriptor = sys.stdin.fileno()
        gevent.os.make_nonblocking(descriptor)
        pending = b""
        while chunk := gevent.os.nb_read(descriptor, 4096):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                command = json.loads(line)
                if command["command"] == wire.STOP:
                    self._stopped.set()
                    self._complete.set()
                    runner.send_message(STOP, {})
                elif command["command"] == wire.LOST:
                    self._lost.add(command["worker"])
        os._exit(0)


def tell(event: str, **members: Any) -> None:
    """One JSON line to the supervisor."""
    sys.stdout.write(json.dumps({"event": event, **members}, separators=(",", ":")) + "\n")
    sys.stdout.flush()
