"""What a simulated worker reports: the books that a real one would have kept of answers after some 50 ms."""

from __future__ import annotations

import random
from dataclasses import replace

from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.measure.histogram import Histogram
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.measure.wire import Health, Sample, pack

_MEDIAN_SECONDS, _SIGMA = 0.05, 0.25
_VARIANT = "AllTraffic"
_SENT_BYTES, _RECEIVED_BYTES = 1024, 60
_LAGS_PER_SECOND = 50
_SHORT_DELAY_US = 80


def samples(seed: int, rate: int, seconds: int) -> list[Sample]:
    """One for each second of the run and a last one, of a worker without a name. All requests are answered well."""
    rng, recorder = random.Random(seed), Recorder()
    found: list[Sample] = []
    moments = sorted(_moments(rng, rate, seconds))
    numbers: dict[int, int] = {}
    for moment, index, intended in moments:
        while moment >= len(found) + 1 and len(found) < seconds:
            found.append(_sample(rng, recorder, len(found) + 1.0))
        if index not in numbers:
            numbers[index] = recorder.started(intended)
            recorder.sending(intended, intended + rng.expovariate(1.0) * _SHORT_DELAY_US / 1e6)
            continue
        recorder.finished(numbers.pop(index), intended + _SHORT_DELAY_US / 1e6, moment, Outcome.OK, _VARIANT)
        recorder.carried(intended, 200, _SENT_BYTES, _RECEIVED_BYTES)
    found += [_sample(rng, recorder, n + 1.0) for n in range(len(found), seconds)]
    return [*found, replace(_sample(rng, recorder, seconds + 0.1), final=True)]


def _moments(rng: random.Random, rate: int, seconds: int) -> list[tuple[float, int, float]]:
    """Each request's start and end: when, which one, its intended start."""
    found: list[tuple[float, int, float]] = []
    for index in range(rate * seconds):
        intended = index / rate
        end = intended + _MEDIAN_SECONDS * rng.lognormvariate(0.0, _SIGMA)
        found += [(intended, index, intended), (end, index, intended)]
    return found


def _sample(rng: random.Random, recorder: Recorder, second: float) -> Sample:
    lag = Histogram()
    for _ in range(_LAGS_PER_SECOND):
        lag.record(int(rng.expovariate(1.0) * _SHORT_DELAY_US))
    health = Health(second, 40.0, pack(lag), pack(recorder.take_behind()), recorder.in_flight, users=10)
    return Sample("", recorder.take(), health)
