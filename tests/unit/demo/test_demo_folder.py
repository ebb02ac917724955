"""One demo a folder, and nothing in it of an earlier one but the models."""

import subprocess
import sys
from pathlib import Path

import pytest

from demo.failure import DemoError
from demo.folder import ROOT, Folder, taken


def test_what_an_earlier_demo_left_goes_but_the_models_stay(tmp_path: Path) -> None:
    base = tmp_path / "demo"
    for file in ("models/champion.tar.gz", "logs/operator.log", "report/index.html", "env"):
        (base / file).parent.mkdir(parents=True, exist_ok=True)
        (base / file).write_text("old")
    with taken(base) as folder:
        assert folder.archive("champion").read_text() == "old"
        assert not folder.environment.exists()
        assert not folder.report.exists()
        assert list(folder.logs.iterdir()) == []


def test_a_second_demo_in_the_folder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    holding = (
        "import sys; from pathlib import Path; from demo.folder import taken\n"
        f"with taken(Path({str(tmp_path)!r})): print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        (tmp_path / "env").write_text("of the first")
        with pytest.raises(DemoError, match=f"runs already in .*process {first.pid}") as refused, taken(tmp_path):
            pass
        assert "Ctrl-C" in refused.value.why
        assert (tmp_path / "env").read_text() == "of the first"
        first.kill()
    with taken(tmp_path) as folder:  # a killed demo holds nothing
        assert not folder.environment.exists()


def test_paths_are_shown_as_they_are_typed_in_the_repository() -> None:
    folder = Folder(ROOT / ".demo")
    assert folder.shown(folder.report) == ".demo/report"
    assert folder.shown(Path("/elsewhere/env")) == "/elsewhere/env"
