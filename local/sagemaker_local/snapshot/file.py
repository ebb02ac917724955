"""The file of records: SQLite, so that every change of it is whole or not at all, whatever ends the process."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any

from sagemaker_local.router.callers import AccessKey
from sagemaker_local.snapshot.codec import RecordError, decoded, encoded
from sagemaker_local.snapshot.kinds import KINDS, RecordKey

SCHEMA_VERSION = 1
"""Raise it when records change so that an older file cannot be read; fields with a default do not."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    account TEXT, region TEXT, kind TEXT, name TEXT, record TEXT NOT NULL, PRIMARY KEY (account, region, kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_keys (access_key TEXT PRIMARY KEY, account TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS key_ends (access_key TEXT PRIMARY KEY, expires REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), now REAL NOT NULL);
"""
_KEYS = "SELECT access_key, account, expires FROM access_keys LEFT JOIN key_ends USING (access_key)"
_OLD_KEYS = (
    "DELETE FROM access_keys WHERE access_key IN (SELECT access_key FROM key_ends WHERE expires < ?)",
    "DELETE FROM key_ends WHERE expires < ?",
)
_KEY_KEPT_SECONDS = 24 * 3600
"""How long it is known of a key that it has expired."""
_REMEDY = "Move the file away to start with an empty account."
MAKE_ROOM = "Make room on that disk before the next start."


class StateFileError(ValueError):
    """The file cannot be used; the text names it, says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds. ``now`` is the clock when it was last written, None in a new file."""

    records: tuple[tuple[RecordKey, Any], ...] = ()
    access_keys: Mapping[str, AccessKey] | None = None
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written. ``put`` are records, new or in place of earlier ones."""

    put: tuple[tuple[RecordKey, Any], ...] = ()
    gone: tuple[RecordKey, ...] = ()
    access_keys: tuple[tuple[str, AccessKey], ...] = ()
    now: float = 0.0


def lock_folder(folder: Path) -> Any:
    """Hold the folder while the file that this returns is open. Raises StateFileError when another process does."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        text = f"The state folder {folder} is in use by another sagemaker-local; end that first."
        raise StateFileError(text) from None
    return lock


def _unusable(path: Path, error: sqlite3.Error) -> StateFileError:
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    remedy = f"{MAKE_ROOM} {_REMEDY}" if full else _REMEDY
    return StateFileError(f"The state in {path} cannot be used: {error}. {remedy}")


class StateFile:
    """Methods block and may be called from any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises StateFileError for a file of another version, and for what is no such file."""
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            self._open()
        except sqlite3.Error as error:
            self._db.close()
            raise _unusable(path, error) from error
        except StateFileError:
            self._db.close()
            raise

    def _open(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise StateFileError(
                f"The state in {self.path} has version {version}, and this sagemaker-local reads version "
                f"{SCHEMA_VERSION}. Use the sagemaker-local that wrote it. {_REMEDY}"
            )
        self._db.executescript(
            f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION};"
        )
        for statement in _OLD_KEYS:
            self._db.execute(statement, (time() - _KEY_KEPT_SECONDS,))

    def load(self) -> Kept:
        """Everything. Raises StateFileError when a record cannot be read."""
        try:
            rows = self._db.execute("SELECT account, region, kind, name, record FROM records").fetchall()
            keys = self._db.execute(_KEYS).fetchall()
            clock = self._db.execute("SELECT now FROM clock").fetchone()
        except sqlite3.Error as error:
            raise StateFileError(f"The state in {self.path} cannot be read: {error}. {_REMEDY}") from error
        records = tuple((RecordKey(*row[:4]), self._record(RecordKey(*row[:4]), row[4])) for row in rows)
        return Kept(records, {name: AccessKey(*key) for name, *key in keys}, clock[0] if clock else None)

    def _record(self, key: RecordKey, text: str) -> Any:
        try:
            if key.kind not in KINDS:
                raise RecordError("records of this kind are not known")
            return decoded(text, KINDS[key.kind].record_type)
        except RecordError as error:
            text = f"In {self.path} the {key.kind} {key.name} cannot be read: {error}. {_REMEDY}"
            raise StateFileError(text) from error

    def write(self, changes: Changes) -> None:
        """All of it or nothing. Raises OSError."""
        put = [
            (each.account, each.region, each.kind, each.name, encoded(record, KINDS[each.kind].record_type))
            for each, record in changes.put
        ]
        keys = [(name, key.account) for name, key in changes.access_keys]
        ends = [(name, key.expires) for name, key in changes.access_keys if key.expires is not None]
        gone = [(each.account, each.region, each.kind, each.name) for each in changes.gone]
        try:
            self._db.execute("BEGIN")
            self._db.executemany("REPLACE INTO records VALUES (?, ?, ?, ?, ?)", put)
            self._db.executemany("DELETE FROM records WHERE (account, region, kind, name) = (?, ?, ?, ?)", gone)
            self._db.executemany("REPLACE INTO access_keys VALUES (?, ?)", keys)
            self._db.executemany("REPLACE INTO key_ends VALUES (?, ?)", ends)
            self._db.execute("REPLACE INTO clock VALUES (1, ?)", (changes.now,))
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise OSError(f"{self.path} was not written: {error}") from error

    def close(self) -> None:
        """Everything is on disk already."""
        self._db.close()


def differences(
    before: Mapping[RecordKey, Any], records: Iterable[tuple[RecordKey, Any]]
) -> tuple[dict[RecordKey, Any], list[tuple[RecordKey, Any]], list[RecordKey]]:
    """The records by key, those that are new or others than before, and the keys that are gone.

    Records are frozen, so that the same object is the same record.
    """
    found = dict(records)
    put = [(key, record) for key, record in found.items() if before.get(key) is not record]
    return found, put, [key for key in before if key not in found]
