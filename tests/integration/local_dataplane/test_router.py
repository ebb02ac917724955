"""The router as clients see it: choice of variant, errors of the runtime API, switches without a lost call."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httptools
import pytest
from botocore.exceptions import ClientError

from sagemaker_local.hosting.images import ImageRule
from sagemaker_local.router.routes import Instance, RoutingStrategy, VariantRoute

ACCOUNT = "111122223333"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261124/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
)

# Says who it is and what it was sent; body "sleep N" takes N seconds, "die" ends it without an answer.
CONTAINER = """
import http.server, json, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if body == "die":
            os._exit(3)
        if body.startswith("sleep "):
            open(os.path.join(os.environ["SM_MODEL_DIR"], "busy"), "w").close()
            time.sleep(float(body[6:]))
        answer = {"name": os.environ["NAME"], "pid": os.getpid(), "path": self.path, "headers": dict(self.headers)}
        answer = json.dumps(answer).encode()
        self.send_response(int(body[7:]) if body.startswith("status ") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Amzn-SageMaker-Custom-Attributes", "from-the-container")
        self.send_header("Server-Secret", "inside")
        if body == "unbounded":
            self.send_header("Connection", "close")
        elif body == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            answer = b"%x\\r\\n%b\\r\\n0\\r\\n\\r\\n" % (len(answer), answer)
        else:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer.request_queue_size = 256
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def rules(tmp_path_factory: pytest.TempPathFactory) -> tuple[ImageRule, ...]:
    script = tmp_path_factory.mktemp("container") / "container.py"
    script.write_text(CONTAINER)
    return (ImageRule("test/container:*", (sys.executable, str(script)), {"NAME": "unnamed"}),)


async def fleet(here: Any, name: str, count: int = 1) -> Any:
    found = here.fleet("test/container:1", environment={"NAME": name}, variant_name=name, count=count)
    await found.started()
    return found


async def refusal(here: Any, body: bytes, **fields: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        await here.invoke(body, **fields)
    response: dict[str, Any] = caught.value.response
    return response


async def raw(here: Any, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """One request as bytes; the reply up to the end of the connection."""
    host, _, port = here.public.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    writer.close()
    return int(head[0].split()[1]), headers, body


def test_traffic_follows_the_weights_and_every_reply_names_its_variant(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("ab", VariantRoute("a", 90, echo=True), VariantRoute("b", 10, echo=True))
            counted: Counter[str] = Counter()
            client = here.aws.client("sagemaker-runtime", here.public)

            def call(times: int) -> None:
                for _ in range(times):
                    reply = client.invoke_endpoint(EndpointName="ab", Body=b"x", ContentType="text/csv")
                    counted[reply["InvokedProductionVariant"]] += 1

            await asyncio.to_thread(call, 1500)
            assert abs(counted["b"] - 150) < 3.3 * math.sqrt(1500 * 0.1 * 0.9)
            counts = await here.router.counts()
            assert {variant: each.invocations for (_, variant, _), each in counts.items()} == dict(counted)

            await here.publish("ab", VariantRoute("a", 0, echo=True), VariantRoute("b", 1, echo=True))
            counted.clear()
            await asyncio.to_thread(call, 50)
            assert counted == {"b": 50}
            reply = await here.invoke(b"x", "ab", TargetVariant="a")
            assert reply["InvokedProductionVariant"] == "a"
            assert (
                "Variant c not found"
                in (await refusal(here, b"x", endpoint="ab", TargetVariant="c"))["Error"]["Message"]
            )

            await here.publish("ab", VariantRoute("a", 0, echo=True))
            assert (await refusal(here, b"x", endpoint="ab"))["Error"]["Code"] == "ValidationError"

    asyncio.run(go())


def test_a_container_sees_the_request_without_credentials_and_the_client_its_reply(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            await here.serve(await fleet(here, "main"))
            fields = {"ContentType": "text/csv; charset=utf-8", "Accept": "application/json"}
            reply = await here.invoke(b"1,2", CustomAttributes="c=1", InferenceId="i", **fields)
            seen = json.loads(reply["Body"])
            headers = {name.lower(): value for name, value in seen["headers"].items()}
            assert seen["path"] == "/invocations"
            assert headers["content-type"] == "text/csv; charset=utf-8"
            assert headers["accept"] == "application/json"
            assert headers["x-amzn-sagemaker-custom-attributes"] == "c=1"
            assert headers["x-amzn-sagemaker-inference-id"] == "i"
            assert not {"authorization", "x-amz-date", "amz-sdk-request", "user-agent"} & set(headers)
            assert reply["CustomAttributes"] == "from-the-container"
            assert reply["InvokedProductionVariant"] == "main"
            assert "server-secret" not in reply["ResponseMetadata"]["HTTPHeaders"]
            other = await here.invoke(b"1,2")
            assert other["ResponseMetadata"]["RequestId"] != reply["ResponseMetadata"]["RequestId"]
            for body in (b"chunked", b"unbounded", b"1"):
                assert json.loads((await here.invoke(body))["Body"])["name"] == "main"

    asyncio.run(go())


def test_errors_of_the_runtime_api(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules, router={"max_body_bytes": 1000, "model_timeout_seconds": 0.6}) as here:
            await here.serve(await fleet(here, "main"))

            error = await refusal(here, b"1", endpoint="nowhere")
            assert error["Error"]["Code"] == "ValidationError"
            assert error["Error"]["Message"] == f"Endpoint nowhere of account {ACCOUNT} not found."
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
            assert error["ResponseMetadata"]["RequestId"]
            assert (await refusal(here, b"1", endpoint="FRAUD"))["Error"]["Code"] == "ValidationError"

            error = await refusal(here, b"x" * 1001)
            assert "less than or equal to 1000" in error["Error"]["Message"]
            assert (await here.invoke(b"x" * 1000))["ResponseMetadata"]["HTTPStatusCode"] == 200

            for status, word in ((400, "client"), (503, "server")):
                error = await refusal(here, b"status %d" % status)
                assert error["Error"]["Code"] == "ModelError"
                assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
                assert error["OriginalStatusCode"] == status
                assert json.loads(error["OriginalMessage"])["name"] == "main"
                assert error["Error"]["Message"].startswith(
                    f"Received {word} error ({status}) from primary with message"
                )
                assert "/aws/sagemaker/Endpoints/fraud" in error["LogStreamArn"]
                assert error["ResponseMetadata"]["HTTPHeaders"]["x-amzn-invoked-production-variant"] == "main"

            error = await refusal(here, b"sleep 5")
            assert error["Error"]["Code"] == "ModelError"
            assert error["OriginalStatusCode"] == 0
            assert error["OriginalMessage"].startswith("Your invocation timed out while waiting for a response")

            error = await refusal(here, b"die")
            assert error["Error"]["Code"] == "ModelError"
            assert error["OriginalMessage"] == "The container closed the connection before it answered."

            await here.publish("fraud", VariantRoute("main", 1, (Instance("i-0", "127.0.0.1", 9),)))
            error = await refusal(here, b"1")
            assert error["Error"]["Code"] == "ServiceUnavailable"
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 503

            await here.publish("fraud", VariantRoute("main", 1, echo=True), status="Creating")
            error = await refusal(here, b"1")
            assert error["Error"]["Message"].startswith(
                f"Endpoint fraud of account {ACCOUNT} not found. (Its status is"
            )
            for status in ("Updating", "RollingBack", "SystemUpdating", "UpdateRollbackFailed"):
                await here.publish("fraud", VariantRoute("main", 1, echo=True), status=status)
                assert (await here.invoke(b"1"))["Body"] == b"1"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ("", "MissingAuthenticationTokenException"),
        ("Authorization: Bearer x\r\n", "IncompleteSignatureException"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=0\r\n", "IncompleteSignatureException"),
    ],
)
def test_who_does_not_sign_is_not_answered(world: Any, headers: str, code: str) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("e", VariantRoute("v", 1, echo=True))
            request = f"POST /endpoints/e/invocations HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 1\r\n\r\nx"
            status, replied, body = await raw(here, request.encode())
            assert (status, replied["x-amzn-errortype"]) == (403, code)
            assert json.loads(body)["message"]

    asyncio.run(go())


def test_account_and_region_come_from_the_signature(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("e", VariantRoute("v", 1, echo=True))

            async def status(credential: str) -> int:
                head = f"Host: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential={credential}/aws4_request, Signature=0"
                request = f"POST /endpoints/e/invocations HTTP/1.1\r\n{head}\r\nContent-Length: 1\r\n\r\nx"
                return (await raw(here, request.encode()))[0]

            assert await status(f"{ACCOUNT}/20261124/eu-west-1/sagemaker") == 200
            assert await status(f"{ACCOUNT}/20261124/eu-west-2/sagemaker") == 400
            assert await status("999988887777/20261124/eu-west-1/sagemaker") == 400
            assert await status("AKIAXXXXXXXX/20261124/eu-west-1/sagemaker") == 400

    asyncio.run(go())


def test_pipelined_and_split_requests_are_answered_in_order(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("e", VariantRoute("v", 1, echo=True))
            bodies = [b"one", b"two", b"", b"three" * 1000]
            head = f"POST /endpoints/e/invocations HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n"
            wire = b"".join(head.encode() + b"Content-Length: %d\r\n\r\n%b" % (len(each), each) for each in bodies)
            host, _, port = here.public.removeprefix("http://").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            for start in range(0, len(wire), 97):
                writer.write(wire[start : start + 97])
                await writer.drain()
                await asyncio.sleep(0)
            for body in bodies:
                replied = await reader.readuntil(b"\r\n\r\n")
                assert b"Content-Length: %d\r\n" % len(body) in replied
                assert await reader.readexactly(len(body)) == body
            writer.close()

    asyncio.run(go())


def test_everything_else_is_streamed_to_the_control_plane(world: Any, aws: Any) -> None:
    async def go() -> None:
        async with world() as here:

            def use() -> None:
                direct, through = aws.client("s3"), aws.client("s3", here.public)
                content = os.urandom(3_000_000)
                through.put_object(Bucket="models", Key="through", Body=content)  # Expect: 100-continue
                assert direct.get_object(Bucket="models", Key="through")["Body"].read() == content
                assert through.get_object(Bucket="models", Key="through")["Body"].read() == content
                assert through.head_object(Bucket="models", Key="through")["ContentLength"] == len(content)
                through.upload_fileobj(io.BytesIO(os.urandom(20_000_000)), "models", "parts")
                assert through.head_object(Bucket="models", Key="parts")["ContentLength"] == 20_000_000
                with pytest.raises(ClientError):
                    through.head_object(Bucket="models", Key="absent")
                through.delete_object(Bucket="models", Key="parts")

            await asyncio.to_thread(use)

    asyncio.run(go())


def test_without_a_control_plane_the_answer_is_503(world: Any) -> None:
    async def go() -> None:
        async with world(router={"upstream_port": 9}) as here:
            status, _, body = await raw(here, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            assert status == 503
            assert json.loads(body)["__type"] == "ServiceUnavailable"

    asyncio.run(go())


def test_what_is_not_http_is_refused(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            assert (await raw(here, b"hello\r\n\r\n"))[0] == 400

    asyncio.run(go())


class Load:
    """Closed-loop clients on raw connections; every reply is counted, nothing is repeated."""

    def __init__(self, here: Any, clients: int) -> None:
        host, _, port = here.public.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self._running = True
        self.variants: Counter[str] = Counter()
        self.failed: list[str] = []
        self._tasks = [asyncio.create_task(self._client()) for _ in range(clients)]

    async def _client(self) -> None:
        request = (
            f"POST /endpoints/fraud/invocations HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n"
            "Content-Length: 1\r\n\r\nx"
        ).encode()
        reader, writer = await asyncio.open_connection(*self._address)
        while self._running:
            writer.write(request)
            reply = Reply()
            parser = httptools.HttpResponseParser(reply)
            while not reply.complete:
                data = await reader.read(65536)
                if not data:
                    self.failed.append("connection closed")
                    return
                parser.feed_data(data)
            if parser.get_status_code() != 200:
                self.failed.append(f"{parser.get_status_code()} {reply.body!r}")
            self.variants[reply.headers.get("x-amzn-invoked-production-variant", "?")] += 1
        writer.close()

    async def reach(self, here: Any, more: int) -> None:
        """Wait until so many more calls are answered."""
        goal = self.variants.total() + more
        await here.until(lambda: self.variants.total() >= goal or bool(self.failed))

    async def end(self) -> None:
        self._running = False
        await asyncio.gather(*self._tasks)


class Reply:
    def __init__(self) -> None:
        self.complete, self.body = False, b""
        self.headers: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


def test_a_blue_green_switch_under_load_loses_no_call(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            blue = await fleet(here, "blue", 2)
            await here.serve(blue)
            load = Load(here, 16)
            await load.reach(here, 200)
            for turn in range(4):
                green = await fleet(here, f"green{turn}", 2)
                await here.serve(green)
                await here.router.drained(
                    Instance(each.instance_id, "127.0.0.1", each.port) for each in blue.instances if each.port
                )
                await blue.stop()
                await load.reach(here, 200)
                blue = green
            await load.end()
            assert not load.failed
            assert set(load.variants) == {"blue", *(f"green{turn}" for turn in range(4))}

    asyncio.run(go())


def test_a_killed_instance_under_load_loses_no_call(world: Any, rules: Any) -> None:
    async def go() -> None:
        async with world(rules) as here:
            main = await fleet(here, "main", 2)
            await here.serve(main)
            load = Load(here, 8)
            await load.reach(here, 100)
            os.kill(main.instances[0].pid, signal.SIGKILL)
            await here.until(lambda: main.instances[0].restarts == 1 and here.in_service(main))
            await here.serve(main)
            await load.reach(here, 100)
            await load.end()
            assert not load.failed

    asyncio.run(go())


def test_draining_waits_for_the_request_under_way(world: Any, rules: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world(rules) as here:
            old = await fleet(here, "old")
            await here.serve(old)
            calling = asyncio.create_task(here.invoke(b"sleep 1.5"))
            await here.until(lambda: bool(list(tmp_path.glob("fleets/*/model/busy"))))
            await here.publish("fraud", VariantRoute("new", 1, echo=True))
            assert (await here.invoke(b"quick"))["InvokedProductionVariant"] == "new"
            await here.router.drained(old.routes)
            await old.stop()
            assert json.loads((await calling)["Body"])["name"] == "old"

    asyncio.run(go())


def test_least_outstanding_requests_avoids_the_busy_instance(world: Any, rules: Any, tmp_path: Path) -> None:
    async def go() -> None:
        async with world(rules) as here:
            main = await fleet(here, "main", 2)
            strategy = RoutingStrategy.LEAST_OUTSTANDING_REQUESTS
            await here.publish("fraud", VariantRoute("main", 1, main.routes, strategy=strategy))
            slow = asyncio.create_task(here.invoke(b"sleep 2"))
            await here.until(lambda: bool(list(tmp_path.glob("fleets/*/model/busy"))))
            quick = {json.loads((await here.invoke(b"1"))["Body"])["pid"] for _ in range(20)}
            assert not slow.done()
            assert quick == {each.pid for each in main.instances} - {json.loads((await slow)["Body"])["pid"]}

    asyncio.run(go())


def test_a_killed_router_comes_back_on_its_port_with_its_table(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.publish("e", VariantRoute("v", 1, echo=True))
            first = here.router.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await here.until(lambda: here.router.pid not in (None, first))
            assert (await here.invoke(b"still here", "e"))["Body"] == b"still here"
            await here.publish("f", VariantRoute("v", 1, echo=True))
            assert (await here.invoke(b"new", "f"))["Body"] == b"new"

    asyncio.run(go())


def test_a_taken_port_is_an_error(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            port = int(here.public.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                async with world(router={"port": port}):
                    pass

    asyncio.run(go())
