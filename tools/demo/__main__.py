"""`python -m demo`."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until main listens: nothing runs yet, and a traceback helps nobody

from demo.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
