"""Switches are told apart, and each is tested both ways over the wire."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from sagemaker_local.control.switches import Switches, shown, switched

WIRE_TESTS = Path(__file__).parents[3] / "integration"


def test_a_document_changes_what_it_names_only() -> None:
    found = switched(Switches(), {"same_config_update": False})
    assert {name for name, value in shown(found).items() if value is not shown(Switches())[name]} == {
        "same_config_update"
    }


@pytest.mark.parametrize("document", [None, [], {"other": True}, {"same_config_update": 1}])
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(ValueError, match="switch"):
        switched(Switches(), document)


def test_each_switch_is_set_by_a_test_over_the_wire() -> None:
    tests = "".join(each.read_text("utf-8") for each in WIRE_TESTS.glob("local_*/test_*.py"))
    assert [each.name for each in fields(Switches) if f'"{each.name}"' not in tests] == []
