"""Switches are told apart, and each is set by a test."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sagemaker_local.control.switches import Switches, shown, switched

HERE = Path(__file__)
UNIT_TESTS, WIRE_TESTS = HERE.parent, HERE.parents[3] / "integration"


def test_a_document_changes_what_it_names_only() -> None:
    found = switched(Switches(), {"same_config_update": False})
    assert {name for name, value in shown(found).items() if value is not shown(Switches())[name]} == {
        "same_config_update"
    }


@pytest.mark.parametrize("document", [None, [], {"other": True}, {"same_config_update": 1}])
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="switch"):
        switched(Switches(), document)


def test_each_switch_is_set_by_a_test() -> None:
    files = [*WIRE_TESTS.glob("local_*/test_*.py"), *(each for each in UNIT_TESTS.glob("test_*.py") if each != HERE)]
    tests = "".join(each.read_text("utf-8") for each in files)
    assert [each.name for each in fields(Switches) if not re.search(rf'\b{each.name}(=|"[:}}])', tests)] == []
