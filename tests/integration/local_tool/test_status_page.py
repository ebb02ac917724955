"""The status page and its JSON, as a browser and a program see them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from html.parser import HTMLParser
from typing import Any

import pytest


class Text(HTMLParser):
    """What is to be read, the tags that there are, and what they would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def page(local: Any) -> str:
    kind, body = local.get("")
    assert kind.startswith("text/html")
    return str(body.decode())


def status(local: Any) -> Any:
    kind, body = local.get("status")
    assert kind.startswith("application/json")
    return json.loads(body)


def test_it_shows_what_runs(starter: Any) -> None:
    with starter() as local:
        assert "No endpoint yet" in Text(page(local)).text
        local.model("blue")
        local.model("green")
        local.config("one", count=2, blue=3, green=1)
        local.endpoint("shop", "one")
        local.admin("POST", "faults", {"endpoint": "shop", "failure": "<script>alert(1)</script>"})
        for _ in range(8):
            local.invoke("shop", TargetVariant="blue")
        with pytest.raises(local.client("sagemaker-runtime").exceptions.ModelError):
            local.invoke("shop", b"fail", TargetVariant="green")
        with pytest.raises(local.sagemaker.exceptions.ClientError):
            local.sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="one")

        found = status(local)["endpoints"][0]
        pids = {each["pid"] for fleet in found["fleets"] for each in fleet["instances"]}
        assert (found["name"], found["status"], found["calls"], found["failed"]) == ("shop", "InService", 9, 1)
        assert [(each["asked"], round(each["seen"], 3)) for each in found["fleets"]] == [(0.75, 0.889), (0.25, 0.111)]
        assert all(each["memory"] > 2**20 for fleet in found["fleets"] for each in fleet["instances"])
        assert found["errors"][0]["operation"] == "CreateEndpoint"
        local.until(lambda: "<b>loading</b> the model" in json.dumps(status(local)), "the container's line")

        html = page(local)
        seen = Text(html)
        for part in ("shop", "InService", "75 %", "88.9 %", "failed 1 of 9", "LOCAL, NOT AWS", local.url):
            assert part in seen.text
        assert all(f"pid {pid}" in seen.text for pid in pids)
        assert "<b>loading</b> the model" in seen.text  # as text, not as a tag
        assert "alert(1)" in seen.text
        assert seen.tags.count("script") == 1
        assert seen.loads == []
        ids = re.findall(r'id="([^"]+)"', html)
        assert len(ids) == len(set(ids))


def test_a_dead_process_and_a_new_fleet_are_seen(starter: Any) -> None:
    import os
    import signal

    with starter() as local:
        local.model("blue")
        local.config("one", blue=1)
        local.config("two", blue=1)
        local.endpoint("shop", "one")
        pid = local.invoke("shop")["pid"]
        os.kill(pid, signal.SIGKILL)

        def instance() -> Any:
            return status(local)["endpoints"][0]["fleets"][0]["instances"][0]

        local.until(lambda: instance()["restarts"] == 1 and instance()["status"] == "InService", "another process")
        assert "started again 1×" in Text(page(local)).text
        local.sagemaker.update_endpoint(EndpointName="shop", EndpointConfigName="two")
        roles = lambda: {each["role"] for each in status(local)["endpoints"][0]["fleets"]}  # noqa: E731 - asked again
        local.until(lambda: roles() & {"starting", "joining"}, "the new fleet")
        local.status("shop", "InService")
        assert roles() == {"serving"}


def test_it_is_for_this_machine_and_no_other_page(starter: Any) -> None:
    with starter() as local:
        for headers in ({"Origin": "http://elsewhere.example"}, {"Host": "elsewhere.example"}):
            for path in ("", "status", "health"):
                with pytest.raises(urllib.error.HTTPError) as caught:
                    local.get(path, **headers)
                with caught.value as error:
                    assert error.code == 403
        assert local.get("", Host="localhost:4570")[0].startswith("text/html")
        with pytest.raises(urllib.error.HTTPError) as refused:
            local.admin("POST", "")
        refused.value.close()
        assert refused.value.code == 404
        with pytest.raises(urllib.error.HTTPError) as garbled:
            urllib.request.urlopen(f"{local.url}/_local/faults", b"not JSON")
        with garbled.value as error:
            assert json.load(error)["message"].startswith("the body must be JSON: ")


def test_latencies_and_copies_for_shadow_variants_are_told_apart(starter: Any) -> None:
    with starter() as local:
        local.model("blue")
        variants = [
            {"VariantName": name, "ModelName": "blue", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
            for name in ("main", "beside")
        ]
        local.sagemaker.create_endpoint_config(
            EndpointConfigName="one", ProductionVariants=variants[:1], ShadowProductionVariants=variants[1:]
        )
        local.endpoint("shop", "one")
        for _ in range(25):
            local.invoke("shop")

        def found() -> Any:
            return {each["variant"]: each for each in status(local)["endpoints"][0]["fleets"]}

        local.until(lambda: found()["beside"]["calls"] == 25, "all copies")
        main, beside = found()["main"], found()["beside"]
        assert [(each["asked"], each["seen"], each["shadow"]) for each in (main, beside)] == [
            (1, 1, False),
            (1, 1, True),
        ]
        assert status(local)["endpoints"][0]["calls"] == 25
        assert 0 < main["p50"] <= 2 * main["mean"]
        assert main["p99"] is None  # a quarter of a call lies beyond it
        assert "gets copies" in Text(page(local)).text


def test_a_failed_endpoint_still_shows_its_last_lines_and_is_pointed_at(starter: Any) -> None:
    with starter() as local:
        local.model("blue", PYTHONHOME="/none")
        local.config("one", blue=1)
        local.sagemaker.create_endpoint(EndpointName="shop", EndpointConfigName="one")
        local.status("shop", "Failed")
        found = status(local)
        assert found["by_status"] == {"Failed": 1}
        assert "container ended with" in " ".join(found["endpoints"][0]["last_log"])
        text = Text(page(local)).text
        assert "1 endpoint: 1 Failed Look at shop" in text


def test_its_address_without_the_slash_leads_to_it(starter: Any) -> None:
    with starter() as local, urllib.request.urlopen(f"{local.url}/_local", timeout=60) as reply:
        assert reply.url == f"{local.url}/_local/"
        assert "No endpoint yet" in reply.read().decode()
