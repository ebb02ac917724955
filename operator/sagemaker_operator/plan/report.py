"""The status of a case: conditions, summary words, what is shown of AWS. Texts are one line: kubectl wraps nothing."""

import datetime as dt
from dataclasses import dataclass, replace

from sagemaker_operator.api.resource import Resource
from sagemaker_operator.api.status import (
    Condition,
    ConditionStatus,
    Effective,
    Failure,
    Revisions,
    Status,
    Summary,
    VariantStatus,
)
from sagemaker_operator.plan.case import Case
from sagemaker_operator.plan.observed import Observed, ObservedEndpoint, ObservedVariant
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.wording import condition_message

_TRAFFIC_WIDTH = 25


@dataclass(frozen=True, slots=True)
class Verdict:
    """A condition's status, reason and message, without type, generation and time."""

    status: ConditionStatus
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. `word` and `why` are the STATUS and REASON columns."""

    ready: Verdict
    synced: Verdict
    word: str
    why: str = ""
    reconciling: Verdict = Verdict("False", "Done")
    stalled: Verdict = Verdict("False", "Progressing")
    rolled_back: Verdict | None = None
    deletion_blocked: Verdict | None = None
    failure: Failure | None = None


def conditions_of(report: Report, generation: int) -> tuple[Condition, ...]:
    """The four that are always there, then those that apply."""
    named = {
        "Ready": report.ready,
        "Synced": report.synced,
        "Reconciling": report.reconciling,
        "Stalled": report.stalled,
        "RolledBack": report.rolled_back,
        "DeletionBlocked": report.deletion_blocked,
    }
    return tuple(
        Condition(type_, verdict.status, verdict.reason, condition_message(verdict.message), generation)
        for type_, verdict in named.items()
        if verdict is not None
    )


def status_of(case: Case, report: Report, revisions: Revisions, *, retry_handled: bool = False) -> Status:
    """The whole status of a case with a desired state.

    `retry_handled`: the user's retry was acted on or is not needed; before that it must not be acknowledged.
    """
    desired = case.desired
    shown = show_endpoint(case.resource, case.observed, report)
    observe = case.resource.spec is not None and case.resource.spec.management_policy == "Observe"
    return replace(
        shown,
        endpoint_name=desired.endpoint_name,
        region=desired.region,
        url=_url(case),
        last_handled_retry=(case.resource.retry_token if retry_handled else None) or shown.last_handled_retry,
        revisions=revisions,
        variants=tuple(replace(v, model_name=_model_name(case, v)) for v in shown.variants),
        effective=Effective(
            desired.execution_role_arn,
            desired.region,
            desired.traffic,
            () if observe else _tag_keys(case),
        ),
        summary=Summary(
            report.word,
            report.why,
            traffic_words(desired.traffic),
            _instances(shown.variants, desired.instance_count),
        ),
    )


def _model_name(case: Case, variant: VariantStatus) -> str | None:
    """DescribeEndpoint does not name the models; of the wanted revision we know them."""
    if case.endpoint is None or case.running_revision != case.desired.revision:
        return variant.model_name
    return case.desired.model_of(variant.name)


def _tag_keys(case: Case) -> tuple[str, ...]:
    """The keys we put on the endpoint, kept until they are seen gone: else one dropped from the spec would stay."""
    before, endpoint = case.resource.status.effective, case.endpoint
    known = set(before.tag_keys) if before else set()
    if case.observed.problem is None:
        known &= set(endpoint.tags) if endpoint else set()
    return tuple(sorted(known | set(case.desired.user_tags)))


def show_endpoint(resource: Resource, observed: Observed, report: Report) -> Status:
    """What AWS shows, whatever was asked; names and memory are kept from the status before."""
    endpoint, before = observed.endpoint, resource.status
    unknown = observed.problem is not None
    return replace(
        before,
        observed_generation=resource.generation,
        conditions=conditions_of(report, resource.generation),
        endpoint_arn=endpoint.arn if endpoint else (before.endpoint_arn if unknown else None),
        account_id=observed.account_id or before.account_id,
        endpoint_status=endpoint.status if endpoint else (before.endpoint_status if unknown else None),
        failure=report.failure,
        variants=_variants(endpoint) if endpoint else (before.variants if unknown else ()),
        summary=replace(before.summary, status=report.word, reason=report.why),
    )


def problem_report(problem: Problem, before: Status, endpoint: ObservedEndpoint | None = None) -> Report:
    """Something stands in the way: what serves is said as before, and why the spec is not reached."""
    verdict = Verdict("True" if problem.stalled else "False", problem.reason if problem.stalled else "Progressing")
    return Report(
        ready=_ready_as_before(before, endpoint, problem),
        synced=Verdict("False", problem.reason, problem.message),
        reconciling=Verdict("False", problem.reason)
        if problem.stalled
        else Verdict("True", problem.reason, problem.message),
        stalled=replace(verdict, message=problem.message) if problem.stalled else verdict,
        rolled_back=_kept(before, "RolledBack"),
        word=problem.reason,
        why=problem.reason,
        failure=Failure(problem.reason, problem.message, problem.hint),
    )


def traffic_words(traffic: dict[str, int]) -> str:
    """`champion=90,challenger=10`; too long: largest first, and how many were left out."""
    words = [f"{name}={weight}" for name, weight in traffic.items()]
    if len(",".join(words)) <= _TRAFFIC_WIDTH:
        return ",".join(words)
    words = [f"{name}={weight}" for name, weight in sorted(traffic.items(), key=lambda item: -item[1])]
    kept: list[str] = []
    for word in words:
        if kept and len(",".join([*kept, word, "+9"])) > _TRAFFIC_WIDTH:
            break
        kept.append(word)
    return ",".join([*kept, f"+{len(words) - len(kept)}"]) if len(kept) < len(words) else ",".join(kept)


def clock_words(moment: dt.datetime) -> str:
    """`09:14:02 UTC`."""
    return moment.astimezone(dt.UTC).strftime("%H:%M:%S UTC")


def duration_words(seconds: float) -> str:
    """`6m9s`, `42 s`."""
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m"
    return f"{minutes}m{rest}s" if minutes else f"{rest} s"


def _ready_as_before(before: Status, endpoint: ObservedEndpoint | None, problem: Problem) -> Verdict:
    if endpoint is not None:
        if endpoint.serves:
            return Verdict("True", "InService", "Serving what it served before.")
        return Verdict("False", problem.reason, problem.message)
    ready = before.condition("Ready")
    if ready is not None and ready.status == "True":
        return Verdict("True", ready.reason, ready.message)
    return Verdict("False", problem.reason, problem.message)


def _kept(before: Status, type_: str) -> Verdict | None:
    condition = before.condition(type_)
    return Verdict(condition.status, condition.reason, condition.message) if condition else None


def _url(case: Case) -> str | None:
    """Kept while AWS cannot be looked at, unless the spec names another region or endpoint by now."""
    before, desired, base = case.resource.status, case.desired, case.observed.runtime_url
    if base is not None:
        return f"{base}/endpoints/{desired.endpoint_name}/invocations"
    return before.url if (before.region, before.endpoint_name) == (desired.region, desired.endpoint_name) else None


def _instances(variants: tuple[VariantStatus, ...], wanted: int) -> str:
    return f"{sum(v.current_count or 0 for v in variants)}/{wanted}"


def _variants(endpoint: ObservedEndpoint) -> tuple[VariantStatus, ...]:
    total = sum(v.current_weight or 0 for v in endpoint.variants)
    return tuple(_variant(v, total) for v in endpoint.variants)


def _variant(variant: ObservedVariant, total: float) -> VariantStatus:
    share = None if variant.current_weight is None or not total else f"{100 * variant.current_weight / total:.4g}"
    return VariantStatus(
        name=variant.name,
        image=variant.image,
        image_digest=variant.image_digest,
        weight_percent=share,
        current_count=variant.current_count,
        desired_count=variant.desired_count,
    )
