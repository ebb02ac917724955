"""Sticky sessions: a session that a container opened stays with that container's instance (AWS: Stateful sessions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sagemaker_local.router.board import EndpointTarget, VariantTarget
from sagemaker_local.router.custom_headers import value_of
from sagemaker_local.router.pool import Header
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.router.watching import Outcome, Watcher

_NEW, _CLOSED = b"x-amzn-sagemaker-new-session-id", b"x-amzn-sagemaker-closed-session-id"
_EXPIRES = "; Expires="
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Session:
    """Where a session lives. ``expires`` is seconds since the epoch."""

    variant: str
    instance_id: str
    expires: float


def opened(headers: Sequence[Header]) -> tuple[str, float] | None:
    """Id and expiry of the session that a reply opens: ``<id>; Expires=<yyyy-mm-ddThh:mm:ssZ>``."""
    value = value_of(headers, _NEW)
    if value is None:
        return None
    name, found, time = value.decode("latin-1").partition(_EXPIRES)
    try:
        expires = datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() if found else None
    except ValueError:
        expires = None
    return None if expires is None else (name, expires)


class Sessions:
    """The open sessions of all endpoints; beyond 100,000 the oldest is forgotten."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[EndpointKey, str], Session] = {}

    def pinned(self, endpoint: EndpointTarget, session_id: str, now: float) -> VariantTarget | None:
        """The session's variant reduced to its instance; None when the session is closed, expired or its host gone."""
        session = self._sessions.get((endpoint.route.key, session_id))
        if session is None or session.expires <= now:
            self._sessions.pop((endpoint.route.key, session_id), None)
            return None
        for variant in (*endpoint.variants, *(endpoint.components or {}).values()):
            instances = [each for each in variant.instances if each[0] == session.instance_id]
            if instances and variant.route.name == session.variant:
                return VariantTarget(variant.route, instances, variant.counter, variant.gate)
        return None

    def watcher(self, endpoint: EndpointTarget, variant: VariantTarget) -> Watcher:
        """What takes note of the sessions that a reply opens and closes."""
        key, name = endpoint.route.key, variant.route.name
        return lambda outcome: self._heard(key, name, outcome) if outcome.good else None

    def _heard(self, endpoint: EndpointKey, variant: str, outcome: Outcome) -> None:
        if (new := opened(outcome.headers)) is not None:
            self._sessions[endpoint, new[0]] = Session(variant, outcome.instance_id, new[1])
            if len(self._sessions) > _MOST:
                del self._sessions[next(iter(self._sessions))]
        if (closed := value_of(outcome.headers, _CLOSED)) is not None:
            self._sessions.pop((endpoint, closed.decode("latin-1")), None)
