"""Log lines: INFO something changed, WARNING it is tried again, ERROR a person is needed. One line each."""

import contextvars
import datetime as dt
import json
import logging
import sys
from typing import Literal

current_object: contextvars.ContextVar[str] = contextvars.ContextVar("object", default="")
current_pass: contextvars.ContextVar[str] = contextvars.ContextVar("pass", default="")

_EXTRAS = ("call", "ms", "requestId", "revision", "reason")


class _InContext(logging.Filter):
    """Adds what the worker is busy with, so that the lines of one pass can be joined."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.object = getattr(record, "object", "") or current_object.get()
        record.pass_ = current_pass.get()
        return True


class TextFormatter(logging.Formatter):
    """For people: time, level, object, message, and behind it how long it took."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback only at DEBUG."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC).strftime("%H:%M:%S.%f")[:-3]
        what = getattr(record, "object", "")
        line = f"{at} {record.levelname:<7} {what + '  ' if what else ''}{_message(record)}"
        took = getattr(record, "ms", None)
        return line if took is None else f"{line}  {took} ms"


class JSONFormatter(logging.Formatter):
    """For machines: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Only members that have a value."""
        members = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "object": getattr(record, "object", ""),
            "pass": getattr(record, "pass_", ""),
            **{name: getattr(record, name, "") for name in _EXTRAS},
            "msg": _message(record),
        }
        return json.dumps({name: value for name, value in members.items() if value != ""}, ensure_ascii=False)


def set_up(form: Literal["text", "json"], level: str) -> None:
    """Our own lines at `level`; of the libraries only what a person should know."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONFormatter() if form == "json" else TextFormatter())
    handler.addFilter(_InContext())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sagemaker_operator").setLevel(level.upper())
    logging.getLogger("kopf").setLevel(logging.ERROR)  # a watch that begins anew is nothing to act on
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # each of its retries is a call that we report


def _message(record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        text = f"{text}: {type(error).__name__}: {error}"
        if logging.getLogger("sagemaker_operator").isEnabledFor(logging.DEBUG):
            text += " " + logging.Formatter().formatException(record.exc_info)
    return text.replace("\n", " | ")
