"""How a worker asks its master for its job, over HTTP, before it speaks to Locust at all."""

import contextlib
import http.client
import json
import signal
import time
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from sagemaker_loadtest.api.codec import DecodeError, decode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.units import format_duration
from sagemaker_loadtest.judge.verdict import ExitCode
from sagemaker_loadtest.measure.wire import Job
from sagemaker_loadtest.pods import lobby

ANOTHER_MASTER = "Another master answers at the address of ours"
_ASK_SECONDS = 0.5
_CALL_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """`max_wait_seconds` for a master; `patience_seconds` without a sign of it until it counts as gone."""

    master_url: str
    run: str
    name: str
    max_wait_seconds: float = 300.0
    patience_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What the master `instance` gives to do: the `step`-th job; `more`: another may follow."""

    instance: str
    step: int
    more: bool
    job: Job


class NoMasterError(Exception):
    """No master of this run came, or it went away. `exit_code` says which."""

    def __init__(self, exit_code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _ask(invitation: Invitation, after: int) -> tuple[int, dict[str, Any]]:
    return call(invitation, f"/job?{urlencode({'run': invitation.run, 'name': invitation.name, 'after': after})}")


def first_turn(invitation: Invitation, signals: list[int]) -> Turn:
    """Asks for the job until there is one. Another run's master is waited out: this run's may still come. Our own may
    take its time, while it waits for its endpoint; once seen, it is not to vanish.
    """
    deadline = time.monotonic() + invitation.max_wait_seconds
    seen: float | None = None
    told = ""
    while True:
        status, answer = _ask(invitation, 0)
        if status == 200:
            return _accepted(invitation, answer)
        if status == lobby.OVER:
            raise NoMasterError(ExitCode.ENDED_EARLY, f"Too late: {answer.get('message')}")
        now = time.monotonic()
        if status == lobby.WAIT:
            seen = now
        elif seen is not None and now - seen > invitation.patience_seconds:
            raise NoMasterError(ExitCode.ENDED_EARLY, "The master went away before the test began")
        reason = str(answer.get("message") or f"HTTP {status}")
        if reason != told:
            told = reason
            say(f"waiting for the master of run {invitation.run} at {invitation.master_url}: {reason}")
        if signals:
            _stopped(signals)
        if seen is None and now > deadline:
            waited = format_duration(invitation.max_wait_seconds)
            raise NoMasterError(
                ExitCode.WORKERS_LOST,
                f"No master of run {invitation.run} at {invitation.master_url} within {waited}: {reason}",
            )
        time.sleep(_ASK_SECONDS)


def following(invitation: Invitation, signals: list[int], done: Turn) -> Turn | None:
    """Asks for the job after `done` until there is one; None when the run is over."""
    seen = time.monotonic()
    while True:
        status, answer = _ask(invitation, done.step)
        if status in (200, lobby.WAIT, lobby.OVER) and answer.get("instance") != done.instance:
            raise NoMasterError(ExitCode.ENDED_EARLY, ANOTHER_MASTER)
        if status == 200:
            return _accepted(invitation, answer)
        if status == lobby.OVER and answer.get("over"):
            call(invitation, "/farewell", invitation.name.encode())
            return None
        if status == lobby.OVER:
            raise NoMasterError(ExitCode.ENDED_EARLY, f"Too late: {answer.get('message')}")
        now = time.monotonic()
        if status == lobby.WAIT:
            seen = now
        elif now - seen > invitation.patience_seconds:
            raise NoMasterError(ExitCode.ENDED_EARLY, f"The master went away after step {done.step}")
        if signals:
            name = signal.Signals(signals[0]).name
            raise NoMasterError(ExitCode.ENDED_EARLY, f"Stopped by {name} after step {done.step}")
        time.sleep(_ASK_SECONDS)


def _accepted(invitation: Invitation, answer: dict[str, Any]) -> Turn:
    host = urlsplit(invitation.master_url).hostname or ""
    try:
        job = replace(decode(Job, answer["job"]), name=invitation.name, master_host=host)
        return Turn(answer["instance"], answer["step"], answer["more"], job)
    except (DecodeError, KeyError) as error:
        raise ConfigurationError(
            f"the master at {invitation.master_url} speaks another version ({error}). Use one image for both"
        ) from error


def _stopped(signals: list[int]) -> NoReturn:
    name = signal.Signals(signals[0]).name
    raise NoMasterError(ExitCode.ENDED_EARLY, f"Stopped by {name} before any load was sent")


def call(invitation: Invitation, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
    """Status and JSON; status 0 with a message when nobody answers."""
    parts = urlsplit(invitation.master_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_CALL_SECONDS)
    try:
        with contextlib.closing(connection):
            connection.request("POST" if body is not None else "GET", path, body)
            response = connection.getresponse()
            text = response.read()
            document = json.loads(text) if text else {}
            return response.status, document if isinstance(document, dict) else {}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return 0, {"message": getattr(error, "strerror", None) or str(error) or type(error).__name__}


def say(text: str) -> None:
    """A line for those who read the pod's log."""
    print(text, flush=True)
