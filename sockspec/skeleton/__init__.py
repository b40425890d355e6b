"""A new exercise: all its files, each of which says TODO where something belongs that nobody else can know.

The files beside this one are laid out as they are, but for the name. What they hold is complete as far as it is the
same for every exercise on a stream, so it is collected, and fails where it says TODO.
"""

import keyword
import re
from pathlib import Path
from typing import get_args

from sockspec.complaint import UsageError
from sockspec.verdict import Role

_FILES = Path(__file__).parent
_PLACES = {
    "suites": "suites/{}",
    "reference": "reference/{}",
    "programs": "fixtures/programs/{}/c-iterative",
    "mutants": "fixtures/mutants/{}",
}
"""Where the files of each directory here go, in a checkout, for an exercise of that name."""


def lay_out(name: str, checkout: Path) -> list[Path]:
    """Write the files of a new exercise; where they are, from the checkout. Nothing that is there is changed."""
    _complain_about_name(name)
    if not checkout.is_dir():
        raise UsageError(f"no such directory: {checkout}")
    if missing := [top for top in ("suites", "reference", "fixtures") if not (checkout / top).is_dir()]:
        raise UsageError(f"{checkout} is no checkout of sockspec: there is no {missing[0]}/ in it")
    for place in _PLACES.values():
        if (checkout / (taken := Path(place.format(name)))).exists():
            raise UsageError(f"the name {name!r} is taken: there is {checkout / taken}")
    try:
        return [_write(source, name, checkout) for source in sorted(_FILES.glob("*/*.txt"))]
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from None


def _write(source: Path, name: str, checkout: Path) -> Path:
    target = Path(_PLACES[source.parent.name].format(name), source.stem)
    text = source.read_text().replace("EXERCISE", name).replace("TITLE", name.capitalize())
    (checkout / target).parent.mkdir(parents=True, exist_ok=True)
    (checkout / target).write_text(text)
    return target


def _complain_about_name(name: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9]*", name):
        plain = re.sub("[^a-z0-9]|^[0-9]+", "", name.lower())
        instead = f"; {plain!r} would do" if plain else ""
        raise UsageError(f"{name!r} is no name for an exercise: lower-case letters and digits, a letter first{instead}")
    if keyword.iskeyword(name) or name in (*get_args(Role), "exercise", "universal"):
        raise UsageError(f"an exercise cannot be called {name!r}: that word has a meaning already")
