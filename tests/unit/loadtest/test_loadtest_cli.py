"""Flags, their environment variables, help."""

from pathlib import Path

import pytest

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.command.cli import build_parser, main
from sagemaker_loadtest.command.flags import setting_of
from sagemaker_loadtest.supervise.supervisor import Bus


def test_every_flag_is_also_a_variable() -> None:
    environment = {
        "SAGEMAKER_LOADTEST_FILE": "t.yaml",
        "SAGEMAKER_LOADTEST_WORKERS": "3",
        "SAGEMAKER_LOADTEST_DURATION": "1m",
        "SAGEMAKER_LOADTEST_RATE": "200/s",
        "SAGEMAKER_LOADTEST_USERS": "4",
        "SAGEMAKER_LOADTEST_ENDPOINT_NAME": "e",
        "SAGEMAKER_LOADTEST_REGION": "eu-west-1",
        "SAGEMAKER_LOADTEST_SEED": "9",
        "SAGEMAKER_LOADTEST_OUT": "o",
        "SAGEMAKER_LOADTEST_ASCII": "true",
    }
    options = vars(build_parser(environment).parse_args(["run"]))
    assert options.items() >= {
        "file": "t.yaml", "workers": 3, "duration": 60.0, "rate": 200.0, "users": 4, "endpoint_name": "e",
        "region": "eu-west-1", "seed": 9, "out": "o", "ascii": True,
    }.items()  # fmt: skip
    assert build_parser(environment).parse_args(["run", "--workers", "5"]).workers == 5
    assert build_parser({"SAGEMAKER_LOADTEST_ASCII": "0"}).parse_args(["run", "-f", "x"]).ascii is False


def test_the_flags_of_pods_are_variables_too() -> None:
    """What the chart gives by variable: the pod's name and the page's login."""
    environment = {"SAGEMAKER_LOADTEST_NAME": "pod-1", "SAGEMAKER_LOADTEST_RUN_ID": "r2"}
    worker = build_parser(environment).parse_args(["worker", "--master-url", "http://m:8080/"])
    assert (worker.name, worker.run_id, worker.master_url, worker.port) == ("pod-1", "r2", "http://m:8080", 8080)
    environment = {"SAGEMAKER_LOADTEST_WEB_USERNAME": "ann", "SAGEMAKER_LOADTEST_WEB_PASSWORD": "secret"}
    master = build_parser(environment).parse_args(["master", "-f", "x", "--expect-workers-max-wait", "0s"])
    assert (master.web_username, master.web_password, master.web) == ("ann", "secret", False)
    assert (master.port, master.master_bind_port, master.expect_workers_max_wait) == (8080, 5557, 0.0)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["worker", "--run-id", "r1"],
        ["worker", "--run-id", "r1", "--master-url", "master:8080"],
        ["worker", "--run-id", "../r1", "--master-url", "http://master:8080"],
        ["master", "-f", "x", "--expect-workers", "0"],
        ["master", "-f", "x", "--port", "70000"],
        ["run", "-f", "x", "--endpoint-max-wait", "soon"],
        ["run"],
        ["walk"],
        ["run", "-f", "x", "--workers", "0"],
        ["run", "-f", "x", "--duration", "5"],
        ["run", "-f", "x", "--rate", "-1"],
        ["run", "-f", "x", "--seed", "a"],
    ],
)
def test_wrong_command_lines_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "The test cannot start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--ready-file", "r.json"], "--ready-file: nothing listens without a port"),
        (["search", "--host", "0.0.0.0"], "--host: nothing listens without a port"),
        (["search", "--master-bind-port", "0"], "--master-bind-port: no worker comes from elsewhere"),
        (["search", "--expect-workers-max-wait", "1m"], "--expect-workers-max-wait: no worker comes from elsewhere"),
        (["search", "--duration", "5m"], "--duration: a search sets the length of each step"),
        (["search", "--users", "5"], "--users: a search looks for a rate"),
        (["search", "--expect-workers", "3", "--workers", "2"], "--workers: these would be processes here"),
        (["master", "--workers", "2"], "--workers: these would be processes here"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "-f", "x"]) == 2
    assert told in capsys.readouterr().err


def test_a_search_in_pods_has_its_port_and_bus_like_a_master() -> None:
    options = build_parser({}).parse_args(["search", "-f", "x", "--expect-workers", "3", "--master-bind-port", "0"])
    setting = setting_of(options)
    assert setting.bus == Bus(setting.run, "0.0.0.0", 0, 300.0)
    assert (setting.address.host, setting.address.port) == ("127.0.0.1", 8080)
    here = setting_of(build_parser({}).parse_args(["search", "-f", "x", "--port", "0"]))
    assert (here.bus, here.address.port) == (None, 0)
    assert setting_of(build_parser({}).parse_args(["search", "-f", "x"])).address is None


def test_what_nobody_foresaw_is_no_missed_threshold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Python's own exit code of a traceback is 1, which says that the endpoint was too slow."""

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr("sagemaker_loadtest.command.run.run_test", broken)
    assert main(["run", "-f", "x"]) == 5
    told = capsys.readouterr().err
    assert "RuntimeError: nobody foresaw this" in told
    assert told.endswith("Exit code 5\n")


def test_wrong_variable_is_told() -> None:
    with pytest.raises(ConfigurationError, match="“many” is no whole number"):
        build_parser({"SAGEMAKER_LOADTEST_WORKERS": "many"}).parse_args(["run", "-f", "x"])
    with pytest.raises(ConfigurationError, match="“xml” is no form of a comparison"):
        build_parser({"SAGEMAKER_LOADTEST_FORMAT": "xml"}).parse_args(["compare", "a.json", "b.json"])


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["run", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "sagemaker-loadtest" in capsys.readouterr().out


def test_report_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    for content, told in [
        ("{", "is no JSON"),
        ("[]", "schemaVersion None"),
        ('{"schemaVersion": 2}', "schemaVersion 2"),
        ('{"schemaVersion": 1}', "tool is missing"),
    ]:
        file.write_text(content)
        assert main(["report", str(file), "--out", str(tmp_path / "out")]) == 2
        assert told in capsys.readouterr().err
