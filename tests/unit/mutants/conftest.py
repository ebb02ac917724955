"""A project of one function, in a Git checkout."""

import subprocess
from pathlib import Path

import pytest

PROJECT = '[tool.hatch.build]\ndev-mode-dirs = ["src"]\n'
TESTS = """
from pathlib import Path

import pytest

from toy import sums


@pytest.fixture
def ready():
    assert sums.READY


def test_sum():
    assert sums.add(2, 3) == 5


def test_with_a_fixture(ready):
    assert sums.add(2, 2) == 4


def test_late_import():
    import toy.late


def test_the_copy_is_imported():
    assert Path(sums.__file__).is_relative_to(Path.cwd())
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    files = {
        "pyproject.toml": PROJECT,
        ".gitignore": "secret\n",
        "secret": "of this checkout alone",
        "src/toy/__init__.py": "",
        "src/toy/sums.py": "READY = True\n\n\ndef add(a, b):\n    return a + b\n",
        "src/toy/late.py": "from toy.sums import add\n",
        "tests/test_toy.py": TESTS,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder
