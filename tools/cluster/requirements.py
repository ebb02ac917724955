"""Whether this machine can run a cluster with a node, asked before anything is fetched or built."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from cluster import base_image
from devcluster.binaries import Sources

PACKAGES = {
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "buildah": "buildah",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "bash": "bash",
}
"""Program → Debian package."""
_HIDDEN = (Path("/run"), Path("/var/lib"), Path("/var/log"))  # the node has its own


def missing() -> str:
    """The first thing that is missing, with what to do; empty when a cluster can run here."""
    if sys.platform != "linux":
        return "it needs Linux"
    if os.geteuid() != 0:
        return "it needs root: namespaces, mounts and cgroups"
    lacking = [package for program, package in PACKAGES.items() if not _program(program)]
    if lacking:
        return f"it needs: apt-get install {' '.join(dict.fromkeys(lacking))}"
    if not Path("/sys/fs/cgroup").is_dir() or not os.access("/sys/fs/cgroup", os.W_OK):
        return "it needs cgroups that can be written to, at /sys/fs/cgroup"
    for purpose, folder in (("the cache", Sources.of().cache), ("temporary files", Path(tempfile.gettempdir()))):
        if any(folder.resolve().is_relative_to(hidden) for hidden in _HIDDEN):
            return f"{purpose} must not lie in {folder}: the node has its own /run, /var/lib and /var/log"
    lacking_base = base_image.lacking()
    return f"it needs {lacking_base}" if lacking_base else ""


def runc() -> Path:
    """The distribution's. Raises KeyError when it is not there."""
    found = _program("runc")
    if not found:
        raise KeyError("runc")
    return Path(found)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
