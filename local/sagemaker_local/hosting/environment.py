"""The environment of a model server process: nothing of the host's own but what a process needs to run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sagemaker_local.hosting.types import ContainerSpec, FleetSpec

_MULTI_MODEL = "SAGEMAKER_MULTI_MODEL"
"""How AWS's own containers know that they are in the mode MultiModel (aws/sagemaker-inference-toolkit)."""

# Of the host's environment; credentials and proxies of the person who runs it stay out of model code's reach.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "PYTHONPATH", "TZ")


def server_environment(
    spec: FleetSpec, container: ContainerSpec, rule: Mapping[str, str], base: Path, aws_endpoint_url: str
) -> dict[str, str]:
    """What the container contract promises, over which the image map's and then the container's own variables go.

    The container acts as its endpoint's account in the inner AWS. Where it lives cannot be overridden.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        **({_MULTI_MODEL: "true"} if container.multi_model else {}),
        "PYTHONUNBUFFERED": "1",
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ACCESS_KEY_ID": spec.account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": aws_endpoint_url,
        **rule,
        **container.environment,
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_MODEL_DIR": str(base / "model"),
        "SAGEMAKER_LOCAL_IMAGE": container.image,
    }
