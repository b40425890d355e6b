"""What a build leaves is run only if it is a program of its own."""

from pathlib import Path

import pytest

from sockspec.build import build
from sockspec.submission import Wishes, find


@pytest.mark.parametrize("recipe", ["ln -s /bin/cat server", "mkdir server", "touch server", "true"])
def test_a_build_that_leaves_no_program_is_told_so(recipe: str, tmp_path: Path) -> None:
    handed_in = tmp_path / "handed-in"
    handed_in.mkdir()
    (handed_in / "Makefile").write_text(f"server:\n\t{recipe}\n")
    built = build(find(handed_in, Wishes(exercise="echo")), tmp_path / "built")
    assert built.failures == {"server": "`make server` left no program ./server"}
