"""An HTTP server in place of AWS: replies as a script says, and keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sagemaker_operator.aws.client import Call, RegionClient

DROP = "drop the connection without a reply"


@dataclass
class FakeAWS:
    """`replies` are used up in order: a JSON body, a (status, code, message), or DROP; afterwards `{}`."""

    url: str = ""
    replies: list[Any] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    drop: str = DROP

    def next_reply(self) -> Any:
        return self.replies.pop(0) if self.replies else {}


@pytest.fixture(scope="session")
def aws_server() -> Iterator[FakeAWS]:
    fake = FakeAWS()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet a reply, or TCP waits for an acknowledgement in between

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers.get("X-Amz-Target")
            fake.asked.append((target.partition(".")[2], json.loads(body)) if target else (body.decode(), None))
            reply = fake.next_reply()
            if reply == DROP:
                self.close_connection = True
            elif isinstance(reply, tuple):
                status, code, message = reply
                self.answer(status, json.dumps({"__type": code, "message": message}), code)
            else:
                self.answer(200, reply if isinstance(reply, str) else json.dumps(reply))

        def answer(self, status: int, text: str, code: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.send_header("x-amzn-RequestId", "r-1")
            if code:
                self.send_header("x-amzn-ErrorType", code)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Nothing to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def new_client() -> Iterator[Callable[[FakeAWS], RegionClient]]:
    """Makes clients of a fake AWS; their sockets are closed at the end."""
    made: list[RegionClient] = []
    with pytest.MonkeyPatch.context() as environment:

        def new(fake: FakeAWS) -> RegionClient:
            environment.setenv("AWS_ENDPOINT_URL", fake.url)
            environment.setenv("AWS_ACCESS_KEY_ID", "test")
            environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
            environment.delenv("AWS_PROFILE", raising=False)
            made.append(RegionClient("eu-west-1", 10_000, fake.calls.append))
            return made[-1]

        yield new
    for client in made:
        for each in client._clients.values():
            each.close()


@pytest.fixture(scope="session")
def shared_client(aws_server: FakeAWS, new_client: Callable[[FakeAWS], RegionClient]) -> RegionClient:
    return new_client(aws_server)


@pytest.fixture
def aws(aws_server: FakeAWS) -> FakeAWS:
    """With a clean page."""
    aws_server.replies.clear()
    aws_server.asked.clear()
    aws_server.calls.clear()
    return aws_server


@pytest.fixture
def client(aws: FakeAWS, shared_client: RegionClient) -> RegionClient:
    return shared_client
