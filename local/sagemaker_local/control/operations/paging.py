"""The List operations' common part: filters, order and pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sagemaker_local.control.wire.errors import invalid

_DEFAULT_PAGE = 10


class Listed(Protocol):
    """What every listed record has."""

    @property
    def name(self) -> str:
        """Unique in the list."""

    @property
    def creation_time(self) -> float:
        """Epoch seconds."""


@dataclass(frozen=True, slots=True)
class ListInput:
    """The members that List operations share; few have all of them, some have filters of their own besides.

    Without order the newest comes first, ten at a time (API reference, ListEndpoints). Times are epoch seconds;
    "after" includes the moment itself, "before" does not.
    """

    sort_by: str = "CreationTime"
    sort_order: str = "Descending"
    next_token: str | None = None
    max_results: int = _DEFAULT_PAGE
    name_contains: str = ""
    creation_time_before: float | None = None
    creation_time_after: float | None = None
    last_modified_time_before: float | None = None
    last_modified_time_after: float | None = None
    status_equals: str | None = None


R = TypeVar("R", bound=Listed)

_FIELDS = {"Name": "name", "CreationTime": "creation_time", "Status": "status"}


def page(records: Iterable[R], query: ListInput) -> tuple[list[R], str | None]:
    """One page and the token of the next, None on the last.

    A token names the last record of its page, so what comes or goes between two calls shifts nothing.
    Raises ApiError for a token that is not of this query.
    """
    field, descending = _FIELDS[query.sort_by], query.sort_order == "Descending"

    def place(record: R) -> tuple[Any, str]:
        return getattr(record, field), record.name

    found = [each for each in records if _matches(each, query)]
    if query.next_token is not None:
        last = _read(query)
        found = [each for each in found if (place(each) < last if descending else place(each) > last)]
    found.sort(key=place, reverse=descending)
    shown = found[: query.max_results]
    return shown, _token(query, *place(shown[-1])) if len(found) > len(shown) else None


def _matches(record: Any, query: ListInput) -> bool:
    return (
        query.name_contains in record.name
        and _within(record.creation_time, query.creation_time_after, query.creation_time_before)
        and (query.status_equals is None or record.status == query.status_equals)
        and (
            (query.last_modified_time_after is None and query.last_modified_time_before is None)
            or _within(record.last_modified_time, query.last_modified_time_after, query.last_modified_time_before)
        )
    )


def _within(time: float, after: float | None, before: float | None) -> bool:
    return (after is None or time >= after) and (before is None or time < before)


def _token(query: ListInput, value: Any, name: str) -> str:
    text = json.dumps([query.sort_by, query.sort_order, value, name])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read(query: ListInput) -> tuple[Any, str]:
    try:
        sort_by, sort_order, value, name = json.loads(base64.urlsafe_b64decode(query.next_token or ""))
    except (ValueError, TypeError, binascii.Error):
        raise invalid("NextToken is not one that this operation gave out; leave it out to begin anew.") from None
    if (sort_by, sort_order) != (query.sort_by, query.sort_order):
        raise invalid("NextToken belongs to another SortBy or SortOrder; repeat those of the first page.")
    return value, name
