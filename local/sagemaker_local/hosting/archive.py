"""Unpacks a model archive from an untrusted hand: plain files and folders only, below the target, within limits."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_MAX_HEADER_BYTES = 1024 * 1024
_CHUNK = 1024 * 1024
_EXTENDED_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class ArchiveRefusedError(Exception):
    """The archive is not unpacked; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """``max_ratio`` (unpacked to packed bytes) counts only beyond ``ratio_floor`` bytes: small text packs well."""

    max_bytes: int
    max_files: int
    max_ratio: float
    ratio_floor: int


def unpack(archive: Path, target: Path, limits: UnpackLimits) -> None:
    """Unpack a gzip-compressed tar into the existing folder ``target``.

    Raises ArchiveRefusedError; what was unpacked until then stays for the caller to remove.
    """
    with archive.open("rb") as file:
        magic = file.read(2)
        if magic == _ZIP:
            raise ArchiveRefusedError("it is a zip file, not a gzip-compressed tar; pack it with tar -czf model.tar.gz")
        if magic != _GZIP:
            raise ArchiveRefusedError("it is not gzip-compressed; pack it with tar -czf model.tar.gz")
        file.seek(0)
        budget: Any = _Budget(file, limits, archive.stat().st_size)  # tarfile needs no more of a stream than read()
        try:
            with tarfile.open(fileobj=budget, mode="r|", tarinfo=_Header) as tar:
                _extract(tar, target, limits)
            while budget.read(_CHUNK):  # the checksum stands at the very end
                pass
        except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ArchiveRefusedError(f"it is damaged or not a tar: {error}") from error
        except OSError as error:
            raise ArchiveRefusedError(f"it cannot be written: {error.strerror or error}") from error


class _Header(tarfile.TarInfo):
    """Refuses what tarfile would read into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> _Header:
        header = super().frombuf(buf, encoding or "utf-8", errors)
        if header.type in _EXTENDED_HEADERS and header.size > _MAX_HEADER_BYTES:
            raise ArchiveRefusedError(f"it has a header of {header.size} bytes")
        return header


class _Budget:
    """The decompressed stream, cut off at the limits: a bomb is noticed while it is being read."""

    def __init__(self, packed: IO[bytes], limits: UnpackLimits, packed_size: int) -> None:
        self._stream = gzip.GzipFile(fileobj=packed, mode="rb")
        self._limits = limits
        self._packed_size = packed_size
        self._read = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._read += len(data)
        if self._read > self._limits.max_bytes:
            raise ArchiveRefusedError(f"it unpacks to more than {self._limits.max_bytes} bytes")
        if self._read > self._limits.ratio_floor and self._read > self._limits.max_ratio * self._packed_size:
            raise ArchiveRefusedError(f"it unpacks to more than {self._limits.max_ratio:g} times its size")
        return data


def _extract(tar: tarfile.TarFile, target: Path, limits: UnpackLimits) -> None:
    total = 0
    for number, member in enumerate(tar, 1):
        if number > limits.max_files:
            raise ArchiveRefusedError(f"it has more than {limits.max_files} entries")
        parts = _safe_parts(member.name)
        if member.issym() or member.islnk():
            raise ArchiveRefusedError(f"{member.name!r} is a link; pack the file itself (tar --dereference)")
        path = target.joinpath(*parts)
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        if not member.isreg():
            raise ArchiveRefusedError(f"{member.name!r} is neither a file nor a folder")
        total += member.size
        if total > limits.max_bytes:
            raise ArchiveRefusedError(f"it unpacks to more than {limits.max_bytes} bytes")
        if not parts:
            raise ArchiveRefusedError(f"{member.name!r} is not a file name")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        assert content is not None  # noqa: S101 - a regular member has content
        with path.open("wb") as file:
            shutil.copyfileobj(content, file, _CHUNK)
        path.chmod(0o755 if member.mode & 0o111 else 0o644)


def _safe_parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute():
        raise ArchiveRefusedError(f"{name!r} is an absolute path")
    if ".." in path.parts:
        raise ArchiveRefusedError(f"{name!r} leads out of the model folder")
    if "\0" in name or "\\" in name:
        raise ArchiveRefusedError(f"{name!r} is not a file name")
    return path.parts
