"""The command ``sagemaker-local``."""

from __future__ import annotations

import errno
import ipaddress
import logging
import sys
import tempfile
from collections.abc import Sequence

import uvloop

from sagemaker_local.app import run
from sagemaker_local.inner.process import InnerAwsError
from sagemaker_local.settings import Settings, read_settings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after SIGTERM or SIGINT, 1 when it cannot start, 2 for a bad setting."""
    settings = read_settings(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("botocore").setLevel(logging.WARNING)
    if not ipaddress.ip_address(settings.host).is_loopback:
        log.warning("Listening on %s: whoever can reach it can use it, for nothing checks signatures", settings.host)
    try:
        uvloop.run(run(settings))
    except (OSError, ValueError, InnerAwsError) as error:
        log.debug("Cannot go on", exc_info=True)
        print(f"sagemaker-local: {_told(error, settings)}", file=sys.stderr)
        return 1
    return 0


def _told(error: Exception, settings: Settings) -> str:
    """A write says of a full disk neither which nor what to do."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        return f"{error.strerror} in {settings.state_dir or tempfile.gettempdir()}. Make room there and start it again"
    return str(error)
