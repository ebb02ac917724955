"""Every setting of ``sagemaker-local``: flag, environment variable, default and meaning."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sagemaker_local.control.switches import Switches, switches_of

_PREFIX = "SAGEMAKER_LOCAL_"


@dataclass(frozen=True, slots=True)
class Settings:
    """How local SageMaker runs; each field is a flag of the same name. Times are seconds."""

    host: str
    port: int
    ready_file: Path | None
    state_dir: Path | None
    images: Path | None
    create_seconds: float
    delete_seconds: float
    clock: str
    clock_scale: float
    calls_per_second: float | None
    max_processes_per_variant: int | None
    startup_seconds: float
    health_check_seconds: float
    stop_grace_seconds: float
    model_timeout_seconds: float
    stream_seconds: float
    capture_seconds: float
    serverless_idle_seconds: float
    role_session_seconds: float | None
    allow_requirements: bool
    multi_model_memory_mib: int
    switches: Switches
    log_level: str


@dataclass(frozen=True, slots=True)
class Flag:
    """One setting. ``read`` turns the text of flag or variable into the value and raises ValueError with a remedy."""

    name: str
    read: Callable[[str], Any]
    default: str
    help: str
    switch: bool = False
    """Whether the flag alone means true."""

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return _PREFIX + self.name.upper().replace("-", "_")


def _number(minimum: float, *, above: bool = False) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not (value > minimum if above else value >= minimum) or value == float("inf"):
            raise ValueError(f"{text} must be {'above' if above else 'at least'} {minimum:g}")
        return value

    return read


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdigit() or not minimum <= int(text) <= maximum:
            raise ValueError(f"{text!r} must be a whole number from {minimum} to {maximum}")
        return int(text)

    return read


def _optional(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: read(text) if text else None


def _host(text: str) -> str:
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} must be an IP address, such as 127.0.0.1") from None


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} must be one of {', '.join(choices)}")
        return text

    return read


FLAGS = (
    Flag("port", _whole(0, 65535), "4570", "Port of the one address for everything; 0 takes a free one."),
    Flag(
        "host",
        _host,
        "127.0.0.1",
        "Address to listen on. Nothing checks signatures: whoever can reach the address can use it.",
    ),
    Flag("ready-file", _optional(Path), "", "File to write url and pid to, as JSON, once everything serves."),
    Flag(
        "state-dir",
        _optional(Path),
        "",
        "Folder that keeps the whole state for the next start; without it a temporary one, removed at the end.",
    ),
    Flag(
        "images",
        _optional(Path),
        "",
        "YAML list of match, command, python and environment: which command serves which image.",
    ),
    Flag("create-seconds", _number(0), "2.0", "The least that creating or updating an endpoint takes."),
    Flag("delete-seconds", _number(0), "0.8", "The least that deleting an endpoint takes."),
    Flag(
        "clock",
        _choice("real", "manual"),
        "real",
        "Whether time passes by itself, or only when the admin API is told to advance it.",
    ),
    Flag("clock-scale", _number(0, above=True), "1.0", "How many seconds of a phase pass in a real second."),
    Flag(
        "calls-per-second",
        _optional(_number(0, above=True)),
        "",
        "Calls allowed per operation, account and region; more are answered ThrottlingException. Empty: no limit.",
    ),
    Flag(
        "max-processes-per-variant",
        _optional(_whole(1, 1000)),
        "",
        "Instances above it share processes. Empty: one per 2 GiB of memory, at most 4.",
    ),
    Flag(
        "startup-seconds",
        _number(0, above=True),
        "240",
        "Time for a container to become healthy, where the variant names none.",
    ),
    Flag("health-check-seconds", _number(0, above=True), "5.0", "Time between two health checks of a container."),
    Flag("stop-grace-seconds", _number(0), "30", "Time between SIGTERM and SIGKILL for a container."),
    Flag(
        "model-timeout-seconds",
        _number(0, above=True),
        "60",
        "The longest that a container may take for a call, and a call may wait for a model or an environment.",
    ),
    Flag("stream-seconds", _number(0, above=True), "480", "The longest that a response stream may last."),
    Flag("capture-seconds", _number(0, above=True), "5", "Time between two files of captured data."),
    Flag(
        "allow-requirements",
        lambda text: _choice("true", "false")(text) == "true",
        "false",
        "Install code/requirements.txt of model archives; only for archives that you trust.",
        switch=True,
    ),
    Flag(
        "multi-model-memory-mib",
        _whole(1, 1024 * 1024),
        "2048",
        "Of the models in one multi-model container, by their unpacked files; above it the least recently used leaves.",
    ),
    Flag(
        "serverless-idle-seconds",
        _number(0),
        "300",
        "Time without a call after which a serverless variant keeps no process but the provisioned ones.",
    ),
    Flag(
        "role-session-seconds",
        _optional(_number(0, above=True)),
        "",
        "The longest that the keys of an assumed role are good for: AWS has 900 at least. Empty: as long as is asked.",
    ),
    Flag(
        "switches",
        switches_of,
        "",
        "Behaviours that are not known for certain: name=true or name=false, separated by commas.",
    ),
    Flag("log-level", _choice("debug", "info", "warning", "error"), "info", "Least level that is logged."),
)


def parser() -> argparse.ArgumentParser:
    """The command line's parser."""
    parser = argparse.ArgumentParser(
        prog="sagemaker-local",
        description="SageMaker on this machine: the real API, with real model servers behind it.",
        epilog=f"Every flag --x-y is also the environment variable {_PREFIX}X_Y. More in docs/local-reference.md.",
    )
    parser.add_argument("--version", action="version", version=f"sagemaker-local {version('sagemaker-operator')}")
    for flag in FLAGS:
        shown = f" Default: {flag.default}." if flag.default else ""
        if flag.switch:
            parser.add_argument(f"--{flag.name}", action="store_const", const="true", help=flag.help)
        else:
            parser.add_argument(f"--{flag.name}", metavar=flag.name.rpartition("-")[2].upper(), help=flag.help + shown)
    return parser


def read_settings(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Flags go over environment variables, these over defaults. Ends the process with status 2 on a bad one."""
    command_line = parser()
    given = vars(command_line.parse_args(arguments))
    values: dict[str, Any] = {}
    for flag in FLAGS:
        field = flag.name.replace("-", "_")
        text, source = given[field], f"--{flag.name}"
        if text is None:
            text, source = environment.get(flag.variable, flag.default), flag.variable
        try:
            values[field] = flag.read(text)
        except ValueError as error:
            command_line.error(f"{source}: {error}")
    return Settings(**values)
