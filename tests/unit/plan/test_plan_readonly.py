"""`--read-only` says what it would do."""

from collections.abc import Sequence
from typing import get_args

import pytest

from sagemaker_operator.plan import actions as a
from sagemaker_operator.plan.readonly import _WORDS, would

MODEL, CONFIG = a.CreateModel("m", {}, {}), a.CreateEndpointConfig("c", {}, {})


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([CONFIG], "create an endpoint config"),
        ([MODEL, CONFIG, a.CreateEndpoint("e", "c", {})], "create a model, an endpoint config and the endpoint"),
        (
            [MODEL, MODEL, CONFIG, a.UpdateEndpoint("e", "c")],
            "create 2 models and an endpoint config, update the endpoint",
        ),
        ([a.DeleteEndpoint("e")], "delete the endpoint"),
        (
            [a.DeleteEndpointConfig("c"), a.DeleteModel("m"), a.DeleteModel("n")],
            "delete an endpoint config and 2 models",
        ),
        ([a.UpdateWeights("e"), a.ChangeTags("arn", {})], "set weights and counts, change tags"),
    ],
)
def test_what_it_would_do_is_told_in_words(actions: Sequence[a.Action], words: str) -> None:
    assert would(actions) == words


def test_every_action_has_its_words() -> None:
    assert set(_WORDS) == {*get_args(a.KubernetesAction), *get_args(a.AWSAction)}
