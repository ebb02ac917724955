"""One account and region: the client, what is known there, and the looks that renew it."""

import threading
from collections.abc import Mapping

from sagemaker_operator.api.identity import Owner
from sagemaker_operator.aws.client import RegionClient
from sagemaker_operator.aws.directory import Directory, EndpointSummary, Look, Parts
from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.aws.parse import endpoint_of, tags_of

_FAILED_SWEEPS = 3


class Region:
    """Thread-safe. Sweeps see all endpoints at once; one is described only when it changed, or when asked for."""

    def __init__(self, client: RegionClient, parts_seconds: float) -> None:
        self.client = client
        self.directory = Directory()
        self._parts_seconds = parts_seconds
        self._sweeping, self._listing = threading.Lock(), threading.Lock()
        self._failed_sweeps = 0
        self._error: AWSError | None = None

    @property
    def failing(self) -> bool:
        """Whether the last sweeps failed, so that what is known may be long out of date."""
        return self._failed_sweeps >= _FAILED_SWEEPS

    def sweep(self) -> set[str]:
        """Lists all endpoints. Returns the lower-case names of those that came, went or changed. Raises AWSError."""
        with self._sweeping:
            started = self.directory.clock()
            try:
                listed = {
                    entry["EndpointName"]: EndpointSummary(entry["EndpointStatus"], entry["LastModifiedTime"])
                    for entry in self.client.pages("list_endpoints", "Endpoints")
                }
            except AWSError as error:
                self._failed_sweeps, self._error = self._failed_sweeps + 1, error
                raise
            self._failed_sweeps, self._error = 0, None
            return self.directory.replace_endpoints(listed, started)

    def ready(self) -> None:
        """Raises AWSError while nothing, or nothing recent, is known of the region."""
        if self.failing and self._error:
            raise self._error
        if not self.directory.endpoints_listed:
            with self._listing:
                if not self.directory.endpoints_listed:
                    self.sweep()
        self._list_parts()

    def forget_parts(self) -> None:
        """SageMaker did not find a model or config that we took for there: they are listed anew."""
        self.directory.parts_listed_at = None

    def _list_parts(self) -> None:
        with self._listing:
            directory, started = self.directory, self.directory.clock()
            if directory.parts_listed_at is not None and started - directory.parts_listed_at < self._parts_seconds:
                return
            models = [entry["ModelName"] for entry in self.client.pages("list_models", "Models")]
            configs = [e["EndpointConfigName"] for e in self.client.pages("list_endpoint_configs", "EndpointConfigs")]
            with directory.lock:
                directory.models.replace(models, started)
                directory.configs.replace(configs, started)
                directory.parts_listed_at = started

    def look(self, name: str, oldest_seconds: float) -> Look | None:
        """The endpoint, described anew unless it was within `oldest_seconds` and has not changed since.

        None when there is no endpoint of that name. Raises AWSError.
        """
        directory = self.directory
        if directory.summary(name) is None and not directory.unsure(name) and oldest_seconds > 0:
            return None
        look = directory.look(name)
        if look is not None and directory.clock() - look.taken_at <= oldest_seconds:
            return look
        self._describe(name, drifted=look is not None)
        return directory.look(name)

    def _describe(self, name: str, *, drifted: bool) -> None:
        """`drifted`: no listing says that it changed, so this look is for what none shows: the tags too."""
        try:
            reply = self.client.call("describe_endpoint", EndpointName=self.directory.spelling(name))
            tags = None if drifted else self.directory.tags(name, reply["CreationTime"])
            if tags is None:
                tags = self.read_tags(reply["EndpointArn"])
                self.directory.tagged(name, tags, reply["CreationTime"])
        except AWSError as error:
            if error.kind is not Kind.ABSENT:
                raise
            self.directory.described(name, None)
            return
        self.directory.described(name, endpoint_of(reply, dict(tags)))

    def read_tags(self, arn: str) -> Mapping[str, str]:
        """ListTags. Raises AWSError."""
        return tags_of(list(self.client.pages("list_tags", "Tags", ResourceArn=arn)))

    def owns_part(self, owner: Owner, parts: Parts, name: str) -> bool:
        """Whether a model or config carries the owner's tags; read once. Raises AWSError."""
        known = parts.ours(name)
        if known is None:
            kind = "model" if parts is self.directory.models else "endpoint-config"
            partition = _partition(self.client.region)
            arn = f"arn:{partition}:sagemaker:{self.client.region}:{self.client.account()}:{kind}/{name}"
            known = owner.owns(self.read_tags(arn))
            with self.directory.lock:
                parts.judge(name, known)
        return known


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
