"""TLS over memory: the session's bytes go through the same socket calls as plain ones."""

import os
import ssl
from collections.abc import Mapping

import gevent.socket


class Tls:
    """A TLS session over memory, so that the bytes can go through the same socket calls."""

    __slots__ = ("incoming", "object", "outgoing")

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)


def tls_context(environment: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """A verifying context; AWS_CA_BUNDLE is honoured as by the AWS CLI."""
    return ssl.create_default_context(cafile=environment.get("AWS_CA_BUNDLE") or None)


def handshake(sock: gevent.socket.socket, context: ssl.SSLContext, host: str) -> Tls:
    """The session over `sock`, certificate and name of the other side verified. Raises OSError."""
    tls = Tls(context, host)
    while True:
        try:
            tls.object.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(tls.outgoing.read())
            received = sock.recv(65536)
            if not received:
                raise ConnectionResetError("closed during the TLS handshake") from None
            tls.incoming.write(received)
        else:
            if tls.outgoing.pending:
                sock.sendall(tls.outgoing.read())
            return tls
