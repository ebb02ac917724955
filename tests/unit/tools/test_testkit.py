"""The tests' own tools fail when they must."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from testkit.archives import archive
from testkit.process import Process
from testkit.waiting import until

READY = """
import json, os, pathlib, signal, sys
path = pathlib.Path(sys.argv[sys.argv.index("--ready-file") + 1])
beside = path.with_suffix(".part")
beside.write_text(json.dumps({"url": "http://127.0.0.1:1", "pid": os.getpid()}))
beside.replace(path)
signal.pause()
"""


def test_waiting_gives_what_came_true_and_says_what_it_saw_last() -> None:
    seen = iter([None, 0, "there"])
    assert until(lambda: next(seen)) == "there"
    with pytest.raises(AssertionError, match=r"the door did not come true within 0 s; last seen: \[\]"):
        until(list, "the door", seconds=0)


def test_an_archive_has_its_files() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive({"code/a.py": b"1", "model": b""}))) as tar:
        assert {each.name: each.size for each in tar.getmembers()} == {"code/a.py": 1, "model": 0}


def test_a_process_that_ends_before_it_serves_fails_with_its_log(tmp_path: Path) -> None:
    ended = Process([sys.executable, "-c", "raise SystemExit('no port is free')"], tmp_path)
    with pytest.raises(AssertionError, match="no port is free"):
        _ = ended.url
    assert ended.stop() == 1


def test_a_ready_file_of_an_earlier_process_is_not_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "process.ready").write_text('{"url": "http://127.0.0.1:9", "pid": 1}')
    process = Process([sys.executable, "-c", READY], tmp_path)
    try:
        assert process.url == "http://127.0.0.1:1"
        assert process.descendants == []
    finally:
        process.kill()
