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
from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.fields import Fields
from sagemaker_loadtest.searchfields import read_search
from sagemaker_loadtest.spec import (
    Arrivals,
    ClosedLoad,
    Endpoint,
    Load,
    LoadTest,
    OpenLoad,
    Order,
    Payloads,
    PayloadSource,
    Split,
    Threshold,
)
from sagemaker_loadtest.thresholds import parse_threshold

_ENDPOINT_NAME = r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}"
_RESOURCE = r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"
_REGION = r"[a-z]{2,}(-[a-z]+)+-\d+"
_SPLITS: tuple[Split, ...] = ("Whole", "Lines")
_ORDERS: tuple[Order, ...] = ("InOrder", "Random")
_ARRIVALS: tuple[Arrivals, ...] = ("Constant", "Poisson")
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
    test = LoadTest(
        name=root.text("name", name) or name,
        endpoint=_endpoint(root.section("endpoint"), overrides, environment),
        payloads=_payloads(root.section("payloads")),
        load=_load(root.section("load"), overrides),
        thresholds=_thresholds(root),
        workers=int(_first(overrides.workers, root.number("workers", 2, low=1, high=MAX_WORKERS, whole=True)) or 2),
        seed=int(_first(overrides.seed, root.number("seed", 1, low=0, high=2**31, whole=True)) or 0),
        folder=folder,
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


def _payloads(fields: Fields) -> Payloads:
    content_type = fields.text("contentType", example="text/csv")
    sources = []
    for index, item in enumerate(fields.items("sources")):
        source = Fields(item, fields.at(f"sources[{index}]"), fields.faults)
        split = source.choice("split", _SPLITS)
        per_request = source.number("linesPerRequest", None, low=1, high=1_000_000, whole=True)
        if per_request is not None and split != "Lines":
            source.fault("linesPerRequest", "only goes with split: Lines")
        own_type = source.text("contentType", example="text/csv")
        if not own_type and not content_type:
            source.fault("contentType", "is missing, here and in payloads; write for example contentType: text/csv")
        file = source.text("file", required=True, example="rows.csv") or ""
        sources.append(
            PayloadSource(file, split, int(per_request or 1), own_type, source.text("accept", example="text/csv"))
        )
        source.finish()
    if not sources:
        fields.fault("sources", "is missing; write for example sources: [{file: rows.csv, split: Lines}]")
    payloads = Payloads(tuple(sources), content_type, fields.text("accept"), fields.choice("order", _ORDERS))
    fields.finish()
    return payloads


def _load(fields: Fields, overrides: Overrides) -> Load:
    in_file = fields.duration("duration", low=1.0)
    duration = _first(overrides.duration_seconds, in_file)
    if duration is None:
        duration = 30.0
        if not fields.has("duration"):
            fields.fault("duration", "is missing; write for example duration: 5m, or give --duration")
    closed, open_ = fields.section("closed"), fields.section("open")
    users = closed.number("users", None, low=1, high=100_000, whole=True)
    pacing = closed.duration("pacing", 0.0) or 0.0
    rate = open_.number("rate", None, low=0.01, high=1_000_000)
    arrivals = open_.choice("arrivals", _ARRIVALS)
    in_flight = open_.number("maxInFlight", 2000, low=1, high=100_000, whole=True) or 2000
    _one_of(fields, users, rate, overrides)
    users, rate = _overridden(users, rate, overrides)
    load = Load(
        duration_seconds=duration,
        warm_up_seconds=fields.duration("warmUp", 0.0) or 0.0,
        ramp_up_seconds=fields.duration("rampUp", 0.0) or 0.0,
        timeout_seconds=fields.duration("timeout", 60.0, low=0.1, high=3600.0) or 60.0,
        closed=ClosedLoad(int(users), pacing) if users is not None else None,
        open=OpenLoad(float(rate), arrivals, int(in_flight)) if rate is not None else None,
    )
    for part in (closed, open_, fields):
        part.finish()
    return load


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
    load = test.load
    if load.warm_up_seconds >= load.duration_seconds:
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
