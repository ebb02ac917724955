"""The mutants as tests/mutants.yaml lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mutants.errors import MutantsError


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit that breaks one behaviour.

    `name` is the behaviour as a sentence, `part` the part of the project that has it. In `file` the text `find`, which
    must occur exactly once, becomes `replace`. `tests` are pytest targets: each passes without the edit, and at least
    one fails with it.
    """

    part: str
    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]


_MEMBERS = {"name", "file", "find", "replace", "tests"}


def read(path: Path) -> tuple[Mutant, ...]:
    """All mutants, in the order of the file: parts with their entries. Raises MutantsError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise MutantsError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(entries, list) for entries in content.values()):
        raise MutantsError(f"{path} is no mapping of parts to lists of mutants.")
    mutants = tuple(_mutant(str(part), entry) for part, entries in content.items() for entry in entries)
    if not mutants:
        raise MutantsError(f"{path} lists no mutant.")
    names = [mutant.name for mutant in mutants]
    if twice := {name for name in names if names.count(name) > 1}:
        raise MutantsError(f"{path} has more than one mutant of the name {sorted(twice)[0]!r}; give each its own.")
    return mutants


def chosen(mutants: Sequence[Mutant], words: Sequence[str]) -> tuple[Mutant, ...]:
    """Those whose part is one of `words` or whose name has one in it, whatever the case; without words all.

    Raises MutantsError for a word that chooses none.
    """
    for word in words:
        if not any(_is_meant(mutant, word) for mutant in mutants):
            parts = ", ".join(dict.fromkeys(mutant.part for mutant in mutants))
            raise MutantsError(f"{word!r} is in no mutant's name and no part; the parts are {parts}.")
    return tuple(mutant for mutant in mutants if not words or any(_is_meant(mutant, word) for word in words))


def _is_meant(mutant: Mutant, word: str) -> bool:
    return word.lower() == mutant.part.lower() or word.lower() in mutant.name.lower()


def _mutant(part: str, entry: Any) -> Mutant:
    if not isinstance(entry, dict) or entry.keys() != _MEMBERS:
        raise MutantsError(f"An entry of part {part} does not have exactly {', '.join(sorted(_MEMBERS))}: {entry}")
    texts = {member: entry[member] for member in ("name", "file", "find", "replace")}
    tests = entry["tests"]
    if not all(isinstance(text, str) for text in texts.values()) or not texts["find"]:
        raise MutantsError(f"Mutant {entry['name']!r}: name, file, find and replace are texts, and find is not empty.")
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise MutantsError(f"Mutant {entry['name']!r}: tests is a list of at least one pytest target.")
    return Mutant(part=part, tests=tuple(tests), **texts)
