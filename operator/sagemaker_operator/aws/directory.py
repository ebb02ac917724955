"""What is known of one account and region between two looks: the last listings, corrected by what we did since."""

import datetime as dt
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sagemaker_operator.api.identity import Identity
from sagemaker_operator.plan.observed import ObservedEndpoint

_MODEL = re.compile(r"(.+)-m[0-9a-f]{10}")
_CONFIG = re.compile(r"(.+)-[0-9a-f]{10}-[0-9a-f]{4}")


@dataclass(frozen=True, slots=True)
class EndpointSummary:
    """An entry of ListEndpoints; `modified` is None when we changed the endpoint and no listing has shown it since."""

    status: str
    modified: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """A DescribeEndpoint with its tags, and the listing's words about the endpoint at that time.

    `tags_read`: the tags are as of then, too, not those that we know of an earlier look or wrote ourselves.
    """

    endpoint: ObservedEndpoint
    summary: EndpointSummary | None
    taken_at: float
    tags_read: bool


class Parts:
    """The names of all models, or of all endpoint configs, by the base that they begin with."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._by_base: dict[str, set[str]] = defaultdict(set)
        self._owners: dict[str, Identity | None] = {}
        self._touched: dict[str, float] = {}

    def of(self, base: str, owner: Identity) -> frozenset[str]:
        """The names with this base that are not known to be somebody else's."""
        return frozenset(name for name in self._by_base.get(base, ()) if self._owners.get(name, owner) == owner)

    def owner_known(self, name: str) -> bool:
        """Whether the tags were read, or written by us."""
        return name in self._owners

    def owned(self, name: str, owner: Identity | None) -> None:
        """Whom the tags name; None for nobody of our kind."""
        self._owners[name] = owner

    def add(self, name: str, now: float) -> None:
        """It exists."""
        if match := self._pattern.fullmatch(name):
            self._by_base[match[1]].add(name)
            self._touched[name] = now

    def remove(self, name: str, now: float) -> None:
        """It is gone."""
        if match := self._pattern.fullmatch(name):
            self._by_base[match[1]].discard(name)
            self._touched[name] = now
            self._owners.pop(name, None)

    def replace(self, listed: Iterable[str], started: float) -> set[str]:
        """By a listing begun at `started`; what we did since then counts more. Returns the names that have gone."""
        before = {name for names in self._by_base.values() for name in names}
        touched = {name for name, at in self._touched.items() if at >= started}
        existing = {name for name in listed if name not in touched and self._pattern.fullmatch(name)}
        existing |= touched & before
        self._by_base = defaultdict(set)
        for name in existing:
            if match := self._pattern.fullmatch(name):
                self._by_base[match[1]].add(name)
        self._owners = {name: owner for name, owner in self._owners.items() if name in existing}
        self._touched = {name: self._touched[name] for name in touched}
        return before - existing


class Directory:
    """Thread-safe. Names of endpoints are compared without case, as SageMaker does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.models, self.configs = Parts(_MODEL), Parts(_CONFIG)
        self.endpoints_listed = False
        self.parts_listed_at: float | None = None
        self._summaries: dict[str, EndpointSummary] = {}
        self._spelling: dict[str, str] = {}
        self._touched: dict[str, float] = {}
        self._unsure: set[str] = set()
        self._looks: dict[str, Look] = {}
        self._tags: dict[str, tuple[dt.datetime | None, Mapping[str, str]]] = {}

    def replace_endpoints(self, listed: Mapping[str, EndpointSummary], started: float) -> set[str]:
        """By a ListEndpoints begun at `started`. Returns the lower-case names whose endpoint came, went or changed."""
        with self.lock:
            new = {name.lower(): summary for name, summary in listed.items()}
            self._spelling = {name.lower(): name for name in listed}
            newer = {name for name, at in self._touched.items() if at >= started}
            for name in newer:
                new.pop(name, None)
                if name in self._summaries:
                    new[name] = self._summaries[name]
            old, self._summaries = self._summaries, new
            self._touched = {name: self._touched[name] for name in newer}
            first, self.endpoints_listed = not self.endpoints_listed, True
            if first:
                return set(new)
            return {name for name in old.keys() | new.keys() if _turned(old.get(name), new.get(name))}

    def summary(self, name: str) -> EndpointSummary | None:
        """What the last listing, or what we did since, says of the endpoint; None when it is not there."""
        with self.lock:
            return self._summaries.get(name.lower())

    def spelling(self, name: str) -> str:
        """The name as the listing has it: an endpoint cannot be created beside it, but only this one finds it."""
        with self.lock:
            return self._spelling.get(name.lower(), name)

    def look(self, name: str) -> Look | None:
        """The last description, if the listing has not said otherwise since."""
        with self.lock:
            look = self._looks.get(name.lower())
            if look is None or self.unsure(name) or look.summary != self._summaries.get(name.lower()):
                return None
            return look

    def unsure(self, name: str) -> bool:
        """Whether only a description can tell: a request may have been carried out although no reply came."""
        with self.lock:
            return name.lower() in self._unsure

    def doubt(self, name: str) -> None:
        """What is known of the endpoint may be wrong."""
        with self.lock:
            self._unsure.add(name.lower())

    def changed(self, name: str, status: str) -> None:
        """We asked SageMaker to change the endpoint, which is in `status` from now on."""
        with self.lock:
            self._summaries[name.lower()] = EndpointSummary(status)
            self._touched[name.lower()] = self.clock()

    def described(self, name: str, endpoint: ObservedEndpoint | None, *, tags_read: bool = False) -> Look | None:
        """DescribeEndpoint was asked."""
        with self.lock:
            key = name.lower()
            self._unsure.discard(key)
            if endpoint is None:
                self._looks.pop(key, None)
                self._tags.pop(key, None)
                if self._summaries.pop(key, None):
                    self._touched[key] = self.clock()
                return None
            summary = EndpointSummary(endpoint.status, endpoint.last_modified_time)
            if self._summaries.get(key) != summary:
                self._summaries[key] = summary
                self._touched[key] = self.clock()
            self._looks[key] = look = Look(endpoint, summary, self.clock(), tags_read)
            return look

    def tags(self, name: str, created: dt.datetime) -> Mapping[str, str] | None:
        """The tags of the endpoint created at that time, if they were read or written since."""
        with self.lock:
            known = self._tags.get(name.lower())
            if known is None or known[0] not in (None, created):
                return None
            self._tags[name.lower()] = (created, known[1])
            return known[1]

    def tagged(self, name: str, tags: Mapping[str, str], created: dt.datetime | None = None) -> None:
        """The tags were read, or written at creation (`created` is then not known yet)."""
        with self.lock:
            self._tags[name.lower()] = (created, dict(tags))

    def retagged(self, name: str, add: Mapping[str, str], remove: Iterable[str]) -> None:
        """We changed the tags of an endpoint that was described."""
        key, gone = name.lower(), set(remove)
        with self.lock:
            if (known := self._tags.get(key)) is None or (look := self._looks.get(key)) is None:
                return
            tags = {k: v for k, v in {**known[1], **add}.items() if k not in gone}
            self._tags[key] = (known[0], tags)
            self._looks[key] = replace(look, endpoint=replace(look.endpoint, tags=tags))


def _turned(old: EndpointSummary | None, new: EndpointSummary | None) -> bool:
    """A change that we asked for ourselves turns nothing until it ends; a listing may even show it before our reply."""
    if new is None or old is None:
        return old is not new and (new is None or new.status != "Creating")
    if old.status != new.status:
        return True
    return old.modified is not None and old.modified != new.modified
