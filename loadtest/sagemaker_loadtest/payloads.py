"""Payload files to requests: read, split and hashed once, before any load is sent."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_loadtest.errors import ConfigurationError
from sagemaker_loadtest.sigv4 import Request, make_request
from sagemaker_loadtest.spec import BODY_LIMIT_BYTES, LoadTest, Order, PayloadSource


@dataclass(frozen=True, slots=True)
class Payload:
    """One request body with its headers and where it came from (`rows.csv:7`), for messages."""

    body: bytes
    content_type: str
    accept: str | None
    origin: str


def load_payloads(test: LoadTest) -> tuple[Payload, ...]:
    """All payloads of the test. Raises ConfigurationError for a missing or empty file and for a body over SageMaker's
    limit.
    """
    payloads: list[Payload] = []
    faults: list[str] = []
    for index, source in enumerate(test.payloads.sources):
        where = f"payloads.sources[{index}].file"
        try:
            for path in _files(test.folder, source, where):
                payloads.extend(_of_file(path, source, test, where))
        except ConfigurationError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigurationError(faults)
    return tuple(payloads)


def _files(folder: str, source: PayloadSource, where: str) -> list[Path]:
    base = Path(folder)
    if not any(sign in source.file for sign in "*?["):
        path = base / source.file
        if not path.is_file():
            raise ConfigurationError(f"{where}: {path} is not there. The path is relative to the test file")
        return [path]
    pattern = Path(source.file)
    root = Path(pattern.anchor) if pattern.is_absolute() else base
    found = sorted(p for p in root.glob(str(pattern.relative_to(pattern.anchor))) if p.is_file())
    if not found:
        raise ConfigurationError(f"{where}: no file matches {source.file} in {root}")
    return found


def _of_file(path: Path, source: PayloadSource, test: LoadTest, where: str) -> Iterator[Payload]:
    content_type = source.content_type or test.payloads.content_type or ""
    accept = source.accept or test.payloads.accept
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{where}: {path} cannot be read: {error.strerror}") from error
    bodies: Sequence[tuple[bytes, str]] = [(content, path.name)]
    if source.split == "Lines":
        lines = [line for line in content.splitlines() if line.strip()]
        step = source.lines_per_request
        bodies = [(b"\n".join(lines[i : i + step]), f"{path.name}:{i + 1}") for i in range(0, len(lines), step)]
    if not any(body for body, _ in bodies):
        raise ConfigurationError(f"{where}: {path} is empty. Put at least one request body into it")
    for body, origin in bodies:
        if len(body) > BODY_LIMIT_BYTES:
            raise ConfigurationError(
                f"{where}: {origin} has {len(body):,} bytes, InvokeEndpoint takes at most {BODY_LIMIT_BYTES:,}. "
                "Send fewer rows per request (linesPerRequest)"
            )
        yield Payload(body, content_type, accept, origin)


def requests_of(payloads: Sequence[Payload], host: str, endpoint: str) -> tuple[Request, ...]:
    """The InvokeEndpoint requests of the payloads; headers as botocore names them."""
    path = invocation_path(endpoint)
    return tuple(make_request(host, path, _headers(p), p.body) for p in payloads)


def _headers(payload: Payload) -> dict[str, str]:
    headers = {"Content-Type": payload.content_type}
    if payload.accept:
        headers["Accept"] = payload.accept
    return headers


def invocation_path(endpoint: str) -> str:
    """Request URI of InvokeEndpoint in the runtime's service model."""
    return f"/endpoints/{endpoint}/invocations"


def in_order(number: int, order: Order, *, seed: int, worker: int, workers: int) -> Iterator[int]:
    """Endless indexes of the payloads. In order, the workers take turns and together send all of them evenly."""
    if order == "Random":
        rng = random.Random(f"payloads/{seed}/{worker}")  # noqa: S311 - repeatable choice, nothing secret
        while True:
            yield rng.randrange(number)
    index = worker
    while True:
        yield index % number
        index += workers
