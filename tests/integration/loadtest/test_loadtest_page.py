"""Locust's page: only behind its login, and it starts and stops the load."""

import contextlib
import http.cookiejar
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.waiting import until


class Browser:
    """Cookies, forms and redirects."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def there(self) -> bool:
        try:
            self.visit("/login")
        except urllib.error.URLError:
            return False
        return True

    def visit(self, path: str, **form: str) -> tuple[str, str]:
        """Where it ended, and what stands there."""
        data = urllib.parse.urlencode(form).encode() if form else None
        with contextlib.closing(self._opener.open(self.url + path, data, timeout=30)) as answer:
            return answer.geturl(), answer.read().decode()


@pytest.fixture
def page(
    tmp_path: Path, stub: Any, request: pytest.FixtureRequest
) -> Iterator[tuple[subprocess.Popen[bytes], Browser]]:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "rows.csv").write_text("1,2,3\n")
    test = {
        "endpoint": {"name": "ml-fraud", "region": "eu-west-1"},
        "payloads": {"contentType": "text/csv", "sources": [{"file": "rows.csv"}]},
        "load": {"duration": "4s", **request.param},
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))} | {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret/of+the/test",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": stub.url,
        "SAGEMAKER_LOADTEST_WEB_USERNAME": "ann",
        "SAGEMAKER_LOADTEST_WEB_PASSWORD": "correct horse",
    }
    flags = ["-f", str(tmp_path / "test.yaml"), "--out", str(tmp_path / "out"), "--web", f"--web-port={port}"]
    with (tmp_path / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sagemaker_loadtest", "run", *flags],
            env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    browser = Browser(f"http://127.0.0.1:{port}")
    try:
        until(lambda: process.poll() is not None or browser.there(), "the page is there")
        assert process.poll() is None, (tmp_path / "output.txt").read_text()
        yield process, browser
        assert "correct horse" not in (tmp_path / "output.txt").read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


CLOSED = pytest.param({"closed": {"users": 4, "pacing": "100ms"}}, id="closed")
OPEN = pytest.param({"open": {"rate": 5}}, id="open")


@pytest.mark.parametrize("page", [CLOSED], indirect=True)
def test_nothing_without_the_right_login(page: tuple[subprocess.Popen[bytes], Browser], stub: Any) -> None:
    process, browser = page
    for path in ("/", "/stats/requests", "/stats/report", "/logs"):
        assert browser.visit(path)[0].startswith(browser.url + "/login"), path
    for wrong in ({"username": "ann", "password": "x"}, {"username": "eve", "password": "correct horse"}):
        assert browser.visit("/login-submit", **wrong)[0] == browser.url + "/login"
        assert browser.visit("/swarm", user_count="1", spawn_rate="1")[0].startswith(browser.url + "/login")
    assert "Wrong user or password" in browser.visit("/login-submit", username="ann", password="y")[1]
    assert stub.calls == 1  # the probe
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(("page", "asked"), [(CLOSED.values[0], "6"), (OPEN.values[0], "50")], indirect=["page"])
def test_a_person_starts_and_stops_the_load_twice(
    page: tuple[subprocess.Popen[bytes], Browser], stub: Any, asked: str
) -> None:
    process, browser = page
    assert browser.visit("/login-submit", username="ann", password="correct horse")[0] == browser.url + "/"
    until(lambda: json.loads(browser.visit("/worker-count")[1])["worker_count"] == 2, "both workers are there")
    for _ in range(2):
        before = stub.calls
        started = json.loads(browser.visit("/swarm", user_count=asked, spawn_rate="100")[1])
        assert started["success"], started
        until(lambda: stub.calls >= before + 100, "requests arrive")  # noqa: B023 - used within the turn
        until(lambda: json.loads(browser.visit("/stats/requests")[1])["total_rps"] > 0, "the page counts them")
        assert json.loads(browser.visit("/stop", now="1")[1])["success"]
        until(lambda: json.loads(browser.visit("/stats/requests")[1])["state"] in ("stopped", "ready"), "it stops")
        quiet = stub.calls
        time.sleep(1.0)  # the length of the silence is what is tested
        assert stub.calls == quiet
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
