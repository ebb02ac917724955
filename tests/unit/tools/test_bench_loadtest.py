"""The load tester's benchmark: its tables and goals, its simulated workers' books, its stub's count of connections."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.loadtest import cost, fidelity, memory, script
from bench.loadtest.callers import Caller, Loop, Program, program_command
from bench.loadtest.cost import Cost
from bench.loadtest.fidelity import Latency
from bench.loadtest.memory import Moment
from bench.loadtest.server import stub
from bench.loadtest.table import Column, Table
from sagemaker_loadtest.api.codec import decode, encode
from sagemaker_loadtest.api.spec import ClosedLoad, Load
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Sample
from testkit.waiting import until

KIB = 1024


def spent(caller: Caller, micros: float, size: int = KIB, *, tls: bool = False) -> Cost:
    return Cost(caller, size, tls, 1000.0, micros, 2**20)


def measured(plain: float, tls: float, hey: float | None = None) -> list[Cost]:
    """Costs of which boto3's are 100 µs, ours as given for the larger of the bodies and half of that for the other."""
    found = [
        spent(caller, micros / (2 if size == KIB and caller == "SageMakerUser" else 1), size, tls=secure)
        for secure, ours in ((False, plain), (True, tls))
        for size in cost.SIZES
        for caller, micros in (("boto3", 100.0), ("SageMakerUser", ours))
    ]
    return found if hey is None else [*found, *(spent("hey", hey, size) for size in cost.SIZES)]


def test_figures_stand_below_their_headings_and_gaps_stay_gaps() -> None:
    table = Table("cost", (Column("requests/s"), Column("µs", ".1f"), Column("MiB")))
    row = table.row("ours", (12345.6, None, 7))
    assert row.split() == ["ours", "12,346", "7"]
    assert len(row) == len(table.head())
    assert row.index("12,346") + len("12,346") == table.head().index("requests/s") + len("requests/s")
    with pytest.raises(ValueError, match="shorter"):
        table.row("ours", (1.0,))


@pytest.mark.parametrize(
    ("plain", "tls", "met"),
    [(100 / 13, 100 / 8, True), (100 / 12.9, 1.0, False), (1.0, 100 / 7.9, False)],
)
def test_goal_of_the_cost_is_that_of_the_dearer_body(plain: float, tls: float, met: bool) -> None:
    assert cost.goal(measured(plain, tls)).met is met


def test_cost_is_compared_with_the_same_body_over_the_same_transport() -> None:
    found = [spent("boto3", 900.0), spent("boto3", 500.0, tls=True), spent("SageMakerUser", 100.0, tls=True)]
    assert cost.ratio(found, found[-1], "boto3") == 5.0
    assert cost.ratio(found, found[-1], "hey") is None
    assert cost.row(found).split() == ["SageMakerUser,", "1", "KiB,", "TLS", "1,000", "100.0", "5.0", "1"]


def test_half_of_hey_is_told_but_no_goal() -> None:
    goal = cost.goal(measured(4.0, 4.0, hey=1.0))
    assert goal.line().endswith("Met: 25.0 and 25.0 times, 0.25 to 0.50 of hey.")


@pytest.mark.parametrize(
    ("ours", "server", "frozen", "met"),
    [(54.0, 50.0, 1600.0, True), (55.5, 50.0, 1600.0, False), (44.5, 50.0, 1600.0, False), (54.0, 50.0, 1400.0, False)],
)
def test_goal_of_fidelity_is_a_small_gap_and_a_freeze_that_shows(
    ours: float, server: float, frozen: float, met: bool
) -> None:
    found = [Latency("1,000/s", 50.0, ours, server, 4000), Latency("a freeze", 50.0, frozen, None, 3600)]
    assert fidelity.goal(found).met is met
    assert fidelity.row(found[0]).split()[-2] == f"{ours - server:.1f}"
    assert fidelity.row(found[1]).split() == ["a", "freeze", "50.0", f"{frozen:,.1f}".replace(",", ""), "3,600"]


def test_a_strained_generator_is_told_beside_the_goal() -> None:
    found = [Latency("3,000/s", 50.0, 90.0, 51.0, 9, strained=True), Latency("a freeze", 50.0, 1600.0, None, 9)]
    told = "39.0 ms and 1.60 s; the load tester says of 1 of 2 runs that it was late itself."
    assert fidelity.goal(found).line().endswith(told)


def test_memory_is_that_of_the_connections_which_came_along() -> None:
    few, many = 60 * KIB * KIB, 62 * KIB * KIB
    seen = ((0, few - 7), (100, few), (110, few), (300, few + 9), (1134, many - 5), (1134, many), (900, many + 8))
    found = memory.growth("plain", [Moment(*each) for each in seen])
    assert (found.few, found.many) == (Moment(110, few), Moment(1134, many))
    assert found.kib_each == 2.0
    assert memory.goal([found]).met
    heavy = memory.growth("TLS", [Moment(100, 0), Moment(200, 101 * KIB * KIB)])
    assert not memory.goal([found, heavy]).met


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 99), st.integers(1, 200), st.integers(1, 6))
def test_simulated_books_tell_of_each_request_once(seed: int, rate: int, seconds: int) -> None:
    samples = script.samples(seed, rate, seconds)
    assert [each.final for each in samples] == [False] * seconds + [True]
    tally = Tally(Load(float(seconds), closed=ClosedLoad(1)))
    for moment, sample in enumerate(samples[:-1], 1):
        assert sample.health.second == moment
        assert all(each.second < moment for each in sample.seconds)  # nothing from the future
        assert decode(Sample, encode(sample)) == sample
    for sample in samples:
        tally.add(sample)
    assert tally.requests == tally.total.sent == rate * seconds
    assert tally.total.failed == 0
    assert samples[-1].health.in_flight == 0


def test_other_generators_send_the_same_body_on_one_thread(tmp_path: Path) -> None:
    loop = Loop("https://127.0.0.1:1", tmp_path / "body-9", 50, 13.0)
    hey = program_command(Program("hey", "/x/hey"), loop)
    assert {"-cpus=1", "-c=50", "-z=13s", f"-D={tmp_path / 'body-9'}"} <= set(hey)
    wrk = program_command(Program("wrk", "/x/wrk"), loop)
    assert wrk[:4] == ["/x/wrk", "-t1", "-c50", "-d13s"]
    assert f'"{tmp_path / "body-9"}"' in (tmp_path / "body-9.lua").read_text()
    assert hey[-1] == wrk[-1] == "https://127.0.0.1:1/endpoints/bench/invocations"


@pytest.mark.parametrize("tls", [False, True])
def test_stub_counts_the_connections_that_are_open(tmp_path: Path, tls: bool) -> None:
    with stub(tmp_path, tls=tls) as server:
        context = ssl.create_default_context(cafile=server.certificate) if tls else None
        address = server.url.partition("//")[2]
        opened = [
            http.client.HTTPSConnection(address, context=context) if tls else http.client.HTTPConnection(address)
            for _ in range(3)
        ]
        for connection in opened:
            connection.request("POST", "/endpoints/bench/invocations", b"x")
            assert connection.getresponse().read().startswith(b"{")
        stats = server.stats()
        assert (stats.count, stats.connections) == (3, 3)
        for connection in opened:
            connection.close()
        until(lambda: server.stats().connections == 0, "none is left", seconds=10)
