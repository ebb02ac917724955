"""The reconciler over a SageMaker and an API server in memory; both refuse what the real ones would refuse."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sagemaker_operator.api.codec import encode
from sagemaker_operator.api.resource import (
    FINALIZER,
    GROUP,
    RETRY_ANNOTATION,
    VERSION,
    ObjectKey,
    Resource,
    parse_resource,
)
from sagemaker_operator.api.status import Status
from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.aws.gateway import Gateway, GatewaySettings
from sagemaker_operator.aws.region import Region
from sagemaker_operator.kube.writer import ObjectGone
from sagemaker_operator.plan.actions import Event
from sagemaker_operator.plan.case import Tuning
from sagemaker_operator.plan.desired import Defaults
from sagemaker_operator.plan.images import image_table
from sagemaker_operator.reconcile.backoff import Backoff
from sagemaker_operator.reconcile.decision import Decider
from sagemaker_operator.reconcile.objects import Objects
from sagemaker_operator.reconcile.reconciler import Outcome, Reconciler
from sagemaker_operator.reconcile.watchlist import Watchlist

ACCOUNT, REGION = "111122223333", "eu-west-1"
KEY = ObjectKey("ml", "fraud")
ROLE = "arn:aws:iam::111122223333:role/serving"


def spec(archive: str = "1", count: int = 1, **more: Any) -> dict[str, Any]:
    container = {"image": "r/churn:1", "modelDataURL": f"s3://m/{archive}.tar.gz"}
    variant = {"name": "main", "containers": [container], "instances": {"type": "ml.m5.large", "count": count}}
    return {"variants": [variant], **more}


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


@dataclass
class SageMaker:
    """What `RegionClient` would reach. `fail[operation]` is raised by the next calls, one a call; an entry `applied`
    is raised after the operation was carried out."""

    now: Callable[[], dt.datetime]
    region: str = REGION
    partition: str = "aws"
    runtime_url: str = "https://runtime.sagemaker.eu-west-1.amazonaws.com"
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fail: dict[str, list[tuple[AWSError, bool]]] = field(default_factory=dict)

    def account(self) -> str:
        return ACCOUNT

    def break_next(self, method: str, kind: Kind, message: str = "broken", *, applied: bool = False) -> None:
        self.fail.setdefault(method, []).append((AWSError(kind, method, "Code", message), applied))

    def call(self, method: str, *, service: str = "sagemaker", **request: Any) -> dict[str, Any]:
        self.calls.append(method)
        error, applied = self.fail[method].pop(0) if self.fail.get(method) else (None, False)
        if error and not applied:
            raise error
        reply: dict[str, Any] = getattr(self, f"_{method}")(**request)
        if error:
            raise error
        return reply

    def pages(self, method: str, member: str, **request: Any) -> Iterator[dict[str, Any]]:
        yield from self.call(method, **request)[member]

    @property
    def changes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith(("list", "describe", "get"))]

    def settle(self, failure: str | None = None) -> None:
        """What is in motion ends, well or with a FailureReason."""
        for name, endpoint in list(self.endpoints.items()):
            if endpoint["EndpointStatus"] == "Deleting":
                del self.endpoints[name]
            elif endpoint["EndpointStatus"] in ("Creating", "Updating"):
                creating = endpoint["EndpointStatus"] == "Creating"
                goal = endpoint.pop("goal", endpoint["EndpointConfigName"])
                if failure is None:
                    endpoint.update(EndpointConfigName=goal, EndpointStatus="InService", FailureReason="")
                else:
                    endpoint.update(EndpointStatus="Failed" if creating else "InService", FailureReason=failure)
                endpoint["LastModifiedTime"] = self.now()

    def _list_endpoints(self, **_: Any) -> dict[str, Any]:
        return {"Endpoints": list(self.endpoints.values())}

    def _list_models(self, **_: Any) -> dict[str, Any]:
        return {"Models": [{"ModelName": name} for name in self.models]}

    def _list_endpoint_configs(self, **_: Any) -> dict[str, Any]:
        return {"EndpointConfigs": [{"EndpointConfigName": name} for name in self.configs]}

    def _list_tags(self, ResourceArn: str, **_: Any) -> dict[str, Any]:
        return {"Tags": [{"Key": k, "Value": v} for k, v in self.tags.get(ResourceArn, {}).items()]}

    def _describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        if EndpointName not in self.endpoints:
            raise AWSError(Kind.ABSENT, "DescribeEndpoint", "ValidationException", "Could not find endpoint")
        found = self.endpoints[EndpointName]
        variants = self.configs.get(found["EndpointConfigName"], {}).get("ProductionVariants", ())
        weights = [_described(each, found["capacity"].get(each["VariantName"])) for each in variants]
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": found["goal"]}} if "goal" in found else {}
        return {**found, "ProductionVariants": weights, **pending}

    def _create_model(self, ModelName: str, Tags: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        self._new(self.models, ModelName, "model", Tags)
        self.models[ModelName] = {}
        return {}

    def _create_endpoint_config(
        self, EndpointConfigName: str, Tags: list[dict[str, str]], **given: Any
    ) -> dict[str, Any]:
        for variant in given["ProductionVariants"]:
            if variant["ModelName"] not in self.models:
                raise AWSError(Kind.ABSENT, "CreateEndpointConfig", "ValidationException", "Could not find model")
        self._new(self.configs, EndpointConfigName, "endpoint-config", Tags)
        self.configs[EndpointConfigName] = given
        return {}

    def _create_endpoint(
        self, EndpointName: str, EndpointConfigName: str, Tags: list[dict[str, str]]
    ) -> dict[str, Any]:
        if EndpointConfigName not in self.configs:
            raise AWSError(
                Kind.ABSENT, "CreateEndpoint", "ValidationException", "Could not find endpoint configuration"
            )
        self._new(self.endpoints, EndpointName, "endpoint", Tags)
        self.endpoints[EndpointName] = {
            "EndpointName": EndpointName, "EndpointArn": arn("endpoint", EndpointName), "EndpointStatus": "Creating",
            "EndpointConfigName": EndpointConfigName, "CreationTime": self.now(), "LastModifiedTime": self.now(),
            "FailureReason": "", "capacity": {},
        }  # fmt: skip
        return {}

    def _update_endpoint(self, EndpointName: str, EndpointConfigName: str) -> dict[str, Any]:
        endpoint = self._idle(EndpointName)
        if EndpointConfigName not in self.configs:
            raise AWSError(
                Kind.ABSENT, "UpdateEndpoint", "ValidationException", "Could not find endpoint configuration"
            )
        endpoint.update(EndpointStatus="Updating", goal=EndpointConfigName, capacity={})
        return {}

    def _update_endpoint_weights_and_capacities(
        self, EndpointName: str, DesiredWeightsAndCapacities: Any
    ) -> dict[str, Any]:
        described = {v["VariantName"]: v for v in self._describe_endpoint(EndpointName)["ProductionVariants"]}
        endpoint = self._idle(EndpointName)
        for entry in DesiredWeightsAndCapacities:
            before = described[entry["VariantName"]]
            endpoint["capacity"][entry["VariantName"]] = (
                entry.get("DesiredWeight", before["DesiredWeight"]),
                entry.get("DesiredInstanceCount", before["DesiredInstanceCount"]),
            )
        endpoint["EndpointStatus"] = "Updating"
        return {}

    def _add_tags(self, ResourceArn: str, Tags: list[dict[str, str]]) -> dict[str, Any]:
        self.tags[ResourceArn].update({tag["Key"]: tag["Value"] for tag in Tags})
        return {}

    def _delete_tags(self, ResourceArn: str, TagKeys: list[str]) -> dict[str, Any]:
        for key in TagKeys:
            del self.tags[ResourceArn][key]
        return {}

    def _delete_endpoint(self, EndpointName: str) -> dict[str, Any]:
        self._idle(EndpointName)["EndpointStatus"] = "Deleting"
        return {}

    def _delete_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        if self.configs.pop(EndpointConfigName, None) is None:
            raise AWSError(Kind.ABSENT, "DeleteEndpointConfig", "ValidationException", "Could not find")
        return {}

    def _delete_model(self, ModelName: str) -> dict[str, Any]:
        if self.models.pop(ModelName, None) is None:
            raise AWSError(Kind.ABSENT, "DeleteModel", "ValidationException", "Could not find")
        return {}

    def _describe_log_streams(self, **_: Any) -> dict[str, Any]:
        return {"logStreams": [{"logStreamName": "main/i-1", "creationTime": int(self.now().timestamp() * 1000)}]}

    def _get_log_events(self, **_: Any) -> dict[str, Any]:
        return {"events": [{"message": "it broke"}]}

    def _new(self, store: dict[str, Any], name: str, kind: str, tags: list[dict[str, str]]) -> None:
        if name.lower() in {known.lower() for known in store}:
            raise AWSError(Kind.EXISTS, "Create", "ValidationException", "Cannot create already existing")
        self.tags[arn(kind, name)] = {tag["Key"]: tag["Value"] for tag in tags}

    def _idle(self, name: str) -> dict[str, Any]:
        if name not in self.endpoints:
            raise AWSError(Kind.ABSENT, "Update", "ValidationException", "Could not find endpoint")
        if self.endpoints[name]["EndpointStatus"] not in ("InService", "Failed"):
            raise AWSError(Kind.BUSY, "Update", "ValidationException", "Cannot update in-progress endpoint")
        return self.endpoints[name]


def _described(variant: dict[str, Any], capacity: tuple[float, int] | None) -> dict[str, Any]:
    weight, count = capacity or (variant["InitialVariantWeight"], variant["InitialInstanceCount"])
    weights = {"DesiredWeight": weight, "CurrentWeight": weight}
    return {
        "VariantName": variant["VariantName"],
        **weights,
        "DesiredInstanceCount": count,
        "CurrentInstanceCount": count,
    }


@dataclass
class Cluster:
    """The API server, and what `Writer` does with it."""

    bodies: dict[ObjectKey, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    status_writes: int = 0
    version: int = 0

    def apply(self, spec: dict[str, Any], key: ObjectKey = KEY, annotations: dict[str, str] | None = None) -> Resource:
        known = self.bodies.get(key)
        generation = 1 if known is None else known["metadata"]["generation"] + (known["spec"] != spec)
        metadata = {**(known["metadata"] if known else {"finalizers": [], "uid": f"uid-{key.name}"})}
        metadata.update(namespace=key.namespace, name=key.name, generation=generation, annotations=annotations or {})
        return self._store(key, {"metadata": metadata, "spec": spec, "status": known["status"] if known else {}})

    def delete(self, key: ObjectKey = KEY) -> Resource:
        body = self.bodies[key]
        body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return self._store(key, body)

    def write_status(self, resource: Resource, status: Status) -> Resource:
        self.status_writes += 1
        return self._store(resource.key, {**self._body(resource), "status": encode(status)})

    def add_finalizer(self, resource: Resource) -> Resource:
        body = self._body(resource)
        body["metadata"]["finalizers"] = [FINALIZER]
        return self._store(resource.key, body)

    def remove_finalizer(self, resource: Resource) -> None:
        del self.bodies[resource.key]

    def emit(self, resource: Resource, event: Event) -> None:
        self.events.append(event)

    def _body(self, resource: Resource) -> dict[str, Any]:
        if resource.key not in self.bodies:
            raise ObjectGone(str(resource.key))
        return self.bodies[resource.key]

    def _store(self, key: ObjectKey, body: dict[str, Any]) -> Resource:
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self.bodies[key] = body
        return parse_resource({"apiVersion": f"{GROUP}/{VERSION}", **body})


class World:
    """Operator, AWS and cluster. `restart` forgets all that the operator had in memory."""

    def __init__(self) -> None:
        self.time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self.aws, self.cluster = SageMaker(lambda: self.time), Cluster()
        self.read_only, self.leads = False, True
        self.restart()

    def restart(self) -> None:
        self.objects, self.watchlist = Objects(), Watchlist()
        self.gateway = Gateway(GatewaySettings(1000, 600, 300, 0))
        self.region = Region(self.aws, 600)  # type: ignore[arg-type]
        self.region.directory.clock = lambda: self.time.timestamp()
        self.gateway._regions[REGION] = self.region
        decider = Decider(self.gateway, image_table(), "c1", Defaults(ROLE, REGION), Tuning(), lambda: self.time)
        self.reconciler = Reconciler(
            self.objects,
            decider,
            self.cluster,  # type: ignore[arg-type]
            self.watchlist,
            Backoff(2, 300, lambda _low, _high: 1.0),
            may_act=lambda: self.leads,
            role_seconds=120,
            read_only=self.read_only,
        )
        for body in self.cluster.bodies.values():
            self.objects.put(parse_resource(body))

    def apply(self, wanted: dict[str, Any], key: ObjectKey = KEY, retry: str | None = None) -> None:
        annotations = {RETRY_ANNOTATION: retry} if retry else {}
        self.objects.put(self.cluster.apply(wanted, key, annotations))

    def delete(self, key: ObjectKey = KEY) -> None:
        self.objects.put(self.cluster.delete(key))

    def tick(self, key: ObjectKey = KEY) -> Outcome:
        """One pass, then the time until the next one goes by."""
        outcome = self.reconciler.reconcile(key)
        self.time += dt.timedelta(seconds=max(outcome.next_pass or 1, 1))
        return outcome

    def run(self, passes: int = 12, key: ObjectKey = KEY) -> None:
        """Passes, with AWS finishing what it began and a sweep between them, until nothing more is to be done."""
        for _ in range(passes):
            outcome = self.reconciler.reconcile(key)
            if outcome.next_pass is None or outcome.next_pass > 1000:
                return
            self.time += dt.timedelta(seconds=max(outcome.next_pass, 1))
            self.aws.settle()
            self.region.sweep()
            self.region.renew_parts()

    def status(self, key: ObjectKey = KEY) -> Status:
        found = self.objects.get(key)
        assert found is not None
        return found.status


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wanted() -> Callable[..., dict[str, Any]]:
    return spec


@pytest.fixture
def other() -> ObjectKey:
    return replace(KEY, name="other")
