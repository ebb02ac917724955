"""The test file: what is accepted, what is refused and how; its published schema agrees."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sagemaker_loadtest.api.codec import decode, encode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import BODY_LIMIT_BYTES, Endpoint, LoadTest
from sagemaker_loadtest.testfile.parse import Overrides, parse_test, read_test
from sagemaker_loadtest.testfile.search import searchable
from sagemaker_loadtest.workload.payloads import load_payloads

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs/schemas/loadtest-v1.schema.json").read_text())
EXAMPLE = ROOT / "manifests/examples/loadtest.yaml"
VALID: dict[str, Any] = {
    "schemaVersion": 1,
    "name": "peak",
    "endpoint": {"name": "ml-fraud", "region": "eu-west-1"},
    "payloads": {
        "contentType": "text/csv",
        "accept": "text/csv",
        "order": "Random",
        "sources": [
            {"file": "rows.csv", "split": "Lines", "linesPerRequest": 2},
            {"file": "x.json", "contentType": "application/json"},
        ],
    },
    "load": {
        "open": {"rate": 200, "arrivals": "Poisson", "maxInFlight": 500},
        "duration": "1m30s",
        "warmUp": "10s",
        "rampUp": "5s",
        "timeout": "500ms",
    },
    "workers": 3,
    "seed": 7,
    "thresholds": [
        "p99 <= 80ms",
        "p95 of champion < 0.05s",
        "failed <= 0.1%",
        "failed of champion <= 1%",
        "rate >= 99%",
        "rate > 190/s",
        "max ≤ 2s",
    ],
}


def parse(data: Any, overrides: Overrides | None = None) -> LoadTest:
    return parse_test(data, overrides or Overrides(), name="test", folder="/tests", environment={})


def changed(path: str, value: Any) -> dict[str, Any]:
    """VALID with one member set, or removed with `...`."""
    data = copy.deepcopy(VALID)
    *parents, last = path.split(".")
    at: Any = data
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    if value is ...:
        del at[last]
    else:
        at[int(last) if isinstance(at, list) else last] = value
    return data


def test_everything_set() -> None:
    test = parse(VALID)
    jsonschema.validate(VALID, SCHEMA)
    assert test.load.open is not None
    assert (test.load.open.rate, test.load.open.arrivals, test.load.open.max_in_flight) == (200, "Poisson", 500)
    assert (test.load.duration_seconds, test.load.warm_up_seconds, test.load.timeout_seconds) == (90, 10, 0.5)
    assert [(t.metric, t.limit, t.unit, t.percentile, t.variant) for t in test.thresholds] == [
        ("latency", 80, "ms", 99, None),
        ("latency", 50, "ms", 95, "champion"),
        ("failed", 0.1, "%", None, None),
        ("failed", 1, "%", None, "champion"),
        ("rate", 99, "% of offered", None, None),
        ("rate", 190, "/s", None, None),
        ("latency", 2000, "ms", 100, None),
    ]
    assert decode(LoadTest, json.loads(json.dumps(encode(test)))) == test  # as it reaches the workers


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("endpoint.name", ..., "endpoint.name: is missing"),
        ("endpoint.name", "ml_fraud", "endpoint.name: “ml_fraud” is no endpoint name"),
        ("endpoint.region", "Europe", "endpoint.region: “Europe” is no AWS region"),
        ("endpoint.resource", "fraud", "endpoint: set exactly one of resource and name"),
        ("endpoint.nmae", "x", "endpoint.nmae: unknown field; did you mean name?"),
        ("lod", {}, "lod: unknown field; did you mean load?"),
        ("payloads.contentType", ..., "payloads.sources[0].contentType: is missing"),
        ("payloads.sources", [], "payloads.sources: is missing"),
        ("payloads.sources", "rows.csv", "payloads.sources: a text instead of a list"),
        (
            "payloads.sources.0.split",
            "lines",
            "payloads.sources[0].split: “lines” is none of Whole, Lines, Rows, DataCapture; write Lines",
        ),
        ("payloads.sources.1.linesPerRequest", 2, "payloads.sources[1].linesPerRequest: only goes with split: Lines"),
        ("payloads.sources.0.file", ..., "payloads.sources[0].file: is missing"),
        ("payloads.order", "Zipf", "payloads.order: “Zipf” is none of InOrder, Random"),
        ("load.duration", 30, "load.duration: 30 has no unit; write 30s or 30m"),
        ("load.duration", "soon", "load.duration: “soon” is no duration"),
        ("load.duration", ..., "load.duration: is missing"),
        ("load.duration", "500ms", "load.duration: “500ms” is outside 1s"),
        ("load.warmUp", "2m", "load.warmUp: 120s leaves nothing of the duration of 90s"),
        ("load.rampUp", "2m", "load.rampUp: 120s is longer than the duration of 90s"),
        ("load.open", ..., "load: set exactly one of closed and open"),
        ("load.closed", {"users": 5}, "load: set exactly one of closed"),
        ("load.open.rate", 0, "load.open.rate: 0 is outside"),
        ("load.open.rate", "200/s", "load.open.rate: “200/s” is no number; write rate: 200"),
        ("load.open.rate", ..., "load.open.rate: is missing"),
        ("load.open.maxInFlight", 2.5, "load.open.maxInFlight: 2.5 is no whole number"),
        ("workers", 0, "workers: 0 is outside 1 to 256"),
        ("workers", True, "workers: true is no whole number"),
        ("schemaVersion", 2, "schemaVersion: 2 is none of 1"),
        ("thresholds", "p99 <= 80ms", "thresholds: a text instead of a list"),
        ("thresholds.0", "p99 < 80", "thresholds[0]: “p99 < 80” has no unit. Write “p99 < 80ms”"),
        ("thresholds.0", "p99 < 80%", "thresholds[0]: “p99 < 80%”: % does not fit p99"),
        ("thresholds.0", "p99 > 80ms", "Write “p99 < 80ms”"),
        ("thresholds.0", "rate <= 99%", "Write “rate >= 99%”"),
        ("thresholds.0", "rate of champion >= 99%", "the rate is one for the whole test"),
        ("thresholds.0", "fast", "thresholds[0]: “fast” is not understood"),
        ("thresholds.0", "p0 <= 5ms", "there is no p0"),
    ],
)
def test_refusals(path: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse(changed(path, value))
    assert any(told in fault for fault in error.value.faults), error.value.faults


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lod", {}),
        ("endpoint.nmae", "x"),
        ("endpoint.resource", "fraud"),
        ("payloads.sources", []),
        ("payloads.sources.0.split", "lines"),
        ("payloads.sources.1.linesPerRequest", 2),
        ("load.duration", 30),
        ("load.closed", {"users": 5}),
        ("load.open.rate", "200/s"),
        ("workers", 0),
        ("schemaVersion", 2),
        ("thresholds.0", "p99 < 80"),
        ("thresholds.0", "rate <= 99%"),
    ],
)
def test_the_schema_refuses_as_well(path: str, value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed(path, value), SCHEMA)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        parse({"load": {"duration": 3}, "thresholds": ["x", "y"]})
    assert len(error.value.faults) >= 6


@pytest.mark.parametrize("data", [None, [], "text", 5, {"endpoint": [], "payloads": 3, "load": "x"}])
def test_not_even_a_mapping(data: Any) -> None:
    with pytest.raises(ConfigurationError):
        parse(data)


def test_flags_win() -> None:
    data = changed("thresholds", ["p99 <= 80ms"])
    test = parse(data, Overrides("other", "us-east-1", 5, 20.0, None, 9, 3))
    assert (test.endpoint.name, test.endpoint.region, test.workers, test.seed) == ("other", "us-east-1", 5, 3)
    assert test.load.duration_seconds == 20
    assert test.load.open is None
    assert test.load.closed is not None
    assert test.load.closed.users == 9


def test_a_share_of_the_offered_rate_needs_one() -> None:
    with pytest.raises(ConfigurationError, match="a closed load offers no rate"):
        parse(VALID, Overrides(users=9))


def test_flags_stand_in_for_what_is_missing() -> None:
    data = changed("load", {})
    data["endpoint"] = {}
    data["thresholds"] = []
    test = parse(data, Overrides(endpoint_name="e", region="eu-west-1", duration_seconds=5.0, rate=10.0))
    assert test.load.open is not None
    assert test.load.open.rate == 10


def test_resource_stands_alone_and_is_looked_up_later() -> None:
    assert parse(changed("endpoint", {"resource": "fraud"})).endpoint == Endpoint("", "", "fraud")
    with pytest.raises(ConfigurationError, match=r"endpoint\.region: is read from the SageMakerEndpoint's status"):
        parse(changed("endpoint", {"resource": "fraud", "region": "eu-west-1"}))
    with pytest.raises(ConfigurationError, match="no name of a SageMakerEndpoint"):
        parse(changed("endpoint", {"resource": "Fraud"}))


def test_flags_win_over_a_resource() -> None:
    flags = Overrides(endpoint_name="ml-fraud", region="eu-west-1")
    assert parse(changed("endpoint", {"resource": "fraud"}), flags).endpoint == Endpoint("ml-fraud", "eu-west-1")


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_test(tmp_path / "none.yaml", Overrides())
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigurationError, match="no valid YAML"):
        read_test(tmp_path / "bad.yaml", Overrides())


def test_the_example() -> None:
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text()), SCHEMA)
    payloads = load_payloads(read_test(EXAMPLE, Overrides()))
    assert len(payloads) >= 20
    assert {p.body.count(b",") for p in payloads} == {57}


@pytest.mark.parametrize("example", sorted(EXAMPLE.parent.glob("loadtest-*.yaml")), ids=lambda path: path.stem)
def test_the_examples_of_the_main_uses(example: Path) -> None:
    jsonschema.validate(yaml.safe_load(example.read_text()), SCHEMA)
    test = read_test(example, Overrides())
    assert len(load_payloads(test)) >= 3
    if test.name.endswith("how much it carries"):
        assert searchable(test).search.start_rate == 50


def payload_test(folder: Path, *sources: dict[str, Any]) -> LoadTest:
    data = changed("payloads.sources", list(sources))
    return parse_test(data, Overrides(), name="t", folder=str(folder), environment={})


def test_lines_and_wholes(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"1,2\r\n\r\n3,4\n5,6\n")
    (tmp_path / "b.json").write_bytes(b"{}\n")
    (tmp_path / "a.json").write_bytes(b"[]")
    test = payload_test(
        tmp_path,
        {"file": "rows.csv", "split": "Lines", "linesPerRequest": 2},
        {"file": "*.json", "contentType": "application/json"},
    )
    assert [(p.body, p.content_type, p.origin) for p in load_payloads(test)] == [
        (b"1,2\n3,4", "text/csv", "rows.csv:1"),
        (b"5,6", "text/csv", "rows.csv:3"),
        (b"[]", "application/json", "a.json"),
        (b"{}\n", "application/json", "b.json"),
    ]


def test_payload_faults(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"\n\n")
    (tmp_path / "large.bin").write_bytes(b"x" * (BODY_LIMIT_BYTES + 1))
    test = payload_test(
        tmp_path,
        {"file": "none.csv"},
        {"file": "*.png"},
        {"file": "empty.csv", "split": "Lines"},
        {"file": "large.bin"},
    )
    with pytest.raises(ConfigurationError) as error:
        load_payloads(test)
    faults = error.value.faults
    assert len(faults) == 4
    assert "is not there" in faults[0]
    assert "no file matches *.png" in faults[1]
    assert "is empty" in faults[2]
    assert "6,291,457 bytes" in faults[3]


STAGED: dict[str, Any] = {
    **VALID,
    "thresholds": [],
    "load": {
        "open": {"arrivals": "Poisson"},
        "stages": [{"duration": "1m", "rate": 100}, {"duration": "30s", "rampTo": 300}, {"duration": "1m", "rate": 50}],
    },
}
INVOCATION: dict[str, Any] = {
    "operation": "InvokeEndpoint",
    "targetVariant": "main",
    "targetModels": {"pattern": "m-{number}.tar.gz", "count": 3, "zipfExponent": 1},
    "targetContainerHostname": "second",
    "inferenceComponentName": "llama",
    "sessionId": "s1",
    "inferenceIDs": "Unique",
    "customAttributes": "a=b",
}


def test_stages() -> None:
    jsonschema.validate(STAGED, SCHEMA)
    load = parse(STAGED).load
    assert [(s.seconds, s.start, s.end) for s in load.stages] == [(60, 100, 100), (30, 100, 300), (60, 50, 50)]
    assert (load.duration_seconds, load.open and load.open.rate) == (150, 300)
    closed = {**STAGED, "load": {"closed": {}, "stages": [{"duration": "10s", "rampTo": 9}]}}
    jsonschema.validate(closed, SCHEMA)
    assert parse(closed).load.closed is not None


def test_invocation() -> None:
    data = {**VALID, "invocation": INVOCATION}
    jsonschema.validate(data, SCHEMA)
    invocation = parse(data).invocation
    assert invocation.target_models is not None
    assert invocation.target_models.names == ("m-1.tar.gz", "m-2.tar.gz", "m-3.tar.gz")
    assert invocation.target_models.weights == (1, 1 / 2, 1 / 3)
    assert (invocation.session_id, invocation.unique_inference_ids) == ("s1", True)
    assert decode(LoadTest, json.loads(json.dumps(encode(parse(data))))).invocation == invocation


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"operation": "Invoke"}, "invocation.operation: “Invoke” is none of InvokeEndpoint"),
        ({"operation": "InvokeEndpointAsync", "targetVariant": "a"}, "InvokeEndpointAsync has no such member"),
        ({"operation": "InvokeEndpointWithResponseStream", "targetModel": "a"}, "has no such member"),
        ({"async": {}}, "invocation.async: only goes with operation: InvokeEndpointAsync"),
        ({"sessionId": "a", "sessions": "PerUser"}, "at most one of sessionId and sessions"),
        ({"sessions": "PerUser"}, "invocation.sessions: PerUser needs users who stay"),
        ({"targetModel": "a", "targetModels": {"weights": {"b": 1}}}, "at most one of targetModel and targetModels"),
        ({"targetModels": {}}, "invocation.targetModels: set exactly one of weights"),
        ({"targetModels": {"weights": {"b": 0}}}, "invocation.targetModels.weights: are all 0"),
        ({"targetModels": {"pattern": "x", "count": 2}}, "has no {number}"),
        ({"targetModels": {"pattern": "{number}"}}, "invocation.targetModels.count: is missing"),
        ({"targetVariant": "a_b"}, "invocation.targetVariant: “a_b” is no such name"),
        ({"operation": "InvokeEndpointAsync", "async": {"inputS3URI": "b/c"}}, "is no S3 URI"),
    ],
)
def test_invocations_that_are_refused(members: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse({**VALID, "invocation": members})
    assert any(told in fault for fault in error.value.faults), error.value.faults


@pytest.mark.parametrize(
    ("load", "told"),
    [
        ({"open": {}, "stages": [{"rate": 5}]}, "load.stages[0].duration: is missing"),
        ({"open": {}, "stages": [{"duration": "5s"}]}, "load.stages[0]: set exactly one of rate"),
        ({"open": {}, "stages": [{"duration": "5s", "users": 3}]}, "load.stages[0].users: unknown field"),
        ({"open": {}, "stages": [{"duration": "5s", "rate": 0}]}, "load.stages: ask for no load at all"),
        ({"stages": [{"duration": "5s", "rate": 1}]}, "load.stages: set exactly one of open and closed"),
        ({"open": {"rate": 5}, "stages": [{"duration": "5s", "rate": 1}]}, "load.open.rate: the stages say it"),
        ({"open": {}, "duration": "9s", "stages": [{"duration": "5s", "rate": 1}]}, "load.duration: the stages say it"),
        ({"open": {"rate": 5, "speed": 2}, "duration": "5s"}, "load.open.speed: only goes with arrivals: Recorded"),
        ({"open": {"arrivals": "Recorded", "rate": 2}, "duration": "5s"}, "load.open.rate: the recording has its own"),
        ({"open": {"arrivals": "Recorded"}, "duration": "5s"}, "Recorded needs payloads in order"),
    ],
)
def test_loads_that_are_refused(load: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse({**VALID, "thresholds": [], "load": load})
    assert any(told in fault for fault in error.value.faults), error.value.faults


def test_flags_do_not_change_stages() -> None:
    with pytest.raises(ConfigurationError, match="--rate, --users and --duration do not go with"):
        parse(STAGED, Overrides(rate=5))


def test_locustfile_needs_no_payloads_but_users() -> None:
    data = {k: v for k, v in VALID.items() if k not in ("payloads", "thresholds")} | {"locustfile": "mine.py"}
    with pytest.raises(ConfigurationError, match="locustfile: its users decide when they call"):
        parse(data)
    data["load"] = {"closed": {"users": 3}, "duration": "5s"}
    jsonschema.validate(data, SCHEMA)
    assert parse(data).locustfile == "mine.py"
