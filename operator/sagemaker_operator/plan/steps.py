"""What several checks of the planner do: claim, create what is missing, delete what is left over, say what blocks."""

from dataclasses import replace

from sagemaker_operator.plan.actions import (
    Action,
    AddFinalizer,
    CreateEndpointConfig,
    CreateModel,
    DeleteEndpointConfig,
    DeleteModel,
)
from sagemaker_operator.plan.case import Case, Plan
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import Verdict, problem_report, status_of


def deletions(configs: frozenset[str], models: frozenset[str]) -> tuple[Action, ...]:
    """Configs first: they name the models."""
    return (*map(DeleteEndpointConfig, sorted(configs)), *map(DeleteModel, sorted(models)))


def claim(case: Case) -> tuple[Action, ...]:
    """The finalizer, where it is not there yet: no object may go while AWS still has something of it."""
    return () if case.resource.has_finalizer else (AddFinalizer(),)


def missing_parts(case: Case, config_name: str | None = None) -> tuple[Action, ...]:
    """Under `config_name` when given: a fleet whose weights were changed since still names the config it began with."""
    desired, observed = case.desired, case.observed
    name = config_name or desired.config_name
    models = [CreateModel(m.name, m.request, desired.tags) for m in desired.models if m.name not in observed.models]
    request = {**desired.config_request, "EndpointConfigName": name}
    config = [] if name in observed.configs else [CreateEndpointConfig(name, request, desired.revision_tags)]
    return (*models, *config)


def blocked(case: Case, problem: Problem, *, hide_endpoint: bool = False) -> Plan:
    """Nothing can be done for the problem's reason; what the endpoint does meanwhile is still told."""
    shown = case if not hide_endpoint else replace(case, observed=replace(case.observed, endpoint=None))
    report = problem_report(problem, case.resource.status, shown.endpoint)
    if hide_endpoint:
        report = replace(report, ready=Verdict("False", problem.reason, problem.message))
    return Plan(
        (),
        status_of(shown, report, case.memory),
        case.tuning.retry_base if problem.retry_after is None else problem.retry_after,
    )
