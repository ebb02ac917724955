"""The shipped model servers as SageMaker would run them: archive from S3, handlers, content types, errors."""

from __future__ import annotations

import asyncio
import io
import json
import pickle
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from sklearn.linear_model import LogisticRegression

from sagemaker_local.hosting.types import FleetFailure

XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
SKLEARN = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}

FOUR_FUNCTIONS = """
import json, os, xgboost
def model_fn(model_dir):
    print("loading from", os.path.basename(model_dir))
    return xgboost.Booster(model_file=os.path.join(model_dir, "model.json"))
def input_fn(body, content_type):
    assert isinstance(body, str) and content_type == "text/csv", (type(body), content_type)
    return xgboost.DMatrix([[float(field) for field in row.split(",")] for row in body.rstrip().split("\\n")])
def predict_fn(data, model):
    return model.predict(data)
def output_fn(prediction, accept):
    return json.dumps({"prob": prediction.tolist(), "pred": [float(p > 0.5) for p in prediction]}), accept
"""
TRANSFORM = """
import pathlib
def model_fn(model_dir):
    return pathlib.Path(model_dir, "word").read_text()
def transform_fn(model, body, content_type, accept):
    if body == b"fail":
        raise RuntimeError("no such word")
    return f"{model} {body.decode()} {content_type} {accept}", "text/x-answer"
"""
SKLEARN_SCRIPT = """
import os, pickle
def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)
"""


async def refusal(world: Any, body: bytes, **fields: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await world.invoke(body, **fields)
    return caught.value


@pytest.mark.parametrize("form", ["json", "ubj", "pickle"])
def test_xgboost_without_a_script_predicts_as_the_model_does(world: Any, aws: Any, trained: Any, form: str) -> None:
    files = {"xgboost-model": pickle.dumps(trained.booster)} if form == "pickle" else trained.files(form)

    async def go() -> None:
        async with world() as here:
            await here.serve(here.fleet(XGBOOST, aws.put(f"xgb-{form}.tar.gz", {**files, "._xgboost-model": b"?"})))
            reply = await here.invoke(trained.csv, ContentType="text/csv")
            assert [float(each) for each in reply["Body"].split(b",")] == trained.expected
            assert reply["ContentType"].startswith("text/csv")
            assert reply["InvokedProductionVariant"] == "main"
            reply = await here.invoke(trained.csv, ContentType="text/csv", Accept="application/json")
            assert [each["score"] for each in json.loads(reply["Body"])["predictions"]] == trained.expected
            reply = await here.invoke(trained.csv, ContentType="text/csv", Accept="application/jsonlines")
            assert [json.loads(each)["score"] for each in reply["Body"].splitlines()] == trained.expected
            lines = [" ".join(f"{n}:{value}" for n, value in enumerate(row)) for row in trained.rows.tolist()]
            reply = await here.invoke("\n".join(lines).encode(), ContentType="text/libsvm")
            assert [float(each) for each in reply["Body"].split(b",")] == trained.expected

    asyncio.run(go())


def test_xgboost_refuses_as_the_container_does(world: Any, aws: Any, trained: Any) -> None:
    async def go() -> None:
        async with world() as here:
            await here.serve(here.fleet(XGBOOST, aws.put("xgb.tar.gz", trained.files())))
            seen = []
            for body, fields in (
                (b"{}", {"ContentType": "application/json"}),
                (b"a,b,c,d,e,f", {"ContentType": "text/csv"}),
                (b"1,2", {"ContentType": "text/csv"}),
                (b"1,2,3\n1,2", {"ContentType": "text/csv"}),
                (b"1,2,3,4,5,6", {"ContentType": "text/csv", "Accept": "image/png"}),
            ):
                error = (await refusal(here, body, **fields)).response
                seen.append((error["Error"]["Code"], error["OriginalStatusCode"]))
                assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
                assert error["OriginalMessage"]
            assert seen == [("ModelError", status) for status in (415, 415, 400, 415, 406)]
            assert (await here.invoke(b"", ContentType="text/csv"))["Body"] == b""

    asyncio.run(go())


def test_the_four_handler_functions_run_in_their_order(world: Any, aws: Any, trained: Any) -> None:
    files = {"model.json": trained.files()["xgboost-model"], "code/inference.py": FOUR_FUNCTIONS.encode()}

    async def go() -> None:
        async with world() as here:
            await here.serve(here.fleet(XGBOOST, aws.put("four.tar.gz", files), environment=SCRIPT))
            reply = await here.invoke(trained.csv, ContentType="text/csv")
            answer = json.loads(reply["Body"])
            assert answer["prob"] == trained.expected
            assert reply["ContentType"] == "application/json"
            error = (await refusal(here, b"1,2,x", ContentType="text/csv")).response
            assert error["OriginalStatusCode"] == 500
            assert "could not convert string to float" in error["OriginalMessage"]
            await here.host.flush_logs()
            lines = await asyncio.to_thread(aws.log_lines, "fraud")
            assert "loading from model" in lines
            assert "Traceback (most recent call last):" in lines

    asyncio.run(go())


def test_one_transform_function_replaces_three_and_its_code_may_lie_in_s3(world: Any, aws: Any) -> None:
    place = aws.put("sourcedir.tar.gz", {"serve_me.py": TRANSFORM.encode()})
    environment = {"SAGEMAKER_PROGRAM": "serve_me.py", "SAGEMAKER_SUBMIT_DIRECTORY": place}

    async def go() -> None:
        async with world() as here:
            url = aws.put("word.tar.gz", {"word": b"hello"})
            await here.serve(here.fleet(SKLEARN, url, environment=environment))
            reply = await here.invoke(b"you", ContentType="application/x-word", Accept="text/plain")
            assert reply["Body"] == b"hello you application/x-word text/plain"
            assert reply["ContentType"] == "text/x-answer"
            error = (await refusal(here, b"fail", ContentType="application/x-word")).response
            assert error["OriginalMessage"].startswith("no such word\nTraceback")

    asyncio.run(go())


def test_scikit_learn_has_defaults_for_all_but_the_loading(world: Any, aws: Any, trained: Any) -> None:
    model = LogisticRegression().fit(trained.rows, [0, 1, 0, 1])
    files = {"model.pkl": pickle.dumps(model), "code/inference.py": SKLEARN_SCRIPT.encode()}
    expected = model.predict(trained.rows).tolist()
    buffer = io.BytesIO()
    np.save(buffer, trained.rows)

    async def go() -> None:
        async with world() as here:
            await here.serve(here.fleet(SKLEARN, aws.put("sk.tar.gz", files), environment=SCRIPT))
            reply = await here.invoke(trained.csv, ContentType="text/csv")
            assert json.loads(reply["Body"]) == expected
            for body in (trained.rows.tolist(), {"instances": trained.rows.tolist()}):
                reply = await here.invoke(json.dumps(body).encode(), ContentType="application/json", Accept="text/csv")
                assert reply["Body"].split() == [str(each).encode() for each in expected]
            reply = await here.invoke(buffer.getvalue(), ContentType="application/x-npy", Accept="application/x-npy")
            assert np.load(io.BytesIO(reply["Body"])).tolist() == expected
            assert (await refusal(here, b"x", ContentType="image/png")).response["OriginalStatusCode"] == 415
            pickled = io.BytesIO()
            np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
            error = (await refusal(here, pickled.getvalue(), ContentType="application/x-npy")).response
            assert "allow_pickle=False" in error["OriginalMessage"]
            await here.host.flush_logs()
            lines = await asyncio.to_thread(aws.log_lines, "fraud")
            assert any("asks for sklearn 1.2; it is served by the installed" in line for line in lines)

    asyncio.run(go())


def test_several_workers_serve_and_die_with_their_server(world: Any, aws: Any, trained: Any) -> None:
    async def go() -> None:
        async with world() as here:
            environment = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
            fleet = here.fleet(XGBOOST, aws.put("xgb.tar.gz", trained.files()), environment=environment)
            await here.serve(fleet)
            for _ in range(5):
                reply = await here.invoke(trained.csv, ContentType="text/csv")
                assert len(reply["Body"].split(b",")) == len(trained.expected)

    asyncio.run(go())


BROKEN = {
    "both kinds": (FOUR_FUNCTIONS + "\ndef transform_fn(*a): pass", "Cannot use transform_fn implementation with"),
    "no model_fn": ("def predict_fn(data, model): return 1", "Please provide a model_fn implementation"),
    "import fails": ("import not_there_at_all", "No module named 'not_there_at_all'"),
}


@pytest.mark.parametrize(("script", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_script_is_never_healthy_and_the_log_says_why(world: Any, aws: Any, script: str, line: str) -> None:
    async def go() -> None:
        async with world(startup_attempts=1) as here:
            url = aws.put("broken.tar.gz", {"code/inference.py": script.encode()})
            fleet = here.fleet(SKLEARN, url, environment=SCRIPT, endpoint_name="broken")
            with pytest.raises(FleetFailure, match="did not pass the ping health check"):
                await fleet.started()
            lines = await asyncio.to_thread(aws.log_lines, "broken")
            assert any(line in each for each in lines)
            await fleet.stop()

    asyncio.run(go())


def test_a_missing_program_or_model_is_named(world: Any, aws: Any) -> None:
    async def go() -> None:
        async with world(startup_attempts=1) as here:
            fleets = [
                here.fleet(SKLEARN, aws.put("a.tar.gz", {"m": b""}), endpoint_name="none"),
                here.fleet(SKLEARN, aws.put("a.tar.gz", {"m": b""}), endpoint_name="lost", environment=SCRIPT),
                here.fleet(XGBOOST, aws.put("b.tar.gz", {"code/x": b""}), endpoint_name="empty"),
                here.fleet(XGBOOST, aws.put("c.tar.gz", {"xgboost-model": b"\0binf old"}), endpoint_name="old"),
            ]
            for fleet in fleets:
                with pytest.raises(FleetFailure):
                    await fleet.started()
            for name, words in (
                ("none", "SAGEMAKER_PROGRAM is not set"),
                ("lost", "SAGEMAKER_PROGRAM=inference.py: no such file"),
                ("empty", "put xgboost-model at its root (found code)"),
                ("old", "Unable to load model xgboost-model: as XGBoost's own format"),
            ):
                lines = await asyncio.to_thread(aws.log_lines, name)
                assert any(words in each for each in lines), (name, lines)

    asyncio.run(go())
