"""`sagemaker-loadtest run` and `report`, end to end: read, check, run, judge, write."""

import contextlib
import datetime as dt
import json
import platform
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from sagemaker_loadtest import SCHEMA_VERSION, version
from sagemaker_loadtest.api import variants
from sagemaker_loadtest.api.codec import DecodeError, decode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.command.preparation import first_request, gathered, place_inputs
from sagemaker_loadtest.command.screen import TerminalScreen, style_of
from sagemaker_loadtest.command.setting import Setting
from sagemaker_loadtest.command.terminal import Style, summary
from sagemaker_loadtest.exchange.credentials import standard_chain
from sagemaker_loadtest.exchange.target import asked_split, host_header, probe, runtime_url
from sagemaker_loadtest.judge.build import RunFacts, build_result
from sagemaker_loadtest.judge.result import Result, ToolFacts, VerdictFacts
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.timeline import Row
from sagemaker_loadtest.pods.lobby import Lobby
from sagemaker_loadtest.report import write_reports, write_result, write_series
from sagemaker_loadtest.storage.mirror import Mirrors
from sagemaker_loadtest.storage.partial import Keeper
from sagemaker_loadtest.storage.store import Store, StoreError
from sagemaker_loadtest.supervise.supervisor import Bus, Ending, Supervisor, moment
from sagemaker_loadtest.testfile.parse import Overrides, read_test
from sagemaker_loadtest.workload.payloads import Payload

LOG = "generator.log"
_GOES_ON = "If the run goes on, its last result will stand here; if it was killed, run it again to its end."


def run_test(file: Path, overrides: Overrides, out: Path, *, ascii_only: bool, setting: Setting | None = None) -> int:
    """Runs the test of `file`; returns the exit code of its verdict.

    Raises ConfigurationError before any load is sent.
    """
    setting = setting or Setting()
    test = read_test(file, overrides)
    stores = setting.stores()
    style = style_of(sys.stdout, ascii_only=ascii_only)
    log = prepare(out)
    with setting.lobby() as lobby:
        test, payloads = gathered(test, setting.resolver(style))
        return _run(test, payloads, out, log, style, setting, stores, lobby)


def _run(
    test: LoadTest,
    payloads: tuple[Payload, ...],
    out: Path,
    log: Path,
    style: Style,
    setting: Setting,
    stores: tuple[Store, ...],
    lobby: Lobby | None,
) -> int:
    screen = TerminalScreen(test, sys.stdout, style)
    supervisor = Supervisor(test.workers, log, screen, bus=setting.bus, watcher=lobby)
    try:
        url = runtime_url(test.endpoint)
        asked = look_at_endpoint(test, payloads, url)
        try_out(stores, test, setting.run)
        with supervisor.catching_signals():
            begun = _Begun(test, payloads, url, asked, setting.run)
            with contextlib.closing(Mirrors(stores)) as mirrors:
                result, tally = _through(supervisor, begun, out, screen, mirrors, lobby=lobby)
            rows = tally.timeline.settled_rows()
            result, files = write(result, rows, out)
            result, files, places = deliver(result, files, rows, out, stores)
            drop_empty(log)
            print("\n".join(summary(result, files, style, places)), flush=True)
    finally:
        supervisor.close()
    return result.verdict.exit_code


def run_once(
    test: LoadTest,
    payloads: tuple[Payload, ...],
    url: str,
    asked: dict[str, float],
    out: Path,
    log: Path,
    screen: TerminalScreen,
    run: str,
    mirrors: Mirrors,
    dress: Callable[[Result], Result] = lambda result: result,
    *,
    bus: Bus | None = None,
    lobby: Lobby | None = None,
) -> tuple[Result, Tally]:
    """One run of a test that has been looked at before; its last result is returned and not written.

    `dress` adds to the partial results what is known beside the run. The lobby stays open for the next one.
    """
    supervisor = Supervisor(test.workers, log, screen, bus=bus, watcher=lobby)
    try:
        with supervisor.catching_signals():
            return _through(supervisor, _Begun(test, payloads, url, asked, run), out, screen, mirrors, dress)
    finally:
        supervisor.close()


def _through(
    supervisor: Supervisor,
    begun: "_Begun",
    out: Path,
    screen: TerminalScreen,
    mirrors: Mirrors,
    dress: Callable[[Result], Result] = lambda result: result,
    lobby: Lobby | None = None,
) -> tuple[Result, Tally]:
    tally = Tally(begun.test.load, begun.test.answer_seconds)
    keeper = Keeper(
        lambda so_far: dress(begun.result(tally, so_far, partial=True)),
        out,
        lambda text: screen.event(tally.elapsed, text),
        mirrors,
    )
    supervisor.on_tick = keeper.tick
    ending = supervisor.run(begun.test, begun.url, tally)
    if lobby:
        lobby.end()
    supervisor.close()
    screen.clear()
    return begun.result(tally, ending), tally


def look_at_endpoint(test: LoadTest, payloads: tuple[Payload, ...], url: str) -> dict[str, float]:
    """One call, and the split that the endpoint was given; while the workers load Locust, so that it costs no time."""
    source = standard_chain()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asked_split, test.endpoint)
        place_inputs(test, payloads)
        if payloads:
            probe(url, first_request(test, payloads, host_header(url)), test.endpoint, source)
        split = asked.result()
        variants.check(test, split)
        return split


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of a run when it begins, and stays the same until its end."""

    test: LoadTest
    payloads: tuple[Payload, ...]
    url: str
    asked: dict[str, float]
    run: str

    def result(self, tally: Tally, ending: Ending, *, partial: bool = False) -> Result:
        """The result at its end or, `partial`, of what has run so far."""
        epoch = ending.start_epoch
        start = dt.datetime.fromtimestamp(epoch, dt.UTC) if epoch else dt.datetime.now(dt.UTC)
        written = moment(ending.passed(), self.test.load.duration_seconds)
        facts = RunFacts(
            run=self.run,
            start=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            url=self.url,
            tool=ToolFacts(version(), metadata.version("locust"), platform.python_version()),
            asked=self.asked,
            losses=tuple(ending.losses),
            ended_early=f"written {written}, while the run went on" if partial else ending.ended_early,
            advice=_GOES_ON if partial else ending.advice,
            partial=partial,
        )
        return build_result(self.test, self.payloads, tally, facts)


def try_out(stores: tuple[Store, ...], test: LoadTest, run: str) -> None:
    """Each place for results, before the load and not after it. Raises ConfigurationError."""
    for store in stores:
        store.try_out(test, run)


def prepare(out: Path) -> Path:
    """The result's folder, tried out before the load and not after it."""
    log = out / LOG
    try:
        out.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
    except OSError as error:
        raise ConfigurationError(
            f"--out {out}: cannot be written to ({error.strerror}). Name another folder"
        ) from error
    return log


def drop_empty(log: Path) -> None:
    try:
        if not log.stat().st_size:
            log.unlink()
    except OSError:
        return


def write(result: Result, rows: Sequence[tuple[int, Row]], out: Path) -> tuple[Result, list[str]]:
    """Writes everything; a result that cannot be written is an early end, whatever the numbers say."""
    try:
        paths = (*write_reports(result, out), write_series(rows, out), write_result(result, out))
        return result, [str(path) for path in paths]
    except OSError as error:
        reason = f"the result could not be written to {out} ({error.strerror})"
        lost = "That folder has the result so far, if anything."
        return _unwritten(result, reason, lost, "Make room, then run it again."), []


def deliver(
    result: Result, files: list[str], rows: Sequence[tuple[int, Row]], out: Path, stores: tuple[Store, ...]
) -> tuple[Result, list[str], list[str]]:
    """Puts the files where else they are to be; one place that cannot be written to keeps no other from its copy, nor
    does a folder without files.
    """
    places = []
    for store in stores:
        try:
            places.append(store.put(result, [Path(name) for name in files]))
        except StoreError as error:
            kept = f"All files are in {out}." if files else ""
            fetch = "Fetch them from there while it lasts; mend" if files else "Mend"
            advice = f"{fetch} the place for results before the next run."
            result, files = write(_unwritten(result, str(error), kept, advice), rows, out)
    return result, files, places


def _unwritten(result: Result, reason: str, consequence: str, advice: str) -> Result:
    own = result.verdict
    told = (
        own.headline
        if own.exit_code == ExitCode.ENDED_EARLY
        else f"But for that, exit code {own.exit_code}: {own.headline}"
    )
    reasons = (f"{told}.", *filter(None, (*own.reasons, consequence)))
    headline = f"Ended early: {reason}"
    return replace(result, verdict=VerdictFacts("endedEarly", int(ExitCode.ENDED_EARLY), headline, reasons, advice))


def report_again(file: Path, out: Path) -> int:
    """Writes the reports of a result anew. Raises ConfigurationError when `file` is no result of this version."""
    result = read_result(file)
    try:
        paths = write_reports(result, out)
    except OSError as error:
        raise ConfigurationError(
            f"--out {out}: cannot be written to ({error.strerror}). Name another folder"
        ) from error
    print("\n".join(str(path) for path in paths))
    return 0


def read_result(file: Path) -> Result:
    """The result in `file`. Raises ConfigurationError with what is wrong about it."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file} is no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("schemaVersion") != SCHEMA_VERSION:
        found = data.get("schemaVersion") if isinstance(data, dict) else None
        raise ConfigurationError(
            f"{file} has schemaVersion {found}; this version reads {SCHEMA_VERSION}. Take the result.json of a run"
        )
    try:
        return decode(Result, data)
    except DecodeError as error:
        raise ConfigurationError(f"{file} is no result of a load test: {error}") from error
