"""The exchange over real sockets against a server that answers byte by byte as the test says."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sagemaker_loadtest.exchange.connection import Answer
from sagemaker_loadtest.exchange.invocation import outcome_of
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.exchange.transport import Transport

HEAD = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-Amzn-Invoked-Production-Variant: main\r\n\r\nhi"
Script = Callable[[socket.socket, "Server"], None]


class Server:
    """Takes connections and gives each to `script` in a thread; `requests` are the bodies that came."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self.script, self.context = script, context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.bodies: list[bytes] = []
        self.connections = 0
        self.release = threading.Event()
        self.threads: list[threading.Thread] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.connections += 1
                self.threads.append(threading.Thread(target=self.serve, args=(sock,), daemon=True))
                self.threads[-1].start()

    def serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            if self.context:
                sock = stack.enter_context(self.context.wrap_socket(sock, server_side=True))
            self.script(sock, self)

    def read(self, sock: socket.socket) -> bytes:
        """One request; empty at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += sock.recv(65536)
        self.bodies.append(body)
        return head

    def close(self) -> None:
        self.release.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)


def says(*pieces: bytes, close: bool = False) -> Script:
    """Answers every request with the pieces, each in a packet of its own."""

    def script(sock: socket.socket, server: Server) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while server.read(sock):
            for piece in pieces:
                sock.sendall(piece)
            if close:
                return

    return script


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(script: Script, context: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Transport]]:
    transports: list[Transport] = []

    def make(url: str | int, timeout: float = 20.0, **environment: str) -> Transport:
        url = f"http://127.0.0.1:{url}" if isinstance(url, int) else url
        transports.append(Transport(url, timeout_seconds=timeout, environment=environment))
        return transports[-1]

    yield make
    for transport in transports:
        transport.close()


def call(transport: Transport, body: bytes = b"1,2") -> Answer:
    return transport.send(HEAD % len(body), body)


@pytest.mark.parametrize(
    ("pieces", "close", "status", "body"),
    [
        ((OK,), False, 200, b"hi"),
        ((OK[:20], OK[20:60], OK[60:]), False, 200, b"hi"),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r", b"\n yo\r\n0\r\n\r\n"),
            False,
            200,
            b"hi yo",
        ),
        ((b"HTTP/1.1 200 OK\r\n\r\nall that", b" comes"), True, 200, b"all that comes"),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", OK), False, 200, b"hi"),
        ((b"HTTP/1.1 204 No Content\r\n\r\n",), False, 204, b""),
        ((b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",), True, 503, b"busy"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n", b"x" * 3_000_000), False, 200, b"x" * 3_000_000),
    ],
    ids=["whole", "in pieces", "chunked", "until it closes", "continue", "no body", "told to close", "large"],
)
def test_replies(
    serve: Callable[..., Server],
    connect: Callable[..., Transport],
    pieces: tuple[bytes, ...],
    close: bool,
    status: int,
    body: bytes,
) -> None:
    server = serve(says(*pieces, close=close))
    transport = connect(server.port)
    for _ in range(3):
        answer = call(transport)
        assert (answer.error, answer.status, answer.body) == (None, status, body)
        assert answer.sent < answer.done
    assert server.bodies == [b"1,2"] * 3
    assert server.connections == (3 if close else 1)


def test_headers_and_connect_time(serve: Callable[..., Server], connect: Callable[..., Transport]) -> None:
    transport = connect(serve(says(OK)).port)
    first, second = call(transport), call(transport)
    assert first.headers[b"x-amzn-invoked-production-variant"] == b"main"
    assert first.connect_seconds is not None
    assert second.connect_seconds is None


@pytest.mark.parametrize(
    ("pieces", "close"),
    [
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",), True),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",), True),
        ((b"HTTP/1.1 200 OK\r\nContent-",), True),
        ((b"",), True),
        ((b"what is this?\r\n\r\n",), False),
    ],
)
def test_what_is_no_whole_reply_is_a_lost_connection(
    serve: Callable[..., Server], connect: Callable[..., Transport], pieces: tuple[bytes, ...], close: bool
) -> None:
    answer = call(connect(serve(says(*pieces, close=close)).port))
    assert outcome_of(answer) is Outcome.RESET


def test_two_replies_to_one_request_end_the_connection(
    serve: Callable[..., Server], connect: Callable[..., Transport]
) -> None:
    server = serve(says(OK + OK))
    transport = connect(server.port)
    assert [call(transport).body for _ in range(3)] == [b"hi"] * 3
    assert server.connections == 3


def test_idle_connection_that_was_closed_is_not_used(
    serve: Callable[..., Server], connect: Callable[..., Transport]
) -> None:
    closed = threading.Event()

    def once(sock: socket.socket, server: Server) -> None:
        server.read(sock)
        sock.sendall(OK)
        sock.shutdown(socket.SHUT_RDWR)
        closed.set()

    transport = connect(serve(once).port)
    for _ in range(3):
        assert call(transport).error is None
        assert closed.wait(10)
        closed.clear()
        gevent.sleep(0.05)  # one turn of the event loop, in which the end is seen


def test_large_request_goes_out_while_the_server_reads_slowly(
    serve: Callable[..., Server], connect: Callable[..., Transport]
) -> None:
    body = bytes(range(256)) * 24_000
    server = serve(says(OK))
    assert call(connect(server.port), body).error is None
    assert server.bodies == [body]


def test_answer_before_the_request_was_read(serve: Callable[..., Server], connect: Callable[..., Transport]) -> None:
    def refuse(sock: socket.socket, server: Server) -> None:
        sock.recv(100)
        sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        server.release.wait(20)

    server = serve(refuse)
    transport = connect(server.port)
    assert [call(transport, b"x" * 30_000_000).status for _ in range(2)] == [413, 413]
    assert server.connections == 2


def test_time_out_ends_each_at_its_own_time(serve: Callable[..., Server], connect: Callable[..., Transport]) -> None:
    def silent(sock: socket.socket, server: Server) -> None:
        server.read(sock)
        server.release.wait(20)

    transport = connect(serve(silent).port, timeout=0.3)

    def later(seconds: float) -> Answer:
        gevent.sleep(seconds)
        return call(transport)

    calls = [gevent.spawn(later, 0.1 * i) for i in range(3)]
    gevent.joinall(calls)
    for done in calls:
        assert outcome_of(done.value) is Outcome.TIME_OUT
        assert done.value.done - done.value.sent >= 0.29


def test_nothing_listens(connect: Callable[..., Transport]) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        answer = call(connect(free.getsockname()[1]))
    assert outcome_of(answer) is Outcome.REFUSED


def test_many_at_once_share_what_they_can(serve: Callable[..., Server], connect: Callable[..., Transport]) -> None:
    server = serve(says(OK))
    transport = connect(server.port)
    transport.connect_ahead(5)
    calls = [gevent.spawn(lambda: [call(transport).body for _ in range(20)]) for _ in range(5)]
    gevent.joinall(calls)
    assert all(c.value == [b"hi"] * 20 for c in calls)
    assert server.connections == 5


def test_greenlet_that_is_killed_takes_its_connection_along(
    serve: Callable[..., Server], connect: Callable[..., Transport]
) -> None:
    asked = threading.Event()

    def first_hangs(sock: socket.socket, server: Server) -> None:
        server.read(sock)
        if server.connections == 1:
            asked.set()
            server.release.wait(20)
        else:
            sock.sendall(OK)

    transport = connect(serve(first_hangs).port)
    hanging = gevent.spawn(call, transport)
    while not asked.is_set():
        gevent.sleep(0.01)
    hanging.kill()
    assert call(transport).body == b"hi"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stub")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_tls(serve: Callable[..., Server], connect: Callable[..., Transport], certificate: Path, size: int) -> None:
    body = bytes(range(250)) * (size // 250 + 1)
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    server = serve(says(large, body), server_context(certificate))
    transport = connect(f"https://127.0.0.1:{server.port}", AWS_CA_BUNDLE=str(certificate))
    for _ in range(3):
        answer = call(transport, body)
        assert (answer.error, answer.body) == (None, body)
    assert server.bodies == [body] * 3
    assert server.connections == 1


def test_certificate_that_nobody_vouches_for(
    serve: Callable[..., Server], connect: Callable[..., Transport], certificate: Path
) -> None:
    server = serve(says(OK), server_context(certificate))
    answer = call(connect(f"https://127.0.0.1:{server.port}"))
    assert isinstance(answer.error, ssl.SSLCertVerificationError)
    assert outcome_of(answer) is Outcome.UNREACHABLE
    assert server.bodies == []


@pytest.mark.parametrize(("granted", "outcome"), [(True, Outcome.OK), (False, Outcome.UNREACHABLE)])
def test_proxy_is_asked_for_a_tunnel(
    serve: Callable[..., Server],
    connect: Callable[..., Transport],
    certificate: Path,
    granted: bool,
    outcome: Outcome,
) -> None:
    server = serve(says(OK), server_context(certificate))
    asked: list[bytes] = []

    def proxy(sock: socket.socket, _: Server) -> None:
        asked.append(sock.recv(65536))
        if not granted:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", server.port)) as onward:
            back = threading.Thread(target=pump, args=(onward, sock))
            back.start()
            pump(sock, onward)
            back.join(10)

    transport = connect(
        f"https://127.0.0.1:{server.port}",
        AWS_CA_BUNDLE=str(certificate),
        HTTPS_PROXY=f"http://user:p%40ss@127.0.0.1:{serve(proxy).port}",
    )
    assert outcome_of(call(transport)) is outcome
    assert asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % server.port)
    assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in asked[0]


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
