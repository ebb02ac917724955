"""Becomes the program given in its arguments, and dies with the process that started it (Linux: prctl(2))."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["DEVCLUSTER_PARENT"]):
        sys.exit("the process that started this has ended")
os.execv(sys.argv[1], sys.argv[1:])
