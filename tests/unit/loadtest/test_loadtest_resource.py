"""What the status of a SageMakerEndpoint means for a test."""

from typing import Any

import pytest

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Endpoint, Load, LoadTest, OpenLoad, Payloads, PayloadSource
from sagemaker_loadtest.pods.kube import KubernetesAPI, KubernetesError
from sagemaker_loadtest.pods.resource import readiness, resolve

TEST = LoadTest("t", Endpoint("", "", "fraud"), Payloads((PayloadSource("x"),)), Load(5.0, open=OpenLoad(1.0)))


def document(generation: int = 1, **conditions: str) -> dict[str, Any]:
    found = [{"type": kind, "status": status, "reason": "Why", "message": "so"} for kind, status in conditions.items()]
    status = {"observedGeneration": 1, "conditions": found, "endpointName": "ml-fraud", "region": "eu-west-1"}
    return {"metadata": {"generation": generation}, "status": status}


@pytest.mark.parametrize(
    ("found", "reason", "hopeless"),
    [
        ({}, "it has no condition Ready yet", False),
        ({"metadata": {"generation": 1}}, "the operator has not looked", False),
        (document(generation=2, Ready="True", Synced="True"), "the operator has not looked", False),
        (document(Ready="False", Synced="False"), "Ready=False, Why: so", False),
        (document(Ready="True", Synced="False"), "Synced=False, Why: so", False),
        (document(Ready="True"), "no condition Synced", False),
        (document(Ready="True", Synced="True", Stalled="True"), "Stalled=True, Why: so", True),
        (document(Ready="True", Synced="True") | {"metadata": {"generation": 1}}, "", False),
    ],
)
def test_readiness(found: dict[str, Any], reason: str, hopeless: bool) -> None:
    seen = readiness(found)
    assert reason in seen.reason
    assert seen.hopeless is hopeless
    assert (seen.endpoint == Endpoint("ml-fraud", "eu-west-1")) is (reason == "")


class API(KubernetesAPI):
    """Answers in turn; the last one stays."""

    __slots__ = ("answers",)
    answers: list[dict[str, Any] | KubernetesError]

    @classmethod
    def saying(cls, *answers: dict[str, Any] | KubernetesError) -> "API":
        api = cls.__new__(cls)
        object.__setattr__(api, "namespace", "ml")
        object.__setattr__(api, "answers", list(answers))
        return api

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/apis/sagemaker-operator.io/v1alpha1/namespaces/ml/sagemakerendpoints/fraud"
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, KubernetesError):
            raise answer
        return answer


def test_a_passing_error_of_the_api_is_waited_out_and_each_state_told_once() -> None:
    waiting, ready = document(Ready="False"), document(Ready="True", Synced="True")
    told: list[str] = []
    api = API.saying(KubernetesError(503, "etcd is away"), waiting, waiting, ready)
    test = resolve(TEST, api, 60.0, told.append, sleep=lambda _: None)
    assert test.endpoint == Endpoint("ml-fraud", "eu-west-1", "fraud")
    assert [line.rpartition(": ")[2] for line in told] == ["etcd is away", "so", "ml-fraud in eu-west-1"]


@pytest.mark.parametrize(("status", "told"), [(404, "in namespace ml"), (403, "rbac.create"), (401, "rbac.create")])
def test_what_waiting_does_not_help(status: int, told: str) -> None:
    def never(seconds: float) -> None:
        raise AssertionError("waited")

    with pytest.raises(ConfigurationError, match=told):
        resolve(TEST, API.saying(KubernetesError(status, "no")), 60.0, print, sleep=never)


def test_a_test_by_name_needs_no_cluster() -> None:
    named = LoadTest("t", Endpoint("e", "eu-west-1"), TEST.payloads, TEST.load)
    assert resolve(named, None, 0.0, print) is named
    with pytest.raises(ConfigurationError, match="from inside the cluster"):
        resolve(TEST, None, 0.0, print)
