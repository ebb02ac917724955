"""What to say when there is nothing to plan with: the spec cannot be turned into requests."""

from dataclasses import replace

from sagemaker_operator.api.resource import Resource
from sagemaker_operator.plan.case import Plan, Tuning
from sagemaker_operator.plan.observed import Observed
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import Verdict, problem_report, show_endpoint


def invalid_spec(resource: Resource, problem: Problem, tuning: Tuning, observed: Observed | None = None) -> Plan:
    """Nothing is changed and what serves goes on; names and memory stay as they were.

    `observed`: what there is, with an endpoint only if it is ours; None when nobody knows where to look.
    """
    seen = observed if observed is not None else Observed(problem=problem)
    report = problem_report(problem, resource.status, seen.endpoint)
    if seen.endpoint is None and seen.problem is None:
        report = replace(report, ready=Verdict("False", problem.reason, problem.message))
    pause = tuning.motion if seen.endpoint is not None and seen.endpoint.in_motion else tuning.drift
    return Plan((), show_endpoint(resource, seen, report), pause)


def unreadable_spec(error: str) -> Problem:
    """The object does not have the shape of the CRD: it was stored under another one."""
    return Problem("InvalidSpec", f"{error}.", "Correct the spec and apply it again.")
