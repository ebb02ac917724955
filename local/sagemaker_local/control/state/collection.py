"""The resources of one kind that an account has in a region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from sagemaker_local.control.state import names, refusals


class Named(Protocol):
    """A resource."""

    @property
    def name(self) -> str:
        """Unique among its kind, in an account and region, without regard to case."""


R = TypeVar("R", bound=Named)
Tags = dict[str, dict[str, str]]
"""Keys and values by ARN."""


class Collection(Generic[R]):
    """Names are found in their own case and taken in any (API reference, CreateEndpoint).

    ``tags`` are those of the account in the region; a resource that is removed has none any more.
    """

    def __init__(self, region: str, account: str, kind: str, tags: Tags) -> None:
        self._region, self._account, self._kind, self._tags = region, account, kind, tags
        self._members: dict[str, R] = {}

    def __iter__(self) -> Iterator[R]:
        return iter(self._members.values())

    def arn(self, name: str) -> str:
        """What the resource's ARN is or would be."""
        return names.arn_of(self._region, self._account, self._kind, name)

    def get(self, name: str) -> R | None:
        """None when there is none of this name."""
        found = self._members.get(name.lower())
        return found if found is not None and found.name == name else None

    def require(self, name: str) -> R:
        """Raises ApiError when there is none of this name."""
        found = self.get(name)
        if found is None:
            raise refusals.absent(self._kind, name, self.arn(name))
        return found

    def find(self, name_or_arn: str) -> R | None:
        """Of a name or an ARN; None when there is none in this account and region."""
        parsed = names.parsed_arn(name_or_arn)
        if parsed is None:
            return self.get(name_or_arn)
        if (parsed.account, parsed.region, parsed.kind) != (self._account, self._region, self._kind):
            return None
        return self._members.get(parsed.name)

    def resolve(self, name_or_arn: str) -> R:
        """The same. Raises ApiError when there is none."""
        found = self.find(name_or_arn)
        if found is None:
            arn = name_or_arn if names.parsed_arn(name_or_arn) else self.arn(name_or_arn)
            raise refusals.absent(self._kind, name_or_arn, arn)
        return found

    def refuse_taken(self, name: str) -> None:
        """Raises ApiError when the name is taken."""
        if name.lower() in self._members:
            raise refusals.taken(self._kind, self.arn(name))

    def put(self, record: R) -> None:
        """Add it, or replace the one of the same name."""
        self._members[record.name.lower()] = record

    def remove(self, name: str) -> None:
        """Once it is gone, and with it its tags."""
        self._members.pop(name.lower(), None)
        self._tags.pop(self.arn(name), None)
