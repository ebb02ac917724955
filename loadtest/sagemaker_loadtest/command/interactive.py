"""`--web`: the test's endpoint and payloads, and Locust's page instead of a verdict."""

import sys
from dataclasses import replace
from pathlib import Path

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.command.preparation import gathered
from sagemaker_loadtest.command.run import look_at_endpoint, prepare
from sagemaker_loadtest.command.screen import TerminalScreen, style_of
from sagemaker_loadtest.command.setting import Setting
from sagemaker_loadtest.exchange.target import runtime_url
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Page
from sagemaker_loadtest.supervise.supervisor import Supervisor
from sagemaker_loadtest.testfile.parse import Overrides, read_test

_FOR_EVER_SECONDS = 30 * 86_400.0


def serve_page(
    file: Path, overrides: Overrides, out: Path, *, ascii_only: bool, setting: Setting, page: Page, tell_password: bool
) -> int:
    """Serves the page until a signal: exit code 0, or 5 when the master went away.

    Raises ConfigurationError before the page is there.
    """
    test = read_test(file, overrides)
    style = style_of(sys.stdout, ascii_only=ascii_only)
    log = prepare(out)
    with setting.lobby() as lobby:
        test, payloads = gathered(test, setting.resolver(style))
        endless = _endless(test)
        supervisor = Supervisor(
            test.workers, log, TerminalScreen(test, sys.stdout, style), bus=setting.bus, watcher=lobby, page=page
        )
        try:
            url = runtime_url(test.endpoint)
            look_at_endpoint(test, payloads, url)
            host = "127.0.0.1" if page.host in ("0.0.0.0", "::", "") else page.host  # noqa: S104 - only compared
            secret = f", password {page.password}" if tell_password else ""
            print(f"Locust's page: http://{host}:{page.port}   user {page.username}{secret}", flush=True)
            print(style.plain("Ctrl-C ends it."), flush=True)
            with supervisor.catching_signals():
                ending = supervisor.run(endless, url, Tally(endless.load))
                if lobby:
                    lobby.end()
                supervisor.close()
        finally:
            supervisor.close()
    if ending.ended_early and supervisor.failed:
        print(f"{ending.ended_early}. What it said: {log}. Exit code {int(ExitCode.ENDED_EARLY)}", file=sys.stderr)
        return int(ExitCode.ENDED_EARLY)
    return 0


def _endless(test: LoadTest) -> LoadTest:
    """The page says when the load begins and ends, and how fast users come."""
    load = replace(test.load, duration_seconds=_FOR_EVER_SECONDS, warm_up_seconds=0.0, ramp_up_seconds=0.0, stages=())
    return replace(test, load=load)
