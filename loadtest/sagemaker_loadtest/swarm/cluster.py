"""Locust's master and workers of one run."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from locust import User, events
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

# isort: split
import gevent
import gevent.os
from gevent.event import Event

from sagemaker_loadtest.api.codec import decode
from sagemaker_loadtest.measure import wire
from sagemaker_loadtest.measure.wire import Job
from sagemaker_loadtest.swarm.channel import CHANNEL, tell
from sagemaker_loadtest.swarm.locustfile import users_of
from sagemaker_loadtest.swarm.user import ClosedUser, OpenUser

HELLO = "sagemaker-hello"
BEGIN = "sagemaker-begin"
SAMPLE = "sagemaker-sample"
SHARE = "sagemaker-share"
LEAVE = "sagemaker-leave"
STOP = "sagemaker-stop"
LEAD_SECONDS = 0.3
DRAIN_SECONDS = 10.0
ASYNC_DRAIN_SECONDS = 60.0
EARLY_DRAIN_SECONDS = 2.0
_LATE_SECONDS = 5.0
_WATCH_SECONDS = 0.25
_SILENT = "it stopped reporting (no sign of life for 3 s)"


def run(document: dict[str, Any]) -> int:
    """Runs the job to its end; returns the exit code of the process."""
    import logging

    CHANNEL.keep()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    job = decode(Job, document)
    if job.role == "worker":
        from sagemaker_loadtest.swarm.worker import run_worker

        return run_worker(job)
    if job.page:
        from sagemaker_loadtest.swarm.page import PageMaster

        return PageMaster(job).run()
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
    """Waits for its workers, starts them at one moment, passes their samples on, deals the load out anew when one is
    lost, ends when all have reported their last.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._names: dict[str, str] = {}
        self._begun: set[str] = set()
        self._final: set[str] = set()
        self._lost: set[str] = set()
        self._start = 0.0
        self._complete = Event()
        self._stopped = Event()
        self._runner: MasterRunner = environment(job).create_master_runner(job.master_host, job.master_port)
        setattr(self._runner, "rebalancing_enabled", lambda: True)  # noqa: B010 - what --enable-rebalancing does
        self._runner.register_message(HELLO, lambda msg, **_: self._hello(msg.node_id, msg.data))
        self._runner.register_message(SAMPLE, lambda msg, **_: self._sample(msg.node_id, msg.data))
        self._runner.register_message(LEAVE, lambda msg, **_: self._lose(msg.data["name"], msg.data["cause"]))
        gevent.spawn(self._commands)

    def run(self) -> int:
        tell(wire.READY, port=self._runner.server.port)
        self._complete.wait()
        if not self._stopped.is_set():
            self._begin()
            self._wait()
        tell(wire.END)
        self._runner.quit()
        return 0

    def _hello(self, client: str, data: dict[str, Any]) -> None:
        if data["run"] != self._job.run or self._complete.is_set():  # of another run, or too late for this one
            self._runner.send_message("quit", client_id=client)
            return
        self._names[client] = data["name"]
        tell(wire.CONNECTED, worker=data["name"])
        if len(self._names) == self._job.test.workers:
            self._complete.set()

    def _sample(self, client: str, sample: dict[str, Any]) -> None:
        if self._names.get(client) != sample["worker"]:  # none of this run's
            return
        tell(wire.SAMPLE, sample=sample)
        if sample["worker"] in self._lost:  # thought lost: its share is with the others by now
            self._runner.send_message("quit", client_id=client)
        if sample["final"]:
            self._final.add(sample["worker"])

    def _begin(self) -> None:
        load, workers = self._job.test.load, self._job.test.workers
        self._start = time.time() + LEAD_SECONDS
        for place, (client, name) in enumerate(self._present()):
            self._runner.send_message(BEGIN, self._share(place, workers, 0.0), client_id=client)
            self._begun.add(name)
        tell(wire.BEGIN, start=self._start)
        users = load.closed.users if load.closed else workers
        ramp = load.ramp_up_seconds if load.closed else 0.0
        rate = max(users / ramp, 0.1) if ramp else users
        gevent.spawn_later(max(0.0, self._start - time.time()), self._runner.start, users, rate)
        gevent.spawn(self._watch)

    def _share(self, place: int, workers: int, since: float) -> dict[str, Any]:
        return {"start": self._start, "place": place, "workers": workers, "since": since, "rate": None}

    def _present(self) -> list[tuple[str, str]]:
        """The workers that are still there, each as Locust's and as our own name."""
        return sorted(((c, n) for c, n in self._names.items() if n not in self._lost), key=lambda pair: pair[1])

    def _watch(self) -> None:
        """Locust marks a worker without heartbeats as missing, and one that said goodbye is no client any more."""
        while True:
            gevent.sleep(_WATCH_SECONDS)
            for client, name in self._present():
                node = self._runner.clients.get(client)
                if name not in self._final and (node is None or node.state == STATE_MISSING):
                    self._lose(name, _SILENT)

    def _lose(self, name: str, cause: str) -> None:
        """The others take over; Locust deals out users by itself once it knows, arrivals are dealt out here."""
        over = self._start and time.time() - self._start >= self._job.test.load.duration_seconds
        if name in self._lost or (over and name in self._final):
            return
        self._lost.add(name)
        tell(wire.LOST, worker=name, cause=cause)
        for client, known in self._names.items():
            if known == name and (node := self._runner.clients.get(client)) is not None:
                node.heartbeat = -1
        present = self._present()
        since = time.time() - self._start + LEAD_SECONDS
        if not self._begun or not present or since >= self._job.test.load.duration_seconds:
            return
        for place, (client, _) in enumerate(present):
            self._runner.send_message(SHARE, self._share(place, len(present), since), client_id=client)
        tell(wire.REBALANCED, worker=name, workers=len(present), second=since)

    def _wait(self) -> None:
        end = self._job.test.load.duration_seconds + LEAD_SECONDS + drain_seconds(self._job) + _LATE_SECONDS
        with gevent.Timeout(end, exception=False):
            while self._begun - self._final - self._lost and not self._stopped.is_set():
                gevent.sleep(0.05)
        with gevent.Timeout(EARLY_DRAIN_SECONDS + 1, exception=False):
            while self._begun - self._final - self._lost:
                gevent.sleep(0.05)
        for name in self._begun - self._final - self._lost:
            tell(wire.LOST, worker=name, cause="it did not report its last")

    def _commands(self) -> None:
        """Lines from the supervisor; the end of them means that it is gone."""
        for command in lines_of(sys.stdin.fileno()):
            if command["command"] == wire.STOP:
                self._stopped.set()
                self._complete.set()
                self._runner.send_message(STOP, {})
            elif command["command"] == wire.LOST:
                self._lose(command["worker"], command["cause"])
        os._exit(0)


def lines_of(descriptor: int) -> Iterator[dict[str, Any]]:
    """JSON lines as they come, without blocking other greenlets."""
    gevent.os.make_nonblocking(descriptor)
    pending = b""
    while chunk := gevent.os.nb_read(descriptor, 4096):
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)
