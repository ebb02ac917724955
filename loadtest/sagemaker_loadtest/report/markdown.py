"""summary.md: fits a comment on a pull request; the verdict is readable in the notification's first line."""

from sagemaker_loadtest.api.thresholds import show, show_limit
from sagemaker_loadtest.api.units import count, exact, format_duration, milliseconds, per_second, percent
from sagemaker_loadtest.judge.failures import failure_rows, unnamed_words
from sagemaker_loadtest.judge.found import STEP_HEAD, advice_rows, step_rows
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.judge.verdict import stays_open

_SIGNS = {0: "✓", 1: "✗"}


def render_markdown(result: Result) -> str:
    """The summary of a result."""
    v, s = result.verdict, result.summary
    load = per_second(result.load.rate) if result.load.rate else f"{count(result.load.users)} users"
    if result.load.stages:
        load = f"up to {load}"
    length = format_duration(round(result.duration_seconds))
    lines = [
        f"**{_SIGNS.get(v.exit_code, '!')} Load test: {_cell(v.headline)}** "
        f"({_cell(result.name)}, {result.endpoint.name}, {load}, {length}, exit code {v.exit_code})",
        "",
        *(f"- {_cell(reason)}" for reason in v.reasons),
        *([f"- {_cell(v.advice)}"] if v.advice else []),
        "",
    ]
    if result.thresholds:
        lines += ["| threshold | limit | measured | margin | |", "|---|---:|---:|---:|---|"]
        for t in result.thresholds:
            measured, sign = show(t.threshold, t.measured), "✓"
            if stays_open(v.exit_code, t.measured):
                sign = "?"
            elif not t.met:
                measured, sign = f"**{measured}**", "✗"
            lines.append(f"| {t.label} | {show_limit(t.threshold)} | {measured} | {t.margin} | {sign} |")
        lines.append("")
    lines += _search(result)
    lines += ["<details><summary>Variants, errors, generator, how it was run</summary>", ""]
    if result.variants:
        lines += [
            "| variant | answered | share | asked | p50 | p95 | p99 | failed |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for x in result.variants:
            p = x.latency
            lines.append(
                f"| {x.name} | {count(x.answered)} | {percent(x.seen_percent)} | {percent(x.asked_percent)} "
                f"| {milliseconds(p.p50)} | {milliseconds(p.p95)} | {milliseconds(p.p99)} | {count(x.failed)} |"
            )
        lines += ["", *([unnamed_words(result), ""] if unnamed_words(result) else [])]
    if result.exchange.measurements:
        lines += ["| beside the latency | measured | p50 | p95 | p99 |", "|---|---:|---:|---:|---:|"]
        for m in result.exchange.measurements:
            cells = " | ".join(milliseconds(value) for value in (m.time.p50, m.time.p95, m.time.p99))
            lines.append(f"| {m.name} | {count(m.count)} | {cells} |")
        lines.append("")
    if result.errors:
        lines += [
            "| error | requests | of all | for example |",
            "|---|---:|---:|---|",
            *(
                f"| {row.name} | {count(row.requests)} | {percent(row.percent)} | {_code(row.words)} |"
                for row in failure_rows(result)
            ),
            "",
        ]
    lines += ["| sign of a tired generator | seen | limit | |", "|---|---:|---:|---|"]
    lines += [f"| {c.name} | {c.seen} | {c.limit} | {'✓' if c.ok else '!'} |" for c in result.generator.checks]
    lines += [
        "",
        f"{count(s.answered)} answered and {count(s.failed)} failed in {exact(s.measured_seconds)} s "
        f"after {exact(result.warm_up_seconds)} s of warm-up; "
        f"{result.generator.workers} workers; {result.load.model} load; started {result.start}; run `{result.run}`; "
        f"sagemaker-loadtest {result.tool.version}, Locust {result.tool.locust}, Python {result.tool.python}.",
        "",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def _search(result: Result) -> list[str]:
    facts = result.search
    if facts is None:
        return []
    lines = ["| from the search | | |", "|---|---|---:|"]
    lines += [f"| {_cell(name)} | {_cell(how)} | {_cell(value)} |" for name, how, value in advice_rows(facts)]
    if facts.autoscaling:
        lines += ["", "```yaml", facts.autoscaling, "```"]
    head = (*STEP_HEAD[:2], facts.label.removesuffix(", all"), *STEP_HEAD[3:])
    lines += ["", f"| {' | '.join(head)} |", f"|{'---:|' * (len(head) - 1)}---|"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in step_rows(facts)]
    return [*lines, ""]


def _code(text: str) -> str:
    """What the endpoint said, neither markup nor a mention of somebody."""
    quoted = text.replace("`", "'").replace("|", "\\|")
    return f"`{quoted}`" if quoted else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
