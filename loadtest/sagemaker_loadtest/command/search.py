"""`sagemaker-loadtest search`, end to end: a run of the test for each rate, until the highest that holds is known."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.units import per_second
from sagemaker_loadtest.command import run
from sagemaker_loadtest.command.preparation import gathered
from sagemaker_loadtest.command.screen import TerminalScreen, style_of
from sagemaker_loadtest.command.setting import Setting
from sagemaker_loadtest.command.terminal import Style, search_summary
from sagemaker_loadtest.exchange.fleet import Fleet, fleet_of, unsteady
from sagemaker_loadtest.exchange.target import runtime_url
from sagemaker_loadtest.judge import found
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.search import Found, Step, Try, load_at, next_step, seconds_for
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.measure.timeline import Row
from sagemaker_loadtest.pods.lobby import Lobby
from sagemaker_loadtest.storage.mirror import Mirrors
from sagemaker_loadtest.storage.store import Store
from sagemaker_loadtest.supervise.supervisor import Bus
from sagemaker_loadtest.testfile.parse import Overrides, read_test
from sagemaker_loadtest.testfile.search import searchable
from sagemaker_loadtest.workload.payloads import Payload

_BACK_SECONDS = 60.0
"""Workers that were there for the first step have nothing to wait for before the next."""


@dataclass(slots=True)
class _Search:
    """A search on its way. `rows`: of each step, those of its series.csv."""

    test: LoadTest
    payloads: tuple[Payload, ...]
    url: str
    out: Path
    log: Path
    style: Style
    asked: dict[str, float]
    fleet: Fleet
    run: str
    mirrors: Mirrors
    bus: Bus | None
    lobby: Lobby | None
    stretch: float = 1.0
    steps: list[tuple[r.StepFacts, r.Result]] = field(default_factory=list)
    rows: list[tuple[tuple[int, Row], ...]] = field(default_factory=list)

    def decide(self) -> Try | Found:
        done = [Step(step.rate, step.outcome, step.seconds) for step, _ in self.steps]
        rate = done[-1].rate if done else self.test.search.start_rate
        return next_step(self.test.search, done, self.seconds(rate))

    def seconds(self, rate: float) -> float:
        test = self.test
        return self.stretch * seconds_for(test.search, test.thresholds, test.load, rate, self.asked)

    def result(self, decided: Found, aborted: str = "") -> r.Result:
        return found.searched(self.test, self.fleet, decided, self.steps, aborted)

    def dressed(self, result: r.Result) -> r.Result:
        """A partial result with the steps that are done."""
        return replace(result, search=self.result(self.so_far()).search) if self.steps else result

    def so_far(self) -> Found:
        """What is known in the middle of the search, which nothing has stopped."""
        decided = self.decide()
        if isinstance(decided, Found):
            return decided
        steps = [Step(step.rate, step.outcome, step.seconds) for step, _ in self.steps]
        stopped = next_step(replace(self.test.search, max_steps=len(steps)), steps, 0.0)
        if not isinstance(stopped, Found):
            raise TypeError("a search without steps left has an end")
        return replace(stopped, stopped="")


def search_test(file: Path, overrides: Overrides, out: Path, *, ascii_only: bool, setting: Setting) -> int:
    """Searches with the test of `file`; returns the exit code. Raises ConfigurationError before any load is sent.

    With the setting's bus the workers are elsewhere, and come back to the lobby for each step.
    """
    test = searchable(_beginning(read_test(file, overrides), overrides.rate))
    stores = setting.stores()
    style = style_of(sys.stdout, ascii_only=ascii_only)
    log = run.prepare(out)
    with setting.lobby(steps=True) as lobby:
        test, payloads = gathered(test, setting.resolver(style))
        url = runtime_url(test.endpoint)
        asked = run.look_at_endpoint(test, payloads, url)
        fleet = fleet_of(test.endpoint)
        _check(fleet, test)
        run.try_out(stores, test, setting.run)
        with _held_signals() as signals:
            mirrors = Mirrors(stores)
            begun = (test, payloads, url, out, log, style, asked, fleet, setting.run)
            return _to_its_end(_Search(*begun, mirrors, setting.bus, lobby), signals, stores)


def _to_its_end(search: _Search, signals: list[int], stores: tuple[Store, ...]) -> int:
    with contextlib.closing(search.mirrors):
        decided, aborted = _steps(search, signals)
    if search.lobby:
        search.lobby.end()
    rows = search.rows[found.counted(decided.rate, search.steps)]
    result, files = run.write(search.result(decided, aborted), rows, search.out)
    result, files, places = run.deliver(result, files, rows, search.out, stores)
    run.drop_empty(search.log)
    print("\n".join(search_summary(result, files, search.style)), flush=True)
    for place in places:
        print(search.style.plain(f"  also in {place}"), flush=True)
    if search.lobby:
        search.lobby.see_off()
    return result.verdict.exit_code


def _beginning(test: LoadTest, rate: float | None) -> LoadTest:
    """The flag `--rate` says where to begin, as it wins over the file in a run, too."""
    return replace(test, search=replace(test.search, start_rate=rate)) if rate else test


def _check(fleet: Fleet, test: LoadTest) -> None:
    if moving := unsteady(fleet, fleet):
        raise ConfigurationError(
            f"endpoint.name: {moving}. A search needs a fixed number of instances; wait, then search"
        )
    if fleet.unknown and not test.search.instances:
        print(
            f"DescribeEndpoint could not be asked ({fleet.unknown}), so nobody sees whether the number of instances "
            "stays the same, and the advice has no instances. Allow sagemaker:DescribeEndpoint or set search.instances",
            flush=True,
        )


def _steps(search: _Search, signals: list[int]) -> tuple[Found, str]:
    """Tries rates until it is known which holds, or until something takes the ground away."""
    while isinstance(decided := search.decide(), Try):
        screen = TerminalScreen(search.test, sys.stdout, search.style)
        number = f"step {len(search.steps) + 1}: {per_second(decided.rate)}"
        why = _WORDS[decided.why] if search.steps else "to begin with"
        screen.event(0.0, f"{number} for {search.seconds(decided.rate):g} s, {why}")
        result = _one(search, decided)
        step = found.step_of(result, decided.rate, decided.why)
        search.steps.append((step, result))
        screen.event(0.0, f"{number} {step.outcome}: {result.verdict.headline}")
        if step.outcome == "short":
            search.stretch *= 2
        if result.verdict.exit_code in (ExitCode.WORKERS_LOST, ExitCode.ENDED_EARLY):
            return _aborted(search, f"step {len(search.steps)} did not reach its end")
        if moving := unsteady(search.fleet, fleet_of(search.test.endpoint)):
            if len(search.steps) > 1:
                search.steps.pop()
            return _aborted(search, f"{moving}, and rates of different fleets cannot be compared")
        if signals:
            return _aborted(search, f"{signal.Signals(signals[0]).name} between two steps")
    return decided, ""


_WORDS = {
    "grow": "twice the last",
    "lower": "half of the last",
    "narrow": "between what held and what was over",
    "confirm": "once more, to confirm it",
    "again": "once more",
}


def _aborted(search: _Search, words: str) -> tuple[Found, str]:
    return search.so_far(), words


def _one(search: _Search, decided: Try) -> r.Result:
    """One step as a run of its own, with fresh processes: nothing of the step before is left in them."""
    test = replace(search.test, load=load_at(search.test.load, decided.rate, search.seconds(decided.rate)))
    screen = TerminalScreen(test, sys.stdout, search.style)
    begun = (test, search.payloads, search.url, search.asked, search.out, search.log)
    bus = search.bus
    if bus and search.steps:
        bus = replace(bus, max_wait_seconds=min(bus.max_wait_seconds, _BACK_SECONDS))
    result, tally = run.run_once(
        *begun, screen, search.run, search.mirrors, search.dressed, bus=bus, lobby=search.lobby
    )
    search.rows.append(tally.timeline.settled_rows())
    return result


@contextlib.contextmanager
def _held_signals() -> Iterator[list[int]]:
    """Between steps, too, a signal ends the search with a report."""
    signals: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, lambda number, _: signals.append(number)) for n in numbers}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
