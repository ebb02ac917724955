"""Command lines and environments of all that the demo runs, for programs and for people. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "111122223333"
"""The account of the examples' role. Local SageMaker takes an access key of twelve digits as the account."""
SECRET = "local"  # nothing checks it
REGION = "eu-west-1"
NAMESPACE = "ml"
OBJECT = "fraud"
ENDPOINT = "ml-fraud"
BUCKET = "models"
MARK = "SAGEMAKER_OPERATOR_DEMO"
"""Variable that every process of a demo inherits: by it they are found, whoever started them."""

_NOT_TAKEN_OVER = ("AWS_", "SAGEMAKER_OPERATOR_", "SAGEMAKER_LOCAL_", "SAGEMAKER_LOADTEST_", "KUBECONFIG")
_NO_PROXY = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """How the demo's Kubernetes API and local SageMaker are reached, and where kubectl and our own commands lie."""

    kubeconfig: Path
    aws_url: str
    programs: tuple[Path, ...]


def environment(base: Mapping[str, str], access: Access) -> dict[str, str]:
    """`base` without what is set for AWS and for our own commands: no real account may be reached by accident."""
    kept = {name: value for name, value in base.items() if not name.startswith(_NOT_TAKEN_OVER)}
    others = [kept[name] for name in ("NO_PROXY", "no_proxy") if kept.get(name)][:1]
    proxies = ",".join([_NO_PROXY, *others])
    path = ":".join([*map(str, access.programs), *filter(None, [kept.get("PATH", "")])])
    return kept | _variables(access) | {"NO_PROXY": proxies, "no_proxy": proxies, "PATH": path}


def environment_file(access: Access, variables: Mapping[str, str]) -> str:
    """For `source`; POSIX shell. `variables` are further ones."""
    named = {**_variables(access), **variables}
    return "\n".join(
        [
            "# The demo's Kubernetes API and local SageMaker. The keys are made up; nothing here reaches AWS.",
            r"unset $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\)=.*/\1/p')",
            *(f"export {name}={shlex.quote(value)}" for name, value in named.items()),
            f'export NO_PROXY="{_NO_PROXY}${{NO_PROXY:+,$NO_PROXY}}"',
            f'export PATH={shlex.quote(":".join(map(str, access.programs)))}":$PATH"',
            "",
        ]
    )


def _variables(access: Access) -> dict[str, str]:
    return {
        "KUBECONFIG": str(access.kubeconfig),
        "AWS_ENDPOINT_URL": access.aws_url,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def local_sagemaker(command: Path, ready: Path, state: Path) -> list[str]:
    """Free port; servers are ended after two seconds, for ours stop at once."""
    return [
        str(command),
        "--port=0",
        f"--ready-file={ready}",
        f"--state-dir={state}",
        "--stop-grace-seconds=2",
        "--health-check-seconds=1",
    ]


def operator(command: Path, ready: Path) -> list[str]:
    """Looks more often than on AWS, where endpoints take minutes."""
    return [
        str(command),
        "--port=0",
        f"--ready-file={ready}",
        "--sweep-in-motion-seconds=0.5",
        "--look-in-motion-seconds=1",
        "--settle-seconds=2",
        "--backoff-base-seconds=0.5",
    ]


def aws_line(row: str) -> list[str]:
    """Words of the command for the AWS CLI, version 1 or 2; `row` is the path of a CSV file."""
    return [
        *("aws", "sagemaker-runtime", "invoke-endpoint", "--endpoint-name", ENDPOINT),
        *("--content-type", "text/csv", "--body", f"fileb://{row}", "/dev/stdout"),
    ]


def curl_line(row: str) -> list[str]:
    """Words of the same request for curl from 7.75 on, as a shell reads them."""
    return [
        *("curl", "-sSf", "--aws-sigv4", f"aws:amz:{REGION}:sagemaker"),
        *("--user", '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'),
        *("-H", "content-type:text/csv", "--data-binary", f"@{row}"),
        f'"$AWS_ENDPOINT_URL/endpoints/{ENDPOINT}/invocations"',
    ]


def folded(words: Sequence[str], width: int) -> list[str]:
    """One command over lines that a shell takes as one; broken before an option where that is possible."""
    lines, current = list[str](), words[0]
    for index, word in enumerate(words[1:], 1):
        follows = words[index + 1] if index + 1 < len(words) else ""
        unit = f"{word} {follows}" if word.startswith("-") and follows and not follows.startswith("-") else word
        if len(current) + 1 + len(unit) + 2 > width:
            lines.append(f"{current} \\")
            current = f"  {word}"
        else:
            current = f"{current} {word}"
    return [*lines, current]
