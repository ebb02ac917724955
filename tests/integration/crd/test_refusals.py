"""What the API server refuses and in which words, against the golden file refusals.yaml."""

import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster import ControlPlane

GOLDEN = Path(__file__).with_name("refusals.yaml")
EXAMPLES = Path(__file__).parents[3] / "manifests/examples"
COMMENT = "".join(line for line in GOLDEN.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("#"))
CASES: dict[str, dict[str, Any]] = yaml.safe_load(GOLDEN.read_text(encoding="utf-8"))
NEW = sorted(name for name, case in CASES.items() if not case["of"].startswith("existing"))
CHANGED = sorted(name for name, case in CASES.items() if case["of"].startswith("existing"))


def example(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def base(of: str) -> dict[str, Any]:
    """The good object that a case is laid over."""
    body = example({"ab": "fraud-ab", "existing": "observe"}.get(of, "fraud"))
    body["metadata"] = {"name": "fraud"}
    return body


def laid_over(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`body` with each path set, or taken away where the value is null."""
    body = copy.deepcopy(body)
    for path, value in changes.items():
        *parents, last = [int(s) if s.isdigit() else s for s in re.findall(r"[^.\[\]]+", path)]
        target: Any = body
        for step in parents:
            target = target[step]
        if value is None:
            del target[last]
        else:
            target[last] = written_out(value)
    return body


def written_out(value: Any) -> Any:
    """`x×3` is xxx, the key `V0…V2` stands for V0, V1 and V2."""
    if isinstance(value, str):
        return re.sub(r"(\w)×(\d+)", lambda m: m[1] * int(m[2]), value)
    if isinstance(value, list):
        return [written_out(item) for item in value]
    if isinstance(value, dict):
        return {key: written_out(item) for short, item in value.items() for key in keys(short)}
    return value


def keys(short: str) -> list[str]:
    if match := re.fullmatch(r"(\w+?)0…\1(\d+)", short):
        return [f"{match[1]}{i}" for i in range(int(match[2]) + 1)]
    return [written_out(short)]


def refusal(plane: ControlPlane, verb: str, namespace: str, body: dict[str, Any]) -> str:
    """What kubectl says when it is refused; empty when it is not."""
    arguments = (verb, "--dry-run=server", "--namespace", namespace, "-f", "-")
    result = plane.kubectl(*arguments, input=yaml.safe_dump(body, sort_keys=False), check=False)
    return "" if result.returncode == 0 else comparable(result.stderr)


def comparable(message: str) -> str:
    """In one order, for the server walks maps in any, and with long runs of one character cut short."""
    first, *faults = message.strip().splitlines()
    lines = [first.rstrip(), *sorted(faults, key=lambda fault: (fault.startswith("* <nil>"), fault))]
    return re.sub(r"(\w)\1{39,}", lambda m: f"{m[1]}×{len(m[0])}", "\n".join(lines))


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, str]]:
    """What kubectl said in this run; written to the golden file on demand."""
    messages: dict[str, str] = {}
    yield messages
    if os.environ.get("UPDATE_GOLDEN"):
        for name, message in messages.items():
            CASES[name]["message"] = message
        GOLDEN.write_text(COMMENT + golden_yaml(), encoding="utf-8")


def golden_yaml() -> str:
    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(CASES, Dumper=Dumper, sort_keys=False, width=10_000, allow_unicode=True, default_flow_style=None)


def check(name: str, message: str, told: dict[str, str]) -> None:
    told[name] = message
    assert message, "was accepted"
    if not os.environ.get("UPDATE_GOLDEN"):
        assert message == CASES[name]["message"]


@pytest.mark.parametrize("name", NEW)
def test_a_bad_spec_is_refused_with_a_way_out(name: str, control_plane: ControlPlane, told: dict[str, str]) -> None:
    case = CASES[name]
    check(name, refusal(control_plane, "create", "default", laid_over(base(case["of"]), case["set"])), told)


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_set_once_cannot_change(
    name: str, control_plane: ControlPlane, namespace: str, told: dict[str, str]
) -> None:
    case = CASES[name]
    body = base(case["of"])
    control_plane.kubectl("create", "--namespace", namespace, "-f", "-", input=yaml.safe_dump(body))
    check(name, refusal(control_plane, "replace", namespace, laid_over(body, case["set"])), told)


@pytest.mark.parametrize("of", ["one", "ab", "existing", "existing without names"])
def test_what_the_cases_are_laid_over_is_good(of: str, control_plane: ControlPlane) -> None:
    """Else a case could be refused for another reason than its own."""
    assert refusal(control_plane, "create", "default", base(of)) == ""


def test_there_are_enough_cases_and_each_speaks_of_its_own() -> None:
    messages = [case.get("message", "") for case in CASES.values()]
    assert len(messages) >= 40
    assert len(set(messages)) > 0.9 * len(messages)


def test_no_message_is_a_regular_expression() -> None:
    for name, case in CASES.items():
        assert not re.search("should match|failed rule|no such|budget", case.get("message", "")), name


def test_every_rule_of_the_crd_has_a_case() -> None:
    """By its own words: of a computed message, the first that it writes out."""
    crd = yaml.safe_load((Path(__file__).parents[3] / "crds/sagemakerendpoints.yaml").read_text(encoding="utf-8"))
    told = " ".join(" ".join(case.get("message", "") for case in CASES.values()).split())
    untold = []
    for rule in rules(crd):
        words = rule.get("message") or max(re.findall("'([^']*)'", rule["messageExpression"]), key=len)
        longest = max(re.split(r"%[ds]|[{}]", " ".join(words.split())), key=len).strip()
        if longest not in told:
            untold.append(words)
    assert untold == []


def rules(node: Any) -> Iterator[dict[str, str]]:
    """All x-kubernetes-validations."""
    if isinstance(node, dict):
        yield from node.get("x-kubernetes-validations", ())
        for member in node.values():
            yield from rules(member)
    elif isinstance(node, list):
        for item in node:
            yield from rules(item)
