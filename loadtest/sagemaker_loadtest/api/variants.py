"""The endpoint's production variants, as DescribeEndpoint names them, beside what the test says of them. Pure."""

from collections.abc import Mapping

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import LoadTest


def asked(test: LoadTest, split: Mapping[str, float]) -> dict[str, float]:
    """What of the endpoint's split (percent by variant) this test's requests are to follow.

    Nothing when the test, or a locustfile of the user's own, may name the variants itself, and nothing for asynchronous
    invocations, whose replies name none.
    """
    invocation = test.invocation
    steered = invocation.target_variant or invocation.inference_component_name or test.locustfile
    return {} if steered or invocation.operation == "InvokeEndpointAsync" else dict(split)


def check(test: LoadTest, split: Mapping[str, float]) -> None:
    """Raises ConfigurationError for a threshold of a variant that no reply will name. An empty split is not known."""
    faults = []
    for index, threshold in enumerate(test.thresholds):
        name = threshold.variant
        if not name:
            continue
        if test.invocation.operation == "InvokeEndpointAsync":
            faults.append(
                f"thresholds[{index}]: “{threshold.text}” is of a variant, and no answer to an asynchronous invocation "
                f"names its variant. Leave “of {name}” out"
            )
        elif split and name not in split:
            faults.append(
                f"thresholds[{index}]: “{threshold.text}” is of a variant that {test.endpoint.name} does not have. "
                f"It has {', '.join(sorted(split))}"
            )
    if faults:
        raise ConfigurationError(faults)
