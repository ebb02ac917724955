"""Says who it is and, with ARCHIVE, the file ``word`` of its model; prints a line when it starts."""

from __future__ import annotations

import os
from pathlib import Path

from testkit.containers.server import Container, serve


class Word(Container):
    """The process id and the word; the body ``fail`` is answered with 500."""

    def do_POST(self) -> None:
        """/invocations."""
        asked = self.body()
        word = Path(os.environ["SM_MODEL_DIR"], "word").read_text() if os.environ.get("ARCHIVE") else ""
        self.answer(500 if asked == b"fail" else 200, {"pid": os.getpid(), "word": word})


if __name__ == "__main__":
    print("<b>loading</b> the model", flush=True)
    serve(Word)
