"""The flags of runs in pods: `master` and `worker`, and what `run` and `search` share with them."""

import argparse
import os
import re
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.units import parse_duration
from sagemaker_loadtest.testfile.parse import MAX_WORKERS

HTTP_PORT = 8080
BUS_PORT = 5557
_MAX_WAIT_SECONDS = 300.0
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - workers are in other pods
_HERE = "127.0.0.1"
_RUN_ID = re.compile(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
Adder = Callable[..., None]


def setting_flags(add: Adder, *, port: int | None) -> None:
    """What surrounds a run: flags of `run`, `search` and `master`. `port`: that of its HTTP port, None for none."""
    add("--run-id", type=run_id, metavar="ID", help="name of the run; a random one without it")
    _port_flags(add, port)
    add("--endpoint-max-wait", type=duration, default=900.0, metavar="T", help="for endpoint.resource to become ready")
    add("--results-s3", metavar="URL", help="also there: s3://bucket/prefix/")
    add(
        "--results-configmap", metavar="NAME", help="also into this ConfigMap of the pod's namespace, as far as it fits"
    )
    add("--service-account-dir", metavar="DIR", help="token, ca.crt and namespace, instead of the pod's own")


def page_flags(add: Adder) -> None:
    """Locust's page instead of a verdict."""
    add("--web", action="store_true", help="no verdict: a person starts and stops the load on Locust's page")
    add("--web-host", default="127.0.0.1", metavar="HOST", help="where the page listens (%(default)s)")
    add("--web-port", type=port_number, default=8089, metavar="PORT", help="its port (%(default)s)")
    add("--web-username", default="locust", metavar="NAME", help="user of its login (%(default)s)")
    add("--web-password", metavar="TEXT", help="password, best given as variable; a random one is told without it")


def master_flags(add: Adder) -> None:
    """Beside those of `run`."""
    add("--expect-workers", type=_workers, metavar="N", help="how many have to join; instead of the file's workers")
    _bus_flags(add, _MAX_WAIT_SECONDS, _EVERYWHERE, BUS_PORT)


def search_flags(add: Adder) -> None:
    """Beside those of `run`: with `--expect-workers` the workers are in other pods, as those of `master`."""
    add("--expect-workers", type=_workers, metavar="N", help="workers in other pods, and how many have to join")
    _bus_flags(add, None, None, None)


def _bus_flags(add: Adder, max_wait: float | None, host: str | None, port: int | None) -> None:
    add("--expect-workers-max-wait", type=duration, default=max_wait, metavar="T", help="how long it may take (5m)")
    add("--master-bind-host", default=host, metavar="HOST", help=f"where workers reach the master ({_EVERYWHERE})")
    add("--master-bind-port", type=port_number, default=port, metavar="PORT", help=f"its port ({BUS_PORT})")


def worker_flags(add: Adder) -> None:
    """Of `worker`; everything else comes from the master."""
    add("--master-url", type=_http_url, required=True, metavar="URL", help="the master's HTTP port: http://host:8080")
    add("--run-id", type=run_id, required=True, metavar="ID", help="name of the run; no other master is followed")
    add(
        "--name",
        default=f"{socket.gethostname()}-{os.getpid()}",
        metavar="NAME",
        help="as the report names it (%(default)s)",
    )
    add("--master-max-wait", type=duration, default=300.0, metavar="T", help="how long a master may take to come")
    add("--master-patience", type=duration, default=10.0, metavar="T", help="without a sign of it, it counts as gone")
    _port_flags(add, HTTP_PORT)


def _port_flags(add: Adder, port: int | None) -> None:
    default = "none" if port is None else str(port)
    add("--host", metavar="HOST", help=f"where /metrics, /healthz and /readyz listen ({_HERE})")
    add("--port", type=port_number, default=port, metavar="PORT", help=f"their port, 0 for any free one ({default})")
    add("--ready-file", metavar="FILE", help="written when the port listens: JSON with url and pid")


def setting_of(options: argparse.Namespace) -> Any:
    """The `Setting` that the flags of `run`, `search` or `master` describe.

    Raises ConfigurationError for flags that would be of no use, and for a port that cannot be had.
    """
    from sagemaker_loadtest.command.setting import Setting
    from sagemaker_loadtest.pods.kube import ACCOUNT

    if faults := useless_flags(options):
        raise ConfigurationError(faults)
    run = options.run_id or os.urandom(4).hex()
    bus = _bus_of(options, run) if workers_elsewhere(options) else None
    account = options.service_account_dir
    return Setting(
        run=run,
        bus=bus,
        address=_address_of(options),
        results_s3=options.results_s3,
        results_configmap=options.results_configmap,
        endpoint_max_wait_seconds=options.endpoint_max_wait,
        account=Path(account) if account else ACCOUNT,
    )


def workers_elsewhere(options: argparse.Namespace) -> bool:
    """Whether workers join by themselves, from other pods."""
    return options.command == "master" or (options.command == "search" and options.expect_workers is not None)


def useless_flags(options: argparse.Namespace) -> list[str]:
    """What was asked for and would be left undone, in words: for example a ready file of a port that nobody opens."""
    faults = []
    elsewhere = workers_elsewhere(options)
    if elsewhere and options.workers is not None:
        faults.append("--workers: these would be processes here, and the workers are elsewhere; give --expect-workers")
    if options.command == "search" and not elsewhere:
        faults += [
            f"--{name.replace('_', '-')}: no worker comes from elsewhere; give --expect-workers, too"
            for name in ("expect_workers_max_wait", "master_bind_host", "master_bind_port")
            if getattr(options, name) is not None
        ]
    if options.port is None and not elsewhere:
        faults += [
            f"--{name.replace('_', '-')}: nothing listens without a port; give --port, 0 for any free one"
            for name in ("host", "ready_file")
            if getattr(options, name) is not None
        ]
    if options.command == "search" and options.duration is not None:
        faults.append("--duration: a search sets the length of each step; write search.stepDuration and maxDuration")
    if options.command == "search" and options.users is not None:
        faults.append("--users: a search looks for a rate of arrivals; leave it out, or give --rate to begin with")
    return faults


def _bus_of(options: argparse.Namespace, run: str) -> Any:
    from sagemaker_loadtest.supervise.supervisor import Bus

    host, port = options.master_bind_host or _EVERYWHERE, options.master_bind_port
    port = BUS_PORT if port is None else port
    _check_free("--master-bind-port", host, port)
    wait = options.expect_workers_max_wait
    return Bus(run, host, port, _MAX_WAIT_SECONDS if wait is None else wait)


def page_of(options: argparse.Namespace) -> tuple[Any, bool]:
    """The `Page` that the flags describe, and whether its password is to be told because nobody chose it."""
    from sagemaker_loadtest.measure.wire import Page

    _check_free("--web-port", options.web_host, options.web_port)
    chosen = options.web_password
    password = chosen or secrets.token_urlsafe(9)
    return Page(options.web_host, options.web_port, options.web_username, password), not chosen


def run_worker(options: argparse.Namespace) -> int:
    """`sagemaker-loadtest worker`; its exit code. Raises ConfigurationError."""
    from sagemaker_loadtest.pods.guest import work
    from sagemaker_loadtest.pods.invitation import Invitation

    address = _address_of(options)
    if address is None:
        raise ConfigurationError("--port: is empty; leave it out, or write for example 8080")
    invitation = Invitation(
        options.master_url, options.run_id, options.name, options.master_max_wait, options.master_patience
    )
    return work(invitation, address)


def stop_on_sigterm() -> None:
    """Process 1 of a container ignores SIGTERM unless it says otherwise: it is to end a run that only waits."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _address_of(options: argparse.Namespace) -> Any:
    from sagemaker_loadtest.pods.httpport import Address

    port = options.port
    if port is None and workers_elsewhere(options):
        port = HTTP_PORT
    if port is None:
        return None
    return Address(options.host or _HERE, port, Path(options.ready_file) if options.ready_file else None)


def _check_free(flag: str, host: str, port: int) -> None:
    """Locust itself would end with a traceback."""
    if port == 0:
        return
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"{flag} {port} on {host}: cannot listen ({error.strerror}). Name another, or 0"
        ) from error


def run_id(text: str) -> str:
    """A run's name: it becomes a folder and a part of a URL."""
    if not _RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"“{text}” is no name of a run: up to 63 letters, digits, hyphens, dots and underscores"
        )
    return text


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"“{text}” is no whole number from 1 to {MAX_WORKERS}")
    return int(text)


def port_number(text: str) -> int:
    """0 to 65535."""
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"“{text}” is no port; write a number from 0 to 65535")
    return int(text)


def duration(text: str) -> float:
    """Seconds of a duration, zero included."""
    try:
        return parse_duration(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no duration; write for example 30s or 5m") from None


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "http" or not parts.hostname:
        raise argparse.ArgumentTypeError(f"“{text}” is no URL of a master; write for example http://fraud-r1:8080")
    return text.rstrip("/")
