"""What a failed request was told, as one short line that may stand in a report: nothing of the payload, no credentials.

Only the first few failures of a class in a second are looked at, so that this costs nothing where requests succeed and
little where they all fail.
"""

import re
from dataclasses import dataclass

MOST_SAMPLES = 3
"""So many a class are looked at in a second by a worker, and so many different ones are kept of a run."""
_MOST_READ = 8192
"""Characters of a message, half of them from its end, where a traceback says what it was. A container may answer with
megabytes, and nothing is sent while they are searched."""
_MOST_LOOKED_AT = 500
_MOST_REMEMBERED = 64
_MOST_SHOWN = 160
_MOST_OF_BODY = 65_536
_HIDDEN = "…"
_LONG, _SHORT = 8, 4
_SECRETS = re.compile(
    r"(?i:x-amz-security-token|authorization|credential|signature)[\"']?\s*[:=]\s*[\"']?"
    r"(?:(?i:bearer|basic|aws4-hmac-sha256)\s+)?\S+"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|[A-Za-z0-9+/=]{40,}"  # secret keys, session tokens, signatures
)
_SIGNED_TEXT = re.compile(r"The Canonical String for this request.*", re.DOTALL)
_TRACEBACK = re.compile(r"Traceback \(most recent call last\):.*\n(?=\w)", re.DOTALL)
_TAG = re.compile(r"<[^<>]{1,200}>")
_SEE = re.compile(r"See https://\S+ in account \d+ for more information\.?")
_ERRNO = re.compile(r"^\[(?:Errno -?\d+|SSL: \w+|SSL)\] |\(_ssl\.c:\d+\)$")
_HEAD = re.compile(r"(\d{3})? ?([A-Za-z_][\w.-]{0,63})?", re.ASCII)
_VARYING = re.compile(r"[0-9a-fA-F-]{8,}|\d+")


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """What one failed request was told, shortened; … stands for what was in its payload. `second`: of its intended
    start; `variant` is empty when the reply named none.
    """

    text: str
    variant: str
    second: int


class Sampler:
    """Makes samples and remembers them: messages that differ in numbers only are looked at once, and in all so few that
    a model which answers each request with another text does not slow the load down.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, said: tuple[str, str], body: bytes) -> str:
        """The sample of a failure that said so, head and message, to a request with this `body`."""
        head, message = said
        key = likeness(f"{head}: {message[:_MOST_LOOKED_AT]}")
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST_REMEMBERED:
                return heading(head, _text_of(body))
            found = self._known[key] = sample(head, message, body)
        return found


def sample(head: str, message: str, body: bytes) -> str:
    """`head: message` on one line of at most 160 characters, for a request with this `body`.

    In the message … stands for credentials, for what is signed, and for what the first 64 KiB of the body have too: 8
    characters or more, or 4 with a digit or behind a quotation mark. Of `head` stays what `heading` leaves.
    """
    payload = _text_of(body)
    head = heading(head, payload)
    if len(message) > _MOST_READ:
        message = f"{message[: _MOST_READ // 2]} {_HIDDEN} {message[-_MOST_READ // 2 :]}"
    text = _SIGNED_TEXT.sub("", message)
    text = _SEE.sub("", _ERRNO.sub("", _TRACEBACK.sub("", text)))
    text = " ".join("".join(c if c.isprintable() else " " for c in _TAG.sub(" ", text)).split())
    text = _SECRETS.sub(_HIDDEN, text)[:_MOST_LOOKED_AT]
    text = without_payload(text, payload)
    return shortened(f"{head}: {text}" if head and text else head or text)


def heading(head: str, payload: str) -> str:
    """Status and name of an error. The status alone when the name is none, or is of the payload: a server that is not
    SageMaker may write anything in its place.
    """
    found = _HEAD.match(head)
    if found is None:
        return ""
    status, name = found[1] or "", found[2] or ""
    return head if found.end() == len(head) and without_payload(name, payload) == name else status


def _text_of(body: bytes) -> str:
    return body[:_MOST_OF_BODY].decode("utf-8", "replace")


def without_payload(text: str, payload: str) -> str:
    """`text` with … for each stretch that `payload` has, too."""
    kept: list[str] = []
    start = 0
    while start < len(text):
        length = _SHORT
        if text[start : start + length] in payload and start + length <= len(text):
            while start + length < len(text) and text[start : start + length + 1] in payload:
                length += 1
            run = text[start : start + length]
            if length >= _LONG or any(c.isdigit() for c in run) or text[start - 1 : start] in ('"', "'", "“", "`"):
                kept.append(_HIDDEN)
                start += length
                continue
        kept.append(text[start])
        start += 1
    return "".join(kept)


def shortened(text: str, most: int = _MOST_SHOWN) -> str:
    """At most so many characters, cut between words where there is one near the end."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most * 0.8 else cut).rstrip(" ,;:") + _HIDDEN


def likeness(text: str) -> str:
    """Two samples with the same likeness differ in numbers only: request ids, times, sizes."""
    return _VARYING.sub("#", text)
