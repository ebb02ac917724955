"""Faults that resources ask for themselves, by a tag or an environment variable of a container: no admin call needed.

They are always obeyed: the two names are ours, so whoever writes one wants a fault, and AWS does not know them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sagemaker_local.control.faults import Fault, Faults, OperationFault, Owner
from sagemaker_local.control.named_faults import Kind, Marker, named, operations_of, planned_of
from sagemaker_local.control.state.store import AccountState
from sagemaker_local.control.wire.errors import invalid

TAG = "sagemaker-local/fault"
VARIABLE = "SAGEMAKER_LOCAL_FAULT"

_KINDS: Mapping[str, Kind] = {operation: kind for kind in Kind for operation in operations_of(kind)}
_DEPLOYMENT = "deployment"


def arm(faults: Faults, state: AccountState, operation: str, document: object, name: str) -> None:
    """Plan what the resource of a call asks for. Raises ApiError for a marker that is no fault.

    Called before the call is checked: the document may be anything.
    """
    kind = _KINDS.get(operation)
    if kind is None or not name or not isinstance(document, dict):
        return
    place = (state.account, state.region)
    texts = _of_request(document) if operation.startswith("Create") else _of_record(state, kind, name)
    own = _read(texts)
    calls = {text: fault for text, fault in _planned(own, kind, name).items() if _by_call(fault)}
    faults.mark(Owner(kind, place, name), calls)
    if kind is Kind.ENDPOINT and not operation.startswith("Describe"):
        config = _config(state, document, name)
        markers = own | _read(_of_config(state, config))
        endings = {text: fault for text, fault in _planned(markers, kind, name).items() if not _by_call(fault)}
        faults.mark(Owner(_DEPLOYMENT, place, name, config), endings)


def _by_call(planned: tuple[Fault, int | None]) -> bool:
    """Whether it strikes calls, else what becomes of an endpoint."""
    return isinstance(planned[0], OperationFault)


def _planned(markers: Mapping[str, Marker], kind: Kind, name: str) -> dict[str, tuple[Fault, int | None]]:
    found = {text: planned_of(marker, kind, name) for text, marker in markers.items()}
    return {text: each for text, each in found.items() if each is not None}


def _read(texts: Iterable[str]) -> dict[str, Marker]:
    """By their text. Several markers are separated by spaces, which a tag may have."""
    try:
        return {word: named(word) for text in texts for word in text.split()}
    except ValueError as error:
        raise invalid(f"The tag {TAG} or the environment variable {VARIABLE} asks for a fault: {error}.") from None


def _of_request(document: Mapping[str, Any]) -> list[str]:
    """Of a Create call, whatever it holds."""
    tags = document.get("Tags")
    found = [each.get("Value") for each in _documents(tags) if each.get("Key") == TAG]
    for each in _documents([document.get("PrimaryContainer"), *_list(document.get("Containers"))]):
        environment = each.get("Environment")
        if isinstance(environment, dict):
            found.append(environment.get(VARIABLE))
    return [each for each in found if isinstance(each, str)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _documents(values: object) -> list[Mapping[str, Any]]:
    return [each for each in _list(values) if isinstance(each, dict)]


def _of_record(state: AccountState, kind: Kind, name: str) -> list[str]:
    if kind is Kind.MODEL:
        model = state.models.get(name)
        if model is None:
            return []
        return _tagged(state, model.arn) + [
            each.environment[VARIABLE] for each in model.containers if VARIABLE in each.environment
        ]
    record = state.endpoint_configs.get(name) if kind is Kind.ENDPOINT_CONFIG else state.endpoints.get(name)
    return [] if record is None else _tagged(state, record.arn)


def _tagged(state: AccountState, arn: str) -> list[str]:
    text = state.tags.get(arn, {}).get(TAG)
    return [] if text is None else [text]


def _config(state: AccountState, document: Mapping[str, Any], endpoint_name: str) -> str:
    """The configuration that a call is about: the one that it names, or the one that serves."""
    named_config = document.get("EndpointConfigName")
    if isinstance(named_config, str):
        return named_config
    endpoint = state.endpoints.get(endpoint_name)
    return endpoint.config_name if endpoint else ""


def _of_config(state: AccountState, name: str) -> list[str]:
    """Of the configuration and of its models."""
    config = state.endpoint_configs.get(name)
    if config is None:
        return []
    models = {each.model_name for each in config.variants if each.model_name}
    found = _of_record(state, Kind.ENDPOINT_CONFIG, name)
    return found + [text for model in sorted(models) for text in _of_record(state, Kind.MODEL, model)]
