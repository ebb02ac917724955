"""An AWS that is strict about time, for a pod: STS gives keys that live for some seconds only, and the SageMaker
runtime refuses a key that has expired, as AWS does and local SageMaker does not. Both are local SageMaker behind it.

Needs Python alone. `GET /tally` tells what it has seen.
"""

import datetime as dt
import http.client
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BEHIND = urlsplit(os.environ["BEHIND"])
ACCOUNT = os.environ["ACCOUNT"]
LIFE_SECONDS = 20.0
"""Shorter than the run that is to outlive it, longer than anything that a busy machine makes a request wait for."""
# What the call itself has none of: it is made before there are any credentials. Local SageMaker reads the account here.
CALLER = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0"
_KEY = re.compile(r"<AccessKeyId>([^<]+)</AccessKeyId>")
_EXPIRATION = re.compile(r"<Expiration>[^<]+</Expiration>")
_CREDENTIAL = re.compile(r"Credential=([^/,]+)/")

lock = threading.Lock()
expiries: dict[str, float] = {}
served: dict[str, int] = {}
refused: list[str] = []
projected: list[bool] = []


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """All users connect at the same time; what does not fit is lost, and tried again a second later."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with lock:
            tally = {"issued": len(expiries), "served": served, "refused": refused, "projected": projected}
            body = json.dumps(tally).encode()
        self.answer(200, {"Content-Type": "application/json"}, body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "/invocations" in self.path:
            self.invoke(body)
        else:
            self.assume(body)

    def assume(self, body: bytes) -> None:
        asked = parse_qs(body.decode())
        if asked.get("Action") != ["AssumeRoleWithWebIdentity"]:
            self.answer(400, {}, b"<ErrorResponse><Error><Code>InvalidAction</Code></Error></ErrorResponse>")
            return
        status, headers, answered = self.behind(body, {"Authorization": CALLER})
        expiry = time.time() + LIFE_SECONDS
        stamp = dt.datetime.fromtimestamp(expiry, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        text = _EXPIRATION.sub(f"<Expiration>{stamp}</Expiration>", answered.decode())
        with lock:
            expiries.update(dict.fromkeys(_KEY.findall(text), expiry))
            projected.append(asked["WebIdentityToken"][0].count(".") == 2)
        self.answer(status, headers, text.encode())

    def invoke(self, body: bytes) -> None:
        found = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        key = found[1] if found else "none"
        with lock:
            good = expiries.get(key, 0.0) > time.time() and "X-Amz-Security-Token" in self.headers
            if good:
                served[key] = served.get(key, 0) + 1
            else:
                refused.append(key)
        if not good:
            told = {"x-amzn-errortype": "ExpiredTokenException", "Content-Type": "application/json"}
            self.answer(403, told, b'{"message": "The security token included in the request is expired"}')
            return
        self.answer(*self.behind(body, {}))

    def behind(self, body: bytes, more: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        connection = http.client.HTTPConnection(BEHIND.hostname or "", BEHIND.port, timeout=30)
        try:
            connection.request("POST", self.path, body, kept | more)
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        dropped = ("connection", "content-length", "transfer-encoding", "date", "server")
        return reply.status, {k: v for k, v in reply.getheaders() if k.lower() not in dropped}, content

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002 - as the base class names it
        """Nothing: the tally says it."""


if __name__ == "__main__":
    Server(("", int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
