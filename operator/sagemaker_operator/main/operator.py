"""The whole process put together, from start to stop."""

import datetime as dt
import json
import logging
import os
import signal
import socket
import threading
import uuid
from pathlib import Path

from sagemaker_operator.aws.gateway import Gateway, GatewaySettings
from sagemaker_operator.kube.connection import cluster_id, connect, own_namespace
from sagemaker_operator.kube.lease import LEASE_NAME, Lease
from sagemaker_operator.kube.lister import Lister, ListError
from sagemaker_operator.kube.writer import Writer
from sagemaker_operator.main.metrics import Metrics
from sagemaker_operator.main.server import ProbeServer
from sagemaker_operator.main.settings import SettingError, Settings
from sagemaker_operator.main.watch import Watch
from sagemaker_operator.main.workers import Resync, Sweeper, Workers
from sagemaker_operator.plan.case import Tuning
from sagemaker_operator.plan.desired import Defaults
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.reconcile.backoff import Backoff
from sagemaker_operator.reconcile.decision import Decider
from sagemaker_operator.reconcile.intake import Intake
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.queue import WorkQueue
from sagemaker_operator.reconcile.reconciler import Reconciler
from sagemaker_operator.reconcile.watchlist import Watchlist

log = logging.getLogger("sagemaker_operator")

# An AWS call under way ends within its time-outs (5 s to connect, 20 s to read).
_LAST_PASSES_SECONDS = 25.0
# So many sweeps without an answer are an outage, not a hiccup.
_OUTAGE_SWEEPS = 3
_LAST_EVENTS_SECONDS = 5.0
_LOOP_SECONDS = 5.0


class CannotGoOn(Exception):  # noqa: N818 - what happened
    """The process has to be started anew; the message says why."""


class Operator:
    """Raises ConnectionRefused when the Kubernetes API cannot be reached as it is configured, and SettingError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        instance = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        api = connect(settings.workers)
        self._stop, self._idle, self._cause = threading.Event(), threading.Event(), ""
        self._metrics = metrics = Metrics()
        self._lease = Lease(api, settings.lease_namespace or own_namespace(), instance, settings.lease_seconds)
        self._objects, self._queue, watchlist = Objects(), WorkQueue(), Watchlist()
        gateway = Gateway(
            GatewaySettings(
                settings.aws_calls_per_second,
                settings.parts_seconds,
                settings.blocked_seconds,
                _OUTAGE_SWEEPS * settings.sweep_seconds,
                settings.workers,
            ),
            metrics.record_call,
            lambda: self._lease.held,
        )
        decider = Decider(
            gateway,
            image_table(),
            settings.cluster_id or cluster_id(api),
            Defaults(settings.default_execution_role_arn, settings.default_region, settings.name_prefix),
            _tuning(settings),
            lambda: dt.datetime.now(dt.UTC),
        )
        reconciler = Reconciler(
            self._objects,
            decider,
            Writer(api, instance),
            watchlist,
            Backoff(settings.backoff_base_seconds, settings.backoff_limit_seconds),
            may_act=lambda: self._lease.held,
            role_seconds=settings.role_seconds,
            read_only=settings.read_only,
        )
        self._workers = Workers(settings.workers, self._queue, reconciler, metrics)
        self._sweeper = Sweeper(
            gateway,
            watchlist,
            self._queue,
            self._stop,
            steady_seconds=settings.sweep_seconds,
            motion_seconds=settings.sweep_in_motion_seconds,
        )
        intake = Intake(self._objects, self._queue)
        self._lister = Lister(api, settings.namespace)
        self._resync = Resync(self._lister, intake, self._stop, metrics, settings.resync_seconds)
        self._watch = Watch(intake, settings.namespace)
        self._watching = threading.Event()
        metrics.queue_depth.set_function(lambda: len(self._queue))
        metrics.objects.set_function(lambda: len(self._objects))
        metrics.leader.set_function(lambda: float(self._lease.held))
        where = (settings.host, settings.port)
        try:
            self._probes = ProbeServer(*where, metrics.registry, self._unhealthy, self._unready)
        except OSError as error:
            cause = error.strerror or str(error)
            raise SettingError(
                f"--port {settings.port} on --host {settings.host}: {cause}; 0 takes a free one."
            ) from error

    def run(self) -> None:
        """Blocks until SIGINT or SIGTERM. Raises CannotGoOn."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        self._probes.start()
        try:
            if self._lease.acquire(self._stop):
                self._lead()
        finally:
            self._stop.set()
            self._queue.close()
            self._workers.join(_LAST_PASSES_SECONDS)
            self._idle.set()
            self._lease.release()
            self._probes.close()
        if self._cause:
            raise CannotGoOn(self._cause)

    def _lead(self) -> None:
        threading.Thread(target=self._keep_lease, name="lease", daemon=True).start()
        try:
            self._lister.all()
        except ListError as error:
            raise CannotGoOn(
                f"SageMakerEndpoint objects cannot be listed: {error}. Install crds/sagemakerendpoints.yaml and "
                "manifests/rbac.yaml first."
            ) from error
        self._workers.start()
        self._sweeper.start()
        self._resync.start()
        watching = threading.Thread(target=self._follow, name="watch", daemon=True)
        watching.start()
        self._stop.wait()
        self._watch.stop()
        watching.join(_LAST_EVENTS_SECONDS)

    def _follow(self) -> None:
        """In a thread of its own, for kopf would take the signals of the main one."""
        try:
            self._watch.run(self._announce)
        except Exception:  # whatever it was, the process ends and says so
            log.exception("The watch failed")
        if not self._stop.is_set():
            self._cause = "The watch has ended by itself."
            self._stop.set()

    def _keep_lease(self) -> None:
        if not self._lease.keep(self._idle):
            self._cause = f"The Lease {LEASE_NAME} is lost or cannot be renewed; another operator may take over."
            self._stop.set()

    def _announce(self) -> None:
        self._watching.set()
        log.info("Watching; health, readiness and metrics at %s", self._probes.url)
        if self._settings.ready_file:
            target = Path(self._settings.ready_file)
            part = target.with_name(f".{target.name}.part")
            part.write_text(json.dumps({"url": self._probes.url, "pid": os.getpid()}), encoding="utf-8")
            part.rename(target)

    def _unhealthy(self) -> str | None:
        if self._watching.is_set() and not self._watch.responds(_LOOP_SECONDS):
            return f"the event loop did not respond within {_LOOP_SECONDS:g} s"
        return None

    def _unready(self) -> str | None:
        if not self._lease.held:
            return "waiting for the Lease"
        return None if self._watching.is_set() else "the watch has not begun"


def _tuning(settings: Settings) -> Tuning:
    return Tuning(
        settle=settings.settle_seconds,
        motion=settings.look_in_motion_seconds,
        drift=settings.drift_seconds,
        blocked=settings.blocked_seconds,
        retry_base=settings.attempts_base_seconds,
        retry_limit=settings.attempts_limit_seconds,
        attempts=settings.attempts,
    )
