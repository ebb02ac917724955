"""What is run for a container: its image's command, in the image's Python environment if it has one of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from sagemaker_local.hosting import failures
from sagemaker_local.hosting.environment import server_environment
from sagemaker_local.hosting.images import ImageRule, built_in_rules, find_rule
from sagemaker_local.hosting.python_environment import EnvironmentNotMadeError, environment_of
from sagemaker_local.hosting.server import ServerCommand
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec


def command_of(
    spec: FleetSpec, container: ContainerSpec, settings: HostSettings, base: Path, say: Callable[[str], None]
) -> ServerCommand:
    """Blocks while a Python environment is made. Raises FleetFailure."""
    rule = find_rule(settings.image_rules, container.image)
    if rule is None:
        raise failures.image_missing(spec.variant_name, container.image)
    words = rule.command or _built_in(container.image)
    if words is None:
        raise failures.environment_not_made(
            container.image, "its entry of the image map has no command, and no model server of AWS has such an image"
        )
    endpoint_url = settings.container_endpoint_url or settings.aws_endpoint_url
    environment = server_environment(spec, container, rule.environment, base, endpoint_url)
    if rule.python:
        words = _in_environment(rule, words, environment, container, settings, say)
    packages = base / "packages"
    if packages.is_dir():
        environment["PYTHONPATH"] = ":".join(filter(None, (str(packages), environment.get("PYTHONPATH"))))
    return ServerCommand(words, environment, base)


def _built_in(image: str) -> tuple[str, ...] | None:
    rule = find_rule(built_in_rules(), image)
    return rule.command if rule else None


def _in_environment(
    rule: ImageRule,
    words: tuple[str, ...],
    environment: dict[str, str],
    container: ContainerSpec,
    settings: HostSettings,
    say: Callable[[str], None],
) -> tuple[str, ...]:
    """The environment's own programs come first, and ``python`` is its interpreter."""
    folder = (settings.cache_dir or settings.state_dir) / "python"
    try:
        found = environment_of(rule.python, folder, say)
    except EnvironmentNotMadeError as error:
        raise failures.environment_not_made(container.image, str(error)) from error
    environment["PATH"] = ":".join(filter(None, (str(found / "bin"), environment.get("PATH"))))
    first = str(found / "bin" / "python") if words[0] in ("python", "python3", sys.executable) else words[0]
    return (first, *words[1:])
