"""An endpoint that went away in the middle of a run: what is said of it, and what to do."""

from collections.abc import Mapping

from sagemaker_loadtest.api.spec import Endpoint
from sagemaker_loadtest.api.units import clock
from sagemaker_loadtest.exchange.replies import Outcome


def told(outcomes: Mapping[str, int], endpoint: Endpoint, url: str, since: float) -> tuple[str, str]:
    """Reason and advice. `outcomes`: the replies from the second `since` on, none of them good."""
    leading = max(outcomes, key=lambda name: outcomes[name])
    name, region = endpoint.name, endpoint.region
    reason, advice = {
        Outcome.NO_ENDPOINT: (
            f"{name} does not exist any more in {region}",
            f"It was there when the test began: somebody deleted it. Create {name} again, then run the test.",
        ),
        Outcome.REFUSED: (
            f"nothing listens at {url} any more",
            "It answered when the test began. See whether it still runs and why it went, then run the test again.",
        ),
    }.get(
        Outcome(leading),
        (
            f"{name} is not in service any more",
            f"It was in service when the test began. `aws sagemaker describe-endpoint --endpoint-name {name} --region "
            f"{region}` says what happened to it; run the test again once it is InService.",
        ),
    )
    return reason, f"From {clock(since)} on every answer was “{leading}”. {advice}"
