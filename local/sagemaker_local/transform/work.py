"""One object transformed: cut, sent in order with several requests under way, and put together in a file."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from sagemaker_local.transform import failures
from sagemaker_local.transform.processing import CSV, JSON_LINES, kind_of, processed, sender
from sagemaker_local.transform.records import Batch, assembled, batches, lines, together, whole
from sagemaker_local.transform.spec import Settled, TransformSpec

Send = Callable[[bytes], Coroutine[Any, Any, bytes]]


def requests(file: BinaryIO, spec: TransformSpec, limits: Settled) -> Iterator[Batch]:
    """The requests that an object becomes. Raises ObjectFailed on the way."""
    kind = kind_of(spec.content_type)
    sent = sender(spec.processing, kind)
    if spec.split_lines:
        yield from batches(lines(file, limits.max_bytes), limits, sent)
    elif spec.processing.active and kind in (CSV, JSON_LINES):
        yield together(lines(file, limits.max_bytes), limits.max_bytes, sent)
    else:
        content = whole(file, limits.max_bytes)
        yield Batch((content,), sent(content))


def output(spec: TransformSpec, batch: Batch, reply: bytes) -> bytes:
    """What a request's reply becomes in the .out object. Raises ObjectFailed."""
    if not spec.processing.active:
        return assembled((reply,), by_line=spec.assemble_lines)
    kind = kind_of(spec.content_type)
    by_line = spec.split_lines or kind in (CSV, JSON_LINES)
    outputs = processed(spec.processing, kind, batch.records, reply, by_line)
    if spec.assemble_lines:
        return assembled(outputs, by_line=True)
    return b"\n".join(outputs)


async def transform(source: Path, target: Path, spec: TransformSpec, limits: Settled, send: Send) -> None:
    """Write the object's output to ``target``. Raises ObjectFailed; what was written until then is of no use."""
    window: deque[tuple[Batch, asyncio.Task[bytes]]] = deque()
    try:
        with _opened(source, spec) as file, target.open("wb") as out:
            for batch in requests(file, spec, limits):
                window.append((batch, asyncio.create_task(send(batch.body))))
                if len(window) >= limits.max_concurrent:
                    await _next(window, out, spec)
            while window:
                await _next(window, out, spec)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise failures.bad_data(f"The object is not gzip-compressed: {error}") from error
    finally:
        left = [each for _, each in window]
        for each in left:
            each.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _next(window: deque[tuple[Batch, asyncio.Task[bytes]]], out: BinaryIO, spec: TransformSpec) -> None:
    batch, sending = window[0]
    reply = await sending
    window.popleft()
    out.write(output(spec, batch, reply))


def _opened(source: Path, spec: TransformSpec) -> BinaryIO:
    return cast("BinaryIO", gzip.open(source, "rb")) if spec.gzip else source.open("rb")
