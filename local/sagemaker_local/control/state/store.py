"""Everything that exists, by account and region."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sagemaker_local.control.state import names
from sagemaker_local.control.state.collection import Collection, Tags
from sagemaker_local.control.state.components import ComponentKey, InferenceComponent
from sagemaker_local.control.state.endpoint import Endpoint
from sagemaker_local.control.state.jobs import JobKey, TransformJob
from sagemaker_local.control.state.monitoring import JobDefinition, MonitoringSchedule, MonitoringType
from sagemaker_local.control.state.packages import ModelPackage, ModelPackageGroup
from sagemaker_local.control.state.records import EndpointConfig, Model
from sagemaker_local.control.switches import DEFAULTS, Switches
from sagemaker_local.router.routes import EndpointKey
from sagemaker_local.scaling.records import ScalingState


def _nobody(key: tuple[str, str, str]) -> None:
    """Hears of what nobody carries out."""


class AccountState:
    """What one account has in one region. ``on_endpoint`` hears of every endpoint that an operation has put.

    ``on_job`` and ``on_component`` hear of transform jobs and inference components in the same way.
    """

    def __init__(
        self,
        account: str,
        region: str,
        on_endpoint: Callable[[EndpointKey], None],
        switches: Callable[[], Switches] = Switches,
        on_job: Callable[[JobKey], None] = _nobody,
        on_component: Callable[[ComponentKey], None] = _nobody,
    ) -> None:
        self._switches = switches
        self.account = account
        self.region = region
        self.tags: Tags = {}
        place = (region, account)
        self.models = Collection[Model](*place, names.MODEL, self.tags)
        self.endpoint_configs = Collection[EndpointConfig](*place, names.ENDPOINT_CONFIG, self.tags)
        self.endpoints = Collection[Endpoint](*place, names.ENDPOINT, self.tags)
        self.model_package_groups = Collection[ModelPackageGroup](*place, names.MODEL_PACKAGE_GROUP, self.tags)
        self.model_packages = Collection[ModelPackage](*place, names.MODEL_PACKAGE, self.tags)
        self.transform_jobs = Collection[TransformJob](*place, names.TRANSFORM_JOB, self.tags)
        self.inference_components = Collection[InferenceComponent](*place, names.INFERENCE_COMPONENT, self.tags)
        self.monitoring_schedules = Collection[MonitoringSchedule](*place, names.MONITORING_SCHEDULE, self.tags)
        self.job_definitions: Mapping[MonitoringType, Collection[JobDefinition]] = {
            kind: Collection(*place, name, self.tags) for kind, name in names.JOB_DEFINITIONS.items()
        }
        self.scaling = ScalingState()
        self._on_endpoint = on_endpoint
        self._on_job = on_job
        self._on_component = on_component

    @property
    def switches(self) -> Switches:
        """Which way is taken where SageMaker's is not known."""
        return self._switches()

    def change_endpoint(self, endpoint: Endpoint) -> None:
        """Put an endpoint with a change that must be carried out."""
        self.endpoints.put(endpoint)
        self._on_endpoint(endpoint.key)

    def change_transform_job(self, job: TransformJob) -> None:
        """Put a transform job that is new or is to stop."""
        self.transform_jobs.put(job)
        self._on_job(job.key)

    def change_component(self, component: InferenceComponent) -> None:
        """Put an inference component with a change that must be carried out."""
        self.inference_components.put(component)
        self._on_component(component.key)


class Store:
    """All accounts and regions; one is there as soon as somebody asks for it."""

    def __init__(
        self,
        on_endpoint: Callable[[EndpointKey], None],
        switches: Switches = DEFAULTS,
        on_job: Callable[[JobKey], None] = _nobody,
        on_component: Callable[[ComponentKey], None] = _nobody,
    ) -> None:
        self._on_endpoint = on_endpoint
        self._on_job = on_job
        self._on_component = on_component
        self.switches = switches
        self._states: dict[tuple[str, str], AccountState] = {}

    def of(self, account: str, region: str) -> AccountState:
        """What an account has in a region."""
        state = self._states.get((account, region))
        if state is None:
            state = self._states[account, region] = AccountState(
                account, region, self._on_endpoint, lambda: self.switches, self._on_job, self._on_component
            )
        return state

    def endpoint(self, key: EndpointKey) -> Endpoint | None:
        """None when it is gone."""
        return self.of(key[0], key[1]).endpoints.get(key[2])

    def states(self) -> Iterator[AccountState]:
        """Every account and region that somebody has asked for."""
        yield from list(self._states.values())

    def endpoints(self) -> Iterator[Endpoint]:
        """Of every account and region."""
        for state in list(self._states.values()):
            yield from state.endpoints

    def put_endpoint(self, endpoint: Endpoint) -> None:
        """Record how far a change has come."""
        self.of(endpoint.key[0], endpoint.key[1]).endpoints.put(endpoint)

    def remove_endpoint(self, endpoint: Endpoint) -> None:
        """It is gone, and so are its tags."""
        self.of(endpoint.key[0], endpoint.key[1]).endpoints.remove(endpoint.name)
