"""Payload sources: how they are cut, what is refused, which of them a request takes."""

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Endpoint, LoadTest
from sagemaker_loadtest.command.preparation import gathered, prepared
from sagemaker_loadtest.testfile.parse import Overrides, parse_test
from sagemaker_loadtest.workload.npy import rows_of
from sagemaker_loadtest.workload.payloads import Payload, load_payloads
from sagemaker_loadtest.workload.schedule import recorded
from sagemaker_loadtest.workload.template import numbers, template_of


def a_test(folder: Path, *sources: dict[str, Any], order: str = "InOrder", **members: Any) -> LoadTest:
    payloads = {"contentType": "text/csv", "order": order, "sources": list(sources)}
    data = {
        "endpoint": {"name": "e", "region": "eu-west-1"},
        "payloads": payloads,
        "load": {"open": {"rate": 1}, "duration": "10s"},
        **members,
    }
    return parse_test(data, Overrides(), name="t", folder=str(folder), environment={})


def fault(test: LoadTest) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_payloads(test)
    return str(error.value)


@given(npst.arrays(npst.integer_dtypes() | npst.floating_dtypes(), npst.array_shapes(max_dims=3)), st.integers(1, 4))
def test_rows_are_numpys(array: "np.ndarray[Any, Any]", step: int) -> None:
    file = io.BytesIO()
    np.save(file, array)
    pieces = [np.load(io.BytesIO(body), allow_pickle=False) for body, _ in rows_of(file.getvalue(), step)]
    assert all(len(piece) <= step for piece in pieces)
    assert {piece.dtype for piece in pieces} == {array.dtype}
    np.testing.assert_array_equal(np.concatenate(pieces), array)


@pytest.mark.parametrize("content", [b"", b"1,2", b"\x93NUMPY\x01\x00\xff\xff{", b"\x93NUMPY\x01\x00\x02\x00{}"])
def test_what_is_no_npy_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npy").write_bytes(content or b"\x93NUMPY")
    assert "x.npy is no .npy file that can be used" in fault(a_test(tmp_path, {"file": "x.npy", "split": "Rows"}))


def test_npy_in_batches_brings_its_content_type(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(3, 2))
    test = a_test(tmp_path, {"file": "x.npy", "split": "Rows", "linesPerRequest": 2})
    assert [p.origin for p in load_payloads(test)] == ["x.npy:1", "x.npy:3"]
    assert {p.content_type for p in load_payloads(test)} == {"application/x-npy"}


def test_folder_header_and_weights(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("b.png", "a.png", ".hidden"):
        (tmp_path / "images" / name).write_bytes(name.encode())
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n3,4\n5,6\n")
    test = a_test(
        tmp_path,
        {"file": "images", "contentType": "image/png", "weight": 1},
        {"file": "rows.csv", "split": "Lines", "skipLines": 1, "linesPerRequest": 2, "weight": 3},
        order="Random",
    )
    assert [(p.body, p.weight) for p in load_payloads(test)] == [
        (b"a.png", 0.5),
        (b"b.png", 0.5),
        (b"1,2\n3,4", 1.5),
        (b"5,6", 1.5),
    ]


def captured(body: str, second: int | None, encoding: str = "CSV") -> str:
    metadata = {} if second is None else {"inferenceTime": f"2026-11-24T10:00:{second:02d}Z"}
    given = {"data": body, "encoding": encoding, "observedContentType": "text/csv", "mode": "INPUT"}
    return json.dumps({"captureData": {"endpointInput": given}, "eventMetadata": metadata})


def test_data_capture_is_replayed_in_its_own_time(tmp_path: Path) -> None:
    lines = [captured("late", 9), captured(base64.b64encode(b"\x00early").decode(), 5, "BASE64")]
    (tmp_path / "c.jsonl").write_text("\n".join([*lines, json.dumps({"captureData": {}}), captured("last", 11)]))
    load = {"open": {"arrivals": "Recorded", "speed": 2}, "duration": "10s"}
    test = a_test(tmp_path, {"file": "c.jsonl", "split": "DataCapture"}, load=load)
    payloads = load_payloads(test)
    assert [p.body for p in payloads] == [b"\x00early", b"late", b"last"]
    moments = [p.at or 0.0 for p in payloads]
    both = [list(recorded(moments, test.load, worker=w, workers=2)) for w in range(2)]
    assert sorted(both[0] + both[1]) == [0, 2, 3, 4.5, 6.5, 7.5, 9]
    load_of = prepared(test, payloads).load
    assert load_of.open is not None
    assert (load_of.open.rate, sum(s.seconds * s.start for s in load_of.stages)) == (1, 7)


def test_data_capture_faults(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(captured("x", 1) + "\nnonsense")
    (tmp_path / "b.jsonl").write_text(captured("x", None))
    (tmp_path / "c.jsonl").write_text(captured("!", 1, "BASE64"))
    load = {"open": {"arrivals": "Recorded"}, "duration": "10s"}
    for name, told in (("a", "line 2 is no event"), ("b", "needs the time of every input"), ("c", "is no base64")):
        assert told in fault(a_test(tmp_path, {"file": f"{name}.jsonl", "split": "DataCapture"}, load=load))


def test_limits_are_the_operations(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"x" * 128_001)
    invocation: dict[str, Any] = {"operation": "InvokeEndpointAsync"}
    told = fault(a_test(tmp_path, {"file": "x.bin"}, invocation=invocation))
    assert "InvokeEndpointAsync takes at most 128,000" in told
    assert "inputS3URI" in told
    invocation["async"] = {"inputS3URI": "s3://bucket/in"}
    assert len(load_payloads(a_test(tmp_path, {"file": "x.bin"}, invocation=invocation))) == 1


@pytest.mark.parametrize("uri", ["s3://", "s3:///key"])
def test_no_s3_uri(tmp_path: Path, uri: str) -> None:
    assert "is no S3 URI" in fault(a_test(tmp_path, {"file": uri}))


def test_templates() -> None:
    template = template_of(b'{"id": "${uuid}", "n": ${number}, "at": ${timestamp}, "$x": "{uuid}"}', "here")
    bodies = [json.loads(template.fill(number)) for number in (3, 4)]
    assert [body["n"] for body in bodies] == [3, 4]
    assert bodies[0]["id"] != bodies[1]["id"]
    assert bodies[0]["$x"] == "{uuid}"
    assert bodies[0]["at"] > 1_700_000_000_000
    for body, told in ((b"${who}", r"\$\{who\} is no placeholder"), (b"plain", "there is no placeholder in it")):
        with pytest.raises(ConfigurationError, match=told):
            template_of(body, "here")


def test_numbers_of_workers_never_meet() -> None:
    streams = [numbers(worker=w, workers=3) for w in range(3)]
    drawn = [next(stream) for stream in streams for _ in range(50)]
    assert len(set(drawn)) == 150


def test_template_in_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("${uuid}")
    (payload,) = load_payloads(a_test(tmp_path, {"file": "a.json", "template": True}))
    assert isinstance(payload, Payload)
    assert payload.template is not None


@pytest.mark.parametrize(
    "event",
    [
        {"captureData": {"endpointInput": "1,2"}},
        {"captureData": "1,2"},
        {"captureData": {"endpointInput": {"data": "1,2", "observedContentType": 7}}},
        {"captureData": {"endpointInput": {"data": "1,2"}}, "eventMetadata": "yesterday"},
        {"captureData": {"endpointInput": {"data": "1,2"}}, "eventMetadata": {"inferenceTime": 17}},
    ],
)
def test_event_of_another_shape_is_told(tmp_path: Path, event: dict[str, Any]) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(event))
    told = fault(a_test(tmp_path, {"file": "x.jsonl", "split": "DataCapture"}))
    assert "x.jsonl is no data-capture file that can be used: line 1 is no event of data capture" in told


def test_captured_content_type_brings_no_header_of_its_own(tmp_path: Path) -> None:
    given = {"data": "1,2", "observedContentType": "text/csv\r\nX-Other: 1"}
    (tmp_path / "x.jsonl").write_text(json.dumps({"captureData": {"endpointInput": given}}))
    test = a_test(tmp_path, {"file": "x.jsonl", "split": "DataCapture"})
    test = replace(test, payloads=replace(test.payloads, content_type=None))
    assert "x.jsonl:1: its content type holds a line break" in fault(test)


def test_hidden_files_are_no_payloads(tmp_path: Path) -> None:
    """A ConfigMap's files are links into a hidden folder beside them."""
    hidden = tmp_path / "payloads" / "..2026"
    hidden.mkdir(parents=True)
    (hidden / "a.csv").write_text("1")
    (tmp_path / "payloads" / "a.csv").symlink_to(Path("..2026/a.csv"))
    for pattern in ("payloads", "payloads/*", "payloads/**/*", "**/*.csv"):
        assert [p.origin for p in load_payloads(a_test(tmp_path, {"file": pattern}))] == ["a.csv"], pattern


@pytest.mark.parametrize(("file", "first"), [("s3://bucket/rows/", "resolved"), ("rows.csv", "read")])
def test_region_of_objects_is_the_endpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, first: str
) -> None:
    """It is not known before the SageMakerEndpoint is ready. Files are read first: waiting would not mend them."""
    (tmp_path / "rows.csv").write_text("1")
    seen: list[str] = []

    def resolve(test: LoadTest) -> LoadTest:
        seen.append("resolved")
        return replace(test, endpoint=Endpoint("e", "eu-west-1", "fraud"))

    def read(uri: str, region: str, limit: int, where: str) -> Iterator[tuple[str, bytes]]:
        assert region == "eu-west-1"
        yield "rows", b"1"

    monkeypatch.setattr("sagemaker_loadtest.workload.payloads.read_objects", read)
    monkeypatch.setattr(
        "sagemaker_loadtest.command.preparation.load_payloads",
        lambda test: (seen.append("read"), load_payloads(test))[1],
    )
    test = a_test(tmp_path, {"file": file}, endpoint={"resource": "fraud"})
    test, payloads = gathered(test, resolve)
    assert (seen[0], sorted(seen), test.endpoint.name) == (first, ["read", "resolved"], "e")
    assert [p.body for p in payloads] == [b"1"]
