"""What is done between reading the test and starting the load, so that faults are told before anything is sent."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.exchange.requests import NEW_SESSION, Requests
from sagemaker_loadtest.exchange.sigv4 import Request
from sagemaker_loadtest.swarm import locustfile
from sagemaker_loadtest.workload.objects import store_inputs
from sagemaker_loadtest.workload.payloads import Payload, load_payloads
from sagemaker_loadtest.workload.schedule import recorded_stages


def gathered(test: LoadTest, resolve: Callable[[LoadTest], LoadTest]) -> tuple[LoadTest, tuple[Payload, ...]]:
    """The test with its endpoint, by `resolve`, and its payloads. Payloads in S3 are read in the endpoint's region, so
    after it; all others before, since waiting for the endpoint would not mend them. Raises ConfigurationError.
    """
    in_s3 = any(source.file.startswith("s3://") for source in test.payloads.sources)
    if in_s3:
        test = resolve(test)
    payloads = load_payloads(test)
    test = prepared(test, payloads)
    return (test if in_s3 else resolve(test)), payloads


def prepared(test: LoadTest, payloads: Sequence[Payload]) -> LoadTest:
    """The test with what only the payloads tell: the rate of a recording. Also tries the locustfile out.

    Raises ConfigurationError.
    """
    if test.locustfile:
        locustfile.check(Path(test.folder) / test.locustfile)
    load = test.load
    if load.open is None or load.open.arrivals != "Recorded":
        return test
    stages = recorded_stages([payload.at or 0.0 for payload in payloads], load)
    peak = max(stage.end for stage in stages)
    return replace(test, load=replace(load, open=replace(load.open, rate=peak), stages=stages))


def place_inputs(test: LoadTest, payloads: Sequence[Payload]) -> None:
    """Puts the inputs of asynchronous invocations where their requests will name them. Raises ConfigurationError."""
    prefix = test.invocation.results.input_s3_uri
    if test.invocation.operation == "InvokeEndpointAsync" and prefix:
        store_inputs(prefix, ((p.body, p.content_type) for p in payloads), test.endpoint.region)


def first_request(test: LoadTest, payloads: Sequence[Payload], host: str) -> Request:
    """What the endpoint is tried with."""
    session = NEW_SESSION if test.invocation.session_per_user else None
    return Requests(payloads, test.invocation, host, test.endpoint.name).get(0, 0, count(), session)
