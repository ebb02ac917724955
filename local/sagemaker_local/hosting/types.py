"""What a fleet is made of, what its instances are doing, and why one could not start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One ContainerDefinition of a SageMaker Model (API shape ContainerDefinition), reduced to what hosting acts on."""

    image: str
    model_data_url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    hostname: str | None = None
    multi_model: bool = False
    """``model_data_url`` is a prefix, below which calls name the archive that is to be loaded."""

    cached: bool = True
    """Whether a multi-model container keeps a model after the call (API shape MultiModelConfig)."""


def container_names(hostnames: Iterable[str | None]) -> tuple[str, ...]:
    """What the containers of one instance are called; those without a hostname are numbered (AWS: "Log groups and
    streams that SageMaker AI sends to CloudWatch")."""
    return tuple(each or f"container-{number}" for number, each in enumerate(hostnames, 1))


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """The instances behind one production variant of one endpoint.

    The two time-outs are seconds; None takes the host's default. They are the variant's
    ``ModelDataDownloadTimeoutInSeconds`` and ``ContainerStartupHealthCheckTimeoutInSeconds``.
    """

    account: str
    region: str
    endpoint_name: str
    variant_name: str
    containers: tuple[ContainerSpec, ...]
    instance_type: str
    count: int
    model_data_download_timeout_seconds: float | None = None
    container_startup_health_check_timeout_seconds: float | None = None
    most_startup_seconds: float | None = None
    """Above it no time-out for the first healthy ping counts, the host's own neither."""

    log_group: str | None = None
    """None is the endpoint's own, ``/aws/sagemaker/Endpoints/<endpoint>``."""

    log_suffix: str = ""
    """Ends the names of the log streams, ``<variant>/<instance id><suffix>``."""


class InstanceStatus(StrEnum):
    """Where an instance stands. Only ``InService`` instances are routed to."""

    STARTING = "Starting"
    IN_SERVICE = "InService"
    UNHEALTHY = "Unhealthy"
    STOPPING = "Stopping"


@dataclass(frozen=True, slots=True)
class InstanceState:
    """One instance as it is now.

    ``pid`` and ``port`` are None while no process runs, and always for an image that needs none. ``shared_by`` counts
    the instances that this one's process stands for: above the host's cap of processes per variant it exceeds 1.
    ``restarts`` counts healed deaths; ``message`` says what was last wrong, in words.
    """

    instance_id: str
    status: InstanceStatus
    pid: int | None = None
    port: int | None = None
    shared_by: int = 1
    restarts: int = 0
    message: str = ""
    containers: tuple[int, ...] = ()
    """The ports of all containers of an instance that has several; ``pid`` and ``port`` are the first one's."""

    models: tuple[str, ...] = ()
    """What a multi-model container has loaded, by TargetModel."""

    pids: tuple[int, ...] = ()
    """Of the processes of all its containers that run."""


class FailureClass(StrEnum):
    """Why a fleet did not start; the control plane shows the message as FailureReason."""

    IMAGE = "Image"
    MODEL_DATA_DOWNLOAD = "ModelDataDownload"
    MODEL_DATA_EXTRACT = "ModelDataExtract"
    PING_HEALTH_CHECK = "PingHealthCheck"
    UNSUPPORTED = "Unsupported"
    INTERNAL = "Internal"


class FleetFailure(Exception):  # noqa: N818 - SageMaker's own word is FailureReason
    """A fleet could not start. ``message`` is in SageMaker's own words, cut to 1024 characters (API: FailureReason)."""

    def __init__(self, failure_class: FailureClass, message: str) -> None:
        super().__init__(message)
        self.failure_class = failure_class
        self.message = message[:1024]
