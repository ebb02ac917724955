"""What moto has that outlives its process: S3's buckets and objects, and CloudWatch's alarms, in a file.

Only the newest version of an object is kept, with its metadata. Everything else of moto begins anew: IAM, STS, SNS,
logs and metrics, and of S3 tags, rights, versions and settings of buckets.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.s3.models import FakeKey, s3_backends

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
MOST_BYTES = 1_000_000_000
"""SQLite takes no larger value; a larger object is gone after a restart."""

_PAUSE_SECONDS = 0.1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    account TEXT, partition TEXT, name TEXT, region TEXT, PRIMARY KEY (account, partition, name)
);
CREATE TABLE IF NOT EXISTS objects (
    account TEXT, partition TEXT, bucket TEXT, name TEXT, modified REAL, etag TEXT, metadata TEXT, body BLOB,
    PRIMARY KEY (account, partition, bucket, name)
);
CREATE TABLE IF NOT EXISTS alarms (
    account TEXT, region TEXT, name TEXT, fields TEXT, PRIMARY KEY (account, region, name)
);
"""

Place = tuple[str, ...]


class KeptFileError(ValueError):
    """The file cannot be used; the text names it and says why."""


class Keeping:
    """``changed`` says that something may have changed; a thread writes it soon after."""

    def __init__(self, path: Path) -> None:
        """Open the file or make it. Raises KeptFileError."""
        self.path = path
        self._due = threading.Event()
        self._writing = threading.Lock()
        self._known: dict[str, dict[Place, Any]] = {"buckets": {}, "objects": {}, "alarms": {}}
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA_VERSION):
                raise KeptFileError(f"{path} has version {version}, and version {SCHEMA_VERSION} is read here")
            self._db.executescript(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                + _SCHEMA
                + f"PRAGMA user_version = {SCHEMA_VERSION};"
            )
        except sqlite3.Error as error:
            raise KeptFileError(f"{path} cannot be read: {error}") from error

    def restore(self) -> None:
        """Put into moto what the file has. Raises KeptFileError."""
        try:
            for account, partition, name, region in self._db.execute("SELECT * FROM buckets").fetchall():
                s3_backends[account][partition].create_bucket(name, region)
            for row in self._db.execute("SELECT * FROM objects"):
                _put_object(row)
            for account, region, _, fields in self._db.execute("SELECT * FROM alarms").fetchall():
                cloudwatch_backends[account][region].put_metric_alarm(**json.loads(fields))
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise KeptFileError(f"{self.path} cannot be read: {error}") from error
        self._known = {"buckets": dict(_buckets()), "objects": dict(_objects()), "alarms": dict(_alarms())}
        threading.Thread(target=self._run, daemon=True, name="keeping").start()

    def changed(self) -> None:
        """A request may have changed something."""
        self._due.set()

    def _run(self) -> None:
        failing = False
        while True:
            self._due.wait()
            self._due.clear()
            try:
                self.write()
                failing = False
            except Exception as error:  # moto is somebody else's; what cannot be read now is tried again
                if not failing:
                    log.error(
                        "S3's objects and CloudWatch's alarms are not kept until %s can be written: %s",
                        self.path,
                        error,
                    )
                failing = True
                self._due.set()
            threading.Event().wait(_PAUSE_SECONDS)  # so that many changes cost one look

    def write(self) -> None:
        """Bring the file up to what moto has."""
        with self._writing:
            found = {"buckets": dict(_buckets()), "objects": dict(_objects()), "alarms": dict(_alarms())}
            self._db.execute("BEGIN")
            try:
                for table, members in found.items():
                    self._write_table(table, self._known[table], members)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise
            self._known = found

    def close(self) -> None:
        """Write what is left, for good."""
        self.write()
        with self._writing:
            self._db.close()

    def _write_table(self, table: str, before: dict[Place, Any], members: dict[Place, Any]) -> None:
        columns = {"buckets": "account, partition, name", "alarms": "account, region, name"}.get(
            table, "account, partition, bucket, name"
        )
        marks = ", ".join("?" * (columns.count(",") + 1))
        gone = [place for place in before if place not in members]
        self._db.executemany(f"DELETE FROM {table} WHERE ({columns}) = ({marks})", gone)  # noqa: S608 - our own table names - our own names
        for place, member in members.items():
            if before.get(place) is not member:
                row = (*place, *_ROWS[table](member))
                self._db.execute(f"REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _buckets() -> Iterator[tuple[Place, Any]]:
    for account, partitions in list(s3_backends.items()):
        for partition, backend in list(partitions.items()):
            for bucket in list(backend.buckets.values()):
                yield (account, partition, bucket.name), bucket


def _objects() -> Iterator[tuple[Place, Any]]:
    for place, bucket in _buckets():
        for name, key in list(bucket.keys.items()):
            if isinstance(key, FakeKey) and key.contentsize < MOST_BYTES:
                yield (*place, name), key


def _alarms() -> Iterator[tuple[Place, Any]]:
    """Those on one metric; expressions are objects of moto's."""
    for account, regions in list(cloudwatch_backends.items()):
        for region, backend in list(regions.items()):
            for name, alarm in list(backend.alarms.items()):
                if getattr(alarm, "asked", None) is not None and not alarm.metric_data_queries:
                    yield (account, region, name), alarm


def _object_row(key: Any) -> tuple[Any, ...]:
    modified = key.last_modified.replace(tzinfo=UTC).timestamp()
    return modified, key._etag, json.dumps(dict(key.metadata)), key.value


_ROWS: dict[str, Any] = {
    "buckets": lambda bucket: (bucket.region_name,),
    "objects": _object_row,
    "alarms": lambda alarm: (json.dumps(alarm.asked),),
}


def _put_object(row: tuple[Any, ...]) -> None:
    account, partition, bucket, name, modified, etag, metadata, body = row
    key = s3_backends[account][partition].put_object(bucket, name, body, etag=etag, disable_notification=True)
    key.set_metadata(json.loads(metadata))
    key.last_modified = datetime.fromtimestamp(modified, UTC).replace(tzinfo=None)
