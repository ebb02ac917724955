"""Who owns an AWS object: the tags that say so, and the names that follow from the owner."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker_operator.api.resource import GROUP, ObjectKey

CLUSTER_TAG = f"{GROUP}/cluster"
NAMESPACE_TAG = f"{GROUP}/namespace"
NAME_TAG = f"{GROUP}/name"
UID_TAG = f"{GROUP}/uid"
REVISION_TAG = f"{GROUP}/revision"

_NAME_LIMIT = 63
_BASE_LIMIT = 46  # leaves room for "-<10 hex>-<4 hex>"
_BASE_CUT = 37


@dataclass(frozen=True, slots=True)
class Owner:
    """The identity that every AWS object of ours carries; the uid is information: a restored backup has another."""

    cluster: str
    key: ObjectKey
    uid: str

    def tags(self) -> dict[str, str]:
        """The tags of an object of this owner."""
        return {
            CLUSTER_TAG: self.cluster,
            NAMESPACE_TAG: self.key.namespace,
            NAME_TAG: self.key.name,
            UID_TAG: self.uid,
        }

    @property
    def identity(self) -> "Identity":
        """What the tags must say."""
        return (self.cluster, self.key.namespace, self.key.name)

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether an object with these tags is ours to change or delete."""
        return identity_of(tags) == self.identity


Identity = tuple[str, str, str]


def identity_of(tags: Mapping[str, str]) -> Identity | None:
    """The owner that the tags name; None when they name none of our kind."""
    values = [tags.get(tag) for tag in (CLUSTER_TAG, NAMESPACE_TAG, NAME_TAG)]
    return None if None in values else (str(values[0]), str(values[1]), str(values[2]))


def describe_owner(tags: Mapping[str, str], own_cluster: str) -> str:
    """Whose it is, for the message of a refused name."""
    if CLUSTER_TAG not in tags:
        return "carries no tag of ours"
    cluster = "this cluster" if tags[CLUSTER_TAG] == own_cluster else f"cluster {tags[CLUSTER_TAG]}"
    return f"belongs to SageMakerEndpoint {tags.get(NAMESPACE_TAG)}/{tags.get(NAME_TAG)} of {cluster}"


def endpoint_name(key: ObjectKey, given: str | None, prefix: str = "") -> str:
    """`spec.endpointName`, else `<prefix><namespace>-<name>` in at most 63 characters (CreateEndpoint's limit)."""
    if given:
        return given
    full = f"{prefix}{key.namespace}-{key.name}".lower().replace(".", "-")
    if len(full) <= _NAME_LIMIT:
        return full
    digest = hashlib.sha256(str(key).encode()).hexdigest()[:8]
    return f"{full[:54].rstrip('-')}-{digest}"


def base_name(endpoint: str) -> str:
    """What the names of the endpoint's models and configs begin with: the endpoint's name, in at most 46 characters.

    A longer name is cut and gets 8 hex of its SHA-256: two long names that begin alike must not share models.
    """
    if len(endpoint) <= _BASE_LIMIT:
        return endpoint
    digest = hashlib.sha256(endpoint.encode()).hexdigest()[:8]
    return f"{endpoint[:_BASE_CUT].rstrip('-')}-{digest}"


def model_name(base: str, content_hash: str) -> str:
    """`<base>-m<10 hex>`."""
    return f"{base}-m{content_hash}"


def config_name(base: str, revision: str, initial_values_hash: str) -> str:
    """`<base>-<10 hex revision>-<4 hex initial values>`."""
    return f"{base}-{revision}-{initial_values_hash}"


def revision_of(base: str, config: str) -> str | None:
    """The revision in a config's name, or None when the name is not one that this base would have."""
    match = re.fullmatch(re.escape(base) + r"-([0-9a-f]{10})-[0-9a-f]{4}", config)
    return match[1] if match else None
