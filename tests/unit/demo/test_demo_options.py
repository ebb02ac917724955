"""Flags, and the environment that make passes on."""

from pathlib import Path

import pytest

from demo import options, packages
from demo.folder import ROOT


def test_by_default_everything_is_done_and_taken_down() -> None:
    given = options.read([], {})
    assert (given.keep, given.retrain, given.ascii, given.models, given.load_seconds) == (
        False,
        False,
        False,
        None,
        None,
    )
    assert (given.folder, given.calls, given.rate) == (ROOT / ".demo", 1000, 50.0)


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("yes", True), ("0", False), ("", False), ("False", False)]
)
def test_make_passes_keep_and_retrain_in_the_environment(value: str, expected: bool) -> None:
    given = options.read([], {"KEEP": value, "RETRAIN": value})
    assert (given.keep, given.retrain) == (expected, expected)


def test_flags_do_the_same() -> None:
    given = options.read(["--keep", "--retrain", "--ascii", "--models", "m", "--load-seconds", "10"], {})
    assert (given.keep, given.retrain, given.ascii, given.load_seconds) == (True, True, True, 10)
    assert given.models == Path("m").absolute()


@pytest.mark.parametrize(
    "arguments", [["--rate", "19"], ["--calls", "99"], ["--calls", "many"], ["--load-seconds", "7"]]
)
def test_no_check_can_be_made_meaningless(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.read(arguments, {})
    assert ended.value.code == 2
    assert "is no whole number from" in capsys.readouterr().err


LOCK = """# comment
boto3==1.43.1 \\
    --hash=sha256:00
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:00
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:00
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:00
    # via boto3==9
"""


def test_packages_are_compared_with_the_lock() -> None:
    have = {"boto3": "1.43.1", "numpy": "2.4.6"}
    assert packages.compare(LOCK, have.get) == packages.Comparison(2, ())
    have = {"numpy": "1.26"}
    assert packages.compare(LOCK, have.get) == packages.Comparison(
        0, ("boto3 missing instead of 1.43.1", "numpy 1.26 instead of 2.4.6 or 2.5.5")
    )


def test_an_installed_package_is_found() -> None:
    assert packages.installed("pytest") == pytest.__version__
    assert packages.installed("no-such-distribution") is None
