"""CloudWatch's metrics of inference components, and of calls that are under way (AWS: "Monitor SageMaker AI with
CloudWatch")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sagemaker_local.control.metrics import Series, dimensions_of, gauge, samples
from sagemaker_local.control.state.components import ComponentKey
from sagemaker_local.router.load import Load

HIGH_RESOLUTION_SECONDS = 10
"""The period of metrics of calls under way."""

Copies = Mapping[ComponentKey, int]
"""How many copies of each inference component take calls."""


def concurrency_series(loads: Iterable[Load], copies: Copies, idle: frozenset[tuple[str, str, str]]) -> list[Series]:
    """Calls under way: of a variant by instance's model, of a component by copy.

    A part without any has a value only if it is one of ``idle``: account, region and the resource that is scaled.
    """
    found: list[Series] = []
    for each in loads:
        account, region, endpoint = each.key
        scaled = f"endpoint/{endpoint}/variant/{each.variant_name}"
        if each.component is not None:
            scaled = f"inference-component/{each.component}"
        if not each.outstanding and (account, region, scaled) not in idle:
            continue
        if each.component is None:
            dimensions = dimensions_of(each.key, each.variant_name)
            found.append(gauge(each.key, "ConcurrentRequestsPerModel", "Count", dimensions, float(each.outstanding)))
        else:
            value = each.outstanding / max(1, copies.get((account, region, each.component), 0))
            by = (("InferenceComponentName", each.component),)
            found.append(gauge(each.key, "ConcurrentRequestsPerCopy", "Count", by, value))
    return found


def component_series(
    calls: Counter[ComponentKey], refused: Counter[ComponentKey], copies: Copies, *, idle_publish_zero: bool
) -> list[Series]:
    """A call of a component sends 1 to Invocations and 1/copies to InvocationsPerCopy; one that was refused because no
    copy takes calls sends 1 to NoCapacityInvocationFailures (AWS: "Scale an endpoint to zero instances")."""
    found: list[Series] = []
    for key in copies.keys() & refused.keys():
        by = (("InferenceComponentName", key[2]),)
        found += samples(key, "NoCapacityInvocationFailures", "None", by, {1.0: refused[key]})
    for key, count in copies.items():
        answered = calls[key]
        if not answered and not idle_publish_zero:
            continue
        dimensions = (("InferenceComponentName", key[2]),)
        for name, value in (("Invocations", 1.0), ("InvocationsPerCopy", 1 / max(1, count))):
            values = {value: answered} if answered else {0.0: 1}
            found += samples(key, name, "None", dimensions, values)
    return found
