"""The router as its parent sees it: started, told of new tables, asked for counts, closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sagemaker_local.router.routes import EndpointKey, Instance, RouteTable


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Where the router listens and what it allows. ``port`` 0 takes a free one."""

    upstream_host: str
    upstream_port: int
    host: str = "127.0.0.1"
    port: int = 0
    max_body_bytes: int = 6 * 1024 * 1024
    model_timeout_seconds: float = 60.0
    connect_timeout_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class VariantCounts:
    """What one variant answered since the router started (CloudWatch metric names of AWS/SageMaker)."""

    invocations: int = 0
    invocation_4xx_errors: int = 0
    invocation_5xx_errors: int = 0
    invocation_model_errors: int = 0
    model_latency_microseconds: int = 0
    """Sum over all invocations, not a mean."""


class RouterProcess:
    """One child process that owns the public port. It is started again, on the same port, if it dies."""

    def __init__(self, settings: RouterSettings) -> None:
        self.settings = settings

    async def start(self) -> int:
        """Start the child and return the public port. Raises OSError when the port is taken."""
        raise NotImplementedError

    async def publish(self, table: RouteTable) -> None:
        """Return when every new request is routed by ``table``. Requests under way stay where they are."""
        raise NotImplementedError

    async def drained(self, instances: Iterable[Instance]) -> None:
        """Return when no request is under way to these instances, at the latest after the model time-out.

        Publish a table without them first; stop their processes after.
        """
        raise NotImplementedError

    async def counts(self) -> Mapping[tuple[EndpointKey, str], VariantCounts]:
        """Per endpoint and variant name, since the start of the child."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop listening, let requests under way finish for a moment, end the child."""
        raise NotImplementedError
