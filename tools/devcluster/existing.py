"""A cluster that is there already, taken from KUBECONFIG only if its context is on an explicit allow-list."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devcluster import binaries
from devcluster.access import Cluster, write_private
from devcluster.errors import ClusterRefusedError
from devcluster.progress import Progress

USE = "SAGEMAKER_OPERATOR_USE_EXISTING_CLUSTER"
ALLOWED = "SAGEMAKER_OPERATOR_ALLOWED_CONTEXTS"
_WITHOUT = f"unset {USE} to get a cluster of its own"


class ExistingCluster(Cluster):
    """As a ControlPlane, but nothing is started and stop() ends nothing. There is no audit log."""

    @classmethod
    def connect(cls, folder: Path, progress: Progress, environ: Mapping[str, str] = os.environ) -> "ExistingCluster":
        """The cluster of KUBECONFIG's current context, which is pinned: a later change of context changes nothing.

        Raises ClusterRefusedError when the context is not one of SAGEMAKER_OPERATOR_ALLOWED_CONTEXTS (exact names,
        separated by commas), BinaryError when there is no kubectl.
        """
        if not environ.get("KUBECONFIG"):
            raise ClusterRefusedError(f"{USE} is set, but KUBECONFIG is not. Set KUBECONFIG, or {_WITHOUT}.")
        kubectl = binaries.ensure(("kubectl",), progress, binaries.Sources.of(environ))["kubectl"]
        context = _ask(kubectl, environ, "current-context")
        if context not in _names(environ.get(ALLOWED, "")):
            raise ClusterRefusedError(
                f'KUBECONFIG\'s current context is "{context}", which {ALLOWED} does not name; nothing was asked of '
                f"that cluster. If it is for tests: export {ALLOWED}={context}. Else {_WITHOUT}."
            )
        folder.mkdir(parents=True, exist_ok=True)
        kubeconfig = folder.absolute() / "kubeconfig"
        pinned = ("view", "--raw", "--minify", "--flatten", f"--context={context}", "-o", "json")
        write_private(kubeconfig, _ask(kubectl, environ, *pinned))
        return cls(kubectl, kubeconfig)


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _ask(kubectl: Path, environ: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [kubectl, "config", *arguments], env=dict(environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ClusterRefusedError(f"KUBECONFIG={environ['KUBECONFIG']} is of no use: {done.stderr.strip()}")
    return done.stdout.strip()
