"""The way to the endpoint when there is an HTTP proxy in between."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from sagemaker_loadtest.api.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Proxy:
    """Reached over plain HTTP, asked for a tunnel (CONNECT). `authorization` is a header's value or empty."""

    host: str
    port: int
    authorization: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"

    def request(self, host: str, port: int) -> bytes:
        """What opens the tunnel to the endpoint."""
        lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: {self.authorization}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def proxy_of(url: str, environment: Mapping[str, str] = os.environ) -> Proxy | None:
    """HTTPS_PROXY for an https URL, unless NO_PROXY names its host, a domain above it, or a network around its address.

    Plain http never goes through a proxy. Raises ConfigurationError for a proxy that is not reached over plain HTTP.
    """
    parts = urlsplit(url)
    given = environment.get("https_proxy") or environment.get("HTTPS_PROXY")
    if parts.scheme != "https" or not given or _bypassed(parts.hostname or "", environment):
        return None
    proxy = urlsplit(given if "://" in given else f"http://{given}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise ConfigurationError("HTTPS_PROXY: only http:// proxies are supported; write for example http://proxy:3128")
    authorization = ""
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(proxy.hostname, proxy.port or 3128, authorization)


def _bypassed(host: str, environment: Mapping[str, str]) -> bool:
    excluded = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    for entry in (part.strip().lower() for part in excluded.split(",")):
        if entry == "*" or (entry and _covers(entry.lstrip("."), host.lower())):
            return True
    return False


def _covers(entry: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return host == entry or host.endswith("." + entry)
