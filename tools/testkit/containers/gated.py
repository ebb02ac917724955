"""Does what the JSON in the body says: status, type, headers, say, chunks, gate, cut, garbage, touch.

A gate is a file that it waits for; with chunks the gate is waited for after each of them. HOLD is a gate for every
call, STATUS the status of every reply.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from testkit.containers.server import Container, serve, wait_for


def _asked(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Gated(Container):
    """Answers as asked, or with what it saw."""

    def do_POST(self) -> None:
        """/invocations."""
        raw = self.body()
        asked = _asked(raw)
        if asked.get("touch"):
            with Path(asked["touch"]).open("a") as file:
                file.write("x")
        wait_for(os.environ.get("HOLD"))
        status = int(os.environ.get("STATUS", asked.get("status", 200)))
        headers = {"Content-Type": asked.get("type", "application/json"), **asked.get("headers", {})}
        if "chunks" in asked:
            self._stream(status, headers, asked)
            return
        wait_for(asked.get("gate"))
        seen = {"pid": os.getpid(), "headers": {k.lower(): v for k, v in self.headers.items()}, "size": len(raw)}
        self.answer(status, asked["say"].encode() if "say" in asked else seen, headers)

    def _stream(self, status: int, headers: dict[str, str], asked: dict[str, Any]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        for number, each in enumerate(asked["chunks"]):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(each), each.encode()))
            if asked.get("gate"):
                wait_for(asked["gate"] + str(number))
        if asked.get("garbage"):
            self.wfile.write(b"this is no chunk\r\n")
        elif asked.get("cut"):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")


if __name__ == "__main__":
    if os.environ.get("MODE") == "crash":
        sys.exit("cannot go on")
    serve(Gated)
