"""An object cut into records, and records put together into request bodies. Pure over a readable file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sagemaker_local.transform import failures
from sagemaker_local.transform.spec import MEGABYTE, MOST_MEGABYTES, Settled

MOST_RECORD_BYTES = MOST_MEGABYTES * MEGABYTE
"""More than any record may have (AWS: Batch transform quotas), also without a limit on the payload."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One request: the records as they are in the object, and the body made of them."""

    records: tuple[bytes, ...]
    body: bytes


def whole(file: BinaryIO, most: int | None) -> bytes:
    """All of an object. Raises ObjectFailed when it is larger than a payload may be."""
    limit = MOST_RECORD_BYTES if most is None else most
    data = file.read(limit + 1)
    if len(data) > limit:
        raise failures.bad_data(f"The object has more than the {limit} bytes that a payload may have; set SplitType.")
    return data


def lines(file: BinaryIO, most: int | None) -> Iterator[bytes]:
    """The lines that are not empty, without their ends. Raises ObjectFailed for one larger than a payload may be."""
    limit = MOST_RECORD_BYTES if most is None else most
    while line := file.readline(limit + 3):
        record = line.rstrip(b"\r\n")
        if len(record) > limit:
            raise failures.bad_data(f"A record has more than the {limit} bytes that a payload may have.")
        if record:
            yield record


def batches(records: Iterable[bytes], settled: Settled, sent: Callable[[bytes], bytes]) -> Iterator[Batch]:
    """One record a request, or as many as fit into a payload. ``sent`` makes of a record what goes to the model."""
    waiting: list[tuple[bytes, bytes]] = []
    size = 0
    for record in records:
        body = sent(record)
        full = settled.max_bytes is not None and size + len(body) > settled.max_bytes
        if waiting and (settled.single_record or full):
            yield _batch(waiting)
            waiting, size = [], 0
        waiting.append((record, body))
        size += len(body) + 1
    if waiting:
        yield _batch(waiting)


def together(records: Iterable[bytes], most: int | None, sent: Callable[[bytes], bytes]) -> Batch:
    """All records in one request. Raises ObjectFailed when that is too much."""
    batch = _batch([(each, sent(each)) for each in records])
    limit = MOST_RECORD_BYTES if most is None else most
    if len(batch.body) > limit:
        raise failures.bad_data(f"The object has more than the {limit} bytes that a payload may have; set SplitType.")
    return batch


def _batch(waiting: list[tuple[bytes, bytes]]) -> Batch:
    return Batch(tuple(record for record, _ in waiting), b"\n".join(body for _, body in waiting))


def assembled(outputs: Iterable[bytes], *, by_line: bool) -> bytes:
    """Outputs as they stand in the .out object: one after the other, or each ending in a newline (AssembleWith)."""
    if not by_line:
        return b"".join(outputs)
    return b"".join(each if each.endswith(b"\n") else each + b"\n" for each in outputs)
