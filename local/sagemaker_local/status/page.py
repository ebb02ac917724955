"""The facts as a page and as JSON. The page loads nothing, works without script and never scrolls by itself."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sagemaker_local.status.facts import StatusFacts
from sagemaker_local.status.gathering import Gathering

_MIB = 1024 * 1024
_SIGNS = {"InService": "●", "Starting": "◐", "Stopping": "○", "Unhealthy": "✗"}
_TONES = {
    "InService": "good",
    "Failed": "bad",
    "OutOfService": "bad",
    "UpdateRollbackFailed": "bad",
    "Unhealthy": "bad",
}


def percent(share: float | None) -> str:
    """``90.7 %``; ``–`` for none."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< 0.1 %"
    return f"{share * 100:.3g} %" if share in (0, 1) or share < 0.9995 else "99.9 %"


def duration(seconds: float) -> str:
    """``6m9s``, ``3h2m``, ``42 s``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60}s"
    return f"{whole // 3600}h{whole // 60 % 60}m"


def milliseconds(found: float | None) -> str:
    """``4.21 ms``, ``1,788 ms``; ``–`` for none."""
    if found is None:
        return "–"
    return f"{found:.3g} ms" if found < 999.5 else f"{found:,.0f} ms"


def _clock(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}"


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _memory(size: int | None) -> str:
    return "–" if size is None else f"{size / _MIB:,.0f} MiB"


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "percent": percent,
        "duration": duration,
        "clock": _clock,
        "moment": _moment,
        "memory": _memory,
        "sign": lambda status: _SIGNS.get(status, "◐"),
        "milliseconds": milliseconds,
        "place": lambda endpoint: f"{endpoint.account}-{endpoint.region}-{endpoint.name}",
        "tone": lambda status: _TONES.get(status, "busy"),
    }
    return found


_TEMPLATE = _environment().get_template("status.html")


def render(facts: StatusFacts, nonce: str) -> str:
    """The whole page; ``nonce`` marks the one script that may run."""
    return _TEMPLATE.render(facts=facts, nonce=nonce)


class StatusPage:
    """Answers for the admin API."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering

    async def html(self) -> web.Response:
        """For people."""
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        text = render(await self._gathering.facts(), nonce)
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def json(self) -> web.Response:
        """The same for programs."""
        text = json.dumps(asdict(await self._gathering.facts()))
        return web.Response(text=text, content_type="application/json", headers={"Cache-Control": "no-store"})
