"""Downloads over HTTP that are checked; a host that does not answer is asked once."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from devcluster.errors import BinaryError
from devcluster.progress import Progress

_TIMEOUT_SECONDS = 10  # to connect, and for each read
_CHUNK = 1 << 18
_SMALL = 1 << 22


class UnavailableError(Exception):
    """It is not there, or nobody answers. No fault: there are other sources."""


class Web:
    """Fetches, and tells `progress` how far a download is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._unreachable: dict[str, str] = {}

    def read(self, url: str) -> bytes:
        """At most 4 MB. Raises UnavailableError."""
        with self._open(url) as reply:
            return _read(reply, url, _SMALL)

    def download(self, url: str, target: Path, algorithm: str, checksum: str) -> None:
        """Raises UnavailableError, or BinaryError when the content is not what `checksum` (hexadecimal) says."""
        digest, done = hashlib.new(algorithm), 0
        with self._open(url) as reply, target.open("wb") as file:
            total = reply.length or 0
            while chunk := _read(reply, url, _CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                self._progress.step(f"Fetching {url.rpartition('/')[2]}", done, total)
        if done < total:
            raise UnavailableError(f"the download of {url} broke off")
        if digest.hexdigest() != checksum:
            raise BinaryError(
                f"{url} has the {algorithm} {digest.hexdigest()}, published is {checksum}: thrown away. Something "
                "between here and there changes downloads. Try another network, or set KUBEBUILDER_ASSETS to a "
                "folder with the programs."
            )

    def _open(self, url: str) -> http.client.HTTPResponse:
        host = urlsplit(url).netloc
        if host in self._unreachable:
            raise UnavailableError(self._unreachable[host])
        try:
            reply: http.client.HTTPResponse = urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise UnavailableError(f"{url} answers {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            self._unreachable[host] = f"{host} cannot be reached ({getattr(reason, 'strerror', None) or reason})"
            raise UnavailableError(self._unreachable[host]) from error
        return reply


def _read(reply: http.client.HTTPResponse, url: str, size: int) -> bytes:
    try:
        return reply.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"the download of {url} broke off") from error
