"""junit.xml: a case per threshold and one for the verdict, as CI servers read it."""

import re
from xml.sax.saxutils import escape, quoteattr

from sagemaker_loadtest.api.thresholds import show, show_limit, spoken
from sagemaker_loadtest.judge.failures import failure_rows
from sagemaker_loadtest.judge.result import Result, ThresholdFacts
from sagemaker_loadtest.judge.verdict import stays_open

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(result: Result) -> str:
    """The suite of one run. A missed threshold is a failure; no verdict (exit codes 3, 4, 5) is an error, and
    a threshold that was not measured then is skipped.
    """
    v = result.verdict
    skipped = sum(stays_open(v.exit_code, t.measured) for t in result.thresholds)
    failures = sum(not t.met for t in result.thresholds) - skipped + (v.exit_code == 1)
    errors = int(v.exit_code > 1)
    seconds = f'time="{result.duration_seconds:g}"'
    counted = (
        f'tests="{len(result.thresholds) + 1}" failures="{failures}" errors="{errors}" skipped="{skipped}" {seconds}'
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="sagemaker-loadtest" {counted}>',
        f'  <testsuite name={_attribute(result.name)} {counted} timestamp="{result.start.removesuffix("Z")}">',
        "    <properties>",
        *(f"      <property name={_attribute(k)} value={_attribute(value)}/>" for k, value in _properties(result)),
        "    </properties>",
        *(line for t in result.thresholds for line in _case(result, t)),
        f'    <testcase classname={_attribute(result.name)} name="verdict" {seconds}>',
    ]
    if v.exit_code:
        kind = "error" if errors else "failure"
        failed = [f"{row.requests:,} {row.name}: {row.words}" for row in failure_rows(result)]
        told = _text("\n".join((*v.reasons, v.advice, *failed)))
        lines.append(f'      <{kind} type="{v.word}" message={_attribute(v.headline)}>{told}</{kind}>')
    return "\n".join((*lines, "    </testcase>", "  </testsuite>", "</testsuites>", ""))


def _properties(result: Result) -> list[tuple[str, str]]:
    return [
        ("endpoint", result.endpoint.name),
        ("region", result.endpoint.region),
        ("run", result.run),
        ("exitCode", str(result.verdict.exit_code)),
        ("rate", str(result.summary.rate)),
        ("answered", str(result.summary.answered)),
        ("failed", str(result.summary.failed)),
    ]


def _case(result: Result, t: ThresholdFacts) -> list[str]:
    head = f"    <testcase classname={_attribute(result.name)} name={_attribute(t.text)}"
    if t.met:
        return [f"{head}/>"]
    if stays_open(result.verdict.exit_code, t.measured):
        return [f"{head}>", f"      <skipped message={_attribute(t.margin)}/>", "    </testcase>"]
    message = f"{spoken(t.threshold)}: {show(t.threshold, t.measured)}, limit {show_limit(t.threshold)} ({t.margin})"
    return [f"{head}>", f'      <failure type="threshold" message={_attribute(message)}/>', "    </testcase>"]


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("?", text).replace("\n", " "))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("?", text))
