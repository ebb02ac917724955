"""The same call made three ways under plain Locust, a locustfile of the benchmark. BENCH_BYTES is the body's size."""

import os
import time

from locust import FastHttpUser, User, constant, task

from sagemaker_loadtest.swarm.user import SageMakerUser

BODY = b"a" * int(os.environ.get("BENCH_BYTES", "1024"))
ENDPOINT, REGION, CONTENT = "bench", "eu-west-1", "application/json"


class Ours(SageMakerUser):
    wait_time = constant(0)
    endpoint_name, region = ENDPOINT, REGION

    @task
    def call(self) -> None:
        self.invoke(BODY, content_type=CONTENT)


class Boto3(User):
    """As in AWS's own sample: a client for each user."""

    wait_time = constant(0)

    def on_start(self) -> None:
        import boto3
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=100)
        session = boto3.session.Session()
        self.runtime = session.client("sagemaker-runtime", endpoint_url=self.host, region_name=REGION, config=config)

    @task
    def call(self) -> None:
        began, failed, size = time.perf_counter(), None, 0
        try:
            reply = self.runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType=CONTENT, Body=BODY)
            size = len(reply["Body"].read())
        except Exception as error:  # Locust counts it, whatever it is
            failed = error
        self.environment.events.request.fire(
            request_type="boto3",
            name="invoke",
            response_time=(time.perf_counter() - began) * 1000,
            response_length=size,
            exception=failed,
            context={},
        )


class Fast(FastHttpUser):
    """Locust's fast client, without a signature."""

    wait_time = constant(0)
    insecure = True

    @task
    def call(self) -> None:
        path, headers = f"/endpoints/{ENDPOINT}/invocations", {"Content-Type": CONTENT}
        self.client.post(path, data=BODY, headers=headers)  # type: ignore[arg-type]  # it takes bytes all the same
