"""What failed requests were told: short, without payload and credentials, and only the first few of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_loadtest.api.spec import Load, OpenLoad
from sagemaker_loadtest.exchange.connection import Answer
from sagemaker_loadtest.exchange.invocation import Reply
from sagemaker_loadtest.exchange.replies import Outcome
from sagemaker_loadtest.measure import samples
from sagemaker_loadtest.measure.recorder import Recorder
from sagemaker_loadtest.measure.samples import MOST_SAMPLES, ErrorSample, Sampler, sample
from sagemaker_loadtest.measure.tally import Tally
from sagemaker_loadtest.measure.wire import Counts, Health, Sample

BODY = b'{"instances": [[1.5, 2.25, "Smith"]], "text": "please tell me about it"}'
REFUSED = ("400 ValidationError", "Invalid content type")


@pytest.mark.parametrize(
    ("head", "message", "told"),
    [
        (*REFUSED, "400 ValidationError: Invalid content type"),
        ("503", "", "503"),
        ("", "[Errno 111] Connection refused", "Connection refused"),
        (
            "",
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: expired (_ssl.c:1006)",
            "certificate verify failed: expired",
        ),
        ("502", "<html>\r\n<head><title>502 Bad Gateway</title></head></html>", "502: 502 Bad Gateway"),
        (
            "424 ModelError",
            'Received server error (500) from primary with message "Traceback (most recent call last):\n  File "a.py"\n'
            "    x()\nKeyError: 'x'\n\". See https://eu-west-1.console.aws.amazon.com/cloudwatch/home in account 1 for "
            "more information.",
            "424 ModelError: Received server error (500) from primary with message \"KeyError: 'x' \".",
        ),
        ("500", "no float: 'Smith' of [1.5, 2.25, 9]", "500: no float: '…' of …9]"),
        ("500", "Smith is a word that payloads may have", "500: Smith is a word that payloads may have"),
        ("500", "cannot do please tell me about it twice", "500: cannot do … twice"),
        (
            "403 InvalidSignatureException",
            "The request signature does not match.\n\nThe Canonical String for this request should have been\n'POST\n"
            "x-amz-security-token:abc'",
            "403 InvalidSignatureException: The request signature does not match.",
        ),
        ("403", "The key ASIAIOSFODNN7EXAMPLE is not known", "403: The key … is not known"),
        ("403", f"bad token {'Ab3/' * 20}==", "403: bad token …"),
        ("403", "Credential=AKID/20261112/eu-west-1, Signature=0a1b", "403: … …"),
        ("403", "Authorization: Bearer ab.cd-ef is no token", "403: … is no token"),
        ("403", "{'x-amz-security-token': 'FwoG-x', 'Authorization': 'Basic dXNlcg=='}", "403: {'… '…"),
        ("403", "Authorization failed", "403: Authorization failed"),
        ("", "KeyError", "KeyError"),
        ("424 com.amazon.Model-Error", "no", "424 com.amazon.Model-Error: no"),
        ("500 Smith has no row", "no", "500: no"),
        ("500 \x1b[2J", "no", "500: no"),
        ("500 \ud800", "no", "500: no"),
        ("500 " + "x" * 65, "", "500"),
        ("500 about_it", "no", "500 about_it: no"),
        ("500 instances", "no", "500: no"),
        ("500", "\x1b[31mred\x1b[0m\u202e\x00 text", "500: [31mred [0m text"),
    ],
)
def test_one_line_that_may_be_shown(head: str, message: str, told: str) -> None:
    assert sample(head, message, BODY) == told


def test_a_server_that_writes_anything_where_the_name_of_an_error_stands() -> None:
    answer = Answer()
    answer.status, answer.body = 500, b'{"code": "no row 4711,Smith \\u001b[2J \\ud800", "message": "no"}'
    assert Sampler().of(Reply(answer, Outcome.SERVICE_ERROR).said(), b"4711,Smith") == "500: no"


def test_long_messages_are_cut_between_words() -> None:
    text = sample("500", "many words " * 40, b"")
    assert len(text) <= 160
    assert text.endswith(("many…", "words…"))
    assert len(sample("", "x" * 39 + " " + "y.z" * 100, b"")) == 160


def test_of_megabytes_only_both_ends_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    class Pattern:
        @staticmethod
        def sub(_: str, text: str) -> str:
            read.append(text)
            return text

    monkeypatch.setattr(samples, "_SIGNED_TEXT", Pattern)
    message = "Traceback (most recent call last):\n" + "  File x\n" * 100_000 + "KeyError: 'x'"
    assert sample("500", message, b"") == "500: KeyError: 'x'"
    assert len(read[0]) < 9000


WORDS = st.text("abcdefgh0123,.", max_size=60)


@settings(deadline=None)
@given(WORDS, WORDS.filter(lambda body: len(body) >= 8), WORDS)
def test_nothing_of_the_payload_that_anybody_would_recognize(before: str, body: str, after: str) -> None:
    told = sample("", f"{before} {body} {after}", body.encode())
    assert not any(body[i : i + 8] in told for i in range(len(body) - 7))
    assert not any(
        run in told and any(c.isdigit() for c in run) for i in range(len(body) - 3) if (run := body[i : i + 4])
    )


def test_messages_that_differ_in_numbers_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    monkeypatch.setattr(samples, "sample", lambda head, message, body: looked.append(message) or f"{head}: {message}")
    sampler = Sampler()
    told = {sampler.of(("424 ModelError", f"request {i} at 0x{i:08x} failed"), b"") for i in range(1000)}
    assert (len(told), len(looked)) == (1, 1)
    for i in range(1000):
        sampler.of(("500", "".join(chr(ord("g") + int(digit)) for digit in str(i))), b"")
    assert len(looked) == 64
    assert sampler.of(("500", "one more"), b"") == "500"
    assert sampler.of(("500 one more", ""), b"") == "500"


def tallied(recorder: Recorder, warm_up: float = 0.0) -> Tally:
    tally = Tally(Load(10.0, warm_up, open=OpenLoad(10)))
    tally.add(Sample("worker-1", recorder.take(), Health(10.0, 1.0, Counts(), Counts(), 0, 1), final=True))
    return tally


def fail(recorder: Recorder, second: float, outcome: Outcome, variant: str, message: str) -> bool:
    """As a user does it; whether anybody wanted to know."""
    recorder.finished(recorder.started(second), second, second, outcome, variant)
    if curious := recorder.curious(second, outcome, variant):
        recorder.told(second, outcome, variant, ("400", message), b"")
    return curious


def test_only_the_first_few_of_a_second_are_looked_at() -> None:
    recorder = Recorder()
    looked = [fail(recorder, 1.5, Outcome.BAD_REQUEST, "", "no") for _ in range(10)]
    assert looked.count(True) == MOST_SAMPLES
    assert fail(recorder, 1.5, Outcome.THROTTLED, "", "slow down")
    assert fail(recorder, 2.5, Outcome.BAD_REQUEST, "", "no")
    first, second = recorder.take()
    assert first.samples == {"": {"bad request": ("400: no",), "throttled": ("400: slow down",)}}
    assert second.samples == {"": {"bad request": ("400: no",)}}
    assert recorder.take() == ()


def test_different_ones_after_the_warm_up_are_kept() -> None:
    recorder = Recorder()
    fail(recorder, 1.0, Outcome.BAD_REQUEST, "b", "of the warm-up")
    for second, message in enumerate(["no 1", "no 2", "never", "not so", "nor so", "no 3"]):
        fail(recorder, 3.0 + second, Outcome.BAD_REQUEST, "b", message)
    assert tallied(recorder, warm_up=2.5).samples == {
        "bad request": [
            ErrorSample("400: no 1", "b", 3),
            ErrorSample("400: never", "b", 5),
            ErrorSample("400: not so", "b", 6),
        ]
    }
