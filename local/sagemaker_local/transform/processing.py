"""DataProcessing: what of a record goes to the model, and how its answer is joined to it. Pure, bytes to bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from sagemaker_local.transform import failures
from sagemaker_local.transform.jsonpath import ROOT, Path, PathError, select
from sagemaker_local.transform.spec import Processing

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
KINDS = (CSV, JSON, JSON_LINES)
"""The types that DataProcessing works with (AWS: Associate Prediction Results with Input Records)."""

_OUTPUT, _INPUT = "SageMakerOutput", "SageMakerInput"


def kind_of(content_type: str | None) -> str:
    """``text/csv; charset=utf-8`` -> ``text/csv``."""
    return (content_type or "").partition(";")[0].strip().lower()


def sender(processing: Processing, kind: str) -> Callable[[bytes], bytes]:
    """Makes of a record what goes to the model. It raises ObjectFailed for a record that the filter does not fit."""
    if processing.input_filter == ROOT:
        return lambda record: record
    return lambda record: _filtered(processing.input_filter, kind, _read(kind, record))


def processed(processing: Processing, kind: str, records: Sequence[bytes], reply: bytes, lines: bool) -> list[bytes]:
    """One output for each record of a request. ``lines``: the reply has an answer a line.

    Raises ObjectFailed when the reply has not one answer for each record, or a filter does not fit.
    """
    answers = _answers(kind, len(records), reply, lines)
    if len(answers) != len(records) and processing.join:
        raise failures.bad_data(
            "Fail to join data: mismatched line count between the input and the output "
            f"({len(records)} and {len(answers)})."
        )
    if not processing.join:
        return [_filtered(processing.output_filter, kind, _read(kind, each)) for each in answers]
    pairs = zip(records, answers, strict=True)
    joined = (_joined(kind, _read(kind, record), _read(kind, answer)) for record, answer in pairs)
    return [_filtered(processing.output_filter, kind, each) for each in joined]


def _answers(kind: str, count: int, reply: bytes, lines: bool) -> list[bytes]:
    if not lines or (count == 1 and kind != CSV):
        return [reply.strip()]
    return [each for each in reply.splitlines() if each.strip()]


def _read(kind: str, record: bytes) -> Any:
    try:
        text = record.decode("utf-8")
        return next(csv.reader([text])) if kind == CSV else json.loads(text)
    except (ValueError, csv.Error, StopIteration, RecursionError) as error:
        name = "CSV" if kind == CSV else "JSON"
        raise failures.bad_data(f"Unable to parse data as {name}: {error}") from error


def _joined(kind: str, record: Any, answer: Any) -> Any:
    if kind == CSV:
        return [*record, *answer]
    if isinstance(record, dict):
        return {**record, _OUTPUT: answer}
    return {_INPUT: record, _OUTPUT: answer}


def _filtered(path: Path, kind: str, value: Any) -> bytes:
    try:
        found = select(path, value)
    except PathError as error:
        raise failures.bad_data(str(error)) from error
    if kind == CSV:
        return _row(found if isinstance(found, list) else [found])
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()


def _row(values: list[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue().encode()
