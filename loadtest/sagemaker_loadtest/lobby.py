"""Where workers in other pods find their master: the run's name is checked and the job handed out here, before a
worker speaks to Locust at all.
"""

import json
import os
import threading

from sagemaker_loadtest.codec import encode
from sagemaker_loadtest.httpport import Address, HTTPPort, Query, Reply
from sagemaker_loadtest.metrics import Metrics
from sagemaker_loadtest.wire import Job, Sample

WAIT = 503
"""The job is not there yet: ask again."""
OTHER_RUN = 409
OVER = 410
"""Too late: the run has begun without this worker, or has ended."""


class Lobby:
    """The HTTP port of a master, or of a run with its workers beside it (which nobody joins)."""

    def __init__(self, address: Address, run: str) -> None:
        self.instance = os.urandom(6).hex()
        self._run = run
        self._metrics = Metrics(run)
        self._lock = threading.Lock()
        self._job: Job | None = None
        self._begun = self._over = False
        self._ready = False
        self._faults: list[str] = []
        self._port = HTTPPort(
            address,
            {
                ("GET", "/healthz"): lambda _: Reply(200, b"ok\n"),
                ("GET", "/readyz"): self._readyz,
                ("GET", "/metrics"): lambda _: Reply(200, self._metrics.exposition()),
                ("GET", "/job"): self._give,
                ("GET", "/run"): self._tell,
                ("POST", "/faults"): self._note,
            },
        )
        self.url = self._port.url

    def invite(self, job: Job) -> None:
        self._job = job

    def ready(self) -> None:
        self._ready = True

    def begun(self) -> None:
        self._begun = True

    def observe(self, sample: Sample) -> None:
        self._metrics.observe(sample)

    def lost(self, worker: str) -> None:
        self._metrics.lost(worker)

    def faults(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(dict.fromkeys(self._faults))

    def end(self) -> None:
        """Nobody joins any more, and workers that are still there go."""
        self._over = True

    def close(self) -> None:
        self._port.close()

    def _readyz(self, query: Query) -> Reply:
        return Reply(200, b"ok\n") if self._ready else Reply(WAIT, b"the test and its endpoint are still checked\n")

    def _give(self, query: Query) -> Reply:
        if query.parameters.get("run") != self._run:
            return Reply.json(OTHER_RUN, {"message": f"this is the master of run {self._run}"})
        if self._over or self._begun:
            told = "is over" if self._over else "has begun without this worker"
            return Reply.json(OVER, {"message": f"run {self._run} {told}"})
        if self._job is None:
            return Reply.json(WAIT, {"message": "the master is still checking the test and its endpoint"})
        return Reply.json(200, {"instance": self.instance, "job": encode(self._job)})

    def _tell(self, query: Query) -> Reply:
        return Reply.json(200, {"run": self._run, "instance": self.instance, "over": self._over})

    def _note(self, query: Query) -> Reply:
        try:
            document = json.loads(query.body)
            faults = [f"{document['worker']}: {fault}" for fault in document["faults"]]
        except (ValueError, KeyError, TypeError):
            return Reply(400, b"worker and faults are expected\n")
        if document.get("run") != self._run:
            return Reply.json(OTHER_RUN, {"message": f"this is the master of run {self._run}"})
        with self._lock:
            self._faults += faults
        return Reply(204, b"")
