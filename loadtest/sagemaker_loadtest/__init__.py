"""Puts load on a SageMaker endpoint with distributed Locust and ends in a verdict."""

from importlib import metadata

SCHEMA_VERSION = 1
"""Version of the test file, of result.json and of the messages between the processes."""


def version() -> str:
    """Version of the installed distribution; read when asked for, because looking it up takes time."""
    return metadata.version("sagemaker-operator")
