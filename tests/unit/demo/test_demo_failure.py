"""How a failure is told."""

from pathlib import Path

from demo.failure import DemoError, Excerpt, account, end_of


def test_the_end_of_a_log_is_its_last_lines_that_are_not_blank(tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    log.write_text("one\n\ntwo  \nthree\n\n")
    assert end_of(log, 2) == Excerpt(log, ("two", "three"))


def test_an_empty_or_missing_log_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_text("\n")
    assert end_of(tmp_path / "empty.log") is None
    assert end_of(tmp_path / "missing.log") is None


def test_reason_log_and_advice_come_in_this_order() -> None:
    error = DemoError("what", "why", Excerpt(Path("x/champion-0.log"), ("loading", "ValueError: no")), ("make demo",))
    assert account(error, ".demo/logs/champion-0.log", 100) == [
        "why",
        "  .demo/logs/champion-0.log:",
        "    loading",
        "    ValueError: no",
        "  make demo",
    ]


def test_of_a_traceback_only_the_error_is_shown() -> None:
    trace = (
        "Traceback (most recent call last):",
        '  File "server.py", line 1, in load',
        "    load()",
        "ValueError: no",
    )
    error = DemoError("what", excerpt=Excerpt(Path("a.log"), trace))
    assert account(error, "a.log", 100) == ["  a.log:", "    ValueError: no"]
    frames = DemoError("what", excerpt=Excerpt(Path("a.log"), trace[1:3]))
    assert len(account(frames, "a.log", 100)) == 3


def test_everything_fits_the_width() -> None:
    long = "word " * 120
    error = DemoError("what", long, Excerpt(Path("a.log"), (long,)))
    rows = account(error, "a.log", 80)
    assert all(len(row) <= 80 for row in rows)
    assert len([row for row in rows if row.startswith("    ")]) == 3
