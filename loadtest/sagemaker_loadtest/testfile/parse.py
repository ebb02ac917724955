"""The test file (YAML or JSON) to a `LoadTest`. Its schema for editors and reviewers:
docs/schemas/loadtest-v1.schema.json.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sagemaker_loadtest import SCHEMA_VERSION
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import (
    Arrivals,
    ClosedLoad,
    Endpoint,
    Load,
    LoadTest,
    OpenLoad,
    Order,
    Payloads,
    Threshold,
)
from sagemaker_loadtest.api.thresholds import parse_threshold
from sagemaker_loadtest.testfile.fields import Fields
from sagemaker_loadtest.testfile.invocation import parse_invocation
from sagemaker_loadtest.testfile.search import read_search
from sagemaker_loadtest.testfile.source import parse_source
from sagemaker_loadtest.testfile.stage import MOST_RATE, MOST_USERS, parse_stages

_ENDPOINT_NAME = r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}"
_RESOURCE = r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"
_REGION = r"[a-z]{2,}(-[a-z]+)+-\d+"
_ORDERS: tuple[Order, ...] = ("InOrder", "Random")
_ARRIVALS: tuple[Arrivals, ...] = ("Constant", "Poisson", "Recorded")
MAX_WORKERS = 256


@dataclass(frozen=True, slots=True)
class Overrides:
    """Flags of the command line that win over the test file; None leaves the file's word."""

    endpoint_name: str | None = None
    region: str | None = None
    workers: int | None = None
    duration_seconds: float | None = None
    rate: float | None = None
    users: int | None = None
    seed: int | None = None


def read_test(path: Path, overrides: Overrides, environment: Mapping[str, str] = os.environ) -> LoadTest:
    """The test that `path` describes. Raises ConfigurationError with every fault found in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
    return parse_test(data, overrides, name=path.stem, folder=str(path.resolve().parent), environment=environment)


def parse_test(data: Any, overrides: Overrides, *, name: str, folder: str, environment: Mapping[str, str]) -> LoadTest:
    """As `read_test`, from the parsed document."""
    faults: list[str] = []
    root = Fields(data if data is not None else {}, "", faults)
    root.choice("schemaVersion", (SCHEMA_VERSION,))
    locustfile = root.text("locustfile", example="locustfile.py")
    test = LoadTest(
        name=root.text("name", name) or name,
        endpoint=_endpoint(root.section("endpoint"), overrides, environment),
        payloads=_payloads(root.section("payloads"), needed=locustfile is None),
        load=_load(root.section("load"), overrides),
        thresholds=_thresholds(root),
        workers=int(_first(overrides.workers, root.number("workers", 2, low=1, high=MAX_WORKERS, whole=True)) or 2),
        seed=int(_first(overrides.seed, root.number("seed", 1, low=0, high=2**31, whole=True)) or 0),
        folder=folder,
        invocation=parse_invocation(root.section("invocation")),
        locustfile=locustfile,
        search=read_search(root.section("search")),
    )
    root.finish()
    _check_together(test, faults)
    if faults:
        raise ConfigurationError(faults)
    return test


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _endpoint(fields: Fields, overrides: Overrides, environment: Mapping[str, str]) -> Endpoint:
    resource = fields.text("resource")
    given = fields.text("name")
    name = overrides.endpoint_name or given
    if resource and given:
        fields.fault(
            "",
            "set exactly one of resource and name: resource for a SageMakerEndpoint of the namespace, "
            "name and region for any endpoint",
        )
    elif resource and not name:
        fields.matches("resource", resource, _RESOURCE, "is no name of a SageMakerEndpoint")
        if fields.text("region"):
            fields.fault("region", "is read from the SageMakerEndpoint's status; leave it out beside resource")
        fields.finish()
        return Endpoint("", "", resource)
    elif not name:
        fields.fault("name", "is missing; write for example name: ml-fraud, or give --endpoint-name")
    fields.matches(
        "name", name, _ENDPOINT_NAME, "is no endpoint name: up to 63 letters, digits and hyphens, no hyphen at the ends"
    )
    in_file = fields.text("region")
    region = overrides.region or in_file or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        fields.fault("region", "is missing; write for example region: eu-west-1, or give --region")
    fields.matches("region", region, _REGION, "is no AWS region; write for example eu-west-1")
    fields.finish()
    return Endpoint(name or "", region or "")


def _payloads(fields: Fields, *, needed: bool) -> Payloads:
    content_type = fields.text("contentType", example="text/csv")
    order = fields.choice("order", _ORDERS)
    sources = []
    for index, item in enumerate(fields.items("sources")):
        source = Fields(item, fields.at(f"sources[{index}]"), fields.faults)
        sources.append(parse_source(source, content_type))
        if sources[-1].weight is not None and order != "Random":
            source.fault("weight", "only goes with order: Random")
        source.finish()
    if not sources and needed:
        fields.fault("sources", "is missing; write for example sources: [{file: rows.csv, split: Lines}]")
    if any(s.weight is None for s in sources) and any(s.weight is not None for s in sources):
        fields.fault("sources", "give each of them a weight, or none")
    payloads = Payloads(tuple(sources), content_type, fields.text("accept"), order)
    fields.finish()
    return payloads


def _load(fields: Fields, overrides: Overrides) -> Load:
    closed, open_ = fields.section("closed"), fields.section("open")
    users = closed.number("users", None, low=1, high=MOST_USERS, whole=True)
    pacing = closed.duration("pacing", 0.0) or 0.0
    rate = open_.number("rate", None, low=0.01, high=MOST_RATE)
    arrivals = open_.choice("arrivals", _ARRIVALS)
    in_flight = open_.number("maxInFlight", 2000, low=1, high=100_000, whole=True) or 2000
    speed = open_.number("speed", 1.0, low=0.001, high=1000.0) or 1.0
    stages = parse_stages(fields, "open" if fields.has("open") else "closed")
    if stages:
        _alone(fields, overrides, users, rate)
        peak = max(max(stage.start, stage.end) for stage in stages)
        rate, users = (peak, None) if fields.has("open") else (None, max(1, round(peak)))
    elif arrivals == "Recorded":
        if rate is not None:
            open_.fault("rate", "the recording has its own; leave it out, and set speed to make it faster")
        rate = rate or 1.0  # until the payloads are known
    else:
        _one_of(fields, users, rate, overrides)
        users, rate = _overridden(users, rate, overrides)
    if open_.has("speed") and arrivals != "Recorded":
        open_.fault("speed", "only goes with arrivals: Recorded")
    load = Load(
        duration_seconds=sum(stage.seconds for stage in stages) or _duration(fields, overrides),
        warm_up_seconds=fields.duration("warmUp", 0.0) or 0.0,
        ramp_up_seconds=fields.duration("rampUp", 0.0) or 0.0,
        timeout_seconds=fields.duration("timeout", 60.0, low=0.1, high=3600.0) or 60.0,
        closed=ClosedLoad(int(users), pacing) if users is not None else None,
        open=OpenLoad(float(rate), arrivals, int(in_flight), speed) if rate is not None else None,
        stages=stages,
    )
    for part in (closed, open_, fields):
        part.finish()
    return load


def _duration(fields: Fields, overrides: Overrides) -> float:
    duration = _first(overrides.duration_seconds, fields.duration("duration", low=1.0))
    if duration is None and not fields.has("duration"):
        fields.fault("duration", "is missing; write for example duration: 5m, or give --duration")
    return 30.0 if duration is None else duration


def _alone(fields: Fields, overrides: Overrides, users: float | None, rate: float | None) -> None:
    """Stages say all about level and length, so nothing else may."""
    for name, value in (("open.rate", rate), ("closed.users", users)):
        if value is not None:
            fields.fault(name, "the stages say it; leave it out")
    for name in ("duration", "rampUp"):
        if fields.has(name):
            fields.fault(name, "the stages say it; leave it out")
        fields.take(name)
    if overrides.rate is not None or overrides.users is not None or overrides.duration_seconds is not None:
        fields.faults.append("--rate, --users and --duration do not go with load.stages: change the stages")


def _one_of(fields: Fields, users: float | None, rate: float | None, overrides: Overrides) -> None:
    if fields.has("closed") and fields.has("open"):
        fields.fault("", "set exactly one of closed (a number of users) and open (a rate of arrivals)")
    elif fields.has("closed") and users is None and overrides.users is None and overrides.rate is None:
        fields.fault("closed.users", "is missing; write for example users: 20")
    elif fields.has("open") and rate is None and overrides.users is None and overrides.rate is None:
        fields.fault("open.rate", "is missing; write for example rate: 200 (requests per second)")
    elif not fields.has("closed") and not fields.has("open") and overrides.users is None and overrides.rate is None:
        fields.fault("", "set exactly one of closed and open, for example open: {rate: 200}")
    if overrides.users is not None and overrides.rate is not None:
        fields.faults.append(
            "--users and --rate exclude each other: users make a closed load, a rate makes an open one"
        )


def _overridden(users: float | None, rate: float | None, overrides: Overrides) -> tuple[float | None, float | None]:
    """A flag of the other kind changes the kind of the load."""
    if overrides.rate is not None:
        return None, overrides.rate
    if overrides.users is not None:
        return overrides.users, None
    return (None, rate) if rate is not None else (users, None)


def _thresholds(root: Fields) -> tuple[Threshold, ...]:
    thresholds = []
    for index, text in enumerate(root.items("thresholds")):
        try:
            thresholds.append(parse_threshold(str(text)))
        except ValueError as error:
            root.fault(f"thresholds[{index}]", str(error))
    return tuple(thresholds)


def _check_together(test: LoadTest, faults: list[str]) -> None:
    load, invocation = test.load, test.invocation
    if invocation.session_per_user and not load.closed:
        faults.append("invocation.sessions: PerUser needs users who stay, so load.closed; or set sessionId")
    if test.locustfile and (not load.closed or load.stages):
        faults.append("locustfile: its users decide when they call, so it needs load.closed with users, without stages")
    if invocation.results.input_s3_uri and any(source.template for source in test.payloads.sources):
        faults.append("payloads.sources: template does not go with invocation.async.inputS3URI, whose objects stay")
    if (
        load.open
        and load.open.arrivals == "Recorded"
        and (test.payloads.order != "InOrder" or any(s.split != "DataCapture" for s in test.payloads.sources))
    ):
        faults.append("load.open.arrivals: Recorded needs payloads in order, all with split: DataCapture")
    if load.counted_from >= load.duration_seconds:
        faults.append(
            f"load.warmUp: {load.warm_up_seconds:g}s leaves nothing of the duration of {load.duration_seconds:g}s "
            "to measure; shorten it"
        )
    if load.ramp_up_seconds > load.duration_seconds:
        faults.append(
            f"load.rampUp: {load.ramp_up_seconds:g}s is longer than the duration of {load.duration_seconds:g}s; "
            "shorten it"
        )
    if load.closed and test.workers > load.closed.users:
        faults.append(
            f"workers: {test.workers} workers for {load.closed.users} users leave some idle; "
            f"set workers: {load.closed.users} or less"
        )
    if load.closed and any(t.unit == "% of offered" for t in test.thresholds):
        faults.append(
            "thresholds: a closed load offers no rate to take a share of. "
            "Write for example “rate >= 50/s”, or use load.open"
        )
