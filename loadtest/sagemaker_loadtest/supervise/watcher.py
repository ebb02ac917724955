"""Who else wants to know how a run goes, beside the supervisor and the terminal: the run's HTTP port."""

from typing import Protocol

from sagemaker_loadtest.measure.wire import Job, Sample


class Watcher(Protocol):
    """Who else wants to know how the run goes."""

    def ready(self) -> None:
        """The master listens."""

    def invite(self, job: Job) -> None:
        """Workers elsewhere may join with this job from now on."""

    def begun(self) -> None:
        """All workers are there and the load begins."""

    def observe(self, sample: Sample) -> None:
        """A worker has reported."""

    def lost(self, worker: str) -> None:
        """A worker is gone."""

    def faults(self) -> tuple[str, ...]:
        """What workers elsewhere say is wrong with the test."""


class Unwatched:
    """Nobody else."""

    def ready(self) -> None: ...

    def invite(self, job: Job) -> None: ...

    def begun(self) -> None: ...

    def observe(self, sample: Sample) -> None: ...

    def lost(self, worker: str) -> None: ...

    def faults(self) -> tuple[str, ...]:
        return ()
