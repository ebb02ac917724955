"""Which records there are, what each is called in the file, and its way out of the store and back into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.control.faults import Mark
from sagemaker_local.control.state import names
from sagemaker_local.control.state.collection import Collection
from sagemaker_local.control.state.components import InferenceComponent
from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.control.state.jobs import TransformJob
from sagemaker_local.control.state.monitoring import JobDefinition, MonitoringSchedule
from sagemaker_local.control.state.packages import ModelPackage, ModelPackageGroup
from sagemaker_local.control.state.records import EndpointConfig, Model
from sagemaker_local.control.state.store import AccountState, Store
from sagemaker_local.scaling.records import Activity, ScalingPolicy, ScheduledAction, Target


@dataclass(frozen=True, slots=True)
class RecordKey:
    """Names a record. ``kind`` is of ``KINDS``, ``name`` is unique in kind, account and region."""

    account: str
    region: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Kind:
    """``record_type`` is what its records are read as, ``of`` gives them by name, ``put`` puts one back."""

    record_type: Any
    of: Callable[[AccountState], Iterable[tuple[str, Any]]]
    put: Callable[[AccountState, str, Any], None]


def _resources(record_type: type[Any], collection: Callable[[AccountState], Collection[Any]]) -> Kind:
    return Kind(
        record_type,
        lambda state: ((each.name, each) for each in collection(state)),
        lambda state, name, record: collection(state).put(record),
    )


def _by_two_names(record_type: type[Any], field: Callable[[AccountState], dict[tuple[str, str], Any]]) -> Kind:
    """Policies and actions: of a resource, by their own name. ``|`` is in no resource id."""

    def put(state: AccountState, name: str, record: Any) -> None:
        field(state)[record.resource_id, record.name] = record

    return Kind(
        record_type,
        lambda state: ((f"{resource}|{name}", each) for (resource, name), each in field(state).items()),
        put,
    )


def _put_tags(state: AccountState, name: str, record: dict[str, str]) -> None:
    state.tags[name] = record


def _put_target(state: AccountState, name: str, record: Target) -> None:
    state.scaling.targets[name] = record


def _put_activity(state: AccountState, name: str, record: Activity) -> None:
    state.scaling.activities.append(record)
    state.scaling.activities.sort(key=lambda each: each.start_time)


MARK = "mark"

KINDS: Mapping[str, Kind] = {
    names.MODEL: _resources(Model, lambda state: state.models),
    names.ENDPOINT_CONFIG: _resources(EndpointConfig, lambda state: state.endpoint_configs),
    names.ENDPOINT: _resources(Endpoint, lambda state: state.endpoints),
    names.MODEL_PACKAGE_GROUP: _resources(ModelPackageGroup, lambda state: state.model_package_groups),
    names.MODEL_PACKAGE: _resources(ModelPackage, lambda state: state.model_packages),
    names.TRANSFORM_JOB: _resources(TransformJob, lambda state: state.transform_jobs),
    names.INFERENCE_COMPONENT: _resources(InferenceComponent, lambda state: state.inference_components),
    names.MONITORING_SCHEDULE: _resources(MonitoringSchedule, lambda state: state.monitoring_schedules),
    **{
        name: _resources(JobDefinition, lambda state, kind=kind: state.job_definitions[kind])  # type: ignore[misc] # mypy infers no lambda with a default
        for kind, name in names.JOB_DEFINITIONS.items()
    },
    "tags": Kind(dict[str, str], lambda state: state.tags.items(), _put_tags),
    "scalable-target": Kind(Target, lambda state: state.scaling.targets.items(), _put_target),
    "scaling-policy": _by_two_names(ScalingPolicy, lambda state: state.scaling.policies),
    "scheduled-action": _by_two_names(ScheduledAction, lambda state: state.scaling.actions),
    "scaling-activity": Kind(
        Activity, lambda state: ((each.identifier, each) for each in state.scaling.activities), _put_activity
    ),
    MARK: Kind(Mark, lambda state: (), lambda state, name, record: None),
}
"""In the order in which they are put back. What is left of markers is no part of the store: ``marks_of`` has it."""


def marks_of(marks: Iterable[Mark]) -> Iterator[tuple[RecordKey, Any]]:
    """What is left of markers, as it is kept. ``|`` is in no name, and the marker is the last part."""
    for each in marks:
        owner = each.owner
        yield RecordKey(*owner.place, MARK, f"{owner.kind}|{owner.name}|{owner.config}|{each.marker}"), each


def records_of(store: Store) -> Iterator[tuple[RecordKey, Any]]:
    """Everything that is kept, as it is now."""
    for state in store.states():
        for kind, found in KINDS.items():
            for name, record in found.of(state):
                yield RecordKey(state.account, state.region, kind, name), record


def put_back(store: Store, records: Iterable[tuple[RecordKey, Any]]) -> None:
    """Put records where they were; nobody hears of it."""
    order = {kind: number for number, kind in enumerate(KINDS)}
    for key, record in sorted(records, key=lambda each: order[each[0].kind]):
        KINDS[key.kind].put(store.of(key.account, key.region), key.name, record)
