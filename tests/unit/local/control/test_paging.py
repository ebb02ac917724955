"""Pages: complete, in order, and unmoved by what comes and goes in between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.control.operations.paging import ListInput, page
from sagemaker_local.control.wire.errors import ApiError


@dataclass(frozen=True)
class Record:
    name: str
    creation_time: float
    last_modified_time: float = 0.0
    status: str = "InService"


RECORDS = st.lists(
    st.builds(Record, name=st.text("abc", min_size=1, max_size=4), creation_time=st.sampled_from([1.0, 2.0, 3.0])),
    unique_by=lambda each: each.name,
    max_size=30,
)
QUERIES = st.builds(
    ListInput,
    sort_by=st.sampled_from(["Name", "CreationTime", "Status"]),
    sort_order=st.sampled_from(["Ascending", "Descending"]),
    max_results=st.integers(1, 7),
)


@given(RECORDS, QUERIES)
def test_all_pages_together_are_the_list_in_order(records: list[Record], query: ListInput) -> None:
    found: list[Record] = []
    token: str | None = None
    while True:
        shown, token = page(records, replace(query, next_token=token))
        assert len(shown) <= query.max_results
        found += shown
        if token is None:
            break
        assert len(shown) == query.max_results
    field = {"Name": "name", "CreationTime": "creation_time", "Status": "status"}[query.sort_by]
    reverse = query.sort_order == "Descending"
    assert found == sorted(records, key=lambda each: (getattr(each, field), each.name), reverse=reverse)


@given(RECORDS, QUERIES, st.data())
def test_nothing_is_skipped_or_repeated_when_something_is_removed(
    records: list[Record], query: ListInput, data: st.DataObject
) -> None:
    first, token = page(records, query)
    if token is None:
        return
    removed = data.draw(st.sampled_from(first))
    left = [each for each in records if each is not removed]
    second, _ = page(left, replace(query, next_token=token, max_results=100))
    assert {each.name for each in first} | {each.name for each in second} == {each.name for each in records}
    assert not set(first) & set(second)


def test_filters_are_applied_together() -> None:
    records = [
        Record("fraud-a", 1.0, 5.0),
        Record("fraud-b", 2.0, 6.0),
        Record("fraud-c", 3.0, 7.0, "Failed"),
        Record("other", 2.0, 6.0),
    ]

    def names(**fields: object) -> list[str]:
        return [each.name for each in page(records, replace(ListInput(), **fields))[0]]  # type: ignore[arg-type]

    assert names() == ["fraud-c", "other", "fraud-b", "fraud-a"]
    assert names(name_contains="fraud") == ["fraud-c", "fraud-b", "fraud-a"]
    assert names(creation_time_after=2.0) == ["fraud-c", "other", "fraud-b"]
    assert names(creation_time_before=2.0) == ["fraud-a"]
    assert names(last_modified_time_after=6.0, last_modified_time_before=7.0) == ["other", "fraud-b"]
    assert names(status_equals="Failed", name_contains="fraud") == ["fraud-c"]


@pytest.mark.parametrize("token", ["x", "e30=", "WzFd", "ÿ"])
def test_a_token_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(ApiError, match="NextToken"):
        page([Record("a", 1.0)], ListInput(next_token=token))


def test_a_token_belongs_to_its_order() -> None:
    records = [Record("a", 1.0), Record("b", 2.0)]
    _, token = page(records, ListInput(max_results=1))
    with pytest.raises(ApiError, match="another SortBy"):
        page(records, ListInput(max_results=1, next_token=token, sort_by="Name"))
