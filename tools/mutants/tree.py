"""A copy of the tree in which files may be broken, and in which Python imports the copied packages."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

from mutants.catalogue import Mutant
from mutants.errors import MutantsError


class BrokenEntryError(Exception):
    """The edit cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Tree:
    """`root` has the files. The folders of `tool.hatch.build.dev-mode-dirs` in its pyproject.toml have the packages."""

    root: Path

    @classmethod
    def copied(cls, source: Path, target: Path) -> "Tree":
        """A copy of all files of the Git checkout `source` that Git does not ignore, committed or not.

        Raises MutantsError when there is no checkout, or when Python would not import the copied packages.
        """
        for name in _listed(source):
            if (source / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                copy2(source / name, target / name, follow_symlinks=False)
        tree = cls(target)
        tree.require_own_packages()
        return tree

    @property
    def environment(self) -> dict[str, str]:
        """For processes that work on the copy: PYTHONPATH stands before what the virtual environment is linked to.

        No bytecode is written, for a file changed twice in a second would be taken for its older self.
        """
        path = [str(folder) for folder in self._folders()]
        kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        return {**kept, "PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"}

    @contextmanager
    def broken(self, mutant: Mutant) -> Iterator[None]:
        """The tree with the mutant's edit. Raises BrokenEntryError when it cannot be made, or is no Python any more."""
        path = self.root / mutant.file
        if not path.is_file():
            raise BrokenEntryError(f"there is no file {mutant.file}")
        before = path.read_bytes()
        after = edited(mutant, before.decode())
        try:
            path.write_bytes(after.encode())
            yield
        finally:
            path.write_bytes(before)

    def _folders(self) -> list[Path]:
        project = tomllib.loads((self.root / "pyproject.toml").read_text(encoding="utf-8"))
        return [self.root / name for name in project["tool"]["hatch"]["build"]["dev-mode-dirs"]]

    def require_own_packages(self) -> None:
        """Else every mutant would survive, or worse: the tests would be those of a tree that nobody broke."""
        names = [init.parent.name for folder in self._folders() for init in sorted(folder.glob("*/__init__.py"))]
        code = "import importlib.util as u, sys; print(*(u.find_spec(n).origin for n in sys.argv[1:]), sep='\\n')"
        done = subprocess.run(
            [sys.executable, "-c", code, *names],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        origins = done.stdout.splitlines()
        foreign = [origin for origin in origins if not Path(origin).resolve().is_relative_to(self.root.resolve())]
        if done.returncode or foreign or not names:
            said = done.stderr.strip() or ", ".join(foreign) or "it has no packages"
            raise MutantsError(f"Python does not import the packages of the copy in {self.root}: {said}")


def edited(mutant: Mutant, before: str) -> str:
    """The file's text with the mutant's edit. Raises BrokenEntryError."""
    if (count := before.count(mutant.find)) != 1:
        raise BrokenEntryError(f"`find` occurs {count} times in {mutant.file}, not once")
    after = before.replace(mutant.find, mutant.replace)
    try:
        same = ast.dump(ast.parse(before)) == ast.dump(ast.parse(after)) if mutant.file.endswith(".py") else False
    except SyntaxError as error:
        raise BrokenEntryError(f"{mutant.file} with `replace` is no Python: {error}") from error
    if same or after == before:
        raise BrokenEntryError(f"`replace` changes nothing of {mutant.file}")
    return after


def _listed(source: Path) -> list[str]:
    command = ["git", "-C", str(source), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip()
        raise MutantsError(f"Git cannot list the files of {source}, which must be a checkout: {said}") from error
    return [name for name in done.stdout.split("\0") if name]
