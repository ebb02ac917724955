"""A stand-in for the SageMaker runtime: a small HTTP server whose behaviour the test sets, and which checks signatures
with botocore.
"""

import asyncio
import contextlib
import datetime as dt
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from testkit.loadtest import Run

ACCESS_KEY, SECRET_KEY, TOKEN = "AKIDEXAMPLE", "secret/of+the/test", "session=token//"
REGION = "eu-west-1"
VARIANT = "x-Amzn-Invoked-Production-Variant"


def aws_error(status: int, code: str, message: str, **members: object) -> web.Response:
    return web.json_response({"message": message, **members}, status=status, headers={"x-amzn-errortype": code})


@dataclass
class Stub:
    """What the server does; changed by tests while it runs."""

    url: str = ""
    delay: float = 0.0
    weights: dict[str, int] = field(default_factory=lambda: {"main": 1})
    delays: dict[str, float] = field(default_factory=dict)
    reply: Callable[[int, web.Request], Awaitable[web.StreamResponse | None]] | None = None
    check_signatures: bool = False
    calls: int = 0
    bad_signatures: list[str] = field(default_factory=list)
    bodies: Counter[bytes] = field(default_factory=Counter)
    headers: dict[str, str] = field(default_factory=dict)
    served: Counter[str] = field(default_factory=Counter)
    reached: dict[int, threading.Event] = field(default_factory=dict)
    instances: int = 2
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def after(self, calls: int) -> threading.Event:
        """Set when the server has seen so many calls: how tests act in the middle of a run."""
        return self.reached.setdefault(calls, threading.Event())

    async def control(self, request: web.Request) -> web.Response:
        """DescribeEndpoint and DescribeEndpointConfig, as far as the load tester reads them."""
        if request.headers["X-Amz-Target"] == "SageMaker.DescribeEndpointConfig":
            types = [{"VariantName": name, "InstanceType": "ml.m5.large"} for name in self.weights]
            return web.json_response({"EndpointConfigName": "c", "ProductionVariants": types})
        variants = [
            {
                "VariantName": name,
                "CurrentWeight": weight,
                "CurrentInstanceCount": self.instances,
                "DesiredInstanceCount": self.instances,
            }
            for name, weight in self.weights.items()
        ]
        described = {"EndpointName": "e", "EndpointConfigName": "c", "EndpointStatus": "InService"}
        return web.json_response({**described, "ProductionVariants": variants})

    async def invoke(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.calls += 1
        for number, event in self.reached.items():
            if self.calls >= number:
                event.set()
        self.bodies[body] += 1
        self.headers = dict(request.headers)
        if self.check_signatures and (fault := wrong_signature(request, body)):
            self.bad_signatures.append(fault)
            return aws_error(403, "InvalidSignatureException", fault)
        if self.reply and (own := await self.reply(self.calls, request)) is not None:
            return own
        (variant,) = self.rng.choices(list(self.weights), list(self.weights.values()))
        await asyncio.sleep(self.delays.get(variant, self.delay))
        self.served[variant] += 1
        return web.Response(body=b"0.25\n", content_type="text/csv", headers={VARIANT: variant})


def wrong_signature(request: web.Request, body: bytes) -> str:
    """Signs the received request anew with botocore and compares; empty when they agree."""
    given = request.headers["Authorization"]
    names = given.split("SignedHeaders=")[1].split(",")[0].split(";")
    stamp = request.headers["X-Amz-Date"]
    again = AWSRequest(
        "POST", str(request.url), data=body, headers={n: request.headers[n] for n in names if n != "host"}
    )
    again.headers["Host"] = request.headers["Host"]
    del again.headers["X-Amz-Date"]
    again.context["timestamp"] = stamp
    auth = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "sagemaker", REGION)
    again.headers["X-Amz-Date"] = stamp
    signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    age = abs(
        (dt.datetime.now(dt.UTC) - dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)).total_seconds()
    )
    if age > 300:
        return f"signed {age:.0f} s ago"
    return "" if given.endswith(f"Signature={signature}") else f"{given} instead of {signature}"


@contextlib.contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    """The stub on a free port of the loopback, in a thread with its own event loop."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    runner: web.AppRunner | None = None

    async def start() -> None:
        nonlocal runner
        app = web.Application(client_max_size=16 * 2**20)
        app.router.add_post("/endpoints/{name}/invocations", stub.invoke)
        app.router.add_post("/", stub.control)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield stub
    finally:

        async def stop() -> None:
            if runner:
                await runner.cleanup()

        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as running:
        yield running


@pytest.fixture
def aws_reply() -> Callable[..., web.Response]:
    """Replies as AWS's JSON services write their errors."""
    return aws_error


@pytest.fixture
def start(tmp_path: Path, stub: Stub) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def begin(*flags: str, **changes: Any) -> Run:
        runs.append(Run(tmp_path, stub.url, *flags, **changes))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()
