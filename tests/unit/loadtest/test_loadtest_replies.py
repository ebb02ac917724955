"""Every kind of failure under its own name."""

import json

import pytest

from sagemaker_loadtest.exchange.replies import MEANING, Outcome, classify, gone


def body(message: str, **members: object) -> bytes:
    return json.dumps({"message": message, **members}).encode()


@pytest.mark.parametrize(
    ("status", "header", "content", "outcome"),
    [
        (200, None, b"0.5", Outcome.OK),
        (429, "ThrottlingException", body("Rate exceeded"), Outcome.THROTTLED),
        (400, "ThrottlingException:http://internal.amazon.com/coral/", body("Rate exceeded"), Outcome.THROTTLED),
        (400, None, body("", __type="com.amazon#ThrottlingException"), Outcome.THROTTLED),
        (429, "ModelNotReadyException", body("loading"), Outcome.NOT_READY),
        (429, None, b"", Outcome.THROTTLED),
        (400, None, b"", Outcome.THROTTLED),
        (503, None, b"busy", Outcome.THROTTLED),
        (503, "ServiceUnavailable", body("down"), Outcome.SERVICE_ERROR),
        (424, "ModelError", body("Received server error (500) from primary"), Outcome.MODEL_ERROR),
        (424, None, b"", Outcome.MODEL_ERROR),
        (400, "ValidationError", body("Endpoint x of account 1 not found."), Outcome.NO_ENDPOINT),
        (400, "ValidationError", body("Endpoint x is not in service"), Outcome.NOT_READY),
        (400, "ValidationError", body("1 validation error detected"), Outcome.BAD_REQUEST),
        (400, "ValidationError", body(""), Outcome.THROTTLED),
        (403, "ExpiredTokenException", body("expired"), Outcome.BAD_CREDENTIALS),
        (403, None, b"<html>", Outcome.BAD_CREDENTIALS),
        (500, "InternalFailure", body(""), Outcome.SERVICE_ERROR),
        (530, "InternalDependencyException", body("dep"), Outcome.SERVICE_ERROR),
        (413, None, b"large", Outcome.BAD_REQUEST),
        (502, None, b"[1]", Outcome.SERVICE_ERROR),
    ],
)
def test_classes(status: int, header: str | None, content: bytes, outcome: Outcome) -> None:
    assert classify(status, header, content) is outcome


def test_every_failure_has_a_meaning() -> None:
    assert set(MEANING) == set(Outcome) - {Outcome.OK}


def test_gone_needs_all_replies_to_say_so() -> None:
    assert gone({"no such endpoint": 3, "connection refused": 2, "ok": 0})
    assert not gone({"no such endpoint": 3, "ok": 1})
    assert not gone({"no such endpoint": 3, "throttled": 1})
    assert not gone({"ok": 0})
