"""The image map: built-in entries, the user's file, and what is wrong with it in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_local.hosting.images import built_in_rules, find_rule, load_rules


def command_for(image: str) -> str | None:
    rule = find_rule(built_in_rules(), image)
    return rule.command[-1] if rule else None


@pytest.mark.parametrize(
    ("image", "module"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1", "xgboost_server"),
        ("366743142698.dkr.ecr.ap-northeast-2.amazonaws.com/sagemaker-xgboost:3.2-0", "xgboost_server"),
        ("450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.3-1", "xgboost_server"),
        ("141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3", "sklearn_server"),
    ],
)
def test_aws_own_images_are_served(image: str, module: str) -> None:
    assert (command_for(image) or "").endswith(module)


@pytest.mark.parametrize(
    "image",
    [
        "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.7-1",  # that account is another region's
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost-neo:1.7-1",
        "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:1",
    ],
)
def test_other_images_are_not(image: str) -> None:
    assert command_for(image) is None


def test_the_users_entries_come_first_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(
        "- {match: '*/sagemaker-xgboost:1.7-1', command: 'python -m mine --fast', environment: {THREADS: 2}}\n"
        "- {match: '*', command: [catch-all]}\n"
    )
    rules = load_rules(file)
    first = find_rule(rules, "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1")
    assert first is not None
    assert (first.command, dict(first.environment)) == (("python", "-m", "mine", "--fast"), {"THREADS": "2"})
    assert find_rule(rules, "anything") == rules[1]
    assert rules[2:] == built_in_rules()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("match: x", "must be a list"),
        ("- 1", "entry 1: must be a mapping"),
        ("- {command: a}", "entry 1: match must be a glob"),
        ("- {match: a, command: b}\n- {match: a}", "entry 2: command must be a command line"),
        ("- {match: a, command: b, envrionment: {}}", "unknown field envrionment"),
        ("- {match: a, command: b, python: '3.9'}", "python has '3.9', which is no requirement"),
        ("- {match: a, command: b, python: --index-url=x}", "python has '--index-url=x', which is no requirement"),
        ("- {match: a, command: b, python: []}", "python must be a requirement"),
        ("- {match: a, python: [b], command: ''}", "command must be a command line"),
        ("- {match: a, command: b, environment: [c]}", "environment must map names to values"),
        ("- {match: 'local://echo', command: b}", "answered without a process"),
        ("- {match: [", "images.yaml"),
    ],
)
def test_a_wrong_file_is_refused_with_entry_and_field(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "images.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_rules(file)


def test_an_entry_with_requirements_may_have_no_command(tmp_path: Path) -> None:
    file = tmp_path / "images.yaml"
    file.write_text("- {match: '*', python: scikit-learn==1.4.2}\n- {match: 'a', command: b, python: [c, ./d.whl]}\n")
    first, second = load_rules(file)[:2]
    assert (first.command, first.python) == ((), ("scikit-learn==1.4.2",))
    assert (second.command, second.python) == (("b",), ("c", "./d.whl"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml"):
        load_rules(tmp_path / "nowhere.yaml")
