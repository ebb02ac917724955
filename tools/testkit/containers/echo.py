"""Answers with the body that it got."""

from __future__ import annotations

from testkit.containers.server import Container, serve


class Echo(Container):
    """The shortest."""

    def do_POST(self) -> None:
        """/invocations."""
        self.answer(200, self.body())


if __name__ == "__main__":
    serve(Echo)
