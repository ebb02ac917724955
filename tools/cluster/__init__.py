"""A real Kubernetes cluster of one node on this machine, and the project's images; Linux, root."""

from cluster.errors import ImageError, RequirementError
from cluster.images import Image
from cluster.local_cluster import LocalCluster

__all__ = ["Image", "ImageError", "LocalCluster", "RequirementError"]
