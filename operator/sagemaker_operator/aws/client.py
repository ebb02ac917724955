"""Calls to AWS in one region: within the budget, with timeouts, every failure an AWSError."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_operator.aws.budget import Budget
from sagemaker_operator.aws.errors import AWSError, Kind, NotLeadingError, classify


@dataclass(frozen=True, slots=True)
class Call:
    """One API call that was made. `outcome` is `ok` or the kind of its error, `target` the name it was about."""

    operation: str
    target: str
    outcome: str
    seconds: float
    request_id: str
    changes: bool


OnCall = Callable[[Call], None]

_THROTTLE_PAUSE_SECONDS = 1.0
_PAGE_SIZE, _PAGE_ATTEMPTS = 100, 5
_READS = ("Describe", "List", "Get")
_TARGETS = ("EndpointName", "EndpointConfigName", "ModelName", "ResourceArn", "logGroupName")


class RegionClient:
    """SageMaker, STS and CloudWatch Logs of one region. Thread-safe, as boto3's clients are.

    `runtime_url` is where the region's endpoints are invoked; AWS_ENDPOINT_URL and its like hold there too.

    botocore's own retries are off: a retry inside a call hides throttling from the budget, and a repeated create after
    a lost reply is refused as already existing, which only the caller can read rightly.

    `may_change` is asked when a change has its turn: the wait for it may have outlasted the Lease.

    Raises AWSError when the AWS environment does not allow a client to be made.
    """

    def __init__(
        self,
        region: str,
        calls_per_second: float,
        on_call: OnCall | None = None,
        connections: int = 32,
        may_change: Callable[[], bool] = lambda: True,
    ) -> None:
        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=5,
            read_timeout=20,
            max_pool_connections=connections,
            user_agent_extra="sagemaker-operator",
        )
        try:
            session = boto3.session.Session(region_name=region)
            self._clients: dict[str, Any] = {
                service: session.client(service, config=config) for service in ("sagemaker", "sts", "logs")
            }
            runtime = session.client("sagemaker-runtime", config=config)
        except (BotoCoreError, ValueError) as error:  # a profile that is not there, an AWS_ENDPOINT_URL that is no URL
            raise AWSError(Kind.CREDENTIALS, "CreateClient", type(error).__name__, str(error)) from error
        self.region, self.partition = region, runtime.meta.partition
        self.runtime_url = runtime.meta.endpoint_url
        runtime.close()
        self._budget = Budget(calls_per_second)
        self._on_call, self._may_change = on_call, may_change
        self._account_lock = threading.Lock()
        self._account: str | None = None

    def account(self) -> str:
        """The account of the credentials; asked once."""
        with self._account_lock:
            if self._account is None:
                self._account = str(self.call("get_caller_identity", service="sts")["Account"])
            return self._account

    def call(self, method: str, *, service: str = "sagemaker", **request: Any) -> dict[str, Any]:
        """One API call. Raises AWSError, NotLeadingError."""
        client = self._clients[service]
        operation = client.meta.method_to_api_mapping[method]
        bucket = self._budget.of(operation)
        bucket.take()
        if _changes(operation) and not self._may_change():
            raise NotLeadingError(f"{operation} in {self.region} was not called: the Lease is not held")
        started, outcome = time.monotonic(), "ok"
        reply: dict[str, Any] = {}
        try:
            reply = getattr(client, method)(**request)
        except (ClientError, BotoCoreError) as raised:
            error = classify(raised, operation)
            outcome, reply = error.kind.value, getattr(raised, "response", None) or {}
            if error.kind is Kind.THROTTLED:
                bucket.pause(_THROTTLE_PAUSE_SECONDS)
            raise error from raised
        finally:
            self._tell(operation, outcome, time.monotonic() - started, request, reply)
        return reply

    def pages(self, method: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        """The entries of all pages of a List operation. Raises AWSError."""
        token: dict[str, str] = {}
        while True:
            reply = self._page(method, MaxResults=_PAGE_SIZE, **request, **token)
            yield from reply[member]
            if not reply.get("NextToken"):
                return
            token = {"NextToken": reply["NextToken"]}

    def _page(self, method: str, **request: Any) -> dict[str, Any]:
        """A throttled page is asked for again: else a long list would begin anew each time."""
        for _ in range(_PAGE_ATTEMPTS - 1):
            try:
                return self.call(method, **request)
            except AWSError as error:
                if error.kind is not Kind.THROTTLED:
                    raise
        return self.call(method, **request)

    def _tell(
        self, operation: str, outcome: str, seconds: float, request: Mapping[str, Any], reply: Mapping[str, Any]
    ) -> None:
        if self._on_call is None:
            return
        target = next((str(request[key]) for key in _TARGETS if key in request), "")
        request_id = str(reply.get("ResponseMetadata", {}).get("RequestId", ""))
        self._on_call(Call(operation, target, outcome, seconds, request_id, _changes(operation)))


def _changes(operation: str) -> bool:
    return not operation.startswith(_READS)
