"""All mutants, in as many trees as may be worked in at the same time."""

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TypeVar

from mutants.catalogue import Mutant
from mutants.suite import Suite
from mutants.tree import Tree
from mutants.trial import Verdict, put_to_test, require_passing

T = TypeVar("T")

_TICK_SECONDS = 1.0


class Campaign:
    """One tree and one suite for each job. Leaving it by an exception ends what runs."""

    def __init__(self, source: Path, folder: Path, jobs: int) -> None:
        """Copies `source` into `folder`, once for each job. Raises MutantsError."""
        trees = [Tree.copied(source, folder / f"tree-{n}") for n in range(jobs)]
        self._places = [(tree, Suite(tree, folder / f"scratch-{n}")) for n, tree in enumerate(trees)]
        self._pool = ThreadPoolExecutor(jobs)

    def __enter__(self) -> "Campaign":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for _, suite in self._places:
                suite.stop()
        self._pool.shutdown(cancel_futures=True)

    def check(self, mutants: Sequence[Mutant]) -> Iterator[None]:
        """Runs every target that a mutant names, unbroken. Yields now and then. Raises MutantsError if one fails."""
        targets = sorted({target for mutant in mutants for target in mutant.tests})
        jobs = len(self._places)
        cuts = [len(targets) * n // jobs for n in range(jobs + 1)]
        shares = [targets[low:high] for low, high in itertools.pairwise(cuts) if low < high]
        running = [
            self._pool.submit(require_passing, suite, share)
            for (_, suite), share in zip(self._places, shares, strict=False)
        ]
        for done in _as_completed(running):
            if done is not None:
                done.result()
            yield

    def judge(self, mutants: Sequence[Mutant]) -> Iterator[Verdict | None]:
        """The verdict on each mutant, as they come; None now and then, while nothing comes."""
        free: SimpleQueue[tuple[Tree, Suite]] = SimpleQueue()
        for place in self._places:
            free.put(place)

        def judged(mutant: Mutant) -> Verdict:
            tree, suite = place = free.get()
            try:
                return put_to_test(mutant, tree, suite)
            finally:
                free.put(place)

        for done in _as_completed([self._pool.submit(judged, mutant) for mutant in mutants]):
            yield None if done is None else done.result()


def _as_completed(futures: Sequence[Future[T]]) -> Iterator[Future[T] | None]:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, _TICK_SECONDS, FIRST_COMPLETED)
        if not done:
            yield None
        yield from done
