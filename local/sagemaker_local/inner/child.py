"""moto's server. Run by ``inner.process``: prints its port on standard output, ends when standard input does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from sagemaker_local.inner import cloudwatch
from sagemaker_local.router.callers import caller_of, credential_of, presigned_credential_of

_ACCOUNT_HEADER = "HTTP_X_MOTO_ACCOUNT_ID"
_KEY_DIGITS = 12

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


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve S3, STS, IAM, CloudWatch and CloudWatch Logs on a free loopback port."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cloudwatch.install()
    application = cloudwatch.with_ticks(accounts_by_key(DomainDispatcherApplication(create_backend_app)))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    print(server.server_port, flush=True)  # noqa: T201 - the parent reads it
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # and nothing after it
    server.serve_forever()


if __name__ == "__main__":
    main()
