"""The signer for the credentials that hold now."""

import logging
import time

from sagemaker_loadtest.exchange.credentials import Source
from sagemaker_loadtest.exchange.sigv4 import SERVICE, Request, Signer

_log = logging.getLogger(__name__)


class SigningSource:
    """Keeps one signer for the credentials that hold now; asks the chain once a second.

    When the chain fails in mid-run the last credentials go on: the replies will say what they are worth.
    """

    def __init__(self, source: Source, region: str, service: str = SERVICE) -> None:
        self._source = source
        self._region = region
        self._service = service
        self._checked = 0
        self._signer = Signer(source(), region, service)

    def head(self, request: Request) -> bytes:
        """The signed request up to its body."""
        now = time.time()
        if int(now) != self._checked:
            self._checked = int(now)
            self._refresh()
        return self._signer.head(request, now)

    def _refresh(self) -> None:
        try:
            credentials = self._source()
        except Exception as error:  # whatever a credential provider raises, the run goes on with what it had
            _log.warning("AWS credentials could not be refreshed: %s", type(error).__name__)
            return
        if credentials != self._signer.credentials:
            self._signer = Signer(credentials, self._region, self._service)
