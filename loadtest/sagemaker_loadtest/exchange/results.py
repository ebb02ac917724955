"""The result of an asynchronous invocation: an object that appears in S3, or one that tells of the failure."""

import os
import re
import time
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import gevent

from sagemaker_loadtest.api.spec import AsyncResults
from sagemaker_loadtest.exchange.connection import Answer
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.exchange.requests import object_request
from sagemaker_loadtest.exchange.signing import SigningSource
from sagemaker_loadtest.exchange.target import host_header
from sagemaker_loadtest.exchange.transport import Transport
from sagemaker_loadtest.workload.objects import split_uri

_BUCKET = re.compile(r"[A-Za-z0-9._-]+")
_FAILURE_EVERY = 4
_SHARE = 0.05
"""A result that has taken long is asked for less often: its time is known to within 5 %, at least the poll interval."""


class Results:
    """Waits for results with signed GETs, for all users of a process."""

    def __init__(self, settings: AsyncResults, region: str, signing: SigningSource, *, timeout_seconds: float) -> None:
        self._settings = settings
        self._region = region
        self._signing = signing
        self._timeout = timeout_seconds
        self._transports: dict[str, Transport] = {}

    def wait(self, output: str, failure: str) -> tuple[Outcome, float]:
        """Until one of the two objects is there, or the time for it has passed; with the moment (`time.perf_counter`)
        at which it was seen.
        """
        began = time.perf_counter()
        refused, polls = False, 0
        while True:
            waited = time.perf_counter() - began
            gevent.sleep(max(self._settings.poll_seconds, _SHARE * waited))
            polls += 1
            for location, outcome in ((output, Outcome.OK), (failure, Outcome.MODEL_ERROR)):
                if not location or (outcome is not Outcome.OK and polls % _FAILURE_EVERY):
                    continue
                answer = self._look(location)
                if answer.status in (200, 206, 416):  # 416: it is there and has not even a first byte
                    return outcome, answer.done
                refused = refused or answer.status == 403
            if time.perf_counter() - began > self._settings.timeout_seconds:
                # without s3:ListBucket S3 answers 403 for what is not there yet, too
                return (Outcome.BAD_CREDENTIALS if refused else Outcome.TIME_OUT), time.perf_counter()

    def _look(self, location: str) -> Answer:
        url, path = object_address(location, self._region)
        transport = self._transports.get(url)
        if transport is None:
            transport = self._transports[url] = Transport(url, timeout_seconds=self._timeout)
        request = object_request(host_header(url), path)
        return transport.send(self._signing.head(request), b"")


def object_address(location: str, region: str, environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Base URL and percent-encoded path of `s3://bucket/key`.

    AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL if set, with the bucket in the path; else AWS's own, with the bucket in the
    host name, unless the bucket's dots would not fit AWS's certificate. Raises ValueError for what is no S3 URI.
    """
    bucket, key = split_uri(location)
    if not _BUCKET.fullmatch(bucket):  # it becomes a part of the host name, and of what is signed
        raise ValueError(location)
    path = "/" + quote(key, safe="/~")
    given = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    if given:
        parts = urlsplit(given)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", f"/{bucket}{path}"
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    if "." in bucket:
        return f"https://s3.{region}.{domain}", f"/{bucket}{path}"
    return f"https://{bucket}.s3.{region}.{domain}", path
