"""Was the load generator itself the limit? Signs, their limits, and which of them take the verdict away."""

from dataclasses import dataclass

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.units import clock, count, exact, milliseconds, percent
from sagemaker_loadtest.measure.tally import CPU_WINDOW, Tally

CPU_LIMIT_PERCENT = 85.0
SENT_LIMIT_PERCENT = 99.0
DELAY_FLOOR_MS = 5.0
DELAY_SHARE = 0.1
STALL_LIMIT_MS = 250.0


@dataclass(frozen=True, slots=True)
class Check:
    """One sign. `decisive`: with it not `ok`, no statement about the endpoint can be made. `brief` goes into a
    sentence.
    """

    name: str
    seen: str
    limit: str
    ok: bool
    decisive: bool
    reason: str = ""
    brief: str = ""


def delay_limit(test: LoadTest) -> float:
    """Delay inside the generator, in ms, that is small beside what is measured: a tenth of the tightest latency limit,
    at least 5.
    """
    limits = [t.limit for t in test.thresholds if t.metric == "latency"]
    return max(DELAY_FLOOR_MS, DELAY_SHARE * min(limits)) if limits else 4 * DELAY_FLOOR_MS


def checks(test: LoadTest, tally: Tally, *, workers_lost: int, latency_missed: bool) -> tuple[Check, ...]:
    """All signs after a run.

    A load that was not sent, or a worker without CPU left, always takes the verdict away. Delays inside the generator
    can only make latencies look worse than they were: they take it away when a latency threshold was missed, not when
    all were met.
    """
    limit = delay_limit(test)
    found = [_cpu(tally)]
    if test.load.open:
        found += [_sent(tally), _behind(tally, limit, latency_missed)]
    found += [_lag(tally, limit, latency_missed), _stall(tally, latency_missed)]
    if test.load.open:
        dropped = tally.total.failures.get("dropped", 0)
        found.append(
            Check(
                f"Dropped at the bound of {test.load.open.max_in_flight:,} in flight",
                count(dropped),
                "0",
                dropped == 0,
                decisive=False,
            )
        )
    found.append(Check(f"Workers lost of {test.workers}", str(workers_lost), "0", workers_lost == 0, decisive=False))
    return tuple(found)


def _cpu(tally: Tally) -> Check:
    found = max(((*health.busiest, name) for name, health in tally.workers.items()), default=(0.0, 0.0, ""))
    busiest, since, worker = found
    ok = busiest <= CPU_LIMIT_PERCENT
    reason = f"{worker} ran at {busiest:.0f} % of one core from {clock(since)} on and could not send or measure in time"
    return Check(
        f"Busiest worker, CPU of one core over {CPU_WINDOW} s",
        f"{busiest:.0f} %",
        f"≤ {CPU_LIMIT_PERCENT:.0f} %",
        ok,
        not ok,
        "" if ok else reason,
        f"busiest worker at {busiest:.0f} % CPU",
    )


def _sent(tally: Tally) -> Check:
    offered, sent = tally.total.offered, tally.total.sent + tally.total.failures.get("dropped", 0)
    share = min(100.0, 100 * sent / offered) if offered else 100.0
    ok = share >= SENT_LIMIT_PERCENT
    return Check(
        "Sent of what was scheduled",
        percent(share),
        f"≥ {SENT_LIMIT_PERCENT:.0f} %",
        ok,
        not ok,
        "" if ok else f"Only {percent(share)} of the scheduled requests were sent",
        f"{percent(share)} of the schedule sent",
    )


def _behind(tally: Tally, limit: float, latency_missed: bool) -> Check:
    worst = max((h.behind.percentile(99) or 0.0 for h in tally.workers.values()), default=0.0)
    ok = worst <= limit
    reason = (
        "" if ok else f"Requests left {milliseconds(worst)} behind schedule (p99), which is part of every latency here"
    )
    return Check(
        "Sent behind schedule, p99",
        milliseconds(worst),
        f"≤ {exact(limit)} ms",
        ok,
        not ok and latency_missed,
        reason,
        f"{milliseconds(worst)} behind schedule at p99",
    )


def _lag(tally: Tally, limit: float, latency_missed: bool) -> Check:
    worst = max((h.lag.percentile(99) or 0.0 for h in tally.workers.values()), default=0.0)
    ok = worst <= 2 * limit
    reason = "" if ok else f"A worker's event loop was {milliseconds(worst)} late (p99), so answers were seen late"
    return Check(
        "Event loop late, p99",
        milliseconds(worst),
        f"≤ {exact(2 * limit)} ms",
        ok,
        not ok and latency_missed,
        reason,
        f"event loop {milliseconds(worst)} late at p99",
    )


def _stall(tally: Tally, latency_missed: bool) -> Check:
    worst = max((h.lag.maximum or 0.0 for h in tally.workers.values()), default=0.0)
    ok = worst <= STALL_LIMIT_MS
    reason = "" if ok else f"A worker stood still for {milliseconds(worst)}"
    return Check(
        "Longest stall of a worker",
        milliseconds(worst),
        f"≤ {exact(STALL_LIMIT_MS)} ms",
        ok,
        not ok and latency_missed,
        reason,
        f"longest stall {milliseconds(worst)}",
    )
