"""CloudWatch beyond what moto does: distributions with percentiles, exact dimensions, alarms that are evaluated.

moto keeps alarms and data; this reads and changes them in moto's own process. The control plane tells the time.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.cloudwatch import models

from sagemaker_local.inner import alarms, metric_data, statistics
from sagemaker_local.inner.clock import CLOCK
from sagemaker_local.metrics.distribution import Distribution

PATH = "/_local/cloudwatch"
PROOF_HEADER = "X-Sagemaker-Local-Proof"
"""Only the control plane knows its value: a path alone can be written in ways that lead here past it."""

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def tick(message: Mapping[str, Any]) -> dict[str, Any]:
    """Take the time, then data, then judge every alarm if asked to; answers with the state of all alarms."""
    CLOCK.tell(message["now"], message["scale"])
    for each in message.get("data", ()):
        backend = models.cloudwatch_backends[each["account"]][each["region"]]
        counts = {float(value): int(count) for value, count in each["values"]}
        metric_data.add(backend, each["namespace"], each, Distribution(counts, each["total"]))
    if message.get("change"):
        account, region, put, gone = message["change"]
        for each in put:
            models.cloudwatch_backends[account][region].put_metric_alarm(**each)
        models.cloudwatch_backends[account][region].delete_alarms(gone)
    if message.get("evaluate"):
        alarms.evaluate(message["now"])
    return {"alarms": alarms.alarms()}


def with_ticks(application: Application, token: str) -> Application:
    """The application, and ``PATH`` for whoever has the token: the control plane."""
    header = f"HTTP_{PROOF_HEADER.upper().replace('-', '_')}"

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH or not hmac.compare_digest(environ.get(header, ""), token):
            return application(environ, start_response)
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        answer = json.dumps(tick(json.loads(body))).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        start_response("200 OK", headers)
        return [answer]

    return call


def install() -> None:
    """Let moto's CloudWatch do as above."""
    for each in (metric_data, alarms, statistics):
        each.install()
