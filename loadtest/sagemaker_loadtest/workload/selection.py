"""Which payload and which model a request takes: repeatable by the seed, without the workers talking."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate

from sagemaker_loadtest.api.spec import Order


def in_order(
    number: int, order: Order, *, seed: int, worker: int, workers: int, weights: Sequence[float] = ()
) -> Iterator[int]:
    """Endless indexes of the payloads. In order, the workers take turns and together send all of them evenly."""
    if order == "Random":
        return weighted(weights or [1.0] * number, f"payloads/{seed}/{worker}")
    return _in_turn(number, worker, workers)


def weighted(weights: Sequence[float], seed: str) -> Iterator[int]:
    """Endless indexes, each as often as its weight says."""
    rng = random.Random(seed)  # noqa: S311 - repeatable choice, nothing secret
    if len(set(weights)) == 1:
        while True:
            yield rng.randrange(len(weights))
    summed, indexes = list(accumulate(weights)), range(len(weights))
    while True:
        yield from rng.choices(indexes, cum_weights=summed, k=64)


def zipf(number: int, exponent: float) -> tuple[float, ...]:
    """Weights of `number` things of which the k-th is asked for in proportion to 1/k^exponent."""
    return tuple(1.0 / k**exponent for k in range(1, number + 1))


def _in_turn(number: int, worker: int, workers: int) -> Iterator[int]:
    index = worker
    while True:
        yield index % number
        index += workers
