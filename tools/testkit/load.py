"""Load on an endpoint of local SageMaker: every reply is counted, nothing is repeated."""

from __future__ import annotations

import asyncio
from collections import Counter

import httptools

from testkit.clients import ACCOUNT, REGION
from testkit.waiting import until_async

CREDENTIAL = f"{ACCOUNT}/20261124/{REGION}/sagemaker/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={CREDENTIAL}, SignedHeaders=host, Signature=0"
"""Of an unsigned request, which local SageMaker takes at its word."""


class _Reply:
    def __init__(self) -> None:
        self.complete, self.body = False, b""
        self.headers: dict[str, str] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


class Load:
    """Closed-loop clients on raw connections."""

    def __init__(self, url: str, endpoint: str, clients: int) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self._endpoint, self._running = endpoint, True
        self.variants: Counter[str] = Counter()
        self.failed: list[str] = []
        self._tasks = [asyncio.create_task(self._client()) for _ in range(clients)]

    async def _client(self) -> None:
        request = (
            f"POST /endpoints/{self._endpoint}/invocations HTTP/1.1\r\nHost: x\r\nAuthorization: {AUTHORIZATION}\r\n"
            "Content-Length: 1\r\n\r\nx"
        ).encode()
        reader, writer = await asyncio.open_connection(*self._address)
        while self._running:
            writer.write(request)
            reply = _Reply()
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

    async def reach(self, more: int) -> None:
        """Wait until so many more calls are answered."""
        goal = self.variants.total() + more
        await until_async(lambda: self.variants.total() >= goal or bool(self.failed))

    async def end(self) -> None:
        """Return when the last calls are answered."""
        self._running = False
        await asyncio.gather(*self._tasks)
