"""Command lines that people may copy, and what the demo's programs are started with."""

import subprocess
from pathlib import Path

import pytest

from demo import commands
from demo.commands import Access
from sagemaker_local.settings import read_settings as read_local
from sagemaker_operator.main.cli import parser as operator_parser
from sagemaker_operator.main.settings import read_settings as read_operator

ACCESS = Access(Path("/x y/.demo/kubeconfig"), "http://127.0.0.1:41873", (Path("/x y/bin"), Path("/cache/bin")))
BASE = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/me",
    "AWS_PROFILE": "production",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ENDPOINT_URL_S3": "https://elsewhere",
    "KUBECONFIG": "/home/me/.kube/config",
    "SAGEMAKER_LOADTEST_RATE": "5",
    "no_proxy": "corp.example",
}


def test_nothing_of_a_real_account_reaches_the_programs() -> None:
    environment = commands.environment(BASE, ACCESS)
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & environment.keys()
    assert environment["AWS_ACCESS_KEY_ID"] == "111122223333"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:41873"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == "/dev/null"
    assert environment["KUBECONFIG"] == "/x y/.demo/kubeconfig"
    assert "SAGEMAKER_LOADTEST_RATE" not in environment
    assert environment["HOME"] == "/home/me"


def test_loopback_is_reached_past_a_proxy() -> None:
    assert commands.environment(BASE, ACCESS)["NO_PROXY"] == "127.0.0.1,localhost,corp.example"
    assert commands.environment({}, ACCESS)["no_proxy"] == "127.0.0.1,localhost"


def test_our_programs_come_first_on_the_path() -> None:
    assert commands.environment(BASE, ACCESS)["PATH"] == "/x y/bin:/cache/bin:/usr/bin:/bin"


def test_the_file_for_people_gives_a_shell_the_same_environment(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(commands.environment_file(ACCESS, {"SAGEMAKER_LOADTEST_OUT": "my report"}))
    shell = subprocess.run(
        ["/bin/sh", "-c", f". {file} && env"], env=BASE, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    seen = dict(row.split("=", 1) for row in shell.stdout.splitlines())
    meant = commands.environment(BASE, ACCESS)
    names = [name for name in meant if name.startswith(("AWS_", "KUBECONFIG", "PATH"))]
    assert {name: seen.get(name) for name in names} == {name: meant[name] for name in names}
    assert {name for name in seen if name.startswith("AWS_")} == {name for name in meant if name.startswith("AWS_")}
    assert seen["SAGEMAKER_LOADTEST_OUT"] == "my report"


@pytest.mark.parametrize("width", [20, 60, 72, 93, 400])
@pytest.mark.parametrize("words", [commands.aws_line(".demo/row.csv"), commands.curl_line(".demo/row.csv")])
def test_a_folded_command_is_the_same_to_a_shell(words: list[str], width: int) -> None:
    rows = commands.folded(words, width)
    longest = max(len(word) for word in words)
    assert all(len(row) <= max(width, longest + 4) for row in rows)

    def words_of(text: str) -> list[str]:
        script = f"set -- {text}\nprintf '%s\\n' \"$@\""
        values = {"AWS_ACCESS_KEY_ID": "1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": "http://h"}
        return subprocess.check_output(["/bin/sh", "-c", script], text=True, env=values).splitlines()

    assert words_of("\n".join(rows)) == words_of(" ".join(words))


def test_options_and_their_values_stay_together() -> None:
    for row in commands.folded(commands.aws_line(".demo/row.csv"), 72):
        assert not row.removesuffix(" \\").endswith(("--body", "--content-type", "--endpoint-name"))


def test_the_key_is_not_printed() -> None:
    assert commands.SECRET not in commands.curl_line("row.csv")
    assert '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"' in commands.curl_line("row.csv")


def test_the_programs_know_the_flags_they_are_started_with() -> None:
    local = commands.local_sagemaker(Path("bin/sagemaker-local"), Path("ready.json"), Path("state"))
    assert read_local(local[1:], {}).port == 0
    operator = commands.operator(Path("bin/sagemaker-operator"), Path("ready.json"))
    settings = read_operator(vars(operator_parser().parse_args(operator[1:])), {})
    assert (settings.port, settings.ready_file, settings.read_only) == (0, "ready.json", False)
