"""One invocation from the sending to its fate, for each of the three operations. Knows neither Locust nor the load."""

import socket
import ssl
from dataclasses import dataclass

from sagemaker_loadtest.exchange.connection import Answer
from sagemaker_loadtest.exchange.eventstream import FrameReader
from sagemaker_loadtest.exchange.replies import Outcome, classify, error_type, stream_outcome
from sagemaker_loadtest.exchange.results import Results
from sagemaker_loadtest.exchange.signing import SigningSource
from sagemaker_loadtest.exchange.sigv4 import Request
from sagemaker_loadtest.exchange.transport import Transport

_VARIANT = b"x-amzn-invoked-production-variant"
_ERROR = b"x-amzn-errortype"
_NEW_SESSION = b"x-amzn-sagemaker-new-session-id"
_CLOSED_SESSION = b"x-amzn-sagemaker-closed-session-id"
_OUTPUT = b"x-amzn-sagemaker-outputlocation"
_FAILURE = b"x-amzn-sagemaker-failurelocation"
_MOST_TOLD = 4096


_AFTER_ACCEPTANCE = {
    Outcome.MODEL_ERROR: "accepted; later SageMaker wrote an object with the failure instead of a result",
    Outcome.TIME_OUT: "accepted; no result came within resultTimeout",
    Outcome.BAD_CREDENTIALS: "accepted; S3 answers 403 for the result: allow s3:GetObject, and s3:ListBucket",
}


class Reply:
    """What became of an invocation. Moments are those of `time.perf_counter`.

    `chunks` are the moments of a stream's payload parts, `accepted` that at which an asynchronous invocation was
    answered; `received` counts the bytes of the body. `complaint`: head and message of a failure that came after a good
    `answer`.
    """

    __slots__ = (
        "accepted",
        "answer",
        "body",
        "chunks",
        "complaint",
        "connect_seconds",
        "done",
        "new_session",
        "outcome",
        "received",
        "sent",
        "session_closed",
        "status",
        "variant",
    )

    def __init__(self, answer: Answer, outcome: Outcome) -> None:
        headers = answer.headers
        self.answer = answer
        self.complaint: tuple[str, str] | None = None
        self.outcome = outcome
        self.status = answer.status
        self.variant = headers[_VARIANT].decode("latin-1") if _VARIANT in headers else ""
        self.body = answer.body
        self.received = len(answer.body)
        self.sent, self.done = answer.sent, answer.done
        self.connect_seconds = answer.connect_seconds
        self.accepted: float | None = None
        self.chunks: list[float] = []
        self.new_session = headers[_NEW_SESSION].decode("latin-1").split(";")[0] if _NEW_SESSION in headers else ""
        self.session_closed = _CLOSED_SESSION in headers

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    def said(self) -> tuple[str, str]:
        """A failure as it was told: `400 ValidationError` and SageMaker's sentence, or nothing and what the network
        did. Not for showing: it may quote the payload.
        """
        if self.complaint is not None:
            return self.complaint
        answer = self.answer
        if answer.error is not None:
            return "", str(answer.error) or type(answer.error).__name__
        error = answer.headers.get(_ERROR)
        code, message = error_type(error.decode("latin-1") if error else None, answer.body)
        text = message or answer.body[:_MOST_TOLD].decode("utf-8", "replace")
        return f"{answer.status} {code}".strip(), text


@dataclass(slots=True)
class Exchange:
    """The way to the endpoint, for all users of a process. Without `results` an asynchronous invocation ends with its
    acceptance.
    """

    transport: Transport
    signing: SigningSource
    results: Results | None = None

    def invoke(self, request: Request) -> Reply:
        """InvokeEndpoint: until the last byte of the reply."""
        answer = self.transport.send(self.signing.head(request), request.body)
        return Reply(answer, outcome_of(answer))

    def invoke_stream(self, request: Request) -> Reply:
        """InvokeEndpointWithResponseStream: until the end of the stream."""
        book = StreamBook()
        answer = self.transport.send(self.signing.head(request), request.body, book.take)
        reply = Reply(answer, outcome_of(answer))
        if reply.ok:
            reply.outcome, reply.complaint = book.outcome(), book.complaint()
        reply.chunks, reply.received = book.chunks, book.received or reply.received
        reply.body = b"".join(book.parts) or reply.body  # an error's body is no stream
        return reply

    def invoke_async(self, request: Request) -> Reply:
        """InvokeEndpointAsync: until the result is an object in S3."""
        answer = self.transport.send(self.signing.head(request), request.body)
        reply = Reply(answer, outcome_of(answer))
        if reply.ok and self.results is not None:
            reply.accepted = answer.done
            output, failure = (answer.headers.get(name, b"").decode("latin-1") for name in (_OUTPUT, _FAILURE))
            try:
                reply.outcome, reply.done = self.results.wait(output, failure)
                reply.complaint = "", _AFTER_ACCEPTANCE.get(reply.outcome, "")
            except ValueError:  # no location, or one that is no object in S3
                reply.outcome = Outcome.SERVICE_ERROR
                reply.complaint = "", "the answer names no place in S3 for the result"
        return reply


class StreamBook:
    """Takes a stream as it comes: when each payload part was there, and what else the stream said."""

    __slots__ = ("_complaint", "_error", "_reader", "chunks", "parts", "received")

    def __init__(self) -> None:
        self._reader = FrameReader()
        self._error = ""
        self._complaint = b""
        self.chunks: list[float] = []
        self.parts: list[bytes] = []
        self.received = 0

    def take(self, moment: float, data: bytes) -> None:
        for kind, payload in self._reader.feed(data):
            if kind.error:
                self._error, self._complaint = self._error or kind.error, self._complaint or payload
            elif kind.event == "PayloadPart":
                self.chunks.append(moment)
                self.parts.append(payload)
                self.received += len(payload)

    def outcome(self) -> Outcome:
        if self._error:
            return stream_outcome(self._error)
        return Outcome.RESET if self._reader.pending else Outcome.OK

    def complaint(self) -> tuple[str, str] | None:
        """Type and message of the exception in the stream, or that it broke off."""
        if self._error:
            return self._error, error_type(None, self._complaint)[1]
        return ("", "the stream ended within a frame") if self._reader.pending else None


def outcome_of(answer: Answer) -> Outcome:
    """The class of an answer, or of its absence."""
    if answer.error is not None:
        return of_error(answer.error)
    error = answer.headers.get(_ERROR)
    return classify(answer.status, error.decode("latin-1") if error else None, answer.body)


def of_error(error: Exception) -> Outcome:
    """The class of what the network did."""
    if isinstance(error, TimeoutError):
        return Outcome.TIME_OUT
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED
    if isinstance(error, ssl.SSLError | socket.gaierror):
        return Outcome.UNREACHABLE
    return Outcome.RESET if isinstance(error, ConnectionError) else Outcome.UNREACHABLE
