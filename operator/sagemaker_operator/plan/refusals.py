"""What to say when there is nothing to plan with: the spec cannot be turned into requests."""

from sagemaker_operator.api.resource import Resource
from sagemaker_operator.plan.case import Plan, Tuning
from sagemaker_operator.plan.observed import Observed
from sagemaker_operator.plan.problems import Problem
from sagemaker_operator.plan.report import problem_report, show_endpoint


def invalid_spec(resource: Resource, problem: Problem, tuning: Tuning) -> Plan:
    """Nothing is changed and what serves goes on; names and memory stay as they were."""
    report = problem_report(problem, resource.status)
    return Plan((), show_endpoint(resource, Observed(problem=problem), report), tuning.drift)


def unreadable_spec(error: str) -> Problem:
    """The object does not have the shape of the CRD: it was stored under another one."""
    return Problem("InvalidSpec", f"{error}.", "Correct the spec and apply it again.")
