"""The model registry: groups of model packages and the packages, which are the versions of a group or stand alone."""

from __future__ import annotations

from dataclasses import dataclass

from sagemaker_local.control.wire.decoding import Document


@dataclass(frozen=True, slots=True)
class ModelPackageGroup:
    """``last_version`` is that of the newest package ever made; versions are not given out twice."""

    name: str
    arn: str
    creation_time: float
    description: str | None = None
    managed_configuration: Document | None = None
    last_version: int = 0


@dataclass(frozen=True, slots=True)
class ModelPackage:
    """``name`` is ``<group>/<version>`` for a version; a package that stands alone has neither group nor version.

    ``described`` is the request with what UpdateModelPackage changed, which DescribeModelPackage shows again.
    """

    name: str
    arn: str
    creation_time: float
    described: Document
    group: str | None = None
    version: int | None = None
    client_token: str | None = None
    last_modified_time: float | None = None

    @property
    def approval(self) -> str | None:
        """API shape ModelApprovalStatus; None for a package that stands alone."""
        status: str | None = self.described.get("ModelApprovalStatus")
        return status
