"""The operator's behaviour, one file each: given a spec, the memory and AWS, what is done and what is said.

A file has `spec` and `aws` as they are, `was` (what differed in the spec that ran before), `metadata`, `status` and
`readOnly` where they matter, and what to `expect`. Names that contain hashes are written `<new>` and `<old>` (the
revisions of spec and was), `<config new>`, `<model new>`, `<model new 2>` and so on. An endpoint is ours and as healthy
as its config asks unless the file says otherwise; it is 09:14:00 UTC.
"""

import datetime as dt
import difflib
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sagemaker_operator.api.codec import decode, encode
from sagemaker_operator.api.identity import Owner
from sagemaker_operator.api.resource import FINALIZER, ObjectKey, Resource, parse_resource
from sagemaker_operator.api.spec import EndpointSpec
from sagemaker_operator.plan import actions as act
from sagemaker_operator.plan import deletion, planner
from sagemaker_operator.plan.case import Case, Plan, Tuning
from sagemaker_operator.plan.deletion import DeletionCase, plan_deletion
from sagemaker_operator.plan.desired import Defaults, Desired, build_desired
from sagemaker_operator.plan.events import transition_events
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.readonly import hold

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
NOW = dt.datetime(2026, 11, 12, 9, 14, tzinfo=dt.UTC)
DEFAULTS = Defaults("arn:aws:iam::111122223333:role/serving", "eu-west-1")
BODY = {"namespace": "ml", "name": "fraud", "uid": "u1", "resourceVersion": "7", "finalizers": [FINALIZER]}
ENDPOINT = {
    "name": "ml-fraud",
    "arn": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/ml-fraud",
    "configName": "<config new>",
    "creationTime": "2026-11-12T08:00:00Z",
    "lastModifiedTime": "2026-11-12T09:00:00Z",
}


@dataclass(frozen=True)
class Scenario:
    """One file. `expect` has decides, actions, conditions, summary, events; of memory, failure, status some."""

    spec: Mapping[str, Any]
    aws: Mapping[str, Any]
    expect: Mapping[str, Any]
    was: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    status: Mapping[str, Any] = field(default_factory=dict)
    readOnly: bool = False  # noqa: N815 - as it stands in the file

    def desired(self, which: str) -> Desired:
        spec = self.spec if which == "new" else {**self.spec, **self.was}
        return build_desired(decode(EndpointSpec, spec, which), self.owner, DEFAULTS, image_table())

    @property
    def owner(self) -> Owner:
        return Owner("c1", ObjectKey("ml", "fraud"), self.metadata.get("uid", "u1"))

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """`<config new>` and the like, with what they stand for; the longest first."""
        found = {}
        for which in ("new", "old") if self.was else ("new",):
            desired = self.desired(which)
            models = {f"<model {which}{f' {n}' if n > 1 else ''}>": m.name for n, m in enumerate(desired.models, 1)}
            found |= models | {f"<config {which}>": desired.config_name, f"<{which}>": desired.revision}
        return found

    def filled(self, value: Any) -> Any:
        """With real names."""
        if isinstance(value, Mapping):
            return {self.filled(key): self.filled(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.filled(member) for member in value]
        if isinstance(value, str):
            for name, real in self.names.items():
                value = value.replace(name, real)
        return value

    def readable(self, text: str) -> str:
        """With the names of the files. What is the same in both specs is `new`."""
        for name, real in sorted(self.names.items(), key=lambda item: (-len(item[1]), "old" in item[0])):
            text = text.replace(real, name)
        return text

    @property
    def resource(self) -> Resource:
        status = {"endpointName": "ml-fraud", **self.status} if self.status else {}
        return parse_resource(self.filled({"metadata": {**BODY, **self.metadata}, "spec": self.spec, "status": status}))

    @property
    def observed(self) -> Observed:
        aws = self.filled(self.aws)
        unknown = aws.keys() - {"endpoint", "configs", "models", "problem", "log"}
        assert not unknown, f"aws has no {', '.join(unknown)}"
        return Observed(
            endpoint=self.endpoint() if "endpoint" in aws else None,
            configs=frozenset(aws.get("configs", ())),
            models=frozenset(aws.get("models", ())),
            runtime_url=None if "problem" in aws else "https://runtime.sagemaker.eu-west-1.amazonaws.com",
            log_excerpt=tuple(aws.get("log", ())),
            problem=decode(Problem, aws["problem"], "problem") if "problem" in aws else None,
        )

    def endpoint(self) -> ObservedEndpoint:
        given = {**ENDPOINT, **self.aws["endpoint"]}
        unknown = given.keys() - ENDPOINT.keys() - {"status", "failureReason", "pendingConfigName", "variants", "tags"}
        assert not unknown, f"endpoint has no {', '.join(unknown)}"
        runs = self.desired("old" if given["configName"] == "<config old>" else "new")
        healthy = [
            {"name": v.name, "currentWeight": v.weight, "desiredWeight": v.weight, "currentCount": v.count,
             "desiredCount": v.count}
            for v in runs.variants
        ]  # fmt: skip
        return decode(ObservedEndpoint, self.filled({"variants": healthy, "tags": runs.revision_tags, **given}))

    def decide(self) -> tuple[str, Plan]:
        """Which check decides, as `module.check`, and what."""
        resource, observed = self.resource, self.observed
        if resource.deletion_requested:
            name = self.desired("new").endpoint_name
            gone = DeletionCase(resource, self.owner, name, "eu-west-1", observed, NOW, Tuning())
            return next(name_of(c) for c in deletion.CHECKS if c(gone)), plan_deletion(gone)
        case = Case(resource, self.desired("new"), observed, NOW, Tuning())
        return next(name_of(c) for c in planner.CHECKS if c(case)), planner.plan(case)


def name_of(check: Callable[..., Any]) -> str:
    return f"{check.__module__.rpartition('.')[2]}.{check.__name__}"


def load(path: Path) -> Scenario:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# "), "a scenario begins with a sentence that says what it shows"
    return Scenario(**yaml.safe_load(text))


def action_words(action: act.Action) -> str:
    """An action as a line of a scenario."""
    words = [type(action).__name__]
    match action:
        case act.CreateEndpoint() | act.UpdateEndpoint():
            words += [action.name, "with", action.config_name]
        case act.UpdateWeights():
            words += [action.name, *(f"{name}={weight}" for name, weight in action.weights.items())]
            words += [f"{name} x {count}" for name, count in action.counts.items()]
        case act.ChangeTags():
            words += [f"{key}={value}" for key, value in action.add.items()] + [f"-{key}" for key in action.remove]
        case act.AddFinalizer() | act.RemoveFinalizer():
            pass
        case _:
            words.append(action.name)
    return " ".join(words)


def happened(scenario: Scenario) -> dict[str, Any]:
    """What the operator does and says, in the form of `expect`."""
    decided_by, plan = scenario.decide()
    before = scenario.resource.status
    if scenario.readOnly:
        plan = hold(plan, before)
    events = [e for e in map(act.event_of, plan.actions) if e] + [*transition_events(before, plan.status, NOW)]
    result: dict[str, Any] = {
        "decides": decided_by,
        "actions": [action_words(action) for action in plan.actions],
        "conditions": {c.type: f"{c.status} {c.reason}: {c.message}" for c in plan.status.conditions},
        "summary": encode(plan.status.summary),
        "events": [f"{e.type} {e.reason}: {e.message}" for e in events],
        "nextLook": round(plan.next_look),
        "memory": encode(plan.status.revisions),
        "failure": encode(plan.status.failure) or {},
        "status": encode(replace(plan.status, conditions=())),
    }
    readable = yaml.safe_load(scenario.readable(yaml.safe_dump(result, width=10_000)))
    assert isinstance(readable, dict)
    return readable


def compared(seen: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """What was seen, reduced to what the file speaks of: a condition without a message means any message."""
    reduced: dict[str, Any] = {name: seen[name] for name in expected}
    told = expected["conditions"]
    reduced["conditions"] = {
        type_: text if ": " in told.get(type_, ": ") else text.partition(": ")[0]
        for type_, text in seen["conditions"].items()
    }
    for part in ("failure", "memory", "status"):
        if part in expected:
            reduced[part] = {name: seen[part].get(name) for name in expected[part]}
    return reduced


def lines(value: Mapping[str, Any]) -> Iterator[str]:
    yield from yaml.safe_dump(dict(value), sort_keys=True, width=10_000).splitlines()


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_scenario(path: Path) -> None:
    scenario = load(path)
    expected = dict(scenario.expect)
    missing = {"decides", "actions", "conditions", "summary", "events"} - expected.keys()
    assert not missing, f"expect says nothing of {', '.join(sorted(missing))}"
    seen = compared(happened(scenario), expected)
    difference = "\n".join(
        difflib.unified_diff([*lines(expected)], [*lines(seen)], "expected", "seen", lineterm="", n=1)
    )
    if difference:
        pytest.fail(f"{path.name}\n{difference}", pytrace=False)


def test_every_check_decides_in_some_scenario() -> None:
    seen = {load(path).expect["decides"] for path in FILES}
    checks = {name_of(check) for check in (*planner.CHECKS, *deletion.CHECKS)}
    assert seen == checks


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_what_people_read_is_one_line_that_kubectl_can_show(path: Path) -> None:
    _, plan = load(path).decide()
    for condition in plan.status.conditions:
        assert "\n" not in condition.message
        assert len(condition.message) <= 160
        assert not condition.message or condition.message[-1] in ".…"
