"""All objects of our kind, listed in pages."""

from typing import Any

import urllib3
from kubernetes import client

from sagemaker_operator.api.codec import DecodeError
from sagemaker_operator.api.resource import GROUP, PLURAL, VERSION, Resource, parse_resource
from sagemaker_operator.kube.connection import TIMEOUT_SECONDS

_PAGE = 500


class ListError(Exception):
    """The API server refused the list or gave no answer."""


class Lister:
    """Thread-safe. `namespaces` empty: all of them."""

    def __init__(self, api: client.ApiClient, namespaces: tuple[str, ...]) -> None:
        self._api, self._namespaces = client.CustomObjectsApi(api), namespaces

    def all(self) -> tuple[tuple[Resource, ...], int]:
        """The objects, and the resource version as of which these are all. Raises ListError."""
        try:
            pages = [page for namespace in self._namespaces or (None,) for page in self._pages(namespace)]
            resources = tuple(parse_resource(item) for page in pages for item in page["items"])
        except client.ApiException as error:
            raise ListError(f"{error.status} {error.reason}") from error
        except (urllib3.exceptions.HTTPError, DecodeError, KeyError) as error:
            raise ListError(str(error)) from error
        return resources, min(int(page["metadata"]["resourceVersion"]) for page in pages)

    def _pages(self, namespace: str | None) -> list[dict[str, Any]]:
        where: dict[str, Any] = {"group": GROUP, "version": VERSION, "plural": PLURAL}
        pages: list[dict[str, Any]] = []
        token = ""
        while True:
            page: Any
            paging: dict[str, Any] = {"limit": _PAGE, "_continue": token or None, "_request_timeout": TIMEOUT_SECONDS}
            if namespace is None:
                page = self._api.list_cluster_custom_object(**where, **paging)
            else:
                page = self._api.list_namespaced_custom_object(**where, namespace=namespace, **paging)
            pages.append(dict(page))
            token = page["metadata"].get("continue") or ""
            if not token:
                return pages
