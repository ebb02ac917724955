"""The form of every line, at 80 and at 100 columns, in Unicode, in ASCII and for logs."""

import re

import pytest

from demo.lines import Sign, Style, command_line, line, moving_line, offset, split_table
from demo.split import judge

TERMINAL = Style()
COLOR = Style(color=True)
ASCII = Style(ascii=True)
LOG = Style(log=True)
STYLES = [TERMINAL, COLOR, ASCII, LOG]

LONG = "Models of an earlier run: champion (100 trees) and challenger (40 trees), 58 features, and some more words"


def bare(text: str) -> str:
    return re.sub(r"\x1b\[\d*m", "", text)


def test_offsets_are_minutes_and_seconds() -> None:
    assert [offset(seconds) for seconds in (0.9, 7, 59.99, 60, 754)] == ["0:00", "0:07", "0:59", "1:00", "12:34"]


def test_a_step_has_its_time_in_front_and_its_length_behind() -> None:
    assert line(TERMINAL, Sign.OK, "Local SageMaker", 60, at=7.2, took=2.24) == (
        " 0:07  ✓ Local SageMaker                               2.2 s"
    )
    assert line(LOG, Sign.FAIL, "Ready", 60, at=367, took=64) == (
        " 6:07  [FAIL] Ready                                     1m4s"
    )


def test_below_a_command_the_time_is_left_out() -> None:
    assert line(ASCII, Sign.OK, "Ready", 80, took=None) == "       ok   Ready"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width", [80, 100, 250])
@pytest.mark.parametrize("took", [None, 0.04, 3725.0])
def test_no_line_is_wider_than_the_terminal_or_100(style: Style, width: int, took: float | None) -> None:
    rows = bare(line(style, Sign.OK, LONG, width, at=1.0, took=took)).splitlines()
    assert all(len(row) <= min(width, 100) for row in rows)
    assert " ".join(" ".join(rows).split()).count("features") == 1
    assert all(row.startswith(" " * style.indent) for row in rows[1:])


def test_durations_end_in_one_column_whatever_the_text() -> None:
    ends = {len(line(TERMINAL, Sign.OK, text, 100, at=0, took=4.14).splitlines()[0]) for text in ("a", "b" * 60, LONG)}
    assert len(ends) == 1


def test_colour_stands_beside_a_sign_and_changes_no_word() -> None:
    colored = line(COLOR, Sign.FAIL, "Ready", 80, at=0)
    assert "\x1b[31m✗\x1b[0m" in colored
    assert bare(colored) == line(TERMINAL, Sign.FAIL, "Ready", 80, at=0)


def test_ascii_has_nothing_but_ascii() -> None:
    text = line(ASCII, Sign.OK, "p99 ≤ 50 ms … “fine” × 2 – ü", 100, at=0, took=1)
    assert text.isascii()
    assert 'p99 <= 50 ms ... "fine" x 2 - ?' in text
    assert moving_line(ASCII, "Building", 80, at=0, took=3, share=0.5).isascii()


def test_a_command_is_printed_whole_and_its_note_goes_below_where_there_is_no_room() -> None:
    command = "kubectl apply -f manifests/examples/fraud-ab.yaml"
    wide = command_line(TERMINAL, command, 100, at=373, note="50 calls a second go on")
    assert wide == f" 6:13  $ {command}   (50 calls a second go on)"
    assert command_line(TERMINAL, command, 80, at=373, note="50 calls a second go on").splitlines() == [
        f" 6:13  $ {command}",
        "         (50 calls a second go on)",
    ]


@pytest.mark.parametrize("style", [TERMINAL, COLOR, ASCII])
@pytest.mark.parametrize("width", [40, 80, 100, 300])
@pytest.mark.parametrize("share", [None, 0.0, 0.613, 1.0])
def test_the_moving_line_stays_on_one_row(style: Style, width: int, share: float | None) -> None:
    text = bare(moving_line(style, LONG, width, at=None, took=155, share=share))
    assert "\n" not in text
    assert len(text) < min(width, 101)
    assert text.endswith("2m35s")


def test_the_share_is_rounded_down() -> None:
    assert " 99 %" in moving_line(TERMINAL, "Building", 100, at=0, took=1, share=0.9996)


@pytest.mark.parametrize("style", STYLES)
def test_the_table_fits_80_columns_and_marks_each_row(style: Style) -> None:
    shares = judge(["champion"] * 800 + ["challenger"] * 200, {"champion": 80, "challenger": 10})
    rows = [bare(row) for row in split_table(style, shares)]
    assert all(len(row) <= 80 for row in rows)
    assert rows[0].split() == ["variant", "asked", "seen", "of", "1,000", "calls", "chance", "alone", "(99.9", "%)"]
    assert rows[1].split() == f"champion 88.9 % 80.0 % 800 85.5 to 92.0 % {style.sign(Sign.FAIL)}".split()
