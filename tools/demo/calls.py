"""A steady stream of calls to the endpoint: of each, when it was sent and which variant answered or how it failed."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from demo.aws import CSV, Aws
from demo.commands import ENDPOINT

log = logging.getLogger("demo")

_THREADS = 4


@dataclass(frozen=True, slots=True)
class Call:
    """`sent` is on time.monotonic's clock; `variant` is what the reply named, None for a failed call."""

    sent: float
    variant: str | None
    failure: str = ""


class Calls:
    """`rate` calls a second on a fixed schedule, late ones sent at once, none left out."""

    def __init__(self, aws: Aws, row: str, rate: float) -> None:
        self._aws, self._row, self._rate = aws, row, rate
        self._made: list[Call] = []
        self._changed, self._stop = threading.Condition(), threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"calls-{number}", daemon=True)
            for number in range(_THREADS)
        ]
        self._start = 0.0

    def start(self) -> None:
        self._start = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when the last reply is in."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def made(self) -> list[Call]:
        """In the order in which their replies came."""
        with self._changed:
            return list(self._made)

    @property
    def per_second(self) -> float:
        """Replies a second since the start."""
        return len(self.made) / (time.monotonic() - self._start)

    def wait_for(self, number: int, since: float, on_change: Callable[[int], None]) -> None:
        """Until so many calls sent after `since` are over, whatever their outcome."""
        with self._changed:
            while (over := sum(call.sent >= since for call in self._made)) < number:
                on_change(over)
                self._changed.wait(0.5)

    def _work(self, thread: int) -> None:
        turn = thread
        while not self._stop.wait(max(0.0, self._start + turn / self._rate - time.monotonic())):
            call = self._call()
            with self._changed:
                self._made.append(call)
                self._changed.notify_all()
            turn += _THREADS

    def _call(self) -> Call:
        sent = time.monotonic()
        try:
            reply = self._aws.runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType=CSV, Body=self._row)
            reply["Body"].read()
            return Call(sent, reply["InvokedProductionVariant"])
        except (ClientError, BotoCoreError) as error:
            log.warning("a call failed: %s", error)
            return Call(sent, None, str(error))
