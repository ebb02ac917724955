"""The two commands, end to end: read, check, run, judge, write."""

import datetime as dt
import json
import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from sagemaker_loadtest import SCHEMA_VERSION, version
from sagemaker_loadtest.build import RunFacts, build_result
from sagemaker_loadtest.codec import DecodeError, decode
from sagemaker_loadtest.credentials import standard_chain
from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.payloads import Payload, load_payloads
from sagemaker_loadtest.preparation import first_request, prepared, store
from sagemaker_loadtest.report import write_reports, write_result
from sagemaker_loadtest.result import Result, ToolFacts, VerdictFacts
from sagemaker_loadtest.screen import TerminalScreen, style_of
from sagemaker_loadtest.spec import LoadTest
from sagemaker_loadtest.supervisor import Ending, Supervisor
from sagemaker_loadtest.tally import Tally
from sagemaker_loadtest.target import asked_split, host_header, probe, runtime_url
from sagemaker_loadtest.terminal import summary
from sagemaker_loadtest.testfile import Overrides, read_test
from sagemaker_loadtest.verdict import ExitCode

LOG = "generator.log"


def run_test(file: Path, overrides: Overrides, out: Path, *, ascii_only: bool) -> int:
    """Runs the test of `file`; returns the exit code of its verdict.

    Raises ConfigurationError before any load is sent.
    """
    test = read_test(file, overrides)
    payloads = load_payloads(test)
    test = prepared(test, payloads)
    style = style_of(sys.stdout, ascii_only=ascii_only)
    log = _prepare(out)
    screen = TerminalScreen(test, sys.stdout, style)
    supervisor = Supervisor(test.workers, log, screen)
    try:
        url = runtime_url(test.endpoint)
        asked = _look_at_endpoint(test, payloads, url)
        with supervisor.catching_signals():
            tally = Tally(test.load)
            ending = supervisor.run(test, url, tally)
            supervisor.close()
            screen.clear()
            result, files = _write(build_result(test, payloads, tally, _facts(ending, url, asked)), out)
            _drop_empty(log)
            print("\n".join(summary(result, files, style)), flush=True)
    finally:
        supervisor.close()
    return result.verdict.exit_code


def _look_at_endpoint(test: LoadTest, payloads: tuple[Payload, ...], url: str) -> dict[str, float]:
    """One call, and the split that the endpoint was given; while the workers load Locust, so that it costs no time."""
    source = standard_chain()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asked_split, test.endpoint)
        store(test, payloads)
        if payloads:
            probe(url, first_request(test, payloads, host_header(url)), test.endpoint, source)
        return asked.result()


def _facts(ending: Ending, url: str, asked: dict[str, float]) -> RunFacts:
    start = dt.datetime.fromtimestamp(ending.start_epoch, dt.UTC) if ending.start_epoch else dt.datetime.now(dt.UTC)
    return RunFacts(
        run=os.urandom(4).hex(),
        start=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        url=url,
        tool=ToolFacts(version(), metadata.version("locust"), platform.python_version()),
        asked=asked,
        losses=tuple(ending.losses),
        ended_early=ending.ended_early,
    )


def _prepare(out: Path) -> Path:
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


def _drop_empty(log: Path) -> None:
    try:
        if not log.stat().st_size:
            log.unlink()
    except OSError:
        return


def _write(result: Result, out: Path) -> tuple[Result, list[str]]:
    """Writes everything; a result that cannot be written is an early end, whatever the numbers say."""
    try:
        return result, [str(path) for path in (*write_reports(result, out), write_result(result, out))]
    except OSError as error:
        reason = f"the result could not be written to {out} ({error.strerror})"
        reasons = (*result.verdict.reasons, "The numbers below are all that is left of this run.")
        verdict = VerdictFacts(
            "endedEarly", int(ExitCode.ENDED_EARLY), f"Ended early: {reason}", reasons, "Make room, then run it again."
        )
        return replace(result, verdict=verdict), []


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
