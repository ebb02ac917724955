"""Names and tags: who owns an AWS object, and that no two owners ever share one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sagemaker_operator.api import identity
from sagemaker_operator.api.identity import Owner, base_name, config_name, endpoint_name, model_name
from sagemaker_operator.api.resource import ObjectKey

NAME_ON_AWS = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
"""SageMaker's own pattern of ModelName, EndpointConfigName and EndpointName."""

OWNER = Owner("c1", ObjectKey("ml", "fraud"), "u1")
LONG = "ml-" + "a" * 43  # 46 characters, the most that stay as they are

# Long names that begin alike are the hard case, so most are drawn around one stem.
endpoint_names = st.one_of(
    st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,30}", fullmatch=True),
    st.builds(
        lambda cut, rest: ("team-" * 13)[:cut] + rest,
        st.integers(0, 61),
        st.from_regex(r"[a-z0-9]{1,2}", fullmatch=True),
    ),
).filter(NAME_ON_AWS.fullmatch)
kubernetes_names = st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,60}[a-z0-9])?", fullmatch=True)


def test_a_short_endpoint_name_is_the_base_itself() -> None:
    assert base_name("ml-fraud") == "ml-fraud"
    assert base_name(LONG) == LONG


def test_a_longer_name_is_cut_and_told_apart_by_its_hash() -> None:
    first, second = base_name(LONG + "b"), base_name(LONG + "c")
    assert first == "ml-" + "a" * 34 + "-b7b5c662"
    assert first[:37] == second[:37]
    assert first != second


def test_no_hyphens_pile_up_where_a_long_name_is_cut() -> None:
    assert re.fullmatch(r"a{36}-[0-9a-f]{8}", base_name("a" * 36 + "-" + "b" * 20))


@given(endpoint_names, endpoint_names)
@example(LONG + "b", LONG + "c")
@example("a" * 63, "a" * 62)
def test_two_endpoints_never_share_a_model_or_a_config(one: str, other: str) -> None:
    assert (base_name(one) == base_name(other)) == (one == other)
    assert (model_name(base_name(one), "0" * 10) == model_name(base_name(other), "0" * 10)) == (one == other)


@given(endpoint_names)
@example("a" * 63)
@example("a" * 36 + "-" * 20 + "b")
def test_all_derived_names_are_names_that_sagemaker_takes(name: str) -> None:
    base = base_name(name)
    for derived in (model_name(base, "0" * 10), config_name(base, "0" * 10, "0" * 4)):
        assert NAME_ON_AWS.fullmatch(derived)
        assert len(derived) <= 63


@given(kubernetes_names, st.from_regex(r"[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?", fullmatch=True))
@example("a" * 253, "n" * 63)
@example("b" * 51 + "-c." + "d" * 9, "n")
def test_every_kubernetes_name_gives_an_endpoint_name_that_sagemaker_takes(name: str, namespace: str) -> None:
    derived = endpoint_name(ObjectKey(namespace, name), None)
    assert NAME_ON_AWS.fullmatch(derived)
    assert len(derived) <= 63


def test_the_endpoint_name_is_the_users_or_follows_from_namespace_and_name() -> None:
    key = ObjectKey("ml", "fraud.v2")
    assert endpoint_name(key, None) == "ml-fraud-v2"
    assert endpoint_name(key, None, "prod-") == "prod-ml-fraud-v2"
    assert endpoint_name(key, "Fraud-EU", "prod-") == "Fraud-EU"


def test_too_long_endpoint_names_differ_by_the_hash_of_namespace_and_name() -> None:
    one, other = (endpoint_name(ObjectKey("ml", "x" * 61 + end), None) for end in "ab")
    assert one[:54] == other[:54] == "ml-" + "x" * 51
    assert one != other
    assert len(one) == 63


@given(st.from_regex(r"[0-9a-f]{10}", fullmatch=True), st.from_regex(r"[0-9a-f]{4}", fullmatch=True), endpoint_names)
def test_a_config_name_gives_its_revision_back(revision: str, initial: str, name: str) -> None:
    base = base_name(name)
    assert identity.revision_of(base, config_name(base, revision, initial)) == revision


@pytest.mark.parametrize(
    "config",
    ["", "ml-fraud", "ml-fraud-0123456789", "ml-fraud-0123456789-abcde", "ml-fraud-v2-0123456789-abcd",
     "xml-fraud-0123456789-abcd", "ml-fraud-0123456789-ABCD", "ml-fraud-0123456789-abcd\n"],
)  # fmt: skip
def test_another_name_has_no_revision_of_ours(config: str) -> None:
    assert identity.revision_of("ml-fraud", config) is None


def test_a_dot_in_a_name_is_no_pattern() -> None:
    assert identity.revision_of("a.c", "abc-0123456789-abcd") is None


def test_the_owner_is_cluster_namespace_and_name_and_a_restored_object_has_another_uid() -> None:
    restored = Owner("c1", ObjectKey("ml", "fraud"), "u2")
    assert restored.owns(OWNER.tags())
    assert OWNER.tags() == {
        "sagemaker-operator.io/cluster": "c1",
        "sagemaker-operator.io/namespace": "ml",
        "sagemaker-operator.io/name": "fraud",
        "sagemaker-operator.io/uid": "u1",
    }


@pytest.mark.parametrize("key", ["cluster", "namespace", "name"])
@pytest.mark.parametrize("value", ["other", "", None])
def test_one_wrong_or_missing_identity_tag_is_enough_to_be_somebody_elses(key: str, value: str | None) -> None:
    tags = OWNER.tags() | {f"sagemaker-operator.io/{key}": value}
    if value is None:
        del tags[f"sagemaker-operator.io/{key}"]
    assert not OWNER.owns(tags)


def test_a_refused_name_says_whose_it_is() -> None:
    assert identity.describe_owner({"team": "x"}, "c1") == "carries no tag of ours"
    assert identity.describe_owner(OWNER.tags(), "c1") == "belongs to SageMakerEndpoint ml/fraud of this cluster"
    assert identity.describe_owner(OWNER.tags(), "c2") == "belongs to SageMakerEndpoint ml/fraud of cluster c1"
