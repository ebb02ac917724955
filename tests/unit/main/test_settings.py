"""Settings: flag before environment before default, refused in words, and every one on the page."""

import argparse
import dataclasses
import os
import re
from pathlib import Path

import pytest
import yaml

from sagemaker_operator.main.cli import main, parser
from sagemaker_operator.main.settings import SettingError, Settings, flag, read_settings, unknown_variables, variable

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/settings.md"
FIELDS = dataclasses.fields(Settings)


def parsed(*arguments: str, **environment: str) -> Settings:
    return read_settings(vars(parser().parse_args(arguments)), environment)


def test_without_anything_the_defaults_hold() -> None:
    assert parsed() == Settings()


def test_the_flag_wins_over_the_environment() -> None:
    environment = {"SAGEMAKER_OPERATOR_WORKERS": "3", "SAGEMAKER_OPERATOR_NAME_PREFIX": "env-"}
    settings = parsed("--workers=7", **environment)
    assert (settings.workers, settings.name_prefix) == (7, "env-")


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_is_a_flag_and_a_variable(field: dataclasses.Field[object]) -> None:
    special = {
        "log_format": "json",
        "log_level": "debug",
        "default_region": "us-east-1",
        "default_execution_role_arn": "arn:aws:iam::111122223333:role/serving",
    }
    value = special.get(field.name, "6")
    if isinstance(field.default, bool):
        assert getattr(parsed(flag(field.name)), field.name) is True
        assert getattr(parsed(**{variable(field.name): "true"}), field.name) is True
        assert getattr(parsed(f"--no-{flag(field.name)[2:]}", **{variable(field.name): "1"}), field.name) is False
        return
    by_flag = getattr(parsed(f"{flag(field.name)}={value}"), field.name)
    by_variable = getattr(parsed(**{variable(field.name): value}), field.name)
    assert by_flag == by_variable != field.default
    assert type(by_flag) is type(field.default) or field.default is None


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_falls_back_to_the_aws_environment(name: str) -> None:
    assert parsed(**{name: "eu-west-1"}).default_region == "eu-west-1"
    assert parsed("--default-region=us-east-1", **{name: "eu-west-1"}).default_region == "us-east-1"


def test_namespaces_may_be_repeated() -> None:
    assert parsed("--namespace=a", "--namespace=b").namespace == ("a", "b")
    assert parsed(SAGEMAKER_OPERATOR_NAMESPACE="a,b").namespace == ("a", "b")


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--workers=many"], {}, "--workers is 'many', which is no number."),
        ([], {"SAGEMAKER_OPERATOR_PORT": "x"}, "SAGEMAKER_OPERATOR_PORT is 'x', which is no number."),
        (["--sweep-seconds=0"], {}, "--sweep-seconds is 0; it must be above 0."),
        (["--log-format=xml"], {}, "--log-format is 'xml'; write one of text, json."),
        (
            [],
            {"SAGEMAKER_OPERATOR_READ_ONLY": "maybe"},
            "SAGEMAKER_OPERATOR_READ_ONLY is 'maybe'; write true or false.",
        ),
    ],
)
def test_what_cannot_be_used_is_named(arguments: list[str], environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        parsed(*arguments, **environment)


def test_a_wrong_setting_ends_the_program_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--workers=0"]) == 2
    assert capsys.readouterr().err == "sagemaker-operator: --workers is 0; it must be above 0.\n"


def rows() -> str:
    table = ["| Flag | Environment | Default | |", "|---|---|---|---|"]
    for field in FIELDS:
        default = "none" if field.default in (None, "", ()) else f"`{str(field.default).lower()}`"
        text = field.metadata["help"]
        table.append(f"| `{flag(field.name)}` | `{variable(field.name)}` | {default} | {text[0].upper()}{text[1:]} |")
    return "\n".join(table)


def test_the_page_lists_every_setting() -> None:
    """Regenerate with UPDATE_GOLDEN=1."""
    page = PAGE.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- settings: made from Settings -->\n).*?(<!-- end of settings -->)", re.DOTALL)
    current = marked.sub(lambda match: f"{match[1]}\n{rows()}\n\n{match[2]}", page)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(current, encoding="utf-8")
        page = current
    assert page == current


def test_the_deployment_sets_only_what_exists() -> None:
    deployment = yaml.safe_load((ROOT / "manifests/deployment.yaml").read_text(encoding="utf-8"))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    settings = parsed(*container["args"])
    assert (settings.host, settings.port, settings.log_format) == ("0.0.0.0", 8080, "json")


def test_help_fits_the_terminal() -> None:
    assert isinstance(parser(), argparse.ArgumentParser)
    assert "docs/settings.md" in parser().format_help()


def test_a_misspelt_variable_is_told() -> None:
    environment = {
        "SAGEMAKER_OPERATOR_READONLY": "true",
        "SAGEMAKER_OPERATOR_CACHE": "x",
        "SAGEMAKER_OPERATOR_PORT": "1",
    }
    assert unknown_variables(environment) == ["SAGEMAKER_OPERATOR_READONLY"]
