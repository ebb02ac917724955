"""An object as the Kubernetes API sends it."""

from typing import Any

import pytest

from sagemaker_operator.api.resource import FINALIZER, RETRY_ANNOTATION, ObjectKey, parse_resource
from sagemaker_operator.api.status import Status

SPEC = {
    "variants": [
        {"name": "main", "containers": [{"image": "i"}], "instances": {"type": "ml.m5.large", "count": 1}},
    ]
}


def body(status: Any = None, spec: Any = SPEC, **metadata: Any) -> dict[str, Any]:
    given = {"namespace": "ml", "name": "fraud", "uid": "u1", "generation": 3, "resourceVersion": "42", **metadata}
    return {"metadata": given, "spec": spec, "status": status}


def test_a_whole_object() -> None:
    resource = parse_resource(
        body(
            {"observedGeneration": 2, "lastHandledRetry": "a"},
            finalizers=["other", FINALIZER],
            annotations={RETRY_ANNOTATION: "b"},
            deletionTimestamp="2026-11-12T09:00:00Z",
        )
    )
    assert resource.key == ObjectKey("ml", "fraud")
    assert str(resource.key) == "ml/fraud"
    assert (resource.uid, resource.generation, resource.resource_version) == ("u1", 3, "42")
    assert resource.deletion_requested
    assert resource.has_finalizer
    assert resource.spec is not None
    assert resource.spec.variants[0].instances.count == 1
    assert resource.spec_error is None
    assert resource.status == Status(observed_generation=2, last_handled_retry="a")


def test_the_least_that_an_object_has() -> None:
    resource = parse_resource({"metadata": {"namespace": "ml", "name": "f", "uid": "u", "resourceVersion": "1"}})
    assert not resource.deletion_requested
    assert not resource.has_finalizer
    assert not resource.retry_requested
    assert resource.status == Status()
    assert resource.spec_error == "spec.variants is missing"


def test_somebody_elses_finalizer_is_not_ours() -> None:
    assert not parse_resource(body(finalizers=["example.com/other"])).has_finalizer


@pytest.mark.parametrize(
    ("token", "handled", "requested"),
    [("a", None, True), ("a", "b", True), ("a", "a", False), (None, "a", False), (None, None, False)],
)
def test_a_retry_is_asked_for_until_its_token_was_acted_on(
    token: str | None, handled: str | None, requested: bool
) -> None:
    annotations = {RETRY_ANNOTATION: token} if token else None
    assert parse_resource(body({"lastHandledRetry": handled}, annotations=annotations)).retry_requested is requested


def test_a_spec_of_another_shape_says_where_and_leaves_the_rest_readable() -> None:
    resource = parse_resource(body({"endpointName": "ml-fraud"}, {"variants": [{"name": "main"}]}))
    assert resource.spec is None
    assert resource.spec_error == "spec.variants[0].containers is missing"
    assert resource.status.endpoint_name == "ml-fraud"


@pytest.mark.parametrize(
    "status",
    [
        {"conditions": [{"type": "Ready"}]},
        {"revisions": {"startTime": "soon"}},
        {"revisions": "none"},
        {"endpointName": 5},
        {"conditions": {"Ready": "True"}},
    ],
)
def test_a_status_of_another_shape_is_forgotten_for_aws_knows_better(status: dict[str, Any]) -> None:
    assert parse_resource(body(status)).status == Status()
