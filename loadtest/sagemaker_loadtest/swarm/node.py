"""One process of a run, master or worker. Reads its job from standard input and ends when its parent does.

Start-up is quick because nothing is imported here that is not needed; Locust comes in with `cluster` only.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Entry point of `python -m sagemaker_loadtest.swarm.node`."""
    die_with_parent()
    from sagemaker_loadtest.swarm import (
        cluster,  # gevent patches the standard library here, before anything opens a socket
    )

    line = read_line(sys.stdin.fileno())
    if not line:
        return 0
    return cluster.run(json.loads(line))


def die_with_parent() -> None:
    """On Linux the kernel kills this process when its parent goes; elsewhere the end of standard input says it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def read_line(descriptor: int) -> bytes:
    """One line without reading beyond it: what follows belongs to a greenlet that waits for commands."""
    collected = bytearray()
    while True:
        byte = os.read(descriptor, 1)
        if not byte or byte == b"\n":
            return bytes(collected)
        collected += byte


if __name__ == "__main__":
    sys.exit(main())
