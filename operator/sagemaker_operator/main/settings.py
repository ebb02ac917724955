"""Every setting, once: a field here is a flag, an environment variable and a row of docs/settings.md."""

import argparse
import dataclasses
import os
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PREFIX = "SAGEMAKER_OPERATOR_"
_HIGHEST_PORT = 65535
_FORMS = (  # as the CRD asks of spec.region and spec.executionRoleARN
    ("default_region", r"[a-z]{2,4}(-[a-z]+)+-[0-9]+", "eu-west-1"),
    (
        "default_execution_role_arn",
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9_+=,.@/-]+",
        "arn:aws:iam::111122223333:role/serving",
    ),
)


def _setting(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


@dataclass(frozen=True, slots=True)
class Settings:
    """Flags are the fields' names with hyphens. Intervals are seconds."""

    default_execution_role_arn: str | None = _setting(
        None, "IAM role that SageMaker takes on where an object names none"
    )
    default_region: str | None = _setting(
        None, "AWS region where an object names none; else AWS_REGION or AWS_DEFAULT_REGION"
    )
    aws_calls_per_second: float = _setting(
        10.0, "calls a second per operation, account and region; a burst of one second"
    )
    cluster_id: str | None = _setting(None, "identity of this cluster in tags on AWS; else the UID of kube-system")
    name_prefix: str = _setting("", "what the names of endpoints begin with where an object names none")
    namespace: tuple[str, ...] = _setting((), "watch only this namespace; may be repeated; all by default")
    read_only: bool = _setting(False, "look and report, change nothing on AWS")
    log_format: Literal["text", "json"] = _setting("text", "text for people, json for machines")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "least severe level that is written")
    host: str = _setting("127.0.0.1", "address of /healthz, /readyz and /metrics")
    port: int = _setting(8080, "port of /healthz, /readyz and /metrics; 0 takes a free one")
    ready_file: str | None = _setting(None, "file that gets url and pid as JSON once the operator serves")
    workers: int = _setting(32, "objects that are worked on at the same time")
    lease_namespace: str | None = _setting(None, "namespace of the Lease; else the pod's own")
    lease_seconds: int = _setting(15, "term of the Lease: how long the next operator waits after a crash of this one")
    resync_seconds: float = _setting(300.0, "between listings of all objects, should the watch have missed one")
    sweep_seconds: float = _setting(60.0, "between listings of all endpoints, per account and region")
    sweep_in_motion_seconds: float = _setting(2.0, "the same while one of our endpoints is changing")
    look_in_motion_seconds: float = _setting(15.0, "between descriptions of an endpoint that is changing")
    drift_seconds: float = _setting(3600.0, "between descriptions of a steady endpoint, give or take a fifth")
    parts_seconds: float = _setting(600.0, "between listings of all models and endpoint configs")
    settle_seconds: float = _setting(10.0, "how long after a change AWS may still show the endpoint as before")
    blocked_seconds: float = _setting(300.0, "before the next try where only a person can help")
    role_seconds: float = _setting(120.0, "how long a new role or right may be unknown to SageMaker")
    backoff_base_seconds: float = _setting(2.0, "before the first repetition of a failed pass; doubled each time")
    backoff_limit_seconds: float = _setting(300.0, "longest wait between repetitions")
    attempts: int = _setting(5, "repetitions of a creation that failed for a passing cause")
    attempts_base_seconds: float = _setting(10.0, "before the first of them; doubled each time")
    attempts_limit_seconds: float = _setting(600.0, "longest wait between them")


class SettingError(Exception):
    """A setting has a value that cannot be used; the message names it."""


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """The command-line flag of a setting."""
    return "--" + name.replace("_", "-")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag for each setting. Defaults are left out here, for the environment comes between."""
    hints = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        kind, text = hints[field.name], f"{field.metadata['help']} [{_shown(field.default)}]"
        if kind is bool:
            parser.add_argument(flag(field.name), action=argparse.BooleanOptionalAction, default=None, help=text)
        elif typing.get_origin(kind) is tuple:
            parser.add_argument(flag(field.name), action="append", metavar="NAME", help=text)
        else:
            parser.add_argument(flag(field.name), metavar=_metavar(kind), help=text)


def read_settings(arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Flag before environment before default. Raises SettingError."""
    hints, values = typing.get_type_hints(Settings), {}
    for field in dataclasses.fields(Settings):
        given = arguments.get(field.name)
        where = flag(field.name)
        if given is None:
            given, where = environment.get(variable(field.name)) or None, variable(field.name)
        if given is not None:
            values[field.name] = _parsed(hints[field.name], given, where)
    settings = Settings(**values)
    if settings.default_region is None:
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        settings = dataclasses.replace(settings, default_region=region)
    return _checked(settings)


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names that look like a setting and are none: a misspelt emergency brake must not pass in silence."""
    known = {variable(field.name) for field in dataclasses.fields(Settings)}
    others = ("CACHE", "ALLOWED_CONTEXTS", "USE_EXISTING_CLUSTER", "SERVICE_", "PORT_")
    ignored = tuple(PREFIX + name for name in others)
    return sorted(n for n in environment if n.startswith(PREFIX) and n not in known and not n.startswith(ignored))


def _parsed(kind: Any, given: Any, where: str) -> Any:
    if typing.get_origin(kind) is tuple:
        names: Sequence[str] = given.split(",") if isinstance(given, str) else given
        return tuple(name for name in names if name)
    if kind is bool:
        return given if isinstance(given, bool) else _truth(given, where)
    if typing.get_origin(kind) is Literal:
        if given not in typing.get_args(kind):
            raise SettingError(f"{where} is {given!r}; write one of {', '.join(typing.get_args(kind))}.")
        return given
    members = [k for k in typing.get_args(kind) if k is not type(None)]
    target = members[0] if members else kind
    try:
        return target(given)
    except ValueError as error:
        raise SettingError(f"{where} is {given!r}, which is no number.") from error


def _truth(given: str, where: str) -> bool:
    if given.lower() not in ("true", "false", "1", "0"):
        raise SettingError(f"{where} is {given!r}; write true or false.")
    return given.lower() in ("true", "1")


def _checked(settings: Settings) -> Settings:
    for field in dataclasses.fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool) or not isinstance(value, int | float) or field.name in ("port", "attempts"):
            continue
        if value <= 0:
            raise SettingError(f"{flag(field.name)} is {value:g}; it must be above 0.")
    if not 0 <= settings.port <= _HIGHEST_PORT:
        raise SettingError(f"{flag('port')} is {settings.port}; a port is 0 to {_HIGHEST_PORT}.")
    for name, pattern, example in _FORMS:
        value = getattr(settings, name)
        if value is not None and not re.fullmatch(pattern, value):
            raise SettingError(f"{flag(name)} is {value!r}; write it like {example}.")
    return settings


def _metavar(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "|".join(typing.get_args(kind))
    return {int: "N", float: "N"}.get(kind, "TEXT")


def _shown(default: Any) -> str:
    if default is None or default in ("", ()):
        return "none"
    return f"{default:g}" if isinstance(default, float) else str(default).lower()
