"""Which objects, to where, on which instance."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.transform.inputs import (
    Input,
    Location,
    location_of,
    of_manifest,
    of_prefix,
    output_of,
    shared_out,
)


@pytest.mark.parametrize(
    ("prefix", "keys", "outputs"),
    [
        ("in/", ["in/b", "in/a/c.csv"], ["out/a/c.csv.out", "out/b.out"]),
        ("in/data.csv", ["in/data.csv"], ["out/data.csv.out"]),
        ("in/da", ["in/data", "in/day/x"], ["out/data.out", "out/day/x.out"]),
        ("", ["x"], ["out/x.out"]),
        ("in/", ["in/", "in/folder/"], []),
    ],
)
def test_outputs_keep_what_follows_the_prefixs_last_slash(prefix: str, keys: list[str], outputs: list[str]) -> None:
    found = of_prefix(Location("b", prefix), keys)
    assert [output_of(Location("o", "out/"), each).key for each in found] == outputs
    assert [output_of(Location("o", ""), each).key for each in found] == [each.removeprefix("out/") for each in outputs]


def test_a_manifest_is_its_prefix_and_the_rest_of_each_key() -> None:
    found = of_manifest(json.dumps([{"prefix": "s3://b/some/prefix/"}, "x", "y/z"]).encode())
    assert [str(each.location) for each in found] == ["s3://b/some/prefix/x", "s3://b/some/prefix/y/z"]
    assert [each.relative for each in found] == ["x", "y/z"]


@pytest.mark.parametrize("text", ["{}", "[]", '["a"]', '[{"prefix": 1}]', '[{"prefix": "b"}]', "x",
                                  '[{"prefix": "s3://b/"}, 1]', '[{"prefix": "s3://b/"}, ""]'])  # fmt: skip
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"manifest|must be|Expecting"):
        of_manifest(text.encode())


def test_a_location_is_a_bucket_and_any_key() -> None:
    assert location_of("s3://b/a?b#c") == Location("b", "a?b#c")
    assert location_of("s3://b") == Location("b", "")
    for wrong in ("https://b/k", "s3:///k", "b/k"):
        with pytest.raises(ValueError, match="must be s3://bucket/prefix"):
            location_of(wrong)


@given(st.integers(0, 20), st.integers(1, 6))
def test_objects_are_shared_out_evenly_and_all_of_them(count: int, instances: int) -> None:
    inputs = [Input(Location("b", str(number)), str(number)) for number in range(count)]
    shares = shared_out(inputs, instances)
    assert sorted((each for share in shares for each in share), key=inputs.index) == inputs
    assert len(shares) == instances
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
