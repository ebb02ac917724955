"""Request bodies to arrays and predictions to bytes, for the content types that AWS's containers know by themselves."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]  # scipy ships no types

from sagemaker_local.servers.app import InferenceError, media_type

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
NPY, NPZ = "application/x-npy", "application/x-npz"
LIBSVM = ("text/libsvm", "text/x-libsvm")
UTF8 = frozenset({CSV, JSON})
"""Handlers get these bodies as str, all others as bytes."""

Array = npt.NDArray[Any]


def unsupported(content_type: str) -> InferenceError:
    """The toolkit's own answer to a type that no decoder or encoder knows."""
    return InferenceError(
        415,
        f"Content type {content_type} is not supported by this framework.\n\n"
        "Please implement input_fn to deserialize the request data or an output_fn to serialize the response.",
    )


def csv_rows(text: str) -> Array:
    """Rows of numbers without a header, always two-dimensional; an empty field is not-a-number.

    Raises ValueError naming what is no number.
    """
    lines = text.strip().splitlines()
    if not lines:
        raise ValueError("no rows")
    delimiter = _delimiter(lines[0])
    try:
        return np.loadtxt(lines, delimiter=delimiter, dtype=np.float32, ndmin=2, comments=None)
    except ValueError:
        fields = [[field.strip() or "nan" for field in row] for row in csv.reader(lines, delimiter=delimiter)]
        if len({len(row) for row in fields}) > 1:
            raise ValueError("rows differ in length") from None
        return np.array(fields, dtype=np.float32)


def _delimiter(line: str) -> str:
    """A comma, or what stands in its place."""
    return next((each for each in ",;\t|" if each in line), " " if " " in line.strip() else ",")


def libsvm_rows(text: str) -> csr_matrix:
    """Lines of ``[label] index:value …``; indices are taken as they are. Raises ValueError."""
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    lines = text.strip().splitlines()
    for number, line in enumerate(lines):
        for item in line.split():
            index, colon, value = item.partition(":")
            if colon:
                rows.append(number)
                columns.append(int(index))
                values.append(float(value))
    width = max(columns, default=-1) + 1
    return csr_matrix((values, (rows, columns)), shape=(len(lines), width), dtype=np.float32)


def _from_json(text: str) -> Array:
    value = json.loads(text)
    if isinstance(value, dict):
        value = next((value[key] for key in ("instances", "inputs") if key in value), value)
    if isinstance(value, list) and value and all(isinstance(each, dict) and "features" in each for each in value):
        value = [each["features"] for each in value]
    return np.array(value)


def _from_json_lines(body: bytes) -> Array:
    rows = [json.loads(line) for line in body.decode().splitlines() if line.strip()]
    return np.array([row["features"] if isinstance(row, dict) and "features" in row else row for row in rows])


def _from_npy(body: bytes) -> Array:
    loaded: Array = np.load(io.BytesIO(body), allow_pickle=False)
    return loaded


def _from_npz(body: bytes) -> Array:
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        first: Array = archive[archive.files[0]]
        return first


def _from_csv(text: str) -> Array:
    """One row or one column is one-dimensional, as numpy.genfromtxt has it and with it AWS's scikit-learn container."""
    rows = csv_rows(text)
    return rows.ravel() if 1 in rows.shape else rows


_DECODERS: dict[str, Callable[[Any], Array]] = {
    CSV: _from_csv,
    JSON: _from_json,
    JSON_LINES: _from_json_lines,
    NPY: _from_npy,
    NPZ: _from_npz,
}


def decode(body: str | bytes, content_type: str) -> Array:
    """A body as an array. Raises InferenceError 415, ValueError for a body that is not of its type."""
    decoder = _DECODERS.get(media_type(content_type))
    if decoder is None:
        raise unsupported(content_type)
    return decoder(body)


def encode(prediction: Any, accept: str) -> bytes:
    """A prediction as bytes of the type asked for. Raises InferenceError 415 (the toolkit's choice, not 406)."""
    kind = media_type(accept)
    if kind == JSON:
        return json.dumps(prediction, default=_plain).encode()
    if kind == CSV:
        buffer = io.StringIO()
        np.savetxt(buffer, np.atleast_1d(np.asarray(prediction)), delimiter=",", fmt="%s")
        return buffer.getvalue().encode()
    if kind == NPY:
        binary = io.BytesIO()
        np.save(binary, np.asarray(prediction), allow_pickle=False)
        return binary.getvalue()
    if kind == JSON_LINES:
        return json_lines(prediction)
    raise unsupported(accept)


def json_lines(values: Iterable[Any]) -> bytes:
    """One JSON value a line."""
    return "".join(json.dumps(each, default=_plain) + "\n" for each in values).encode()


def _plain(value: Any) -> Any:
    """What numpy values are in JSON."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
