"""What a terminal and a log file are shown of long work."""

import io
import itertools

import pytest

from devcluster.progress import Terminal, duration


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def drawn(screen: io.StringIO) -> list[str]:
    """What stood on the moving line, one after the other."""
    return [line.rstrip("\n") for line in screen.getvalue().split("\r\x1b[K")[1:]]


def test_the_line_moves_and_becomes_the_finished_one(clock: Clock) -> None:
    screen = Screen()
    terminal = Terminal(screen, clock, {})
    terminal.step("Reading the modules")
    clock.now += 50
    terminal.step("Building etcd", 61, 100)
    clock.now += 105
    terminal.finish("Built etcd")
    assert drawn(screen) == [
        "▸ Reading the modules  0.0 s",
        "▸ Building etcd  ━━━━━━━━━━━━╸         61 %  50 s",
        "✓ Built etcd  2m35s",
    ]


def test_the_share_never_goes_backwards_and_is_whole_only_at_the_end(clock: Clock) -> None:
    screen = Screen()
    terminal = Terminal(screen, clock, {})
    for done, total in [(1, 10), (5, 10), (3, 10), (6, 20), (999, 1000), (0, 0), (1000, 1000)]:
        terminal.step("Building etcd", done, total)
    shown = [int(line.partition(" %")[0].split()[-1]) for line in drawn(screen) if " %" in line]
    assert shown == [10, 50, 50, 50, 99, 100]


def test_another_step_begins_anew(clock: Clock) -> None:
    screen = Screen()
    terminal = Terminal(screen, clock, {})
    terminal.step("Building etcd", 9, 10)
    terminal.step("Building kubectl", 1, 10)
    assert " 10 %" in drawn(screen)[-1]


def test_a_line_is_cut_to_the_width(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    screen = Screen()
    Terminal(screen, clock, {}).step("Building " + "x" * 100, 1, 2)
    assert [len(line) for line in drawn(screen)] == [59]


@pytest.mark.parametrize(
    ("stream", "environ"),
    [(io.StringIO, {}), (Screen, {"TERM": "dumb"}), (Screen, {"NO_COLOR": ""})],
    ids=["no terminal", "dumb", "no colour"],
)
def test_elsewhere_a_line_each_thirty_seconds_says_where_it_is(
    stream: type[io.StringIO], environ: dict[str, str], clock: Clock
) -> None:
    text = stream()
    terminal = Terminal(text, clock, environ)
    for done in range(100):
        terminal.step("Building etcd", done, 100)
        clock.now += 1
    terminal.finish("Built etcd")
    assert text.getvalue().splitlines() == [
        "  ..   Building etcd 30 %",
        "  ..   Building etcd 60 %",
        "  ..   Building etcd 90 %",
        "[ok] Built etcd  1m40s",
    ]


def test_what_takes_no_time_gets_one_line(clock: Clock) -> None:
    text = io.StringIO()
    terminal = Terminal(text, clock, {})
    for done, _ in itertools.product(range(100), range(5)):
        terminal.step("Building etcd", done, 100)
    terminal.finish("Built etcd")
    assert text.getvalue() == "[ok] Built etcd  0.0 s\n"


def test_a_note_leaves_no_rest_of_the_moving_line(clock: Clock) -> None:
    screen = Screen()
    terminal = Terminal(screen, clock, {})
    terminal.step("Building etcd", 1, 2)
    terminal.note("etcd cannot be built")
    assert drawn(screen)[-1] == "etcd cannot be built"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (4.12, "4.1 s"), (9.96, "10 s"), (42.4, "42 s"), (138, "2m18s"), (3600, "60m0s")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text
