"""Settings: where they come from, and that the guide lists them all."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sagemaker_local.control.switches import Switches
from sagemaker_local.settings import FLAGS, Settings, read_settings

GUIDE = Path(__file__).parents[4] / "docs/local-reference.md"


def test_every_setting_has_a_flag_and_the_other_way_round() -> None:
    assert {each.name.replace("-", "_") for each in FLAGS} == set(Settings.__slots__)


def test_defaults_are_those_that_the_flags_name() -> None:
    found = read_settings([], {})
    assert (found.host, found.port, found.create_seconds, found.delete_seconds) == ("127.0.0.1", 4570, 2.0, 0.8)
    assert (found.calls_per_second, found.ready_file, found.allow_requirements) == (None, None, False)


def test_flags_go_over_variables_and_variables_over_defaults() -> None:
    environment = {"SAGEMAKER_LOCAL_PORT": "1", "SAGEMAKER_LOCAL_CREATE_SECONDS": "7"}
    found = read_settings(["--port", "2", "--allow-requirements"], environment)
    assert (found.port, found.create_seconds, found.allow_requirements) == (2, 7.0, True)
    assert read_settings([], {"SAGEMAKER_LOCAL_ALLOW_REQUIREMENTS": "true"}).allow_requirements


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--create-seconds", "-1"], "--create-seconds: -1 must be at least 0"),
        (["--create-seconds", "nan"], "--create-seconds: nan must be at least 0"),
        (["--create-seconds", "inf"], "--create-seconds: inf must be at least 0"),
        (["--port", "65536"], "--port: '65536' must be a whole number from 0 to 65535"),
        (["--log-level", "loud"], "--log-level: 'loud' must be one of debug, info, warning, error"),
        (["--calls-per-second", "0"], "--calls-per-second: 0 must be above 0"),
    ],
)
def test_a_bad_value_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read_settings(arguments, {})
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_the_guide_lists_every_switch_with_its_default() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| `(true|false)` \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == {each.name: str(each.default).lower() for each in fields(Switches)}


def test_the_guides_table_is_the_parsers() -> None:
    rows = re.findall(r"^\| `--([a-z-]+)` \| `([A-Z_]+)` \| (.*?) \|", GUIDE.read_text("utf-8"), re.MULTILINE)
    told = {name: (variable, default.strip("`")) for name, variable, default in rows}
    assert told == {each.name: (each.variable, each.default or "–") for each in FLAGS}
