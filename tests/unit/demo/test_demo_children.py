"""Processes of the demo: awaited, asked to end, never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.children import Children, await_gone, await_ready
from demo.commands import MARK
from demo.failure import DemoError
from demo.folder import Folder, taken

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with taken(tmp_path / "demo") as folder:
        yield folder


@pytest.fixture
def children(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    monkeypatch.setenv(MARK, "")
    children = Children(folder)
    yield children
    children.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_program_is_ready_when_its_file_says_so(children: Children, folder: Folder) -> None:
    ready = folder.base / "ready.json"
    writes = f'from pathlib import Path; Path({str(ready)!r}).write_text(\'{{"url": "http://h:1"}}\'); input()'
    child = children.start("program", python(f"import time; time.sleep(0.1); {writes}"), ENVIRONMENT)
    assert await_ready(child, ready, 30) == "http://h:1"


def test_a_program_that_ends_before_is_told_with_the_end_of_its_log(children: Children, folder: Folder) -> None:
    child = children.start("program", python("import sys; sys.exit('port 4570 is taken')"), ENVIRONMENT)
    with pytest.raises(DemoError, match="program ended with code 1") as failed:
        await_ready(child, folder.base / "ready.json", 30)
    assert failed.value.excerpt is not None
    assert failed.value.excerpt.path == folder.log("program")
    assert failed.value.excerpt.lines == ("port 4570 is taken",)


def test_a_program_that_never_gets_ready_is_not_awaited_for_ever(children: Children, folder: Folder) -> None:
    child = children.start("program", ["/bin/sleep", "60"], ENVIRONMENT)
    with pytest.raises(DemoError, match=r"program was not ready within 0\.2 s"):
        await_ready(child, folder.base / "ready.json", 0.2)
    with pytest.raises(DemoError, match=r"program took longer than 0\.2 s"):
        child.wait(0.2)


def test_what_they_start_themselves_is_found_and_gone_after_the_stop(children: Children) -> None:
    grandchild = "import subprocess; p = subprocess.Popen(['/bin/sleep', '60']); print(p.pid, flush=True); p.wait()"
    child = children.start("program", python(grandchild), ENVIRONMENT, output=subprocess.PIPE)
    assert child.process.stdout is not None
    pid = int(child.process.stdout.readline())
    assert {child.process.pid, pid} <= {process.pid for process in children.running()}
    children.stop()
    assert await_gone(children.running) == ()


def test_what_an_interrupted_command_started_ends_too(children: Children, folder: Folder) -> None:
    begun = folder.base / "begun"
    script = f"/bin/sh -c 'trap : TERM; touch {begun}; while :; do sleep 1; done'; true"
    interrupt = threading.Thread(target=lambda: (await_file(begun), os.kill(os.getpid(), signal.SIGINT)))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        children.run(["/bin/sh", "-c", script], ENVIRONMENT)
    interrupt.join()
    assert len(children.running()) >= 2
    children.stop()
    assert await_gone(children.running) == ()


def test_an_interrupt_between_a_start_and_its_record_leaves_no_process(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.returncode = 0  # nobody will wait for it
            for pipe in (self.stdout, self.stderr):
                assert pipe
                pipe.close()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            children.run(["/bin/sleep", "60"], ENVIRONMENT)
    children.stop()
    assert await_gone(children.running) == ()


def test_a_command_is_awaited_as_long_as_was_said(children: Children) -> None:
    done = children.run(["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    with pytest.raises(DemoError, match=r"/bin/sleep took longer than 0\.2 s"):
        children.run(["/bin/sleep", "60"], ENVIRONMENT, seconds=0.2)


def await_file(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def test_who_is_to_be_asked_may_clear_up_and_who_does_not_listen_is_killed(children: Children, folder: Folder) -> None:
    cleared = folder.base / "cleared"
    listens = f"signal.signal(15, lambda *_: (open({str(cleared)!r}, 'w').close(), sys.exit()))"
    start = "import signal, sys, time; {}; print(flush=True); time.sleep(60)"
    child = children.start("listens", python(start.format(listens)), ENVIRONMENT, output=subprocess.PIPE, polite=True)
    deaf = children.start(
        "deaf", python(start.format("signal.signal(15, signal.SIG_IGN)")), ENVIRONMENT, output=subprocess.PIPE
    )
    for each in (child, deaf):
        assert each.process.stdout is not None
        each.process.stdout.readline()
    children.stop()
    assert cleared.exists()
    assert child.process.returncode == 0
    assert deaf.process.returncode == -9
    assert await_gone(children.running) == ()


def test_output_and_complaints_go_where_they_were_asked_to(children: Children, folder: Folder) -> None:
    output = folder.base / "answer.json"
    says = "import os, sys; print(os.getcwd()); print('careful', file=sys.stderr)"
    assert children.start("program", python(says), ENVIRONMENT, output=output).wait(30) == 0
    assert Path(output.read_text().strip()) == Path(__file__).parents[3]
    assert folder.log("program").read_text() == "careful\n"
