"""A fleet's model folder: archive fetched, unpacked, its requirements installed where that is allowed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sagemaker_local.hosting import failures
from sagemaker_local.hosting.archive import ArchiveRefusedError, UnpackLimits, unpack
from sagemaker_local.hosting.settings import HostSettings
from sagemaker_local.hosting.storage import DownloadError, Storage
from sagemaker_local.hosting.types import ContainerSpec, FleetSpec

_INSTALL_SECONDS = 600


def prepare(
    spec: FleetSpec,
    container: ContainerSpec,
    settings: HostSettings,
    storage: Storage,
    base: Path,
    say: Callable[[str], None],
) -> None:
    """Make ``base/model`` what a container finds at /opt/ml/model. Blocks; raises FleetFailure.

    A multi-model container finds nothing there: its models come when they are asked for.
    """
    model = base / "model"
    model.mkdir(parents=True)
    name = container.hostname or "container_1"
    url = container.model_data_url
    if url and not container.multi_model:
        try:
            fetch(spec, url, settings, storage, base)
        except DownloadError as error:
            raise failures.download_failed(name, url, str(error)) from error
        except ArchiveRefusedError as error:
            raise failures.extract_failed(name, url, str(error)) from error
        except OSError as error:
            raise failures.download_failed(name, url, f"sagemaker-local: {error.strerror}") from error
    requirements = model / "code" / "requirements.txt"
    if not requirements.is_file():
        return
    if not settings.allow_requirements:
        say(
            "[sagemaker-local] code/requirements.txt is not installed: "
            "start sagemaker-local with --allow-requirements if you trust the archive."
        )
        return
    _install(spec, requirements, base / "packages", say)


def fetch(spec: FleetSpec, url: str, settings: HostSettings, storage: Storage, base: Path) -> None:
    """Unpack the archive at ``url`` into ``base/model``, which is there. Raises DownloadError, ArchiveRefusedError."""
    archive = base / "model.tar.gz"
    seconds = spec.model_data_download_timeout_seconds or settings.model_data_download_timeout_seconds
    limits = UnpackLimits(
        settings.max_unpacked_bytes,
        settings.max_unpacked_files,
        settings.max_unpacked_ratio,
        settings.ratio_floor_bytes,
    )
    storage.download(url, archive, spec.account, spec.region, settings.max_archive_bytes, seconds)
    unpack(archive, base / "model", limits)
    archive.unlink()


def _install(spec: FleetSpec, requirements: Path, target: Path, say: Callable[[str], None]) -> None:
    say("[sagemaker-local] Installing code/requirements.txt")
    command = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--target", str(target))
    try:
        done = subprocess.run(
            (*command, "--requirement", str(requirements)),
            capture_output=True,
            text=True,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise failures.requirements_failed(spec.variant_name, f"not done within {_INSTALL_SECONDS} s") from error
    for line in (done.stdout + done.stderr).splitlines():
        say(line)
    if done.returncode:
        raise failures.requirements_failed(spec.variant_name, f"pip ended with exit status {done.returncode}")
