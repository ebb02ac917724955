"""Starts, resizes, watches and ends the fleets of every endpoint."""

from __future__ import annotations

from collections.abc import Callable

from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.types import FleetSpec, InstanceState
from sagemaker_local.router.routes import Instance

OnChange = Callable[["Fleet"], None]


class Fleet:
    """The running instances of one variant, made by ``Host.start_fleet``. Every method runs on the host's event loop."""

    @property
    def spec(self) -> FleetSpec:
        """As asked for at the start, with the count of the last ``resize``."""
        raise NotImplementedError

    @property
    def instances(self) -> tuple[InstanceState, ...]:
        """Every instance as it is now."""
        raise NotImplementedError

    @property
    def routes(self) -> tuple[Instance, ...]:
        """The instances that can take requests now, as the router wants them."""
        raise NotImplementedError

    @property
    def needs_process(self) -> bool:
        """False for ``local://echo``, which the router answers itself (``VariantRoute.echo``)."""
        raise NotImplementedError

    async def started(self) -> None:
        """Return when every instance is in service. Raises FleetFailure; the fleet must then be stopped."""
        raise NotImplementedError

    async def resize(self, count: int) -> None:
        """Return when ``count`` instances are in service. Raises FleetFailure; the earlier instances keep running."""
        raise NotImplementedError

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace period; model folder removed. Safe to call at any time, twice too."""
        raise NotImplementedError


class Host:
    """All fleets of one local SageMaker. ``on_change`` is called on the event loop when an instance's state changed."""

    def __init__(self, settings: HostSettings, on_change: OnChange) -> None:
        self.settings = settings
        self._on_change = on_change

    def start_fleet(self, spec: FleetSpec) -> Fleet:
        """Begin to start a fleet and return at once; await ``Fleet.started`` for the outcome."""
        raise NotImplementedError

    async def close(self) -> None:
        """Stop every fleet and send the last log lines."""
        raise NotImplementedError
