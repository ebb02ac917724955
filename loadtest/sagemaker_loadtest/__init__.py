"""Puts load on a SageMaker endpoint with distributed Locust and ends in a verdict."""

from importlib import metadata
from typing import Any

SCHEMA_VERSION = 1
"""Version of the test file, of result.json and of the messages between the processes."""


def version() -> str:
    """Version of the installed distribution; read when asked for, because looking it up takes time."""
    return metadata.version("sagemaker-operator")


def __getattr__(name: str) -> Any:
    """`SageMakerUser`, for locustfiles: loaded when asked for, because Locust takes a while and patches sockets."""
    if name == "SageMakerUser":
        from sagemaker_loadtest.swarm.user import SageMakerUser

        return SageMakerUser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
