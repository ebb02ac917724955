"""A disk that is full: S3's objects are written as soon as there is room again; a file that cannot be made is named."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from moto.s3.models import s3_backends

from sagemaker_local.asynchronous.queue import Queue
from sagemaker_local.inner.keeping import Keeping
from sagemaker_local.snapshot.file import StateFile

ACCOUNT = "444455556666"


@pytest.fixture
def bucket() -> Iterator[str]:
    backend = s3_backends[ACCOUNT]["aws"]
    backend.create_bucket("full", "eu-west-1")
    yield "full"
    backend.reset()


def test_what_did_not_fit_is_written_once_there_is_room(tmp_path: Path, bucket: str) -> None:
    path = tmp_path / "aws.sqlite"
    keeping = Keeping(path)
    pages = keeping._db.execute("PRAGMA page_count").fetchone()[0]
    keeping._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    s3_backends[ACCOUNT]["aws"].put_object(bucket, "large", b"x" * 100_000)
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        keeping.write()
    keeping._db.execute("PRAGMA max_page_count = 100000")
    keeping.close()
    with sqlite3.connect(path) as found:
        assert found.execute("SELECT name FROM objects").fetchall() == [("large",)]
    found.close()


@contextmanager
def full() -> Iterator[None]:
    """No file of this process can grow, that of pytest's own output neither: not longer than it takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("made", [StateFile, Queue])
def test_a_file_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path, made: Callable[[Path], object]) -> None:
    said = f"{tmp_path}/new.sqlite cannot be used: .*Make room on that disk"
    with pytest.raises((OSError, ValueError), match=said), full():
        made(tmp_path / "new.sqlite")


@pytest.mark.parametrize("made", [StateFile, Queue])
def test_what_is_no_file_is_named_with_what_to_do(tmp_path: Path, made: Callable[[Path], object]) -> None:
    said = f"{tmp_path} cannot be used: unable to open database file.*ove the file away to start"
    with pytest.raises((OSError, ValueError), match=said):
        made(tmp_path)
