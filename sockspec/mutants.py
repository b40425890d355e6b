"""Mutants: good programs made wrong on purpose, by a table that says which requirements have to catch each.

`fixtures/mutants/<exercise>/<role>.toml` holds the table; a mutant is an exact text of a known-good program and what it
is replaced with. The same table lets a report say which slip a submission shows: the one whose failures are the same.
"""

import shutil
import tomllib
from pathlib import Path

import msgspec

from sockspec import house
from sockspec.complaint import SuiteError


class Mutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One program made wrong."""

    name: str
    program: str
    """The known-good program it is made from, below `fixtures/programs/<exercise>/`."""
    edits: list[tuple[str, str]]
    """Texts that occur once in that program, each with its replacement."""
    caught_by: list[str]
    """Requirements that must catch it, without exercise and role: all that it fails."""
    slip: str
    """What was done wrong, in one sentence to its author."""
    by_chance: list[str] = []
    """Requirements that it fails now and then, in a race with itself."""
    beside: str = ""
    """Another known-good program that stands beside it in the submission, unchanged."""

    def shows(self, failed: set[str]) -> bool:
        """Whether that is what it fails, give or take what is chance."""
        return set(self.caught_by) <= failed <= {*self.caught_by, *self.by_chance}


def mutants(exercise: str, role: str) -> list[Mutant]:
    """The mutants of one role of an exercise, in the order of the table; none where there is no table."""
    path = house.MUTANTS / exercise / f"{role}.toml"
    if not path.exists():
        return []
    try:
        return msgspec.convert(tomllib.loads(path.read_text())["mutant"], list[Mutant])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError) as error:
        raise SuiteError(f"{path}: {error}") from error


def write(mutant: Mutant, exercise: str, directory: Path) -> None:
    """Write the mutant as a submission to that directory."""
    programs = house.FIXTURES / "programs" / exercise
    source = programs / mutant.program
    text = source.read_text()
    for before, after in mutant.edits:
        if text.count(before) != 1:
            raise SuiteError(f"mutant {mutant.name}: {before!r} occurs {text.count(before)} times in {mutant.program}")
        text = text.replace(before, after)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / source.name).write_text(text)
    if mutant.beside:
        shutil.copy(programs / mutant.beside, directory)


def slips(exercise: str, role: str, failed: set[str], language: str) -> list[str]:
    """The slips of the mutants whose failures are these, exactly; of those in that language (`.c`) if there are any."""
    tails = {slug.removeprefix(f"{exercise}.{role}.") for slug in failed}
    fitting = [mutant for mutant in mutants(exercise, role) if mutant.shows(tails)]
    spoken = [mutant for mutant in fitting if mutant.program.endswith(language)]
    return list(dict.fromkeys(mutant.slip for mutant in spoken or fitting))
