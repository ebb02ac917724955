"""The admin API below /_local/: what a test or a demo sees and asks for beyond SageMaker's own API."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web
from yarl import URL

from sagemaker_local.asynchronous.dispatcher import Dispatcher
from sagemaker_local.control.admin_clock import Answer
from sagemaker_local.control.calls import Call, CallLog
from sagemaker_local.control.fault_documents import document_of, fault_of
from sagemaker_local.control.faults import Faults
from sagemaker_local.control.lifecycle.fleets import Fleets
from sagemaker_local.control.limits import RateLimit
from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.control.state.store import Store
from sagemaker_local.hosting.host import Fleet
from sagemaker_local.hosting.types import InstanceState
from sagemaker_local.router.limits import ADMIN_PREFIX

_Answer = Callable[[web.BaseRequest, object], object]


@dataclass(frozen=True, slots=True)
class AdminParts:
    """What the admin API looks at and changes. ``health`` gives process ids by what the process is.

    ``more`` are further answers, by method and path; ``pages`` are answers to GET that are not of JSON alone, by path.
    """

    store: Store
    fleets: Fleets
    faults: Faults
    limit: RateLimit
    calls: CallLog
    health: Callable[[], Mapping[str, int | None]]
    dispatcher: Dispatcher
    more: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    pages: Mapping[str, Callable[[], Awaitable[web.Response]]] = field(default_factory=dict)


class NoSuchPathError(Exception):
    """Answered with 404."""


class Admin:
    """JSON in, JSON out. Browsers' pages are refused: a fault can kill a process."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts
        self._answers: Mapping[tuple[str, str], _Answer] = {
            ("GET", "health"): self._health,
            ("GET", "endpoints"): self._endpoints,
            ("GET", "async"): self._asynchronous,
            ("GET", "calls"): self._calls,
            ("DELETE", "calls"): self._clear_calls,
            ("GET", "calls/summary"): self._summary,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._remove_fault,
            ("GET", "limits"): self._limits,
            ("POST", "limits"): self._set_limits,
        }

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """400 with a sentence for a bad request, 404 for an unknown path."""
        if "Origin" in request.headers:
            return _json(403, {"message": "The admin API is not for web pages."})
        if not _names_this_machine(request.host):
            return _json(403, {"message": "The admin API is for this machine: use its IP address or localhost."})
        path = request.path.removeprefix(ADMIN_PREFIX).rstrip("/")
        found = self._answers.get((request.method, path)) or (
            self._answers.get((request.method, "faults")) if path.startswith("faults/") else None
        )
        more = self._parts.more.get((request.method, path))
        page = self._parts.pages.get(path) if request.method == "GET" else None
        if page is not None:
            return await page()
        try:
            body = json.loads(await request.read() or b"null")
            if more is not None:
                return _json(200, await more(body))
            if found is not None:
                return _json(200, found(request, body))
            raise NoSuchPathError(f"{request.method} {request.path} is not served; see docs/local-reference.md.")
        except NoSuchPathError as error:
            return _json(404, {"message": str(error)})
        except json.JSONDecodeError as error:
            return _json(400, {"message": f"the body must be JSON: {error}"})
        except ValueError as error:
            return _json(400, {"message": str(error)})

    def _health(self, request: web.BaseRequest, body: object) -> object:
        return {"status": "ok", "pids": dict(self._parts.health())}

    def _endpoints(self, request: web.BaseRequest, body: object) -> object:
        return [_endpoint(each, self._parts.fleets) for each in self._parts.store.endpoints()]

    def _asynchronous(self, request: web.BaseRequest, body: object) -> object:
        dispatcher = self._parts.dispatcher
        return {
            "backlogs": [
                {"account": account, "region": region, "endpoint": name, **asdict(backlog)}
                for (account, region, name), backlog in dispatcher.backlogs().items()
            ],
            "counts": [
                {"account": account, "region": region, "endpoint": name, "variant": variant, **asdict(counts)}
                for ((account, region, name), variant), counts in dispatcher.counts().items()
            ],
        }

    def _calls(self, request: web.BaseRequest, body: object) -> object:
        query = request.query
        since = query.get("since", "0")
        if not since.isdigit():
            raise ValueError("since must be the number of a call")
        return [_call(each) for each in self._parts.calls.select(query.get("operation"), int(since), query.get("name"))]

    def _clear_calls(self, request: web.BaseRequest, body: object) -> object:
        self._parts.calls.clear()
        return {}

    def _summary(self, request: web.BaseRequest, body: object) -> object:
        return self._parts.calls.summary()

    def _faults(self, request: web.BaseRequest, body: object) -> object:
        documents = [document_of(each) for each in self._parts.faults]
        wanted = _fault_id(request)
        if wanted is None:
            return documents
        found = next((each for each in documents if each["id"] == wanted), None)
        if found is None:
            raise NoSuchPathError(f"there is no fault {wanted}")
        return found

    def _add_fault(self, request: web.BaseRequest, body: object) -> object:
        fault, times = fault_of(body)
        return {"id": self._parts.faults.add(fault, times)}

    def _remove_fault(self, request: web.BaseRequest, body: object) -> object:
        wanted = _fault_id(request)
        if not self._parts.faults.remove(wanted):
            raise NoSuchPathError(f"there is no fault {wanted}")
        return {}

    def _limits(self, request: web.BaseRequest, body: object) -> object:
        return {"callsPerSecond": self._parts.limit.calls_per_second}

    def _set_limits(self, request: web.BaseRequest, body: object) -> object:
        if not isinstance(body, dict) or body.keys() != {"callsPerSecond"}:
            raise ValueError("the body must be an object with callsPerSecond")
        rate = body["callsPerSecond"]
        if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or rate <= 0):
            raise ValueError("callsPerSecond must be a number above 0, or null for no limit")
        self._parts.limit.calls_per_second = rate
        return self._limits(request, body)


def _names_this_machine(host: str) -> bool:
    """A name that a web page made lead here is refused: the page could read everything."""
    name = URL(f"http://{host}").host or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def _fault_id(request: web.BaseRequest) -> int | None:
    last = request.path.removeprefix(f"{ADMIN_PREFIX}faults").strip("/")
    if not last:
        return None
    if not last.isdigit():
        raise ValueError("a fault is named by its number")
    return int(last)


def _call(call: Call) -> dict[str, Any]:
    document = asdict(call)
    document["userAgent"] = document.pop("user_agent")
    return document


def _endpoint(endpoint: Endpoint, fleets: Fleets) -> dict[str, Any]:
    account, region, name = endpoint.key
    return {
        "account": account,
        "region": region,
        "name": name,
        "status": endpoint.status.value,
        "config": endpoint.config_name,
        "failureReason": endpoint.failure_reason,
        "fleets": [
            *_fleets("serving", fleets.of(endpoint.key)),
            *_fleets("joining", fleets.joining(endpoint.key)),
            *_fleets("stranded", fleets.stranded(endpoint.key)),
            *_fleets("starting", fleets.starting(endpoint.key)),
        ],
    }


def _fleets(role: str, fleets: Mapping[str, Fleet]) -> list[dict[str, Any]]:
    return [
        {"variant": variant, "role": role, "instances": [_instance(each) for each in fleet.instances]}
        for variant, fleet in fleets.items()
    ]


def _instance(instance: InstanceState) -> dict[str, Any]:
    return {
        "id": instance.instance_id,
        "status": instance.status.value,
        "pid": instance.pid,
        "port": instance.port,
        "sharedBy": instance.shared_by,
        "restarts": instance.restarts,
        "models": list(instance.models),
        "containerPorts": list(instance.containers),
        "message": instance.message,
    }


def _json(status: int, document: object) -> web.Response:
    return web.Response(status=status, text=json.dumps(document), content_type="application/json")
