"""Every limit and interval of the hosting half, with unit, default and consequence."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_local.hosting.images import ImageRule, built_in_rules

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


def physical_memory() -> int:
    """Of this machine, in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def processes_for(memory_bytes: int) -> int:
    """Model server processes that one variant may have on a machine of this size."""
    return max(1, min(4, memory_bytes // (2 * GIBIBYTE)))


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How model servers are run. Times are seconds, sizes are bytes."""

    state_dir: Path
    """Model folders live below it, one per fleet, removed when the fleet stops."""

    aws_endpoint_url: str
    """Where S3 and CloudWatch Logs answer (the inner moto server), as ``http://host:port``."""

    image_rules: tuple[ImageRule, ...] = field(default_factory=built_in_rules)
    """First match wins; see ``hosting.images.load_rules`` for the user's own file."""

    container_endpoint_url: str | None = None
    """What containers get as AWS_ENDPOINT_URL; None gives them ``aws_endpoint_url``."""

    max_processes_per_variant: int = field(default_factory=lambda: processes_for(physical_memory()))
    """Instances above it share processes, and ``InstanceState.shared_by`` says so. One per 2 GiB, at most 4."""

    model_data_download_timeout_seconds: float = 3600.0
    container_startup_health_check_timeout_seconds: float = 240.0
    """Both are SageMaker's defaults for a variant that names none."""

    startup_attempts: int = 3
    """A server that dies this often before its first healthy ping has failed, even if time is left."""

    ping_timeout_seconds: float = 2.0
    """A container has two seconds to answer /ping (AWS: Use Your Own Inference Code with Hosting Services)."""

    startup_ping_interval_seconds: float = 0.1
    health_check_interval_seconds: float = 5.0
    unhealthy_after_failed_pings: int = 3
    restart_backoff_seconds: float = 0.5
    restart_backoff_max_seconds: float = 30.0
    stop_grace_seconds: float = 30.0
    """Between SIGTERM and SIGKILL."""

    max_archive_bytes: int = 5 * GIBIBYTE
    max_unpacked_bytes: int = 20 * GIBIBYTE
    max_unpacked_files: int = 100_000
    max_unpacked_ratio: float = 200.0
    """Unpacked size to archive size; looked at only beyond ``ratio_floor_bytes``, since small text packs very well."""

    ratio_floor_bytes: int = 64 * MEBIBYTE

    multi_model_memory_bytes: int = 2 * GIBIBYTE
    """Of the models in one multi-model container, by the size of their unpacked files; above it the one that was used
    least recently is unloaded."""

    model_load_timeout_seconds: float = 360.0
    """For a multi-model container to load one model (AWS: Invoke a Multi-Model Endpoint)."""

    cache_dir: Path | None = None
    """For what outlives the run: the Python environments of the image map. None keeps them in ``state_dir``."""

    allow_requirements: bool = False
    """Whether ``code/requirements.txt`` of an archive is installed (into the fleet's own folder) before the start."""

    log_flush_seconds: float = 0.5
