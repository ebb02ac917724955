"""What stands between a spec and a serving endpoint: one problem with a reason, words and a way out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`reason` is the condition's word. A stalled problem needs a person; another passes and is tried again.

    `retry_after` is in seconds; None leaves the delay to the queue's backoff.
    """

    reason: str
    message: str
    hint: str = ""
    stalled: bool = True
    retry_after: float | None = None


class InvalidSpec(Exception):  # noqa: N818 - named as the condition's reason
    """The spec cannot be turned into AWS requests; the message is a sentence about the user's file."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problem = Problem("InvalidSpec", message, hint)
