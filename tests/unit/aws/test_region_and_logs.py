"""A region that fails, long lists under throttling, clients that cannot be made, and whose log lines are shown."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from sagemaker_operator.aws.client import RegionClient
from sagemaker_operator.aws.errors import AWSError, Kind
from sagemaker_operator.aws.logs import log_excerpt
from sagemaker_operator.aws.region import Region

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


class Client:
    """Two pages of models, one of everything else; `fail` counts down by operation."""

    region = "eu-west-1"

    def __init__(self, **fail: Kind) -> None:
        self.fail, self.calls = {name: [kind] * 3 for name, kind in fail.items()}, []
        self.streams: list[dict[str, Any]] = []
        self.lines = ["one"]

    pages, _page = RegionClient.pages, RegionClient._page

    def account(self) -> str:
        return "111122223333"

    def call(self, method: str, **request: Any) -> dict[str, Any]:
        self.calls.append(method)
        if self.fail.get(method):
            raise AWSError(self.fail[method].pop(), method, "Code", "broken")
        first = "NextToken" not in request
        return {
            "list_endpoints": {"Endpoints": []},
            "list_endpoint_configs": {"EndpointConfigs": []},
            "list_models": {"Models": [{"ModelName": "m"}], **({"NextToken": "2"} if first else {})},
            "describe_log_streams": {"logStreams": self.streams},
            "get_log_events": {"events": [{"message": line} for line in self.lines]},
        }[method]


def region(client: Client) -> Region:
    return Region(client, 600)  # type: ignore[arg-type]


def test_a_throttled_page_does_not_begin_the_list_anew() -> None:
    client = Client(list_models=Kind.THROTTLED)
    region(client).ready()
    assert client.calls.count("list_models") == 3 + 2
    assert client.calls.count("list_endpoints") == 1


def test_after_a_failed_first_listing_others_do_not_wait_for_a_time_out_of_their_own() -> None:
    client = Client(list_endpoints=Kind.UNREACHABLE)
    found = region(client)
    errors = []
    for _ in range(5):
        with pytest.raises(AWSError) as raised:
            found.ready()
        errors.append(raised.value)
    assert client.calls.count("list_endpoints") == 1
    assert len({id(error) for error in errors}) == 5, "each caller has an exception of its own"


def test_an_outage_is_one_when_it_lasts() -> None:
    client = Client(list_endpoints=Kind.UNREACHABLE)
    found = Region(client, 600, outage_seconds=60)  # type: ignore[arg-type]
    clock = [0.0]
    found.directory.clock = lambda: clock[0]
    for _ in range(3):
        with pytest.raises(AWSError):
            found.sweep()
    assert not found.failing
    clock[0] = 61
    assert found.failing
    found.sweep()
    assert not found.failing


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "not-there"), ("AWS_ENDPOINT_URL", "no url"), ("AWS_ENDPOINT_URL", "127.0.0.1")]
)
def test_an_aws_environment_that_cannot_be_used_is_an_aws_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(AWSError) as raised:
        RegionClient("eu-west-1", 10)
    assert raised.value.kind is Kind.CREDENTIALS


@pytest.mark.parametrize(
    ("region", "partition", "url"),
    [
        ("eu-west-1", "aws", "https://runtime.sagemaker.eu-west-1.amazonaws.com"),
        ("cn-north-1", "aws-cn", "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "https://runtime.sagemaker.us-gov-west-1.amazonaws.com"),
    ],
)
def test_where_endpoints_are_invoked_is_botocores_word(
    monkeypatch: pytest.MonkeyPatch, region: str, partition: str, url: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    client = RegionClient(region, 10)
    assert (client.partition, client.runtime_url) == (partition, url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:4570")
    assert RegionClient(region, 10).runtime_url == "http://127.0.0.1:4570"


def stream(minutes: int, name: str) -> dict[str, Any]:
    created = NOW + dt.timedelta(minutes=minutes)
    return {"logStreamName": name, "creationTime": int(created.timestamp() * 1000)}


@pytest.fixture
def client() -> Iterator[Client]:
    return Client()


def test_lines_of_the_fleet_that_failed_only(client: Client) -> None:
    client.streams = [stream(-60, "main/old")]
    assert log_excerpt(client, "ml-fraud", NOW) == (), "the old fleet serves on and writes on"  # type: ignore[arg-type]
    client.streams.append(stream(1, "main/new"))
    assert log_excerpt(client, "ml-fraud", NOW) == ("one",)  # type: ignore[arg-type]


def test_lines_are_cut_so_that_the_status_can_be_stored(client: Client) -> None:
    client.streams, client.lines = [stream(1, "main/new")], ["x" * 200_000] * 40
    lines = log_excerpt(client, "ml-fraud", None)  # type: ignore[arg-type]
    assert len(lines) == 20
    assert sum(map(len, lines)) <= 20_000
