"""Credentials that change while the test runs."""

import logging

import pytest

from sagemaker_loadtest.exchange import signing
from sagemaker_loadtest.exchange.signing import SigningSource
from sagemaker_loadtest.exchange.sigv4 import Credentials, make_request

REQUEST = make_request("h", "/p", {}, b"")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1_000_000.0]
    monkeypatch.setattr(signing.time, "time", lambda: now[0])
    return now


def test_new_credentials_sign_from_the_next_second_on(clock: list[float]) -> None:
    held = [Credentials("FIRST", "secret")]
    source = SigningSource(lambda: held[0], "eu-west-1")
    assert b"Credential=FIRST/" in source.head(REQUEST)
    held[0] = Credentials("SECOND", "secret", "token")
    assert b"Credential=FIRST/" in source.head(REQUEST)
    clock[0] += 1
    head = source.head(REQUEST)
    assert b"Credential=SECOND/" in head
    assert b"X-Amz-Security-Token: token\r\n" in head


def test_chain_that_fails_leaves_the_last_ones_and_logs_no_secret(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    calls = iter([Credentials("AK", "SECRET-KEY")])
    source = SigningSource(lambda: next(calls), "eu-west-1")
    first = source.head(REQUEST)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock[0] += 1
            assert b"Credential=AK/" in source.head(REQUEST)
    assert source.head(REQUEST) != first
    assert "StopIteration" in caplog.text
    assert "SECRET-KEY" not in caplog.text


def test_head_is_a_whole_request_and_is_reused_within_the_second(clock: list[float]) -> None:
    source = SigningSource(lambda: Credentials("AK", "SK"), "eu-west-1")
    request = make_request("h:1", "/endpoints/e/invocations", {"Content-Type": "text/csv"}, b"1,2")
    head = source.head(request)
    assert head is source.head(request)
    assert head.startswith(b"POST /endpoints/e/invocations HTTP/1.1\r\nHost: h:1\r\nContent-Type: text/csv\r\n")
    assert b"\r\nContent-Length: 3\r\n" in head
    assert head.endswith(b"\r\n\r\n")
