"""A whole job on a fleet that serves: inputs found, objects shared out, outputs stored at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_local.transform import failures
from sagemaker_local.transform.failures import ObjectFailed
from sagemaker_local.transform.inputs import Input, location_of, of_manifest, of_prefix, output_of, shared_out
from sagemaker_local.transform.invoking import Client, Instances
from sagemaker_local.transform.objects import ObjectError, Objects
from sagemaker_local.transform.spec import MEGABYTE, Settled, TransformSpec, settled
from sagemaker_local.transform.work import Send, transform

_MOST_MANIFEST_BYTES = 16 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a job works with. ``say`` writes a line to its data-log, ``max_object_bytes`` limits what is read."""

    objects: Objects
    region: str
    folder: Path
    max_object_bytes: int
    say: Callable[[str], None]


async def run(spec: TransformSpec, instances: Instances, around: Surroundings) -> None:
    """Return when every object has its output. Raises JobFailed; the outputs of good objects are stored all the same.

    When it is cancelled nothing is stored (API reference, StopTransformJob).
    """
    client = Client(spec, instances)
    try:
        inputs = await _inputs(spec, around)
        limits = settled(spec, await client.parameters())
        megabytes = (limits.max_bytes or 0) // MEGABYTE
        around.say(
            f"MaxConcurrentTransforms={limits.max_concurrent}, MaxPayloadInMB={megabytes}, "
            f"BatchStrategy={limits.strategy}"
        )
        job = _Job(spec, limits, client, around)
        shares = shared_out(inputs, spec.instance_count)
        await _all(*(job.share(number, share) for number, share in enumerate(shares)))
    finally:
        await client.close()
    await _store(job.outputs, spec, around)
    if job.failed is not None:
        raise failures.of_objects(job.failed)


async def _inputs(spec: TransformSpec, around: Surroundings) -> list[Input]:
    place = location_of(spec.s3_uri)
    try:
        if spec.manifest:
            text = await asyncio.to_thread(around.objects.read, place, _MOST_MANIFEST_BYTES)
            inputs = of_manifest(text)
        else:
            inputs = of_prefix(place, await asyncio.to_thread(around.objects.keys, place))
    except (ObjectError, ValueError) as error:
        raise failures.unreadable(spec.s3_uri, str(error)) from error
    if not inputs:
        raise failures.no_objects(spec.s3_uri, around.region)
    return inputs


class _Job:
    """The objects of a job on their way. ``failed`` is whose fault the first failure was."""

    def __init__(self, spec: TransformSpec, limits: Settled, client: Client, around: Surroundings) -> None:
        self.outputs: list[tuple[Input, Path]] = []
        self.failed: str | None = None
        self._spec = spec
        self._limits = limits
        self._client = client
        self._around = around

    async def share(self, number: int, inputs: list[Input]) -> None:
        """One instance's objects, with no more requests under way than the instance may have."""
        slots = asyncio.Semaphore(self._limits.max_concurrent)
        waiting = list(reversed(list(enumerate(inputs))))

        async def send(body: bytes) -> bytes:
            async with slots:
                return await self._client.invoke(number, body, chunked=self._limits.max_bytes is None)

        async def work() -> None:
            while waiting:
                index, each = waiting.pop()
                source = self._around.folder / f"{number}-{index}.in"
                target = self._around.folder / f"{number}-{index}.out"
                try:
                    await self._object(each, source, target, send)
                except ObjectFailed as failure:
                    self._lost(each, failure)
                finally:
                    source.unlink(missing_ok=True)

        await _all(*(work() for _ in range(min(self._limits.max_concurrent, len(inputs)))))

    async def _object(self, each: Input, source: Path, target: Path, send: Send) -> None:
        try:
            await asyncio.to_thread(self._around.objects.download, each.location, source, self._around.max_object_bytes)
        except ObjectError as error:
            raise failures.bad_data(f"The object cannot be read: {error}") from error
        await transform(source, target, self._spec, self._limits, send)
        self.outputs.append((each, target))

    def _lost(self, each: Input, failure: ObjectFailed) -> None:
        self.failed = self.failed or failure.kind
        for line in failure.lines:
            self._around.say(f"{each.location.bucket}/{each.location.key}: {line}")


async def _all(*parts: Coroutine[Any, Any, None]) -> None:
    """Wait for all; the first that fails or a cancellation ends the others, and they have ended when this returns."""
    tasks = [asyncio.create_task(each) for each in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _store(outputs: list[tuple[Input, Path]], spec: TransformSpec, around: Surroundings) -> None:
    path = location_of(spec.output_path)
    stored = []
    try:
        for each, target in outputs:
            place = output_of(path, each)
            stored.append(place)
            uploading = asyncio.ensure_future(asyncio.to_thread(around.objects.upload, target, place))
            try:
                await asyncio.shield(uploading)
            finally:
                await asyncio.wait({uploading})  # a thread cannot be interrupted
    except ObjectError as error:
        raise failures.not_stored(str(stored[-1]), str(error)) from error
    except asyncio.CancelledError:
        for place in stored:
            await asyncio.to_thread(around.objects.remove, place)
        raise
