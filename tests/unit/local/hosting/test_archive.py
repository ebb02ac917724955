"""Unpacking: what is taken, and every way an archive can be refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_local.hosting.archive import ArchiveRefusedError, UnpackLimits, unpack

LIMITS = UnpackLimits(max_bytes=5_000_000, max_files=20, max_ratio=50.0, ratio_floor=1_000_000)


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, content: bytes = b"x", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content) if not fields else 0
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content if not fields else b""


def attempt(tmp_path: Path, data: bytes, limits: UnpackLimits = LIMITS) -> Path:
    archive, target = tmp_path / "model.tar.gz", tmp_path / "out" / "model"
    archive.write_bytes(data)
    target.mkdir(parents=True)
    unpack(archive, target, limits)
    return target


def test_files_and_folders_arrive_with_their_content(tmp_path: Path) -> None:
    target = attempt(
        tmp_path,
        packed(
            member("./xgboost-model", b"booster"), member("code", type=tarfile.DIRTYPE), member("code/a/b.py", b"1")
        ),
    )
    assert (target / "xgboost-model").read_bytes() == b"booster"
    assert (target / "code" / "a" / "b.py").read_bytes() == b"1"


def test_modes_are_plain_but_for_the_executable_bit(tmp_path: Path) -> None:
    setuid, script = tarfile.TarInfo("setuid"), tarfile.TarInfo("run.sh")
    setuid.mode, script.mode = 0o4666, 0o700
    target = attempt(tmp_path, packed((setuid, b""), (script, b"")))
    assert (target / "setuid").stat().st_mode & 0o7777 == 0o644
    assert (target / "run.sh").stat().st_mode & 0o7777 == 0o755


def test_long_names_of_gnu_and_pax_archives_are_read(tmp_path: Path) -> None:
    name = "/".join(["folder" * 10] * 4) + "/model.json"
    assert (attempt(tmp_path, packed(member(name, b"{}"))) / name).read_bytes() == b"{}"


BAD_MEMBERS = {
    "symlink": (member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
    "relative symlink": (member("link", type=tarfile.SYMTYPE, linkname="model"), "is a link"),
    "hard link": (member("link", type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link"),
    "parent": (member("../escaped"), "leads out of the model folder"),
    "inner parent": (member("a/../../escaped"), "leads out of the model folder"),
    "absolute": (member("/escaped"), "is an absolute path"),
    "backslash": (member("..\\escaped"), "is not a file name"),
    "character device": (member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "neither a file nor a folder"),
    "block device": (member("disk", type=tarfile.BLKTYPE, devmajor=8, devminor=0), "neither a file nor a folder"),
    "fifo": (member("pipe", type=tarfile.FIFOTYPE), "neither a file nor a folder"),
    "nothing": (member("./", b"x"), "is not a file name"),
}


@pytest.mark.parametrize(("bad", "cause"), BAD_MEMBERS.values(), ids=BAD_MEMBERS.keys())
def test_a_bad_member_is_refused_and_nothing_leaves_the_folder(
    tmp_path: Path, bad: tuple[tarfile.TarInfo, bytes], cause: str
) -> None:
    with pytest.raises(ArchiveRefusedError, match=cause):
        attempt(tmp_path, packed(member("good"), bad))
    found = {each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*") if not each.is_dir()}
    assert found <= {"model.tar.gz", "out/model/good"}
    assert not any(each.is_symlink() for each in tmp_path.rglob("*"))


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("xgboost-model", "x")
    return buffer.getvalue()


def huge_header() -> bytes:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2_000_000
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"a" * 2_000_000)


def declared_size() -> bytes:
    info = tarfile.TarInfo("big")
    info.size = 10**12
    return gzip.compress(info.tobuf())


WHOLE = packed(member("model", os.urandom(200_000)))
BAD_ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip": (zipped, "zip file, not a gzip-compressed tar"),
    "plain tar": (lambda: gzip.decompress(WHOLE), "not gzip-compressed"),
    "text": (lambda: b"<html>not found</html>", "not gzip-compressed"),
    "empty": (lambda: b"", "not gzip-compressed"),
    "gzip of no tar": (lambda: gzip.compress(b"just text" * 200), "damaged or not a tar"),
    "truncated": (lambda: WHOLE[: len(WHOLE) // 2], "damaged or not a tar"),
    "flipped bytes": (lambda: WHOLE[:1000] + b"\0" * 1000 + WHOLE[2000:], "damaged or not a tar"),
    "bomb by ratio": (lambda: packed(member("zeros", bytes(4_000_000))), "more than 50 times its size"),
    "bomb by size": (lambda: packed(member("random", os.urandom(5_100_000))), "more than 5000000 bytes"),
    "bomb by declared size": (declared_size, "more than 5000000 bytes"),
    "bomb by header": (huge_header, "header of 2000000 bytes"),
    "bomb by count": (lambda: packed(*(member(f"f{n}") for n in range(21))), "more than 20 entries"),
    "file below a file": (lambda: packed(member("a"), member("a/b")), "cannot be written"),
    "name too long": (lambda: packed(member("n" * 300)), "cannot be written"),
}


@pytest.mark.parametrize(("make", "cause"), BAD_ARCHIVES.values(), ids=BAD_ARCHIVES.keys())
def test_a_bad_archive_is_refused_with_its_cause(tmp_path: Path, make: Callable[[], bytes], cause: str) -> None:
    with pytest.raises(ArchiveRefusedError, match=cause):
        attempt(tmp_path, make())


@settings(max_examples=60, deadline=None)
@given(names=st.lists(st.text(st.sampled_from("ab./\\~ \n"), min_size=1, max_size=12), min_size=1, max_size=4))
def test_whatever_the_names_nothing_is_written_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with contextlib.suppress(ArchiveRefusedError):
        attempt(folder, packed(*(member(name) for name in names)))
    assert {each.name for each in folder.iterdir()} == {"model.tar.gz", "out"}
    assert {each.name for each in (folder / "out").iterdir()} == {"model"}
