"""For all tests."""

import signal

# A shell that starts the run in the background hands down an ignored SIGINT, and so would we to each program.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
