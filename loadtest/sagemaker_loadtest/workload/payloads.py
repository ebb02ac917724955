"""Payload sources to request bodies: read, split and checked once, before any load is sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import (
    ASYNC_BODY_LIMIT_BYTES,
    ASYNC_OBJECT_LIMIT_BYTES,
    BODY_LIMIT_BYTES,
    LoadTest,
    PayloadSource,
)
from sagemaker_loadtest.workload.capture import captured
from sagemaker_loadtest.workload.npy import rows_of
from sagemaker_loadtest.workload.objects import read_objects, split_uri
from sagemaker_loadtest.workload.template import Template, template_of


@dataclass(frozen=True, slots=True)
class Payload:
    """One request body with its headers and where it came from (`rows.csv:7`), for messages.

    `weight` is its share of the requests among all, for order Random; `at` when it was captured, in seconds since 1970.
    """

    body: bytes
    content_type: str
    accept: str | None
    origin: str
    weight: float = 1.0
    at: float | None = None
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    body: bytes
    origin: str
    content_type: str | None = None
    at: float | None = None


def load_payloads(test: LoadTest) -> tuple[Payload, ...]:
    """All payloads of the test. Raises ConfigurationError for a missing, unreadable or empty source and for a body over
    SageMaker's limit.
    """
    payloads: list[Payload] = []
    faults: list[str] = []
    for index, source in enumerate(test.payloads.sources):
        where = f"payloads.sources[{index}].file"
        try:
            payloads.extend(_of_source(source, test, where))
        except ConfigurationError as error:
            faults.extend(error.faults)
    if not faults and test.load.open and test.load.open.arrivals == "Recorded":
        untold = next((p for p in payloads if p.at is None), None)
        if untold:
            faults.append(f"load.open.arrivals: Recorded needs the time of every input; {untold.origin} tells none")
        payloads.sort(key=lambda p: p.at or 0.0)
    if faults:
        raise ConfigurationError(faults)
    return tuple(payloads)


def _of_source(source: PayloadSource, test: LoadTest, where: str) -> list[Payload]:
    pieces = [
        piece for name, content in _contents(source, test, where) for piece in _pieces(name, content, source, where)
    ]
    if not any(piece.body for piece in pieces):
        raise ConfigurationError(f"{where}: {source.file} is empty. Put at least one request body into it")
    weight = 1.0 if source.weight is None else source.weight / len(pieces)
    payloads = []
    for piece in pieces:
        _check_size(piece, test, where)
        content_type = source.content_type or piece.content_type or test.payloads.content_type
        if not content_type:
            raise ConfigurationError(f"{where}: {piece.origin} names no content type; set contentType")
        if not content_type.isprintable():
            raise ConfigurationError(
                f"{where}: {piece.origin}: its content type holds a line break or another control sign; set contentType"
            )
        template = template_of(piece.body, f"{where}: {piece.origin}") if source.template else None
        accept = source.accept or test.payloads.accept
        payloads.append(Payload(piece.body, content_type, accept, piece.origin, weight, piece.at, template))
    return payloads


def _check_size(piece: _Piece, test: LoadTest, where: str) -> None:
    operation, limit = test.invocation.operation, BODY_LIMIT_BYTES
    remedy = "Send fewer rows per request (linesPerRequest)"
    if operation == "InvokeEndpointAsync":
        stored = test.invocation.results.input_s3_uri is not None
        limit = ASYNC_OBJECT_LIMIT_BYTES if stored else ASYNC_BODY_LIMIT_BYTES
        remedy = remedy if stored else "Set invocation.async.inputS3URI, so that it becomes an object in S3"
    if len(piece.body) > limit:
        raise ConfigurationError(
            f"{where}: {piece.origin} has {len(piece.body):,} bytes, {operation} takes at most {limit:,}. {remedy}"
        )


def _contents(source: PayloadSource, test: LoadTest, where: str) -> Iterator[tuple[str, bytes]]:
    if source.file.startswith("s3://"):
        try:
            split_uri(source.file)
        except ValueError:
            raise ConfigurationError(f"{where}: “{source.file}” is no S3 URI; write s3://bucket/prefix/") from None
        yield from read_objects(source.file, test.endpoint.region, source.limit_bytes, where)
        return
    for path in _files(test.folder, source, where):
        try:
            yield path.name, path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{where}: {path} cannot be read: {error.strerror}") from error


def _files(folder: str, source: PayloadSource, where: str) -> list[Path]:
    base = Path(folder)
    if not any(sign in source.file for sign in "*?["):
        path = base / source.file
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
            if not found:
                raise ConfigurationError(f"{where}: the folder {path} is empty")
            return found
        if not path.is_file():
            raise ConfigurationError(f"{where}: {path} is not there. The path is relative to the test file")
        return [path]
    pattern = Path(source.file)
    root = Path(pattern.anchor) if pattern.is_absolute() else base
    matching = root.glob(str(pattern.relative_to(pattern.anchor)))
    found = sorted(p for p in matching if p.is_file() and not _hidden(p, root, pattern))
    if not found:
        raise ConfigurationError(f"{where}: no file matches {source.file} in {root}")
    return found


def _hidden(path: Path, root: Path, pattern: Path) -> bool:
    """Whether a part of the path begins with a dot that the pattern does not ask for. A ConfigMap's files are links
    into such a folder beside them, and would be found twice.
    """
    return any(part.startswith(".") and part not in pattern.parts for part in path.relative_to(root).parts)


def _pieces(name: str, content: bytes, source: PayloadSource, where: str) -> list[_Piece]:
    step = source.lines_per_request
    if source.split == "Whole":
        return [_Piece(content, name)]
    if source.split == "Lines":
        lines = [line for line in content.splitlines()[source.skip_lines :] if line.strip()]
        return [_Piece(b"\n".join(lines[i : i + step]), f"{name}:{i + 1}") for i in range(0, len(lines), step)]
    try:
        if source.split == "Rows":
            return [_Piece(body, f"{name}:{row}", "application/x-npy") for body, row in rows_of(content, step)]
        return [_Piece(c.body, f"{name}:{c.line}", c.content_type, c.at) for c in captured(content)]
    except ValueError as error:
        what = ".npy file" if source.split == "Rows" else "data-capture file"
        raise ConfigurationError(f"{where}: {name} is no {what} that can be used: {error}") from error
