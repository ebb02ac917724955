"""The queue of all asynchronous endpoints, in a file: what was accepted outlives every process."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from sagemaker_local.asynchronous.request import AsyncRequest
from sagemaker_local.router.routes import EndpointKey

_COLUMNS = ", ".join(each.name for each in fields(AsyncRequest) if each.name != "key")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT, region TEXT, endpoint TEXT, running INTEGER DEFAULT 0,
    identity TEXT UNIQUE, inference_id TEXT, received REAL, expires REAL, timeout REAL, output_location TEXT,
    failure_location TEXT, input_location TEXT, body BLOB, content_type TEXT, accept TEXT, custom_attributes TEXT,
    attempts INTEGER
);
CREATE INDEX IF NOT EXISTS waiting ON requests (account, region, endpoint, running, number);
CREATE INDEX IF NOT EXISTS expiring ON requests (running, expires);
"""
_OF = "account = ? AND region = ? AND endpoint = ?"


@dataclass(frozen=True, slots=True)
class Lengths:
    """``oldest`` is when the oldest request that waits was received."""

    waiting: int
    running: int
    oldest: float | None


def _unusable(path: Path, error: sqlite3.Error) -> OSError:
    remedy = "Make room on that disk, or move the file away to start without asynchronous requests that wait"
    return OSError(f"{path} cannot be used: {error}. {remedy}")


class Queue:
    """First come, first served, per endpoint. Every change is on disk when the method returns."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it. Raises OSError when it cannot be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
            self._db.execute("UPDATE requests SET running = 0")  # of a life that ended before they did
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from error

    def put(self, request: AsyncRequest) -> None:
        """Append."""
        values = (*request.key, *_values(request))
        marks = ", ".join("?" * len(values))
        self._db.execute(f"INSERT INTO requests (account, region, endpoint, {_COLUMNS}) VALUES ({marks})", values)  # noqa: S608 - names of our own

    def take(self, key: EndpointKey) -> AsyncRequest | None:
        """The next one of an endpoint, which now runs; None when none waits."""
        rows = self._select(f"{_OF} AND running = 0 ORDER BY number LIMIT 1", key)
        for each in rows:
            self._db.execute("UPDATE requests SET running = 1 WHERE identity = ?", (each.identity,))
        return next(iter(rows), None)

    def give_back(self, request: AsyncRequest, attempts: int) -> None:
        """It waits again, at its old place."""
        update = "UPDATE requests SET running = 0, attempts = ? WHERE identity = ?"
        self._db.execute(update, (attempts, request.identity))

    def done(self, request: AsyncRequest) -> None:
        """It is over."""
        self._db.execute("DELETE FROM requests WHERE identity = ?", (request.identity,))

    def take_expired(self, now: float) -> list[AsyncRequest]:
        """Those that have waited too long, of all endpoints; they are no longer in the queue."""
        expired = self._select("running = 0 AND expires <= ? ORDER BY number", (now,))
        for each in expired:
            self.done(each)
        return expired

    def drop(self, key: EndpointKey) -> None:
        """The endpoint is deleted, and so is what waits for it."""
        self._db.execute(f"DELETE FROM requests WHERE {_OF} AND running = 0", key)  # noqa: S608 - names of our own

    def keep(self, keys: Collection[EndpointKey]) -> None:
        """Drop what waits for any other endpoint: its record was lost with the process, or deleted before it."""
        for key in self._db.execute("SELECT DISTINCT account, region, endpoint FROM requests").fetchall():
            if key not in keys:
                self.drop(key)

    def lengths(self, key: EndpointKey) -> Lengths:
        """Of one endpoint."""
        counts = "SUM(running = 0), SUM(running = 1), MIN(CASE running WHEN 0 THEN received END)"
        waiting, running, oldest = self._db.execute(f"SELECT {counts} FROM requests WHERE {_OF}", key).fetchone()  # noqa: S608 - names of our own
        return Lengths(waiting or 0, running or 0, oldest)

    def _select(self, condition: str, values: Iterable[object]) -> list[AsyncRequest]:
        rows = self._db.execute(
            f"SELECT account, region, endpoint, {_COLUMNS} FROM requests WHERE {condition}",  # noqa: S608 - our own
            tuple(values),
        )
        return [AsyncRequest(row[3], (row[0], row[1], row[2]), *row[4:]) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _values(request: AsyncRequest) -> tuple[object, ...]:
    return tuple(getattr(request, each.name) for each in fields(AsyncRequest) if each.name != "key")
