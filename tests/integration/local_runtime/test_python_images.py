"""Images whose entry of the image map has a Python environment of its own."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

SKLEARN = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.4-2"
SERVER = """
import http.server, os, sys, probe
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f"{probe.VERSION} {sys.prefix} {os.environ['PATH']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
SCRIPT = b"""
import probe
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    return probe.VERSION, "text/plain"
"""


def wheel(folder: Path, version: str) -> Path:
    """A package named probe, without the network."""
    info = f"probe-{version}.dist-info"
    files = {
        "probe.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: probe\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"probe-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


@pytest.fixture
def started(start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two environments with one command, one for a model server of AWS, and two that cannot serve."""
    monkeypatch.setenv("SAGEMAKER_OPERATOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "server.py").write_text(SERVER)
    command = ["python", str(tmp_path / "server.py")]
    rules = [
        {"match": "registry.example/one:*", "command": command, "python": str(wheel(tmp_path, "1.0"))},
        {"match": "registry.example/two:*", "command": command, "python": [str(wheel(tmp_path, "2.0"))]},
        {"match": "registry.example/absent:*", "command": command, "python": "./absent-1.0-py3-none-any.whl"},
        {"match": "*/sagemaker-scikit-learn:*", "python": [str(wheel(tmp_path, "3.0"))]},
        {"match": "registry.example/nothing:*", "python": [str(tmp_path / "probe-3.0-py3-none-any.whl")]},
    ]
    (tmp_path / "python-images.yaml").write_text(yaml.safe_dump(rules))
    return lambda: start("--images", str(tmp_path / "python-images.yaml"))


def served(world: Any, name: str, image: str, **container: Any) -> dict[str, Any]:
    world.prefix = f"{world.prefix}-{name}"
    definition = {"Image": image, **container}
    world.sagemaker.create_model(ModelName=f"{world.prefix}-python", PrimaryContainer=definition)
    found: dict[str, Any] = world.create(world.config(model=f"{world.prefix}-python"))
    return found


def test_each_image_runs_with_its_own_packages_which_are_kept(started: Any, world_of: Any, tmp_path: Path) -> None:
    made: list[dict[Path, float]] = []
    for _ in range(2):
        with started() as local:
            world = world_of(local)
            described = served(world, "one", "registry.example/one:1")
            assert described["EndpointStatus"] == "InService", described
            version, prefix, path = world.invoke()["Body"].decode().split(" ", 2)
            assert (version, Path(prefix).parent) == ("1.0", tmp_path / "cache" / "python")
            assert path.startswith(f"{prefix}/bin:")
            assert prefix != sys.prefix
            served(world, "two", "registry.example/two:1")
            assert world.invoke()["Body"].startswith(b"2.0 ")
        made.append({each: each.stat().st_mtime for each in (tmp_path / "cache" / "python").glob("*/complete")})
    assert len(made[0]) == 2
    assert made[0] == made[1]


def test_a_model_server_of_aws_runs_in_an_environment_too(started: Any, world_of: Any) -> None:
    with started() as local:
        world = world_of(local)
        url = local.put("model.tar.gz", {"code/inference.py": SCRIPT})
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        described = served(world, "sklearn", SKLEARN, ModelDataUrl=url, Environment=script)
        assert described["EndpointStatus"] == "InService", described
        assert world.invoke(b"x", ContentType="text/plain")["Body"] == b"3.0"


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("registry.example/absent:1", "was not made: "),
        ("registry.example/nothing:1", "its entry of the image map has no command"),
    ],
)
def test_an_environment_that_cannot_be_made_fails_the_endpoint_with_the_cause(
    started: Any, world_of: Any, image: str, words: str
) -> None:
    with started() as local:
        described = served(world_of(local), "bad", image)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith("Please make sure all images included in the model")
    assert words in described["FailureReason"]
