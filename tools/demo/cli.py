"""The demo from its first line to its exit code; whatever happens in between, nothing stays behind."""

import logging
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from demo import failure, options
from demo.aws import Aws
from demo.children import await_gone
from demo.failure import DemoError, end_of
from demo.folder import Folder, taken
from demo.leftovers import Process
from demo.lines import Sign
from demo.options import Options
from demo.screen import Screen
from demo.stage import Stage
from demo.story import Story
from devcluster import BinaryError, StartError
from devcluster.progress import duration

log = logging.getLogger("demo")

_INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECOND_RUN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Cleared:
    """What the clean-up did: processes that ended, those that did not, AWS objects that went with local SageMaker."""

    stopped: int
    left: tuple[Process, ...]
    objects: int


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all of it held. 1: something did not. 2: a flag cannot be used. 130: interrupted."""
    given = options.read(sys.argv[1:] if arguments is None else arguments)
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    screen = Screen.on(sys.stdout, ascii_only=given.ascii)
    try:
        with taken(given.folder) as folder:
            _log_to(folder)
            return _Run(given, folder, screen).run()
    except DemoError as error:
        _tell(screen, error, "")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        screen.close()
        for handler in log.handlers[:]:
            log.removeHandler(handler)
            handler.close()


class _Run:
    """One demo in its folder."""

    def __init__(self, given: Options, folder: Folder, screen: Screen) -> None:
        self._given, self._folder, self._screen = given, folder, screen
        self._stage = Stage(given, folder, screen)
        self._story = Story(given, folder, screen, self._stage)

    def run(self) -> int:
        try:
            code = self._show()
        except KeyboardInterrupt:
            self._screen.interrupted()
            cleared = self._clear()
            self._screen.say(f"{self._screen.sign(Sign.FAIL if cleared.left else Sign.OK)} {self._told(cleared)}")
            return _INTERRUPTED
        except Exception as error:  # _explained has words for those that nobody foresaw
            _tell(self._screen, self._explained(error), self._folder.shown(self._folder.logs))
            if self._given.keep:
                self._screen.say("It is left as it is. Ctrl-C stops everything.")
                self._hold(lambda: None)
            cleared = self._clear()
            objects = f", {cleared.objects} AWS objects removed" if cleared.objects else ""
            self._screen.say(f"Cleaned up: {self._counted(cleared)}{objects}. Exit 1.")
            return 1
        return code

    def _show(self) -> int:
        screen, place = self._screen, self._folder.shown(self._folder.base)
        for text in (
            "sagemaker-operator demo: a YAML file becomes a serving endpoint, then gets load-tested.",
            f"Everything stays under {place}/ and on 127.0.0.1. No AWS account, no root.",
            f"Log: {self._folder.shown(self._folder.log('demo'))}",
        ):
            screen.say(*textwrap.wrap(text, screen.width))
        self._stage.start()
        self._story.serve()
        self._story.shift_to_two_variants()
        self._story.load_test()
        if self._given.keep:
            self._story.offer()
            self._hold(self._stage.check)
            cleared = self._clear()
            screen.say(f"{screen.sign(Sign.FAIL if cleared.left else Sign.OK)} {self._told(cleared)}")
            return 1 if cleared.left else 0
        self._story.delete()
        seconds = screen.seconds
        cleared = self._clear()
        if cleared.left:
            screen.done(self._told(cleared), sign=Sign.FAIL)
            return 1
        again = "" if seconds < _SECOND_RUN_SECONDS else " (next time under 2 min)"
        screen.say("", f"Done in {duration(seconds)}{again}. Keep it running: make demo KEEP=1")
        return 0

    def _hold(self, check: Callable[[], None]) -> None:
        """Until Ctrl-C, or until the check raises."""
        try:
            while True:
                threading.Event().wait(1.0)
                check()
        except KeyboardInterrupt:
            self._screen.interrupted()

    def _clear(self) -> Cleared:
        """Ctrl-C in it ends the waiting; a further one is not listened to."""
        objects = self._count_objects()
        before = self._stage.children.running()
        try:
            self._stage.stop()
        except KeyboardInterrupt:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            self._stage.stop()
        left = await_gone(self._stage.children.running)
        for process in left:
            log.error("still runs: %s", process)
        return Cleared(len(before) - len(left), left, objects)

    def _count_objects(self) -> int:
        aws: Aws | None = getattr(self._stage, "aws", None)
        try:
            return aws.objects().number if aws else 0
        except Exception:  # it may be local SageMaker that is broken
            log.debug("AWS objects could not be counted", exc_info=True)
            return 0

    def _told(self, cleared: Cleared) -> str:
        return f"{self._counted(cleared)}, {self._folder.shown(self._folder.logs)} kept."

    def _counted(self, cleared: Cleared) -> str:
        stopped = f"{cleared.stopped} process{'' if cleared.stopped == 1 else 'es'} stopped"
        if not cleared.left:
            return f"{stopped}, nothing left"
        return f"{stopped}, still running: {', '.join(str(process.pid) for process in cleared.left)}"

    def _explained(self, error: Exception) -> DemoError:
        log.debug("", exc_info=error)
        if isinstance(error, DemoError):
            return error
        if isinstance(error, BinaryError | StartError):
            what, _, rest = str(error).partition("\n")
            return DemoError(what, rest)
        path = self._folder.log("demo")
        return DemoError("Something unexpected happened", "The end of the log:", end_of(path, 3))


def _tell(screen: Screen, error: DemoError, logs: str) -> None:
    screen.failed(error.what)
    shown = f"{logs}/{error.excerpt.path.name}" if error.excerpt else ""
    screen.say(*(screen.style.plain(line) for line in failure.account(error, shown, screen.width)))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _log_to(folder: Folder) -> None:
    handler = logging.FileHandler(folder.log("demo"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
