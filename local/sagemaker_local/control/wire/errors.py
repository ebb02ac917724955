"""Refusals of the control plane, with the codes and message starts that clients match on."""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A refused request: error code, text and HTTP status as the API answers them."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ApiError:
    """SageMaker's answer to nearly everything that is wrong with a request."""
    return ApiError("ValidationException", message)


def constraints(violations: list[str]) -> ApiError:
    """Several violated constraints of the API's model in one answer, worded as AWS's validator does."""
    count = len(violations)
    return invalid(f"{count} validation error{'' if count == 1 else 's'} detected: {'; '.join(violations)}")


def not_found(kind: str, arn: str) -> ApiError:
    """``kind`` in SageMaker's words: endpoint, endpoint configuration, model."""
    return invalid(f'Could not find {kind} "{arn}".')


def does_not_exist(kind: str, arn: str) -> ApiError:
    """How the model registry says that something is absent. ``kind`` is ModelPackage or ModelPackageGroup."""
    return invalid(f"{kind} {arn} does not exist.")


def conflict(message: str) -> ApiError:
    """The API's modelled ConflictException."""
    return ApiError("ConflictException", message)


def already_exists(kind: str, arn: str) -> ApiError:
    """Names of these resources are taken until the resource is gone."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def resource_in_use(message: str) -> ApiError:
    """The API's modelled ResourceInUse: the name is taken."""
    return ApiError("ResourceInUse", message)


def resource_not_found(arn: str) -> ApiError:
    """The API's modelled ResourceNotFound."""
    return ApiError("ResourceNotFound", f"{arn} does not exist.")


def in_progress(arn: str) -> ApiError:
    """The endpoint is changing; UpdateEndpoint, UpdateEndpointWeightsAndCapacities and DeleteEndpoint say so."""
    return invalid(f'Cannot update in-progress endpoint "{arn}".')


def not_served(what: str) -> ApiError:
    """Something that SageMaker does and local SageMaker does not do yet; better refused than silently ignored."""
    return invalid(f"Local SageMaker does not implement {what} yet; leave it out.")


def refuse_not_served(members: Mapping[str, object], of: str = "") -> None:
    """Raises ApiError for the first member that is not None. ``of`` is what it would be a member of."""
    for member, value in members.items():
        if value is not None:
            raise not_served(f"{member} of {of}" if of else member)


def unknown_operation(operation: str) -> ApiError:
    """Neither an operation of the API, nor one that is served here."""
    return ApiError("UnknownOperationException", f"Local SageMaker does not serve the operation {operation}.")


def unreadable(message: str) -> ApiError:
    """The body is not the JSON that the operation's input asks for."""
    return ApiError("SerializationException", message)


def role_not_assumable(arn: str) -> ApiError:
    """There is no such role yet, or it does not trust SageMaker (hashicorp/terraform-provider-aws, model.go)."""
    return invalid(
        f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def throttled() -> ApiError:
    """More calls than allowed."""
    return ApiError("ThrottlingException", "Rate exceeded")
