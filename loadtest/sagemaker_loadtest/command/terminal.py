"""What the terminal shows: lines of text made from the books. Pure; `screen` writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_loadtest.api.spec import LoadTest
from sagemaker_loadtest.api.thresholds import show, show_limit, spoken
from sagemaker_loadtest.api.units import NONE, clock, count, exact, milliseconds, per_second, percent
from sagemaker_loadtest.judge import measures
from sagemaker_loadtest.judge import result as r
from sagemaker_loadtest.judge.failures import failure_rows, unnamed_words
from sagemaker_loadtest.judge.found import STEP_HEAD, advice_rows, step_rows
from sagemaker_loadtest.judge.generator import checks
from sagemaker_loadtest.judge.measures import measure
from sagemaker_loadtest.judge.verdict import stays_open
from sagemaker_loadtest.measure.histogram import TAIL_SAMPLES
from sagemaker_loadtest.measure.tally import RECENT_SECONDS, Bin, Tally
from sagemaker_loadtest.workload.schedule import offered_until

WIDTH = 100
_BEFORE_MARGIN = 58
_NAMES = {
    "met": "MET",
    "missed": "MISSED",
    "generator": "NO VERDICT",
    "workersLost": "NO VERDICT",
    "endedEarly": "ENDED EARLY",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Signs and colours. Colour never carries meaning alone."""

    ascii: bool = False
    color: bool = False

    def sign(self, ok: bool) -> str:
        text = ("ok" if ok else "FAIL") if self.ascii else ("✓" if ok else "✗")
        return self.paint(text, "32" if ok else "31")

    @property
    def warning(self) -> str:
        return self.paint("!", "33")

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def plain(self, text: str) -> str:
        """`text` in the characters that the terminal can show."""
        if not self.ascii:
            return text
        for sign, substitute in (
            ("≤", "<="),
            ("≥", ">="),
            ("–", "-"),
            ("…", "..."),
            ("·", "-"),
            ("“", '"'),
            ("”", '"'),
            ("×", "x"),
            ("✓ ", ""),
            ("✗ ", ""),
        ):
            text = text.replace(sign, substitute)
        return text.encode("ascii", "replace").decode()


def live(test: LoadTest, tally: Tally, workers: int, style: Style, width: int = WIDTH) -> list[str]:
    """The lines that are redrawn each second."""
    head = f"{test.name}   {test.endpoint.name}, {test.endpoint.region}   {workers} workers"
    moment = f"{clock(tally.elapsed)} of {clock(test.load.duration_seconds)}"
    recent, seconds = tally.recent()
    lines = [
        _ends(head, moment, width),
        _bar(tally.elapsed / test.load.duration_seconds, style, _part(test, tally.elapsed), width),
        f"{'':13}{'offered':>10}{'answered':>11}{'in flight':>12}{'p50':>10}{'p95':>10}{'p99':>10}{'failed':>10}",
        _numbers(f"last {max(1, seconds)} s", test, recent, max(1, seconds), tally.elapsed, tally.in_flight),
    ]
    since = test.load.counted_from
    counted = f"since {clock(since)}" if since else "whole run"
    lines.append(_numbers(counted, test, tally.total, tally.measured_until(), tally.elapsed, None))
    lines += _thresholds(test, tally, style, width)
    lines.append(_generator(test, tally, style, workers))
    return [style.plain(line) for line in lines]


def plain_line(test: LoadTest, tally: Tally) -> str:
    """The same for a log: `key=value` behind a fixed prefix."""
    recent, seconds = tally.recent(RECENT_SECONDS * 3)
    p50, p95, p99 = recent.latency.percentiles((50, 95, 99), tail=TAIL_SAMPLES)
    offered = _offered(test, tally.elapsed, seconds) if test.load.open else None
    parts = [
        f"{clock(tally.elapsed)}",
        _part(test, tally.elapsed).replace(" ", "-"),
        *([f"offered={per_second(offered)}"] if offered is not None else []),
        f"answered={per_second(_rate(recent.answered, seconds))}",
        *(
            f"{name}={milliseconds(value).replace(' ', '')}"
            for name, value in (("p50", p50), ("p95", p95), ("p99", p99))
        ),
        f"failed={percent(_failed(recent)).replace(' ', '')}",
    ]
    return " ".join(parts)


def summary(result: r.Result, files: Sequence[str], style: Style, places: Sequence[str] = ()) -> list[str]:
    """The end: verdict first, and once more last. `places`: where the files were put beside their folder."""
    exit_code = result.verdict.exit_code
    sign = style.sign(exit_code == 0) if exit_code in (0, 1) else style.warning
    number = len(result.thresholds)
    missed = sum(not t.met for t in result.thresholds)
    told = {"met": f"{number} of {number} thresholds", "missed": f"{missed} of {number} thresholds"}.get(
        result.verdict.word, ""
    )
    told = told or result.verdict.headline.removeprefix("No verdict: ").removeprefix("Ended early: ")
    if not number and exit_code == 0:
        told = "no thresholds were set"
    lines = [
        _ends(
            f"{sign} {_NAMES[result.verdict.word]}  {told}", f"exit code {exit_code}", WIDTH + (9 if style.color else 0)
        )
    ]
    lines += [
        f"  {line}" for reason in (*result.verdict.reasons, result.verdict.advice) for line in _wrap(reason, WIDTH - 4)
    ]
    if result.thresholds:
        lines.append(f"  {'threshold':<28}{'limit':>13}{'measured':>12}   margin")
        for t in result.thresholds:
            limit, measured = show_limit(t.threshold), show(t.threshold, t.measured)
            first, *more = _wrap(t.margin, WIDTH - _BEFORE_MARGIN)
            sign_of_row = style.plain(NONE) if stays_open(exit_code, t.measured) else style.sign(t.met)
            lines.append(f"{sign_of_row} {t.label:<28}{limit:>13}{measured:>12}   {first}")
            lines += [f"{'':{_BEFORE_MARGIN}}{line}" for line in more]
    lines += _variants(result.variants)
    lines += _wrap(unnamed_words(result), WIDTH, "  ", "  ")
    lines += _measurements(result.exchange.measurements)
    s = result.summary
    lines += _failures(result)
    offered = f" of {per_second(round(s.offered_rate, 1))} offered" if s.offered_rate is not None else ""
    if result.load.stages:
        offered += f" (in stages, up to {per_second(result.load.rate)})" if result.load.rate else ""
    elif result.load.arrivals == "Poisson":
        offered += f" ({per_second(result.load.rate)} on average, Poisson)"
    lines.append(
        f"  {count(s.answered)} answered in {exact(s.measured_seconds)} s, {per_second(round(s.rate, 1))}{offered}"
    )
    if files:
        beside = ", ".join(file.rsplit("/", 1)[-1] for file in files[1:])
        lines.append(f"  report  {files[0]}" + (f"; beside it {beside}" if beside else ""))
    lines += [f"  also in {place}" for place in places]
    lines.append(
        f"{sign} {_NAMES[result.verdict.word]}  {result.verdict.headline.split(': ', 1)[-1]}. Exit code {exit_code}"
    )
    return [style.plain(line) for line in lines]


def search_summary(result: r.Result, files: Sequence[str], style: Style) -> list[str]:
    """The end of a search: what was found, the steps, what follows, and the YAML to paste."""
    facts, verdict = result.search, result.verdict
    if facts is None:
        return summary(result, files, style)
    sign = style.sign(verdict.exit_code == 0) if verdict.exit_code in (0, 1) else style.warning
    word = "FOUND" if verdict.exit_code == 0 else _NAMES[verdict.word]
    headline = verdict.headline.split(": ", 1)[-1]
    lines = [f"{sign} {word}  {headline}"]
    lines += [f"  {line}" for text in (*verdict.reasons, verdict.advice) for line in _wrap(text, WIDTH - 4)]
    head = (*STEP_HEAD[:2], facts.label.removesuffix(", all"), *STEP_HEAD[3:])
    for cells in (head, *step_rows(facts)):
        lines.append(f"  {cells[0]:>10}" + "".join(f"{cell:>12}" for cell in cells[1:-1]) + f"   {cells[-1]}")
    rows = advice_rows(facts)
    widths = [max((len(row[i]) for row in rows), default=0) + 3 for i in (0, 1)]
    lines += [f"  {name:<{widths[0]}}{how:<{widths[1]}}{value}" for name, how, value in rows]
    lines += [f"  {line}" for line in facts.autoscaling.splitlines()]
    if files:
        lines.append(f"  report  {files[0]}")
    lines.append(f"{sign} {word}  {headline}. Exit code {verdict.exit_code}")
    return [style.plain(line.rstrip()) for line in lines]


def _variants(variants: Sequence[r.VariantFacts]) -> list[str]:
    if not variants:
        return []
    lines = [
        f"  {'variant':<20}{'answered':>10}{'share':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'p99.9':>10}{'failed':>9}"
    ]
    for v in variants:
        p = v.latency
        cells = "".join(f"{milliseconds(value):>10}" for value in (p.p50, p.p95, p.p99, p.p999))
        lines.append(
            f"  {v.name[:20]:<20}{count(v.answered):>10}{percent(v.seen_percent):>10}{cells}{count(v.failed):>9}"
        )
    return lines


def _failures(result: r.Result) -> list[str]:
    """Each class with what the first of its requests was told."""
    rows = [f"{count(row.requests)} {row.name}: {row.words}" for row in failure_rows(result)]
    return [line for row in rows for line in _wrap(row, WIDTH, "  ", "      ")]


def _measurements(found: Sequence[r.MeasurementFacts]) -> list[str]:
    if not found:
        return []
    lines = [f"  {'beside the latency':<20}{'measured':>10}{'':>10}{'p50':>10}{'p95':>10}{'p99':>10}{'p99.9':>10}"]
    for m in found:
        cells = "".join(f"{milliseconds(value):>10}" for value in (m.time.p50, m.time.p95, m.time.p99, m.time.p999))
        lines.append(f"  {m.name:<20}{count(m.count):>10}{'':>10}{cells}")
    return lines


def _numbers(name: str, test: LoadTest, total: Bin, seconds: float, elapsed: float, in_flight: int | None) -> str:
    p50, p95, p99 = (
        None
        if measures.hidden_by_failures(p, total.latency.count, total.failed)
        else total.latency.percentile(p, tail=TAIL_SAMPLES)
        for p in (50, 95, 99)
    )
    offered = per_second(round(_offered(test, elapsed, seconds) or 0, 1)) if test.load.open and seconds else NONE
    answered = per_second(round(_rate(total.answered, seconds) or 0, 1)) if seconds else NONE
    cells = "".join(f"{milliseconds(value):>10}" for value in (p50, p95, p99))
    flying = "" if in_flight is None else count(in_flight)
    return f"{name:<13}{offered:>10}{answered:>11}{flying:>12}{cells}{percent(_failed(total)):>10}"


def _offered(test: LoadTest, elapsed: float, seconds: float) -> float | None:
    if not seconds:
        return None
    until = int(elapsed)
    return (offered_until(test.load, until) - offered_until(test.load, max(0.0, until - seconds))) / seconds


def _rate(number: int, seconds: float) -> float | None:
    return round(number / seconds, 1) if seconds else None


def _failed(total: Bin) -> float | None:
    known = total.latency.count + total.failed
    return 100 * total.failed / known if known else None


def _part(test: LoadTest, elapsed: float) -> str:
    if elapsed < test.load.warm_up_seconds:
        return "warm-up"
    return "ramp-up" if elapsed < test.load.ramp_up_seconds else test.load.intensity


def _thresholds(test: LoadTest, tally: Tally, style: Style, width: int) -> list[str]:
    lines, used = ["thresholds   "], 13
    for threshold in test.thresholds:
        m = measure(threshold, tally)
        name = spoken(threshold)
        early = m.measured is None and (m.needed > 0 or not tally.requests)
        value = "too early" if early else show(threshold, m.measured)
        sign = "…" if early else style.sign(m.met)
        length = len(f"{name} {show_limit(threshold)}  ") + len(value) + 5
        if used + length > width and used > 13:
            lines.append(" " * 13)
            used = 13
        lines[-1] += f"{name} {show_limit(threshold)}  {sign} {value}   "
        used += length
    return [line.rstrip() for line in lines] if test.thresholds else ["thresholds   none set"]


def _generator(test: LoadTest, tally: Tally, style: Style, workers: int) -> str:
    found = checks(test, tally, workers_lost=test.workers - workers, latency_missed=True)
    bad = [c for c in found if not c.ok]
    if bad:
        return f"generator    {style.warning} {', '.join(f'{c.name} {c.seen} ({c.limit})' for c in bad[:2])}"
    cpu = max((h.cpu[-1][1] for h in tally.workers.values() if h.cpu), default=0.0)
    return f"generator    fit: CPU {cpu:.0f} %, {workers} of {test.workers} workers"


def _bar(share: float, style: Style, part: str, width: int) -> str:
    length = max(10, width - len(part) - 3)
    done = min(length, max(0, int(length * share)))
    full, rest = ("#", "-") if style.ascii else ("━", "─")
    return f"{style.paint(full * done, '36')}{rest * (length - done)}  {part}"


def _ends(left: str, right: str, width: int) -> str:
    return f"{left}{' ' * max(2, width - len(left) - len(right))}{right}"


def _wrap(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=others) if text else []
