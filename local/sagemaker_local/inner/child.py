"""moto's server. Run by ``inner.process``: prints a line once it serves, ends when standard input does.

Arguments: the listening socket's number, and the file for what outlives it. The environment has the token that the
control plane proves itself with.
"""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from sagemaker_local.inner import cloudwatch
from sagemaker_local.inner.keeping import Keeping, KeptFileError
from sagemaker_local.inner.process import PROOF_VARIABLE
from sagemaker_local.router.callers import caller_of, credential_of, presigned_credential_of

log = logging.getLogger(__name__)

_ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
_LEVERS = frozenset({"moto-api", "_local"})

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Handler(WSGIRequestHandler):
    """Keeps connections open and writes no access log."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def accounts_by_key(application: Application) -> Application:
    """A request signed with an access key of twelve digits acts in the account of that number.

    Keys that moto itself gave out are left to moto, which knows their account.
    """

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        account = _own_account(environ)
        if account is not None:
            environ.setdefault(_ACCOUNT_HEADER, account)
        return application(environ, start_response)

    return call


def _own_account(environ: dict[str, Any]) -> str | None:
    authorization = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
    credential = credential_of(authorization) if authorization else None
    if credential is None and environ.get("QUERY_STRING"):
        credential = presigned_credential_of(f"/?{environ['QUERY_STRING']}".encode("latin-1"))
    caller = caller_of(credential, {}) if credential else None
    own = caller is not None and credential is not None and credential.startswith(f"{caller.account}/".encode())
    return caller.account if own and caller is not None else None


def told_of_changes(application: Application, changed: Callable[[], None]) -> Application:
    """``changed`` is called after every request that may have changed something."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = application(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            changed()
        return answer

    return call


def without_levers(application: Application) -> Application:
    """404 for the paths that turn moto itself, such as ``/moto-api/reset``, however they are written."""

    def call(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].lstrip("/").partition("/")[0] in _LEVERS:
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        return application(environ, start_response)

    return call


def _end_with_parent(keeping: Keeping) -> None:
    sys.stdin.buffer.read()
    try:
        keeping.close()
    except (sqlite3.Error, OSError) as error:
        lost = "It lacks the last changes of S3's objects and CloudWatch's alarms. Make room on that disk."
        log.error("%s was not written: %s. %s", keeping.path, error, lost)
    os._exit(0)


def main() -> None:
    """Serve S3, STS, IAM, SNS, CloudWatch and CloudWatch Logs on a socket that listens already."""
    listener, path = int(sys.argv[1]), Path(sys.argv[2])
    cloudwatch.install()
    try:
        keeping = Keeping(path)
        keeping.restore()
    except KeptFileError as error:
        sys.exit(f"{error}. Move the file away to start without objects.")
    threading.Thread(target=_end_with_parent, args=(keeping,), daemon=True).start()
    moto = without_levers(accounts_by_key(DomainDispatcherApplication(create_backend_app)))
    application = cloudwatch.with_ticks(moto, os.environ[PROOF_VARIABLE])
    with socket.socket(fileno=os.dup(listener)) as bound:
        host, port = bound.getsockname()
    told = told_of_changes(application, keeping.changed)
    server = make_server(host, port, told, threaded=True, request_handler=_Handler, fd=listener)
    print("serving", flush=True)  # noqa: T201 - the parent reads it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # and nothing after it
    server.serve_forever()


if __name__ == "__main__":
    main()
