"""Times that are measured beside the latency, each in a histogram of its own."""

from enum import StrEnum


class Measurement(StrEnum):
    """The values are what a person reads, in reports and in thresholds (`p99 first chunk <= 200ms`).

    CONNECT: name resolution, TCP and TLS of a new connection; never part of the service time.
    ACCEPTED: from the intended start until InvokeEndpointAsync was answered; the latency there is until the result.
    FIRST_CHUNK: from the intended start until the first payload part of a stream.
    BETWEEN_CHUNKS: from one payload part of a stream to the next.
    """

    CONNECT = "connect"
    ACCEPTED = "accepted"
    FIRST_CHUNK = "first chunk"
    BETWEEN_CHUNKS = "between chunks"
