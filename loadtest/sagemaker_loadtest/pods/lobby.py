"""Where workers in other pods find their master: the run's name is checked and the job handed out here, before a
worker speaks to Locust at all.
"""

import json
import os
import threading

from sagemaker_loadtest.api.codec import encode
from sagemaker_loadtest.measure.wire import Job, Sample
from sagemaker_loadtest.pods.httpport import Address, HTTPPort, Query, Reply
from sagemaker_loadtest.pods.metrics import Metrics

WAIT = 503
"""The job is not there yet: ask again."""
OTHER_RUN = 409
OVER = 410
"""Too late: the run has begun without this worker, or has ended."""
_FAREWELL_SECONDS = 5.0


class Lobby:
    """The HTTP port of a master, or of a run with its workers beside it (which nobody joins).

    With `steps` there is one job after the other: a worker that has done one asks for the next, and only the workers
    of the first step take part in the others.
    """

    def __init__(self, address: Address, run: str, *, steps: bool = False) -> None:
        self.instance = os.urandom(6).hex()
        self._run = run
        self._steps = steps
        self._metrics = Metrics(run)
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._guests: set[str] = set()
        self._job: Job | None = None
        self._step = 0
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
                ("POST", "/farewell"): self._part,
            },
        )
        self.url = self._port.url

    def invite(self, job: Job) -> None:
        with self._lock:
            self._job = job
            self._step += 1
            self._begun = False

    def ready(self) -> None:
        self._ready = True

    def begun(self) -> None:
        self._begun = True

    def observe(self, sample: Sample) -> None:
        self._metrics.observe(sample)

    def lost(self, worker: str) -> None:
        self._metrics.lost(worker)
        self._gone(worker)

    def faults(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(dict.fromkeys(self._faults))

    def end(self) -> None:
        """Nobody joins any more, and workers that are still there go."""
        self._over = True

    def see_off(self) -> None:
        """Waits until each worker has come back and heard that all is over: nobody would answer it afterwards."""
        with self._left:
            self._left.wait_for(lambda: not self._guests, _FAREWELL_SECONDS)

    def close(self) -> None:
        self._port.close()

    def _gone(self, worker: str) -> None:
        with self._left:
            self._guests.discard(worker)
            self._left.notify_all()

    def _readyz(self, query: Query) -> Reply:
        return Reply(200, b"ok\n") if self._ready else Reply(WAIT, b"the test and its endpoint are still checked\n")

    def _give(self, query: Query) -> Reply:
        if query.parameters.get("run") != self._run:
            return Reply.json(OTHER_RUN, {"message": f"this is the master of run {self._run}"})
        told = query.parameters.get("after", "0")
        after = int(told) if told.isdecimal() else 0
        with self._lock:
            if self._over:
                return self._too_late("is over")
            if after and after == self._step:
                return Reply.json(WAIT, {"message": "the next step has not begun", "instance": self.instance})
            if self._begun or (self._step > 1) != (after > 0):
                return self._too_late("has begun without this worker")
            if self._job is None:
                return Reply.json(WAIT, {"message": "the master is still checking the test and its endpoint"})
            self._guests.add(query.parameters.get("name", ""))
            turn = {"instance": self.instance, "step": self._step, "more": self._steps, "job": encode(self._job)}
            return Reply.json(200, turn)

    def _too_late(self, words: str) -> Reply:
        return Reply.json(OVER, {"message": f"run {self._run} {words}", "over": self._over, "instance": self.instance})

    def _part(self, query: Query) -> Reply:
        self._gone(query.body.decode(errors="replace"))
        return Reply(204, b"")

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
