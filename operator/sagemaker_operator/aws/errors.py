"""What an AWS error means to the operator: one table, first match wins."""

import re
from dataclasses import dataclass, replace
from enum import Enum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)

from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.wording import aws_says


class Kind(Enum):
    """What to do about an error."""

    ABSENT = "absent"
    EXISTS = "exists"
    BUSY = "busy"
    PROPAGATING = "propagating"
    INVALID = "invalid"
    QUOTA = "quota"
    THROTTLED = "throttled"
    DENIED = "denied"
    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    INTERNAL = "internal"


class AWSError(Exception):
    """An AWS call that was refused or got no reply."""

    def __init__(self, kind: Kind, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.kind, self.operation, self.code, self.message = kind, operation, code, message

    def again(self) -> "AWSError":
        """The same for another caller: an exception that many threads raise gathers all their tracebacks."""
        return AWSError(self.kind, self.operation, self.code, self.message)

    @property
    def maybe_applied(self) -> bool:
        """Whether the request may have been carried out although no good reply came."""
        return self.kind in (Kind.UNREACHABLE, Kind.INTERNAL)


class NotLeadingError(Exception):
    """A change was not asked for, because another operator may have the Lease by now."""


@dataclass(frozen=True, slots=True)
class _Row:
    codes: tuple[str, ...]
    start: str
    kind: Kind


# The configuration row stands before the endpoint row, for they share a prefix.
_TABLE = (
    _Row(("ValidationException",), "Could not find endpoint configuration", Kind.ABSENT),
    _Row(("ValidationException",), "Could not find", Kind.ABSENT),
    _Row(("ResourceNotFound", "ResourceNotFoundException"), "", Kind.ABSENT),
    _Row(("ValidationException",), "Cannot create already existing", Kind.EXISTS),
    _Row(("ValidationException",), "Cannot update in-progress", Kind.BUSY),
    _Row(("ResourceInUse", "ConflictException"), "", Kind.BUSY),
    _Row(("ValidationException",), "Could not assume role", Kind.PROPAGATING),
    _Row(("ValidationException",), "Could not access model data", Kind.PROPAGATING),
    _Row(("ValidationException",), "", Kind.INVALID),
    _Row(("ResourceLimitExceeded",), "", Kind.QUOTA),
    _Row(("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"), "", Kind.THROTTLED),
    _Row(("AccessDeniedException", "AccessDenied", "UnauthorizedOperation"), "", Kind.DENIED),
    _Row(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "InvalidIdentityToken",
            "IDPCommunicationError",
            "IncompleteSignature",
            "InvalidToken",
            "OptInRequired",
            "RequestExpired",
        ),
        "",
        Kind.CREDENTIALS,
    ),
)

_NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
_DENIED_ACTION = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)", re.IGNORECASE)


def classify(error: ClientError | BotoCoreError, operation: str) -> AWSError:
    """The AWSError of what boto3 raised."""
    if not isinstance(error, ClientError):
        return AWSError(_kind_without_reply(error), operation, type(error).__name__, str(error))
    code = error.response.get("Error", {}).get("Code") or ""
    message = error.response.get("Error", {}).get("Message") or ""  # null when a runtime service throttles
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    for row in _TABLE:
        if code in row.codes and message.startswith(row.start):
            return AWSError(row.kind, operation, code, message)
    return AWSError(Kind.INTERNAL if status >= 500 else Kind.INVALID, operation, code, message)


def _kind_without_reply(error: BotoCoreError) -> Kind:
    if isinstance(error, _NO_CREDENTIALS):
        return Kind.CREDENTIALS
    return Kind.INVALID if isinstance(error, ParamValidationError) else Kind.UNREACHABLE


def problem_of(error: AWSError, blocked_seconds: float, *, waited: bool = False) -> Problem:
    """The problem to report. `blocked_seconds`: the next look where only a person can help, but we cannot be told.

    `waited`: a role or right that is new has had time enough to reach all of AWS, so it is missing.
    """
    problem = _problem(error, blocked_seconds, waited)
    return replace(problem, message=problem.message.strip())  # AWS may have said nothing


def _problem(error: AWSError, blocked_seconds: float, waited: bool) -> Problem:
    operation, says = error.operation, aws_says(error.message)
    match error.kind:
        case Kind.THROTTLED:
            message = f"AWS asked us to slow down on {operation}. Not an error of yours."
            return Problem("Throttled", message, "If it lasts: lower --aws-calls-per-second.", stalled=False)
        case Kind.DENIED:
            named = _DENIED_ACTION.search(error.message)
            right = named[1] if named else f"sagemaker:{operation}"
            message = f"{operation} is denied: the operator has no right to {right}. {says}"
            hint = f"Allow {right} in the operator's policy; manifests/iam has all it needs."
            return Problem("AccessDenied", message, hint, retry_after=blocked_seconds)
        case Kind.QUOTA:
            hint = "Ask for more in Service Quotas, or free instances."
            message = f"{operation} goes beyond a quota of the account. {says}"
            return Problem("QuotaExceeded", message, hint, retry_after=2 * blocked_seconds)
        case Kind.CREDENTIALS:
            hint = "Give the operator's ServiceAccount a role, or set the standard AWS environment."
            return Problem(
                "CredentialsMissing", f"The operator has no valid AWS credentials. {says}", hint, stalled=False
            )
        case Kind.UNREACHABLE:
            hint = "Nothing; it is tried again. If it lasts: look at the network and at AWS_ENDPOINT_URL."
            return Problem("AWSUnreachable", f"AWS gave no answer to {operation}.", hint, stalled=False)
        case Kind.INTERNAL:
            message = f"AWS failed at {operation}. {says}"
            return Problem("InternalFailure", message, "Nothing; it is tried again.", stalled=False)
        case Kind.PROPAGATING if waited:
            role = error.message.startswith("Could not assume role")
            hint = (
                "Check that the execution role exists and trusts sagemaker.amazonaws.com: manifests/iam."
                if role
                else "Check modelDataURL, and allow the execution role s3:GetObject on it: manifests/iam."
            )
            reason = "AccessDenied" if role else "ModelDataError"
            return Problem(reason, f"{operation} was refused. {says}", hint, retry_after=blocked_seconds)
        case Kind.BUSY | Kind.ABSENT | Kind.EXISTS | Kind.PROPAGATING:
            message = f"{operation} cannot be done yet. {says}"
            return Problem("Progressing", message, "Nothing; it is tried again.", stalled=False)
        case Kind.INVALID if "Member must satisfy enum value set" in error.message:
            given = error.message.split(" failed to satisfy constraint")[0].split(": ", 1)[-1]
            message = f"{operation} was refused: AWS does not know this value. {given}."
            return Problem("InvalidSpec", message, "Correct the spec and apply.", retry_after=2 * blocked_seconds)
        case Kind.INVALID:
            hint = "Correct the spec and apply."
            return Problem("InvalidSpec", f"{operation} was refused. {says}", hint, retry_after=2 * blocked_seconds)
