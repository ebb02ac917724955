"""The HTTP port of a run takes what it is sent for what it is."""

import contextlib
import socket

import pytest

from sagemaker_loadtest.pods.httpport import Address, HTTPPort, Reply


@pytest.mark.parametrize(
    ("length", "status"), [("5", 200), ("-1", 400), ("many", 400), ("1048577", 413), ("99999999999999", 413)]
)
def test_length_of_a_body(length: str, status: int) -> None:
    """A negative one would be read until the other side closes."""
    routes = {("POST", "/faults"): lambda query: Reply(200, query.body)}
    with contextlib.closing(HTTPPort(Address("127.0.0.1", 0), routes)) as port:
        host, number = port.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(number)), timeout=20) as client:
            client.sendall(f"POST /faults HTTP/1.1\r\nContent-Length: {length}\r\n\r\nhello".encode())
            assert client.recv(64).split()[1] == str(status).encode()
