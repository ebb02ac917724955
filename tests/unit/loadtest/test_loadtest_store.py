"""The result's ConfigMap stays within what Kubernetes takes."""

import base64
import gzip
import json
import random
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from tests.unit.loadtest.test_loadtest_report import RESULTS, spec_of

from sagemaker_loadtest.api.codec import decode
from sagemaker_loadtest.api.errors import ConfigurationError
from sagemaker_loadtest.command.run import deliver, write
from sagemaker_loadtest.command.setting import Setting
from sagemaker_loadtest.judge.result import Result
from sagemaker_loadtest.storage.bucket import remedy
from sagemaker_loadtest.storage.store import CONFIG_MAP_BYTES, S3Store, StoreError, config_map_data

NAMES = ("index.html", "junit.xml", "result.json", "summary.csv", "summary.md")


class _Facts:
    def __init__(self, **members: Any) -> None:
        self.__dict__.update(members)


RESULT = cast(
    "Result",
    _Facts(
        run="r1", name="t", start="2026-01-01T00:00:00Z", partial=False,
        verdict=_Facts(word="met", exit_code=0, headline="Met"),
    ),
)  # fmt: skip


def data(folder: Path, **sizes: int) -> dict[str, Any]:
    """Of files that cannot be packed any smaller."""
    rng = random.Random(1)
    names = {"result": "result.json", "page": "index.html", "summary": "summary.md"}
    for key, size in sizes.items():
        (folder / names[key]).write_bytes(rng.randbytes(size) if key != "summary" else b"s" * size)
    return config_map_data(RESULT, [folder / names[key] for key in sizes])


def test_everything_fits(tmp_path: Path) -> None:
    found = data(tmp_path, result=1000, page=2000, summary=300)
    assert json.loads(found["data"]["verdict.json"])["exitCode"] == 0
    assert found["data"]["summary.md"] == "s" * 300
    assert (
        gzip.decompress(base64.b64decode(found["binaryData"]["index.html.gz"]))
        == (tmp_path / "index.html").read_bytes()
    )


@pytest.mark.parametrize(
    ("result", "page", "kept"),
    [(300_000, 300_000, {"result.json.gz", "index.html.gz"}), (700_000, 300_000, {"result.json.gz"}),
     (950_000, 300_000, {"index.html.gz"}), (950_000, 950_000, set())],
)  # fmt: skip
def test_what_does_not_fit_is_taken_away(tmp_path: Path, result: int, page: int, kept: set[str]) -> None:
    found = data(tmp_path, result=result, page=page, summary=2_000_000)
    assert {name for name, value in found["binaryData"].items() if value is not None} == kept
    assert set(found["binaryData"]) == {"result.json.gz", "index.html.gz"}, "null takes an earlier run's away"
    values = [value.encode() for value in found["data"].values()]
    values += [base64.b64decode(value) for value in found["binaryData"].values() if value]
    assert sum(map(len, values)) <= CONFIG_MAP_BYTES


class Bucket:
    """boto3's client; `refusal` is what each writing ends with."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        if self.refusal:
            raise self.refusal
        self.objects[Key] = Body


def test_a_folder_without_files_costs_no_other_place_its_result(monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, result = Bucket(), RESULTS["met"]
    monkeypatch.setattr("sagemaker_loadtest.storage.store._client", lambda *_: bucket)
    assert S3Store("b", "p/").put(result, []) == "s3://b/p/"
    assert set(bucket.objects) == {f"p/{name}" for name in NAMES}
    assert decode(Result, json.loads(bucket.objects["p/result.json"])) == result
    found = config_map_data(result, [])
    assert json.loads(found["data"]["verdict.json"])["word"] == "met"
    assert "Load test: Met" in found["data"]["summary.md"]
    packed = gzip.decompress(base64.b64decode(found["binaryData"]["result.json.gz"]))
    assert decode(Result, json.loads(packed)) == result


def test_renewed_credentials_that_are_expired_are_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bucket = Bucket(RuntimeError("the refreshed credentials are still expired."))
    monkeypatch.setattr("sagemaker_loadtest.storage.store._client", lambda *_: bucket)
    with pytest.raises(StoreError, match=r"could not be written to s3://b/p/ \(the refreshed credentials"):
        S3Store("b", "p/").put(RESULTS["met"], [])
    with pytest.raises(ConfigurationError, match="Mend the credentials"):
        S3Store("b", "p/").try_out(spec_of(), "r1")


def test_what_is_told_of_a_folder_without_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.write_text("a file where the folder should be")
    bucket = Bucket()
    monkeypatch.setattr("sagemaker_loadtest.storage.store._client", lambda *_: bucket)
    result, files = write(RESULTS["met"], (), folder)
    assert (files, result.verdict.exit_code) == ([], 5)
    bucket.refusal = RuntimeError("no")
    told, _, places = deliver(result, files, (), folder, (S3Store("b", ""),))
    assert places == []
    assert not any("All files are in" in reason for reason in told.verdict.reasons)


@pytest.mark.parametrize(
    ("url", "found"),
    [("s3://b/p/q/", S3Store("b", "p/q/")), ("s3://b", S3Store("b", "")), ("s3://b/p", S3Store("b", "p/"))],
)
def test_s3_urls(url: str, found: S3Store) -> None:
    assert S3Store.parse(url) == found


def test_stores_are_refused_before_the_load(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no S3 URL"):
        Setting(results_s3="bucket/x").stores()
    with pytest.raises(ConfigurationError, match="this is no pod"):
        Setting(results_configmap="x", account=tmp_path).stores()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("NoSuchBucket", "Make the bucket"),
        ("AccessDenied", "Allow s3:PutObject on arn:aws:s3:::reports/r1/*"),
        ("403", "Allow s3:PutObject on arn:aws:s3:::reports/r1/*"),
        ("InvalidAccessKeyId", "Mend the credentials"),
        ("ExpiredToken", "Mend the credentials"),
        ("EntityTooLarge", "leave --results-s3 out"),
        (NoCredentialsError(), "Mend the credentials"),
        (EndpointConnectionError(endpoint_url="http://x"), "AWS_ENDPOINT_URL_S3"),
    ],
)
def test_each_refusal_of_a_bucket_has_its_remedy(error: str | Exception, told: str) -> None:
    found = ClientError({"Error": {"Code": error}}, "PutObject") if isinstance(error, str) else error
    assert told in remedy(found, "reports", "r1/")
