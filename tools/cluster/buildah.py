"""buildah with a storage of our own in the cache: nothing of it is seen by Docker, Podman or another buildah."""

import fcntl
import json
import os
import re
import subprocess
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cluster.errors import ImageError
from cluster.talk import talking
from devcluster.progress import Progress

_STEP = re.compile(r"^(?:\[(\d+)/(\d+)\] )?STEP (\d+)/(\d+):")
_PERCENT = 100
_MANY_LAYERS = 150


class Buildah:
    """Images in `folder`; root only. Each method raises ImageError with what buildah said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        storage = folder / "storage.conf"
        roots = f'runroot = "{folder}/run"\ngraphroot = "{folder}/storage"'
        storage.write_text(f'[storage]\ndriver = "overlay"\n{roots}\n')
        self._environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage), "TMPDIR": str(folder)}

    @contextmanager
    def locked(self, progress: Progress) -> Iterator[None]:
        """Two at once would build the same twice: the second waits."""
        with (self.folder / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.note("Another process is building the images; waiting for it.")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def label(self, name: str, key: str) -> str | None:
        """Empty where the image has no such label; None: there is no image of that name."""
        done = self._ask("inspect", "--type", "image", name)
        if done.returncode:
            return None
        labels = json.loads(done.stdout)["OCIv1"].get("config", {}).get("Labels") or {}
        return str(labels.get(key, ""))

    def identity(self, name: str) -> str:
        """The image's digest: another content has another."""
        return self._said("inspect", "--type", "image", "--format", "{{.FromImageID}}", name)

    def size(self, name: str) -> int:
        """In bytes, unpacked, with its base."""
        images = json.loads(self._said("images", "--json", name))
        return int(float(images[0]["sizeRaw"])) if "sizeRaw" in images[0] else _bytes(images[0]["size"])

    def pull(self, name: str, progress: Progress) -> None:
        progress.step(f"Fetching {name}")
        self._said("pull", "--policy=always", f"docker://{name}")
        progress.finish(f"Fetched {name}")

    def commit_folder(self, root: Path, name: str, labels: Mapping[str, str], command: str) -> None:
        """An image of one layer with the folder's content."""
        container = self._said("from", "scratch")
        try:
            self._said("add", "--quiet", container, str(root), "/")
            settings = [argument for key, value in labels.items() for argument in ("--label", f"{key}={value}")]
            self._said("config", *settings, "--cmd", command, container)
            self._said("commit", "--quiet", container, name)
        finally:
            self._ask("rm", container)

    def build(self, context: Path, target: str, name: str, progress: Progress) -> None:
        """A target of the Dockerfile in `context`; layers of an earlier build are used again."""
        options = ("--layers", "--pull-never", "--isolation=chroot", f"--target={target}", f"--tag={name}")
        command = ["buildah", "bud", *options, *self._certificates(), str(context)]
        last = deque[str](maxlen=15)
        with talking(command, self.folder, self._environment) as talk:
            for line in talk.lines:
                last.append(line)
                if step := _STEP.match(line):
                    progress.step(f"Building the image {name}", _share(*step.groups()), _PERCENT)
        if talk.code():
            raise ImageError(f"The image {name} cannot be built. buildah says:\n{''.join(last).strip()}")

    def archive(self, name: str) -> Path:
        """The image as an archive that containerd can import. One of each name is kept."""
        short = name.rpartition("/")[2].partition(":")[0]
        path = self.folder / f"{short}-{self.identity(name)[:16]}.tar"
        if not path.exists():
            for earlier in self.folder.glob(f"{short}-*.tar*"):
                earlier.unlink()
            part = path.with_suffix(".tar.part")
            # Of the two archive formats the one whose layers are not compressed: it never leaves this machine.
            self._said("push", "--quiet", name, f"docker-archive:{part}:{name}")
            part.rename(path)
        return path

    def tidy(self) -> None:
        """Removes what an interrupted build left, and layers once there are many. They are few until much has changed:
        most are those of the next build."""
        self._ask("rm", "--all")
        if len(self._said("images", "--quiet", "--filter", "dangling=true").split()) > _MANY_LAYERS:
            self._ask("rmi", "--prune", "--force")

    def _certificates(self) -> Sequence[str]:
        """Where pip is told of certificates of this machine, those that run in the build are told so too."""
        bundle = os.environ.get("PIP_CERT")
        if not bundle:
            return ()
        settings = self.folder / "pip.conf"
        settings.write_text(f"[global]\ncert = {bundle}\n")
        return ("--volume", f"{bundle}:{bundle}:ro", "--volume", f"{settings}:/etc/pip.conf:ro")

    def _said(self, *arguments: str) -> str:
        done = self._ask(*arguments)
        if done.returncode:
            raise ImageError(f"buildah {arguments[0]} failed: {done.stderr.strip()[-500:]}")
        return done.stdout.strip()

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["buildah", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)


def _share(stage: str | None, stages: str | None, step: str, steps: str) -> int:
    done, total = int(stage or 1) - 1, int(stages or 1)
    return int(_PERCENT * (done + (int(step) - 1) / int(steps)) / total)


def _bytes(text: str) -> int:
    number, unit = text.split()
    return int(float(number) * 1000 ** ("B", "KB", "MB", "GB").index(unit.upper()))
