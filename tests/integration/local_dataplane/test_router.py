"""The router as clients see it: choice of variant, errors of the runtime API, switches without a lost call."""

from __future__ import annotations

import asyncio
import io
import json
import math
import os
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.router.routes import Instance, VariantRoute

ACCOUNT = "111122223333"
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261124/eu-west-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
)


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


def test_a_container_sees_the_request_without_credentials_and_the_client_its_reply(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.serve(await here.named("main"))
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


def test_errors_of_the_runtime_api(world: Any) -> None:
    async def go() -> None:
        async with world(router={"max_body_bytes": 1000, "model_timeout_seconds": 0.6}) as here:
            await here.serve(await here.named("main"))

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


def test_a_taken_port_is_an_error(world: Any) -> None:
    async def go() -> None:
        async with world() as here:
            port = int(here.public.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                async with world(router={"port": port}):
                    pass

    asyncio.run(go())
