"""A comparison in words: the same in terminal, Markdown and page."""

from sagemaker_loadtest.api.units import format_duration, milliseconds, percent, significant
from sagemaker_loadtest.judge.compare import HIGHEST_RATE, Comparison, Row

WORDS = {0: "NOTHING WORSE", 1: "WORSE", 2: "NOT COMPARABLE"}


def headline(found: Comparison) -> str:
    """`b.json against a.json: WORSE`, and in what."""
    worse = [row.label for row in found.rows if row.worse]
    what = f" in {', '.join(worse)}" if worse else ""
    return f"{found.after} against {found.before}: {WORDS[found.exit_code]}{what}"


def method(found: Comparison) -> list[str]:
    """How sure the rows are, and what they do not tell."""
    if not found.rows:
        return []
    if any(row.measure == HIGHEST_RATE for row in found.rows):
        return [
            "The true limit of each side lies between the rate that held and the one that was over: from that comes "
            "the interval. Search with a smaller search.precisionPercent to make it narrower.",
            f"Worse: by more than {found.tolerance_percent:g} % for sure. One search a side: differences between days "
            "are not in it.",
        ]
    first, second = found.blocks
    number = str(first) if first == second else f"{first} and {second}"
    return [
        f"Intervals hold for all rows together with {found.confidence_percent:g} % confidence, from stretches of "
        f"{format_duration(found.block_seconds)} ({number} a run).",
        f"Worse: by more than {found.tolerance_percent:g} % for sure. One run a side: differences between days are not "
        "in them. “No difference seen” is not “equal”.",
    ]


def cells(row: Row) -> tuple[str, str, str]:
    """Before, after, change."""
    return _value(row, row.before), _value(row, row.after), change(row, row.change)


def _value(row: Row, value: float) -> str:
    if row.unit == "/s":
        return f"{significant(value)}/s"
    return milliseconds(value) if row.unit == "ms" else percent(value)


def change(row: Row, value: float) -> str:
    """`+4.5 %`; of shares in points."""
    sign = "+" if value > 0 else "−" if value < 0 else ""
    unit = "points" if row.unit == "%" else "%"
    return f"{sign}{significant(abs(value), 2)} {unit}" if abs(value) < 1000 else f"{sign}over 1,000 {unit}"


def interval(row: Row) -> str:
    """`+2.1 to +6.9 %`."""
    low, high = (change(row, value).rsplit(" ", 1)[0] for value in (row.low, row.high))
    return f"{low} to {high} {'points' if row.unit == '%' else '%'}"
