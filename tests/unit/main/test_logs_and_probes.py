"""Log lines in both forms, and what the probes answer."""

import json
import logging
import sys
import urllib.error
import urllib.request

import pytest

from sagemaker_operator.aws.client import Call
from sagemaker_operator.main.logs import JSONFormatter, TextFormatter
from sagemaker_operator.main.metrics import Metrics
from sagemaker_operator.main.server import ProbeServer


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "levelname": "INFO", "created": 1_700_000_000.118, **extra})


def test_a_line_for_people() -> None:
    line = TextFormatter().format(record("CreateModel x ok", object="ml/fraud", ms=212))
    assert line == "22:13:20.118 INFO    ml/fraud  CreateModel x ok  212 ms"


def test_a_line_for_machines_has_only_what_is_known() -> None:
    line = JSONFormatter().format(record("CreateModel x ok", object="ml/fraud", pass_="7f3a", call="CreateModel", ms=1))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.118+00:00",
        "level": "info",
        "object": "ml/fraud",
        "pass": "7f3a",
        "call": "CreateModel",
        "ms": 1,
        "msg": "CreateModel x ok",
    }


@pytest.mark.parametrize("formatter", [TextFormatter(), JSONFormatter()])
def test_an_error_is_one_line_without_traceback(formatter: logging.Formatter) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        line = formatter.format(record("It failed", exc_info=sys.exc_info()))
    assert "\n" not in line
    assert "It failed: ValueError: first | second" in line
    assert "Traceback" not in line


def answer(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_and_metrics() -> None:
    metrics, wrong = Metrics(), ["waiting for the Lease"]
    metrics.record_call(Call("CreateModel", "x", "ok", 0.1, "r1", changes=True))
    server = ProbeServer("127.0.0.1", 0, metrics.registry, lambda: None, lambda: wrong[0] if wrong else None)
    server.start()
    try:
        assert answer(f"{server.url}/healthz") == (200, "ok\n")
        assert answer(f"{server.url}/readyz") == (503, "waiting for the Lease\n")
        wrong.clear()
        assert answer(f"{server.url}/readyz") == (200, "ok\n")
        status, text = answer(f"{server.url}/metrics")
        assert status == 200
        assert 'sagemaker_operator_aws_calls_total{operation="CreateModel",outcome="ok"} 1.0' in text
        assert "_created" not in text
        assert answer(f"{server.url}/else")[0] == 404
    finally:
        server.close()


@pytest.mark.parametrize(
    ("outcome", "changes", "level"),
    [("ok", True, "INFO"), ("ok", False, None), ("throttled", False, "WARNING"), ("absent", False, "INFO")],
)
def test_calls_that_change_or_fail_are_logged(
    caplog: pytest.LogCaptureFixture, outcome: str, changes: bool, level: str | None
) -> None:
    with caplog.at_level(logging.INFO, "sagemaker_operator"):
        Metrics().record_call(Call("CreateModel", "ml-x", outcome, 0.1, "r1", changes))
    assert [r.levelname for r in caplog.records] == ([level] if level else [])
