"""Simulated workers, as greenlets of this one process, with Locust's own runner of a worker each.

They join the master of a run as workers do, start users that do nothing, send Locust's heartbeats and statistics, and
our report once a second. Only the requests are made up (``script``).

    python -m bench.loadtest.swarm MASTER-URL RUN-ID WORKERS REQUESTS-PER-SECOND
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from locust.env import Environment

# isort: split
import gevent
from gevent.event import Event

from bench.loadtest import script
from bench.loadtest.idle import Idle
from sagemaker_loadtest.api.codec import decode, encode
from sagemaker_loadtest.measure.histogram import value_of
from sagemaker_loadtest.measure.wire import Job, Sample
from sagemaker_loadtest.swarm.cluster import BEGIN, HELLO, SAMPLE

_KINDS = 5
_ASK_SECONDS = 0.2
Reports = list[tuple[Sample, dict[str, Any]]]


class SimulatedWorker:
    """One worker: from hello to its last report."""

    def __init__(self, job: Job, name: str, reports: Reports) -> None:
        self._name, self._reports = name, reports
        self.begun = Event()
        self._environment = Environment(user_classes=[Idle], host=job.url, stop_timeout=0)
        self._runner = self._environment.create_worker_runner(job.master_host, job.master_port)
        self._runner.register_message(BEGIN, lambda msg, **_: self._begin(msg.data["start"]))
        self._runner.send_message(HELLO, {"name": name, "run": job.run})

    def join(self) -> None:
        """Returns when the master has said quit."""
        self._runner.greenlet.join()

    def _begin(self, start: float) -> None:
        self.begun.set()
        gevent.spawn(self._report, start)

    def _report(self, start: float) -> None:
        for sample, encoded in self._reports:
            gevent.sleep(max(0.0, start + sample.health.second - time.time()))
            self._count(sample)
            self._runner.send_message(SAMPLE, {**encoded, "worker": self._name})

    def _count(self, sample: Sample) -> None:
        """Locust's own statistics know of each request, too."""
        stats = self._environment.stats
        for second in sample.seconds:
            for variant, counts in second.latency.items():
                for index, number in zip(counts.index, counts.count, strict=True):
                    for _ in range(number):
                        stats.log_request("InvokeEndpoint", variant, round(value_of(index) / 1000), 60)


def invitation(url: str, run: str) -> Job:
    """The job, once the master hands it out."""
    while True:
        try:
            with urllib.request.urlopen(f"{url}/job?run={run}") as reply:
                return decode(Job, json.loads(reply.read())["job"])
        except urllib.error.HTTPError as error:
            error.close()
            gevent.sleep(_ASK_SECONDS)


def main() -> None:
    """Until the master has ended the run. One line on standard output tells that all workers have begun."""
    url, run, number, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    job = invitation(url, run)
    seconds = int(job.test.load.duration_seconds)
    kinds = [[(s, encode(s)) for s in script.samples(seed, rate, seconds)] for seed in range(_KINDS)]
    begun: list[Event] = []

    def one(place: int) -> None:
        worker = SimulatedWorker(job, f"worker-{place + 1}", kinds[place % _KINDS])
        begun.append(worker.begun)
        worker.join()

    working = [gevent.spawn(one, place) for place in range(number)]
    while not (len(begun) == number and all(each.is_set() for each in begun)):
        gevent.sleep(0.05)
    print("all have begun", flush=True)
    gevent.joinall(working)


if __name__ == "__main__":
    main()
