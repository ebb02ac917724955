"""The table of conformance: made of tests/conformance.yaml, complete, and of tests that there are."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from sagemaker_local.control.operations.registry import OPERATIONS
from sagemaker_local.control.switches import Switches
from sagemaker_local.scaling.operations import OPERATIONS as SCALING

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "local-conformance.md"
RUNTIME = {"InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream"}
SERVED = sorted({*OPERATIONS, *SCALING, *RUNTIME})
EVERY = "every"
HEAD = """# What local SageMaker holds itself to

Made of `tests/conformance.yaml` by its test. A row is a rule of one or more operations, where it comes from, and the
tests that hold it (below `tests/`). "Switch" is a behaviour that is not known for certain and can be turned:
[local-reference.md](local-reference.md#switches). None of it was compared with real AWS.

| Operation | Rule | Source | Tested by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Row:
    operations: tuple[str, ...]
    rule: str
    source: str
    tests: tuple[str, ...]

    def has(self, operation: str) -> bool:
        return EVERY not in self.operations and any(fnmatchcase(operation, each) for each in self.operations)

    @property
    def line(self) -> str:
        shown = ", ".join(f"`{each}`" if each != EVERY else "every operation" for each in self.operations)
        tests = "<br>".join(f"`{each}`" for each in self.tests)
        return f"| {shown} | {self.rule} | {self.source} | {tests} |\n"


def rows() -> Iterator[Row]:
    documents: list[Mapping[str, Any]] = yaml.safe_load((ROOT / "tests" / "conformance.yaml").read_text())
    names = {each.name for each in fields(Row)}
    for each in documents:
        assert each.keys() == names, each
        yield Row(tuple(each["operations"]), each["rule"], each["source"], tuple(each["tests"]))


ROWS = tuple(rows())


def test_every_served_operation_has_a_rule_of_its_own() -> None:
    assert [each for each in SERVED if not any(row.has(each) for row in ROWS)] == []


def test_every_row_is_of_operations_that_are_served() -> None:
    named = {each for row in ROWS for each in row.operations if each != EVERY}
    assert [each for each in named if not any(fnmatchcase(served, each) for served in SERVED)] == []


def test_every_test_is_there() -> None:
    absent = []
    for test in {test for row in ROWS for test in row.tests}:
        file, _, name = test.partition("::")
        path = ROOT / "tests" / file
        functions = ast.parse(path.read_text()).body if path.exists() else []
        if name not in {each.name for each in functions if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}:
            absent.append(test)
    assert absent == []


def test_every_switch_that_is_named_is_one() -> None:
    known = {each.name for each in fields(Switches)}
    named = {row.source.removeprefix("switch ") for row in ROWS if row.source.startswith("switch ")}
    assert named - known == set()


def test_the_page_is_current() -> None:
    """Regenerate with UPDATE_GOLDEN=1."""
    text = HEAD + "".join(row.line for row in ROWS)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text
