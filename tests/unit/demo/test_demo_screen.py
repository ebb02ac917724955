"""The screen on a terminal and on everything else."""

import io
import itertools

import pytest

from demo.lines import Sign, Style
from demo.screen import ProgramProgress, Screen


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class File(io.StringIO):
    encoding = "utf-8"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def plain(stream: io.StringIO, clock: Clock) -> Screen:
    return Screen(stream, Style(log=True), moves=False, clock=clock)


def test_elsewhere_than_on_a_terminal_there_are_words_and_no_movement() -> None:
    stream = File()
    screen = Screen.on(stream, ascii_only=False, environ={})
    screen.step("Starting")
    screen.progress("Still starting", 0.5)
    screen.done("Started", took=4.1)
    screen.step("Waiting")
    screen.failed("Never came")
    screen.close()
    assert "\r" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert [row.split()[:3] for row in stream.getvalue().splitlines()] == [
        ["0:00", "[ok]", "Started"],
        ["0:00", "[FAIL]", "Never"],
    ]


def test_on_a_terminal_the_moving_line_gives_way_to_the_finished_one() -> None:
    stream = Terminal()
    screen = Screen.on(stream, ascii_only=False, environ={})
    screen.step("Starting")
    screen.done("Started")
    screen.close()
    moving, finished = stream.getvalue().split("\r\x1b[K")[1:]
    assert "▸" in moving
    assert "Starting" in moving
    assert "\x1b[32m✓\x1b[0m Started" in finished


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_may_want_neither_colour_nor_movement(environ: dict[str, str]) -> None:
    stream = Terminal()
    screen = Screen.on(stream, ascii_only=False, environ=environ)
    screen.step("Starting")
    screen.done("Started")
    screen.close()
    assert "✓ Started" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_an_encoding_without_the_signs_gets_ascii() -> None:
    stream = Terminal()
    stream.encoding = "iso-8859-1"
    screen = Screen.on(stream, ascii_only=False, environ={"NO_COLOR": "1"})
    screen.done("Started …")
    screen.close()
    assert stream.getvalue() == " 0:00  ok   Started ...\n"


def test_without_a_terminal_long_work_says_so_each_half_minute_and_then_more_rarely() -> None:
    stream, clock = File(), Clock()
    screen = plain(stream, clock)
    screen.step("Building kube-apiserver")
    screen.progress("Building kube-apiserver", 0.61)
    for _ in range(900):  # 15 minutes
        clock.now += 1
        with screen._lock:
            screen._beat()
    screen.close()
    rows = stream.getvalue().splitlines()
    assert rows[0] == " 0:30  ..     Building kube-apiserver 61 %"
    assert 15 <= len(rows) <= 22


def test_a_step_below_a_command_has_no_time_unless_it_fails() -> None:
    stream, clock = File(), Clock()
    screen = plain(stream, clock)
    for end in (lambda: screen.done("Ready"), lambda: screen.failed("Not ready")):
        screen.command("kubectl apply -f x.yaml")
        screen.step("Waiting", under=True)
        clock.now += 5
        end()
    screen.close()
    assert [row.split()[:2] for row in stream.getvalue().splitlines()] == [
        ["0:00", "$"],
        ["[ok]", "Ready"],
        ["0:05", "$"],
        ["0:05", "[FAIL]"],
    ]


def test_lengths_are_those_of_the_work_not_of_the_waiting_for_it() -> None:
    stream, clock = File(), Clock()
    screen = plain(stream, clock)
    clock.now += 9
    screen.step("Training", began=1.0)
    screen.done("Trained", took=3.4)
    screen.close()
    assert stream.getvalue().split() == ["0:01", "[ok]", "Trained", "3.4", "s"]


def test_ctrl_c_leaves_the_line_open_on_a_terminal() -> None:
    stream = Terminal()
    screen = Screen.on(stream, ascii_only=False, environ={})
    screen.step("Starting")
    screen.interrupted()
    screen.say("✓ 6 processes stopped, nothing left, .demo/logs kept.")
    screen.close()
    last = stream.getvalue().split("\r\x1b[K")[-1]
    assert last == (
        "^C  Stopping (press again to skip the waiting) … ✓ 6 processes stopped, nothing left, .demo/logs kept.\n"
    )


def test_programs_that_are_built_get_a_line_each() -> None:
    stream, clock = File(), Clock()
    screen = plain(stream, clock)
    progress = ProgramProgress(screen)
    for done in range(3):
        progress.step("Building etcd 1.36.3 from its Go modules", done, 3)
        clock.now += 10
    progress.finish("Built etcd")
    progress.finish("Fetched kubectl")
    progress.note("Another process is at it.")
    screen.close()
    rows = stream.getvalue().splitlines()
    assert rows[0].split() == ["0:00", "[ok]", "Built", "etcd", "30", "s"]
    assert rows[1].split() == ["0:30", "[ok]", "Fetched", "kubectl", "0.0", "s"]
    assert rows[2].split() == ["0:30", "Another", "process", "is", "at", "it."]


def test_each_sign_is_told_apart_in_each_style() -> None:
    for style in (Style(), Style(ascii=True), Style(log=True)):
        signs = [style.sign(sign) for sign in Sign]
        assert all(a != b for a, b in itertools.combinations(signs, 2))
