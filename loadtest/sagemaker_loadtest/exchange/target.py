"""The endpoint under test: where it is reached, whether it answers, how its traffic is meant to be split."""

import contextlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.api.spec import Endpoint
from sagemaker_loadtest.exchange.credentials import Source
from sagemaker_loadtest.exchange.proxy import proxy_of
from sagemaker_loadtest.exchange.replies import Outcome, classify, error_type
from sagemaker_loadtest.exchange.sigv4 import Request, Signer

_PROBE_SECONDS = 70.0
"""A little more than the 60 s that SageMaker itself gives a model to answer."""
_DESCRIBE_SECONDS = 3


def runtime_url(endpoint: Endpoint, environment: Mapping[str, str] = os.environ) -> str:
    """Base URL of the runtime: AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME, AWS_ENDPOINT_URL, shared configuration, else AWS.
    Without user and password, which nothing of ours sends: the URL stands in results.

    Raises ConfigurationError for a URL without scheme or host.
    """
    url = environment.get("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME") or environment.get("AWS_ENDPOINT_URL")
    if not url:
        import boto3

        url = boto3.Session(region_name=endpoint.region).client("sagemaker-runtime").meta.endpoint_url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"AWS_ENDPOINT_URL: “{url}” is no URL; write for example http://127.0.0.1:4570")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def host_header(url: str) -> str:
    """Host as it is sent and signed: without the scheme's own port."""
    parts = urlsplit(url)
    default = 443 if parts.scheme == "https" else 80
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def probe(url: str, request: Request, endpoint: Endpoint, source: Source) -> None:
    """One call before the load, so that a wrong name, region, role or content type is told at once.

    Raises ConfigurationError for what no load could change. Throttling and errors of the model are left to the test.
    """
    try:
        status, header, body = _call(url, request, Signer(source(), endpoint.region))
    except ssl.SSLError as error:
        raise ConfigurationError(f"{url}: TLS failed ({error.reason}). Set AWS_CA_BUNDLE to your CA's file") from error
    except (socket.gaierror, ConnectionError) as error:
        remedy = (
            "Is local SageMaker running, and AWS_ENDPOINT_URL right?"
            if "amazonaws.com" not in url
            else "Check region and network"
        )
        raise ConfigurationError(f"{url} cannot be reached: {error.strerror or error}. {remedy}") from error
    except (OSError, http.client.HTTPException):
        return
    outcome = classify(status, header, body)
    message = error_type(header, body)[1]
    told = f" AWS says: {message}" if message else ""
    if outcome in (Outcome.NO_ENDPOINT, Outcome.NOT_READY):
        raise ConfigurationError(
            f"endpoint.name: {endpoint.name} in {endpoint.region} cannot be called now ({outcome.value}). "
            f"Check name and region, and wait until it is InService.{told}"
        )
    if outcome is Outcome.BAD_CREDENTIALS:
        raise ConfigurationError(
            f"AWS credentials: they may not invoke {endpoint.name} in {endpoint.region}. "
            f"Allow sagemaker:InvokeEndpoint on it.{told}"
        )
    if outcome is Outcome.BAD_REQUEST or (outcome is Outcome.MODEL_ERROR and 400 <= original_status(body) < 500):
        raise ConfigurationError(
            f"payloads: the endpoint refuses the first one (HTTP {status}). Check content type and body.{told}"
        )


def original_status(body: bytes) -> int:
    """The container's own status in a ModelError (member OriginalStatusCode), 0 when it is not told: 415 is a wrong
    content type.
    """
    try:
        return int(json.loads(body)["OriginalStatusCode"])
    except (ValueError, KeyError, TypeError):
        return 0


def _call(url: str, request: Request, signer: Signer) -> tuple[int, str | None, bytes]:
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
        proxy = proxy_of(url)
        host, port = (proxy.host, proxy.port) if proxy else (parts.hostname or "", parts.port)
        connection = http.client.HTTPSConnection(host, port, timeout=_PROBE_SECONDS, context=context)
        if proxy:
            authorization = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
            connection.set_tunnel(parts.hostname or "", parts.port or 443, authorization)
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PROBE_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST", request.path, request.body, signer.headers(request))
        response = connection.getresponse()
        return response.status, response.headers.get("X-Amzn-ErrorType"), response.read()


def asked_split(endpoint: Endpoint, environment: Mapping[str, str] = os.environ) -> dict[str, float]:
    """Share of each variant in percent, by DescribeEndpoint; empty when that may not be called or cannot be reached.

    With a runtime URL of its own and no control plane beside it there is nobody to ask.
    """
    control_plane = environment.get("AWS_ENDPOINT_URL_SAGEMAKER") or environment.get("AWS_ENDPOINT_URL")
    if environment.get("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME") and not control_plane:
        return {}
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    settings = Config(
        connect_timeout=_DESCRIBE_SECONDS, read_timeout=_DESCRIBE_SECONDS, retries={"total_max_attempts": 1}
    )
    try:
        client = boto3.Session(region_name=endpoint.region).client("sagemaker", config=settings)
        variants = client.describe_endpoint(EndpointName=endpoint.name).get("ProductionVariants", [])
    except (BotoCoreError, ClientError):
        return {}
    weights = {v["VariantName"]: float(v.get("CurrentWeight") or 0.0) for v in variants}
    total = sum(weights.values())
    return {name: 100 * weight / total for name, weight in weights.items()} if total else {}
