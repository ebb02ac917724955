"""The container that CreateModel makes of a model package."""

from __future__ import annotations

from sagemaker_local.control.state.packages import ModelPackage
from sagemaker_local.control.state.records import Container
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.decoding import Document, decode
from sagemaker_local.control.wire.errors import invalid, not_served

_OF_THE_PACKAGE = ("Image", "ImageConfig", "ModelDataUrl", "ModelDataSource", "AdditionalModelDataSources")


def check_package_use(definition: Document) -> None:
    """Raises ApiError when a container names both a package and what the package says (API: ContainerDefinition)."""
    for member in _OF_THE_PACKAGE:
        if member in definition:
            raise invalid(f"A container with ModelPackageName takes {member} from the package; leave {member} out.")


def container_of_package(state: AccountState, definition: Document) -> Container:
    """The package's only container, over whose environment the definition's own goes.

    Raises ApiError for a package that is absent, not approved, or without such an inference specification.
    """
    package = state.model_packages.resolve(definition["ModelPackageName"])
    if state.switches.unapproved_package_refused and package.approval not in (None, "Approved"):
        raise invalid(
            f"Cannot create a model from ModelPackage {package.arn}: its ModelApprovalStatus is {package.approval}; "
            "set it to Approved with UpdateModelPackage."
        )
    containers = _specification(package, definition.get("InferenceSpecificationName"))["Containers"]
    if len(containers) > 1:
        raise not_served("model packages of several containers (inference pipelines)")
    chosen = containers[0]
    for member in ("ModelDataSource", "AdditionalModelDataSources", "AdditionalS3DataSource"):
        if member in chosen:
            raise not_served(f"{member} of a model package's container")
    if "Image" not in chosen:
        raise invalid(f"The container of ModelPackage {package.arn} has no Image, so nothing can serve it.")
    environment = {**chosen.get("Environment", {}), **definition.get("Environment", {})}
    hostname = definition.get("ContainerHostname", chosen.get("ContainerHostname"))
    filled = {**chosen, "Environment": environment, "ContainerHostname": hostname}
    return decode(Container, filled)


def _specification(package: ModelPackage, name: str | None) -> Document:
    described = package.described
    if name is None:
        found = described.get("InferenceSpecification")
        what = "no InferenceSpecification"
    else:
        specifications = described.get("AdditionalInferenceSpecifications", ())
        found = next((each for each in specifications if each["Name"] == name), None)
        what = f"no AdditionalInferenceSpecification named {name}"
    if found is None:
        raise invalid(f"ModelPackage {package.arn} has {what}; a model cannot be made of it.")
    specification: Document = found
    return specification
