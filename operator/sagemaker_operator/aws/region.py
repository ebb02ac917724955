"""One account and region: the client, what is known there, and the looks that renew it."""

import threading
from collections.abc import Mapping

from sagemaker_operator.api.identity import Owner, identity_of
from sagemaker_operator.aws.client import RegionClient
from sagemaker_operator.aws.directory import Directory, EndpointSummary, Look, Parts
from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.aws.parse import endpoint_of, tags_of

_FAILED_SWEEPS = 3
# After a failed first listing others are told the same for a while, instead of each waiting for a time-out of its own.
_FAILURE_HOLDS_SECONDS = 5.0


class Region:
    """Thread-safe. Sweeps see all endpoints at once; one is described only when it changed, or when asked for.

    `parts_seconds`: between listings of all models and configs. `outage_seconds`: sweeps that fail for so long are an
    outage, in which what is known counts no more.
    """

    def __init__(self, client: RegionClient, parts_seconds: float, outage_seconds: float = 0.0) -> None:
        self.client = client
        self.directory = Directory()
        self._parts_seconds, self._outage_seconds = parts_seconds, outage_seconds
        self._sweeping, self._listing = threading.Lock(), threading.Lock()
        self._failed_sweeps, self._failed_since = 0, 0.0
        self._error: tuple[AWSError, float] | None = None

    @property
    def failing(self) -> bool:
        """Whether sweeps have failed for so long that what is known may be out of date."""
        lasting = self.directory.clock() - self._failed_since >= self._outage_seconds
        return self._failed_sweeps >= _FAILED_SWEEPS and lasting

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
                if not self._failed_sweeps:
                    self._failed_since = started
                self._failed_sweeps += 1
                self._error = (error, self.directory.clock())
                raise
            self._failed_sweeps, self._error = 0, None
            return self.directory.replace_endpoints(listed, started)

    def ready(self) -> None:
        """Raises AWSError while nothing, or nothing recent, is known of the region."""
        directory, error = self.directory, self._error
        if error is not None and self.failing:
            raise error[0].again()
        if directory.endpoints_listed and directory.parts_listed_at is not None:
            return
        with self._listing:
            error = self._error
            if error is not None and directory.clock() - error[1] < _FAILURE_HOLDS_SECONDS:
                raise error[0].again()
            try:
                if not directory.endpoints_listed:
                    self.sweep()
                if directory.parts_listed_at is None:
                    self._list_parts()
            except AWSError as failure:
                if failure.kind is Kind.UNREACHABLE:
                    self._error = (failure, directory.clock())
                raise

    def forget_parts(self) -> None:
        """What is known of models and configs may be wrong: they are listed anew before the next look."""
        self.directory.parts_listed_at = None

    def renew_parts(self) -> bool:
        """Lists models and configs again when it is time. True when one of ours has gone. Raises AWSError."""
        listed_at = self.directory.parts_listed_at
        if listed_at is None or self.directory.clock() - listed_at < self._parts_seconds:
            return False
        with self._listing:
            return self._list_parts()

    def _list_parts(self) -> bool:
        """Thousands of models take a while: nobody waits for it but who has never seen a list."""
        directory, started = self.directory, self.directory.clock()
        models = [entry["ModelName"] for entry in self.client.pages("list_models", "Models")]
        configs = [e["EndpointConfigName"] for e in self.client.pages("list_endpoint_configs", "EndpointConfigs")]
        with directory.lock:
            gone = directory.models.replace(models, started) | directory.configs.replace(configs, started)
            directory.parts_listed_at = started
        return bool(gone)

    def look(self, name: str, oldest_seconds: float, *, sure: bool = False) -> Look | None:
        """The endpoint, described anew unless it was within `oldest_seconds` and has not changed since.

        `sure`: its tags too are not older than that. None when there is no endpoint of that name. Raises AWSError.
        """
        directory = self.directory
        if directory.summary(name) is None and not directory.unsure(name) and oldest_seconds > 0:
            return None
        look = directory.look(name)
        if look is not None and directory.clock() - look.taken_at <= oldest_seconds and (look.tags_read or not sure):
            return look
        # Where no listing says that it changed, the look is for what no listing shows: the tags.
        return self._describe(name, read_tags=sure or look is not None)

    def _describe(self, name: str, *, read_tags: bool) -> Look | None:
        try:
            reply = self.client.call("describe_endpoint", EndpointName=self.directory.spelling(name))
            tags = None if read_tags else self.directory.tags(name, reply["CreationTime"])
            read_tags = tags is None
            if tags is None:
                tags = self.read_tags(reply["EndpointArn"])
                self.directory.tagged(name, tags, reply["CreationTime"])
        except AWSError as error:
            if error.kind is not Kind.ABSENT:
                raise
            return self.directory.described(name, None)
        return self.directory.described(name, endpoint_of(reply, dict(tags)), tags_read=read_tags)

    def read_tags(self, arn: str) -> Mapping[str, str]:
        """ListTags. Raises AWSError."""
        return tags_of(list(self.client.pages("list_tags", "Tags", ResourceArn=arn)))

    def parts_of(self, owner: Owner, parts: Parts, base: str) -> frozenset[str]:
        """The models, or the configs, with this base that may be the owner's."""
        with self.directory.lock:
            return parts.of(base, owner.identity)

    def owns_part(self, owner: Owner, parts: Parts, base: str, name: str) -> bool:
        """Whether a model or config carries the owner's tags; they are read once. Raises AWSError."""
        if not parts.owner_known(name):
            kind = "model" if parts is self.directory.models else "endpoint-config"
            arn = f"arn:{self.client.partition}:sagemaker:{self.client.region}:{self.client.account()}:{kind}/{name}"
            found = identity_of(self.read_tags(arn))
            with self.directory.lock:
                parts.owned(name, found)
        return name in self.parts_of(owner, parts, base)
