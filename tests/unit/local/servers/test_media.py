"""Content types: rows in, predictions out."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.servers import media
from sagemaker_local.servers.app import InferenceError

FLOATS = st.floats(-1e6, 1e6, width=32)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(TABLES, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_csv_rows_are_read_as_they_were_written(table: list[list[float]], delimiter: str, newline: str) -> None:
    text = newline.join(delimiter.join(map(repr, row)) for row in table) + newline
    assert np.array_equal(media.csv_rows(text), np.array(table, dtype=np.float32))


def test_an_empty_csv_field_is_not_a_number() -> None:
    assert np.array_equal(media.csv_rows("1,,3\n,5,"), [[1, np.nan, 3], [np.nan, 5, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"), [("", "no rows"), ("a,b", "could not convert"), ("1,2\n3", "differ in length")]
)
def test_what_is_no_csv_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        media.csv_rows(text)


@given(TABLES)
def test_libsvm_rows_are_read_as_they_were_written(table: list[list[float]]) -> None:
    text = "\n".join(" ".join(["1", *(f"{n}:{value!r}" for n, value in enumerate(row))]) for row in table)
    assert np.array_equal(media.libsvm_rows(text).toarray(), np.array(table, dtype=np.float32))


def test_libsvm_is_sparse() -> None:
    assert media.libsvm_rows("0 3:1.5\n2:7").toarray().tolist() == [[0, 0, 0, 1.5], [0, 0, 7, 0]]


@given(TABLES)
def test_an_array_survives_npy_both_ways(table: list[list[float]]) -> None:
    array = np.array(table, dtype=np.float32)
    assert np.array_equal(media.decode(media.encode(array, media.NPY), media.NPY), array)


@pytest.mark.parametrize(
    "body",
    ["[[1, 2], [3, 4]]", '{"instances": [[1, 2], [3, 4]]}', '{"inputs": [[1, 2], [3, 4]]}',
     '{"instances": [{"features": [1, 2]}, {"features": [3, 4]}]}'],
)  # fmt: skip
def test_json_in_its_usual_shapes(body: str) -> None:
    assert media.decode(body, "application/json; charset=utf-8").tolist() == [[1, 2], [3, 4]]


def test_json_lines() -> None:
    assert media.decode(b'[1, 2]\n{"features": [3, 4]}\n\n', media.JSON_LINES).tolist() == [[1, 2], [3, 4]]
    assert media.encode(np.array([1.5, 2.5]), media.JSON_LINES) == b"1.5\n2.5\n"


def test_npz_gives_its_first_array() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, rows=np.eye(2))
    assert media.decode(buffer.getvalue(), media.NPZ).tolist() == [[1, 0], [0, 1]]


def test_pickles_inside_npy_are_not_loaded() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        media.decode(buffer.getvalue(), media.NPY)


@pytest.mark.parametrize("value", [np.float32(0.5), np.array([[1, 2], [3, 4]]), {"a": np.arange(2)}, [np.int64(1)]])
def test_json_out_takes_numpy_values(value: object) -> None:
    assert json.loads(media.encode(value, media.JSON)) in (0.5, [[1, 2], [3, 4]], {"a": [0, 1]}, [1])


def test_csv_out_has_a_row_a_line() -> None:
    assert media.encode(np.array([[1, 2], [3, 4]]), media.CSV) == b"1,2\n3,4\n"


@pytest.mark.parametrize("kind", ["image/png", "", "application/x-recordio-protobuf"])
def test_an_unknown_type_is_415(kind: str) -> None:
    with pytest.raises(InferenceError, match="is not supported by this framework") as caught:
        media.decode("1", kind)
    assert caught.value.status == 415
    with pytest.raises(InferenceError):
        media.encode([1], kind)
