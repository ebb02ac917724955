"""kopf as the shell: it logs in, lists, watches and reconnects; each event goes to the intake."""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kopf

from sagemaker_operator.api.codec import DecodeError
from sagemaker_operator.api.resource import GROUP, PLURAL, VERSION, parse_resource
from sagemaker_operator.reconcile.intake import Intake

log = logging.getLogger(__name__)

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Watch:
    """Runs kopf in the calling thread until `stop`."""

    def __init__(self, intake: Intake, namespaces: tuple[str, ...]) -> None:
        self._intake, self._namespaces = intake, namespaces
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._ended = False

    def run(self, on_ready: Callable[[], None]) -> None:
        """Blocks. `on_ready` is called in the event loop once the watch begins."""
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._run(on_ready))

    def stop(self) -> None:
        """From any thread: `run` returns soon. Cancelled, kopf ends at once; with a stop flag it waits for nothing."""
        self._ended = True
        if self._loop is not None and self._task is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)

    def responds(self, seconds: float) -> bool:
        """Whether the event loop gets to its work within this time."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        answered = threading.Event()
        loop.call_soon_threadsafe(answered.set)
        return answered.wait(seconds)

    async def _run(self, on_ready: Callable[[], None]) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._ended:
            return
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(_login)
        kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)(self._on_event)

        async def started(**_: Any) -> None:
            on_ready()

        kopf.on.startup(registry=registry)(started)
        # kopf would ask for the user's name, and a container's user has none.
        identity: Any = "sagemaker-operator"
        await kopf.operator(
            registry=registry,
            settings=_settings(),
            identity=identity,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            standalone=True,
        )

    async def _on_event(self, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
        try:
            resource = parse_resource(body)
        except (DecodeError, KeyError, ValueError):
            log.exception("An object that cannot be read was left out: %s", body.get("metadata", {}).get("name"))
            return
        if type == "DELETED":
            self._intake.gone(resource.key, resource.uid)
        else:
            self._intake.seen(resource)


def _login(logger: Any, **kwargs: Any) -> kopf.ConnectionInfo | None:
    """Without the Kubernetes client, which kopf would ask by itself."""
    if _SERVICE_ACCOUNT.exists() and not os.environ.get("KUBECONFIG"):
        return kopf.login_with_service_account(logger=logger, **kwargs)
    return kopf.login_with_kubeconfig(logger=logger, **kwargs)


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.scanning.disabled = True  # else it watches CRDs and namespaces, which our ServiceAccount may not
    settings.posting.enabled = False
    # kopf removes a finalizer of this name where no handler needs it: never ours.
    settings.persistence.finalizer = f"{GROUP}/unused"
    settings.networking.request_timeout = 20
    settings.networking.connect_timeout = 10
    settings.watching.connect_timeout = 10
    settings.process.ultimate_exiting_timeout = 10
    settings.queueing.exit_timeout = 0.2  # our handler only notes the event
    return settings
