"""The failed requests of a result, as rows for terminal, page, summary and JUnit. Pure."""

from dataclasses import dataclass

from sagemaker_loadtest.api.units import clock
from sagemaker_loadtest.exchange.replies import MEANING, Outcome
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.measure.samples import ErrorSample


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One class: how many requests, their share of all in percent, what the first few were told."""

    name: str
    requests: int
    percent: float
    samples: tuple[ErrorSample, ...]

    @property
    def words(self) -> str:
        """What the first one was told; what the class means when nobody said anything."""
        return self.samples[0].text if self.samples else MEANING.get(Outcome(self.name), "")


def failure_rows(result: Result) -> list[FailureRow]:
    """Most frequent first."""
    known = result.summary.answered + result.summary.failed
    return [
        FailureRow(name, number, 100 * number / known, result.samples.get(name, ()))
        for name, number in result.errors.items()
    ]


def unnamed_words(result: Result) -> str:
    """What a reader of the variants' rows has to know of the failures that are in none of them; empty without any."""
    number = result.summary.failed_unnamed
    if not number or not result.variants:
        return ""
    which = f"{number:,} failed requests" if number > 1 else "1 failed request"
    return f"{which} named no variant: in no row here, but counted against each variant's thresholds."


def whence(found: ErrorSample) -> str:
    """`challenger, at 0:12`: of which variant and when in the run a sample is."""
    moment = f"at {clock(found.second)}"
    return f"{found.variant}, {moment}" if found.variant else moment
