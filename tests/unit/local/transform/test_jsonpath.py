"""JSONPath: what the AWS page has, against what Python itself selects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.transform.jsonpath import ROOT, PathError, parsed, select

RECORD = {"id": 1, "features": [10, 20, 30], "more": {"a": {"b": 5}, "c": 6}}
ROW = ["a", "b", "c", "d", "e", "f", "g"]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", RECORD, RECORD),
        ("$.id", RECORD, 1),
        ("$['id']", RECORD, 1),
        ('$["more"].a.b', RECORD, 5),
        ("$.more.*", RECORD, [{"b": 5}, 6]),
        ("$.features[*]", RECORD, [10, 20, 30]),
        ("$.features[-1]", RECORD, 30),
        ("$['id','features']", RECORD, {"id": 1, "features": [10, 20, 30]}),
        ("$.more.['a', 'c']", RECORD, {"a": {"b": 5}, "c": 6}),
        ("$['a.b,c']", {"a.b,c": 1}, 1),
        ("$[1:]", ROW, ROW[1:]),
        ("$[:2]", ROW, ROW[:2]),
        ("$[2:5]", ROW, ROW[2:5]),
        ("$[1,3,5]", ROW, ["b", "d", "f"]),
        ("$[0,5:]", ROW, ["a", "f", "g"]),
        ("$[0,-1]", ROW, ["a", "g"]),
        ("$[0]", ROW, "a"),
        ("$[0:2].x", [{"x": 1}, {"x": 2}, {"x": 3}], [1, 2]),
    ],
)
def test_what_the_page_documents(path: str, value: Any, found: Any) -> None:
    assert select(parsed(path), value) == found


@pytest.mark.parametrize("path", ["", "id", "$id", "$..id", "$[", "$[a]", "$['a'", "$['a',]", "$[1:2:3]", "$[?(@.a)]",
                                  "$.", "$['a','b'].c", "$[]", "$.a b", "$[1,'a']"])  # fmt: skip
def test_what_is_not_supported_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        parsed(path)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("$.x", RECORD, "no attribute 'x'"),
        ("$['id','x']", RECORD, "no attribute 'x'"),
        ("$.x", ROW, "'x' is the name of an attribute"),
        ("$[7]", ROW, "index 7 is not within the 7"),
        ("$[0,-8]", ROW, "index -8 is not within the 7"),
        ("$[0]", RECORD, "needs a row of CSV or a JSON array"),
        ("$.id.*", RECORD, "A wildcard needs"),
    ],
)
def test_what_does_not_fit_the_data_is_said(path: str, value: Any, said: str) -> None:
    with pytest.raises(PathError, match=said):
        select(parsed(path), value)


@given(st.lists(st.integers()), st.none() | st.integers(-9, 9), st.none() | st.integers(-9, 9))
def test_slices_are_pythons(values: list[int], start: int | None, end: int | None) -> None:
    path = f"$[{'' if start is None else start}:{'' if end is None else end}]"
    assert select(parsed(path), values) == values[start:end]


@given(st.text())
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        path = parsed(text)
    except PathError:
        return
    assert (path == ROOT) == (text == "$")
