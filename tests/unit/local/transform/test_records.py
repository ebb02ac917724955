"""Objects cut into requests and put together again: nothing lost, nothing reordered, limits kept."""

from __future__ import annotations

import csv
import io
import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.transform.failures import ObjectFailed
from sagemaker_local.transform.jsonpath import parsed
from sagemaker_local.transform.processing import processed, sender
from sagemaker_local.transform.records import assembled, batches, lines, whole
from sagemaker_local.transform.spec import MULTI_RECORD, Processing, Settled, TransformSpec, batch_environment, settled
from sagemaker_local.transform.work import output, requests

SPEC = TransformSpec("s3://b/in/", "s3://b/out")
RECORDS = st.lists(st.binary(min_size=1, max_size=20).filter(lambda each: not set(each) & set(b"\r\n")))
CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"


def as_it_is(record: bytes) -> bytes:
    return record


@given(RECORDS, st.integers(20, 60), st.booleans())
def test_every_record_is_sent_once_in_order_and_within_the_limit(records: list[bytes], most: int, single: bool) -> None:
    found = list(batches(records, Settled(1, most, single), as_it_is))
    assert [record for each in found for record in each.records] == records
    assert all(len(each.body) <= most for each in found)
    assert all(each.body.split(b"\n") == list(each.records) for each in found)
    if single:
        assert all(len(each.records) == 1 for each in found)
    for first, second in itertools.pairwise(found):
        assert single or len(first.body) + 1 + len(second.records[0]) > most


@given(RECORDS, st.sampled_from([b"\n", b"\r\n", b"\n\n"]), st.booleans())
def test_lines_are_records_whatever_ends_them(records: list[bytes], end: bytes, last: bool) -> None:
    content = end.join(records) + (end if last else b"")
    assert list(lines(io.BytesIO(content), 100)) == records


def test_a_record_or_object_above_the_limit_fails_the_object() -> None:
    assert list(lines(io.BytesIO(b"x" * 10 + b"\r\n" + b"y" * 10), 10)) == [b"x" * 10, b"y" * 10]
    assert whole(io.BytesIO(b"x" * 10), 10) == b"x" * 10
    with pytest.raises(ObjectFailed, match="A record has more than the 10 bytes"):
        list(lines(io.BytesIO(b"a\n" + b"x" * 11), 10))
    with pytest.raises(ObjectFailed, match="set SplitType"):
        whole(io.BytesIO(b"x" * 11), 10)
    rows = replace(SPEC, content_type=CSV, accept=CSV, processing=Processing(join=True))
    with pytest.raises(ObjectFailed, match="set SplitType"):
        list(requests(io.BytesIO(b"xxx\n" * 4), rows, Settled(1, 10, single_record=False)))


def test_outputs_end_in_one_newline_when_assembled_by_line() -> None:
    assert assembled([b"a", b"b\n"], by_line=True) == b"a\nb\n"
    assert assembled([b"a", b"b\n"], by_line=False) == b"ab\n"


def test_the_request_goes_over_the_container_and_that_over_the_defaults() -> None:
    megabyte = 1024 * 1024
    assert settled(SPEC, {}) == Settled(1, 6 * megabyte, single_record=False)
    told = {"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"}
    assert settled(SPEC, told) == Settled(4, 2 * megabyte, single_record=True)
    asked = replace(SPEC, max_concurrent=3, max_payload_mb=0, single_record=False)
    assert settled(asked, told) == Settled(3, None, single_record=False)
    for nonsense in ({"MaxConcurrentTransforms": 0}, {"MaxPayloadInMB": "x"}, {"MaxConcurrentTransforms": True}):
        assert settled(SPEC, nonsense) == settled(SPEC, {})
    assert batch_environment(asked)["SAGEMAKER_MAX_PAYLOAD_IN_MB"] == "0"
    assert batch_environment(SPEC)["SAGEMAKER_BATCH_STRATEGY"] == MULTI_RECORD


@pytest.mark.parametrize(
    ("processing", "kind", "record", "answer", "sent", "stored"),
    [
        (("$[1:]", True, "$"), CSV, b"7,1,2", b"0.5", b"1,2", b"7,1,2,0.5"),
        (("$[1:]", True, "$[0,-1]"), CSV, b"7,1,2", b"0.5", b"1,2", b"7,0.5"),
        (("$[0]", True, "$"), CSV, b"7,1,2", b"0.5,0.6", b"7", b"7,1,2,0.5,0.6"),
        (("$", False, "$[0]"), CSV, b"7", b"0.5,0.6", b"7", b"0.5"),
        (("$[1]", True, "$"), CSV, b'"a,b","c ""d"""', b"1", b'"c ""d"""', b'"a,b","c ""d""",1'),
        (("$.f", True, "$"), JSON_LINES, b'{"f":[1],"id":2}', b'{"s":3}', b"[1]",
         b'{"f":[1],"id":2,"SageMakerOutput":{"s":3}}'),
        (("$", True, "$['id','SageMakerOutput']"), JSON, b'{"id":"\xc3\xa4","x":1}', b"[3]", b'{"id":"\xc3\xa4","x":1}',
         b'{"id":"\xc3\xa4","SageMakerOutput":[3]}'),
        (("$", True, "$"), JSON_LINES, b"[1,2]", b"3", b"[1,2]", b'{"SageMakerInput":[1,2],"SageMakerOutput":3}'),
    ],
)  # fmt: skip
def test_a_record_is_filtered_joined_and_filtered(
    processing: tuple[str, bool, str], kind: str, record: bytes, answer: bytes, sent: bytes, stored: bytes
) -> None:
    found = Processing(parsed(processing[0]), parsed(processing[2]), processing[1])
    assert sender(found, kind)(record) == sent
    assert processed(found, kind, [record], answer, lines=True) == [stored]


def test_a_reply_must_have_an_answer_for_each_record_that_it_is_joined_to() -> None:
    joining, filtering = Processing(join=True), Processing(output_filter=parsed("$[0]"))
    assert processed(joining, CSV, [b"1", b"2"], b"a\n\nb\n", lines=True) == [b"1,a", b"2,b"]
    with pytest.raises(ObjectFailed, match=r"mismatched line count between the input and the output \(2 and 1\)"):
        processed(joining, CSV, [b"1", b"2"], b"a", lines=True)
    with pytest.raises(ObjectFailed, match="mismatched line count"):
        processed(joining, CSV, [b"1"], b"a\nb", lines=True)
    assert processed(filtering, CSV, [b"1", b"2"], b"a,b", lines=True) == [b"a"]


@pytest.mark.parametrize(
    ("kind", "record", "said"),
    [
        (JSON, b"{", "Unable to parse data as JSON"),
        (JSON_LINES, b"\xff", "Unable to parse data as JSON"),
        (CSV, b"\xff", "Unable to parse data as CSV"),
        (JSON, b"[]", "is the name of an attribute"),
        (CSV, b"1,2", "is the name of an attribute"),
    ],
)
def test_a_record_that_the_filter_does_not_fit_fails_the_object(kind: str, record: bytes, said: str) -> None:
    with pytest.raises(ObjectFailed, match=said) as caught:
        sender(Processing(input_filter=parsed("$.a")), kind)(record)
    assert caught.value.kind == "ClientError"


def test_an_object_that_is_not_split_is_one_request() -> None:
    limits = Settled(1, 100, single_record=True)
    (plain,) = requests(io.BytesIO(b"a\n\nb\n"), SPEC, limits)
    assert (plain.body, output(SPEC, plain, b"reply")) == (b"a\n\nb\n", b"reply")
    table = replace(SPEC, content_type=CSV, accept=CSV, processing=Processing(parsed("$[1:]"), join=True))
    (rows,) = requests(io.BytesIO(b"1,a\n2,b\n"), table, limits)
    assert (rows.body, output(table, rows, b"A\nB\n")) == (b"a\nb", b"1,a,A\n2,b,B")
    document = replace(table, content_type=JSON, accept=JSON, processing=Processing(join=True))
    (whole_one,) = requests(io.BytesIO(b'{\n"id": 1\n}'), document, limits)
    assert json.loads(output(document, whole_one, b"[\n2\n]")) == {"id": 1, "SageMakerOutput": [2]}


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8")), min_size=1), min_size=1))
def test_csv_rows_survive_being_read_and_written(rows: list[list[str]]) -> None:
    everything = Processing(output_filter=parsed("$[:]"), join=True)
    for row in rows:
        (record,) = processed(Processing(output_filter=parsed("$[:]")), CSV, [b""], _csv(row), lines=False)
        (again,) = processed(everything, CSV, [record], b"x", lines=False)
        assert next(csv.reader([again.decode()])) == [*row, "x"]


def _csv(row: list[str]) -> bytes:
    return ",".join('"' + each.replace('"', '""') + '"' for each in row).encode()
