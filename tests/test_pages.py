"""What the pages say is true: tables, links, commands, options and examples are held against what they are about."""

import os
import re
import shlex
import tomllib
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from sockspec import catalogue, cli, house, suite
from sockspec.catalogue import Requirement
from sockspec.model import Report
from sockspec.mutants import Mutant
from sockspec.pages import CLOSING, OPENING, numbers, table
from sockspec.peer import Peer
from sockspec.submission import Wishes, find, find_all
from sockspec.verdict import Diagnosis, Outcome, Record, Verdict
from tests.running import PROGRAMS, sockspec

README = (house.ROOT / "README.md").read_text()
PAGES = sorted(
    page
    for top in house.ROOT.iterdir()
    if not top.name.startswith(".")
    for page in [top, *top.rglob("*.md")]
    if page.suffix == ".md"
)
GROUPS = {name for name, command in cli.main.commands.items() if isinstance(command, click.Group)}
HEADINGS = ["What to write", "On the wire", "What is required", "What is left free", "Try it by hand", "Check it"]


def blocks(text: str, language: str = r"\w*") -> list[str]:
    """The code blocks of a page, or those in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[str]:
    """Every command of that program in a page: a line of a code block, or code in a line."""
    found = set()
    for page in PAGES:
        text = page.read_text()
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
        lines = [line for block in blocks(text) for line in block.splitlines()]
        found |= {match[1] for line in [*lines, *spans] if (match := re.match(rf"(?:\S+ -m )?{program} (.+)", line))}
    return sorted(found)


def anchors(page: Path) -> set[str]:
    """What a link may name in a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def helped(*command: str) -> set[str]:
    """The words of what `--help` prints."""
    result = CliRunner().invoke(cli.main, [*command, "--help"])
    assert result.exit_code == 0, f"sockspec {' '.join(command)}: {result.output}"
    return set(result.output.replace(",", " ").split())


def options(words: Iterable[str]) -> set[str]:
    return {word.split("=")[0] for word in words if word.startswith("-")}


# --- the pages of the exercises


@pytest.mark.parametrize("exercise", house.exercises())
def test_the_table_in_a_page_is_the_catalogues(exercise: str) -> None:
    """Renew it with `RENEW=1 pytest tests/test_pages.py`, and read the difference."""
    assert between_the_marks(house.SUITES / exercise / "README.md", table(exercise)) == table(exercise)


def test_the_numbers_of_the_exercises_are_as_counted() -> None:
    assert between_the_marks(house.ROOT / "docs" / "exercises.md", numbers()) == numbers()


def between_the_marks(page: Path, renewed: str) -> str:
    """What a page has between its two marks; that is renewed first where RENEW asks for it."""
    before, rest = page.read_text().split(OPENING)
    if os.environ.get("RENEW"):
        page.write_text(before + OPENING + renewed + CLOSING + rest.split(CLOSING)[1])
    return page.read_text().split(OPENING)[1].split(CLOSING)[0]


@pytest.mark.parametrize("exercise", house.exercises())
def test_every_exercise_has_a_page_with_all_its_headings(exercise: str) -> None:
    text = (house.SUITES / exercise / "README.md").read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("exercise", house.exercises())
def test_a_table_has_every_requirement_in_a_line_of_its_own(exercise: str) -> None:
    lines = [line for line in table(exercise).splitlines() if re.match(r"\| [CS]\d ", line)]
    assert len(lines) == len(catalogue.exercise(exercise).requirements)
    assert {line.count("|") for line in lines} == {5}


# --- links, commands, options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(house.ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("command", commands("make"))
def test_every_make_target_exists(command: str) -> None:
    makefile = (house.ROOT / "Makefile").read_text()
    target, *settings = shlex.split(command, comments=True)
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for name, value in (setting.split("=", 1) for setting in settings):
        assert re.search(rf"^{name} \?=", makefile, re.MULTILINE)
        assert options(value.split()) <= helped("check")


def test_what_make_test_leaves_out_another_target_runs() -> None:
    rules = (house.ROOT / "Makefile").read_text().split("\n\n")
    (test,) = (rule for rule in rules if rule.startswith("test:"))
    left_out = set(re.findall(r"--ignore (\S+)", test)) - set(re.findall(r"(?<!--ignore )tests/\w+\.py", test))
    others = [rule for rule in rules if rule.startswith(("proof:", "hostile:"))]
    assert left_out == {file for rule in others for file in re.findall(r"tests/\w+\.py", rule)}


@pytest.mark.parametrize("command", commands("sockspec"))
def test_every_option_of_a_command_exists(command: str) -> None:
    words = shlex.split(command, comments=True)
    depth = 2 if words[0] in GROUPS else 1
    assert options(words[:depth]) <= helped()
    assert options(words[depth:]) <= helped(*words[:depth])


def test_every_option_that_is_named_alone_exists() -> None:
    spans = [span for page in [README, *(page.read_text() for page in house.SUITES.glob("*/README.md"))]
             for span in re.findall(r"`(--[^`\n]+)`", page)]  # fmt: skip
    assert options(span.split()[0] for span in spans) <= helped("check")


# --- examples


def test_the_manifest_in_the_readme_is_accepted_and_has_every_key(tmp_path: Path) -> None:
    example, _ = blocks(README, "toml")
    (tmp_path / "sockspec.toml").write_text(example)
    found = find(tmp_path, Wishes())
    server, client = found.sources["server"], found.sources["client"]
    assert found.exercise in house.exercises()
    assert all([server.build, server.command.port, client.build, client.command.takes_port])


def test_the_manifest_for_several_exercises_in_the_readme_is_accepted(tmp_path: Path) -> None:
    _, example = blocks(README, "toml")
    (tmp_path / "week2").mkdir()
    (tmp_path / "week2" / "server.py").write_text("")
    (tmp_path / "sockspec.toml").write_text(example)
    assert [list(each.sources) for each in find_all(tmp_path, Wishes())] == [["server"], ["server"], ["client"]]


def test_the_report_in_the_readme_is_what_is_printed(tmp_path: Path) -> None:
    (slip,) = blocks(README, "diff")
    lines = slip.splitlines(keepends=True)
    right, wrong = ("".join(line[1:] for line in lines if line[0] in marks) for marks in (" -", " +"))
    text = (PROGRAMS / "echo" / "c-iterative" / "server.c").read_text()
    assert text.count(right) == 1
    (tmp_path / "my_echo").mkdir()
    (tmp_path / "sockspec").touch(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    (tmp_path / "my_echo" / "server.c").write_text(text.replace(right, wrong))
    printed = iter(
        sockspec("check", "my_echo", "--exercise", "echo", cwd=tmp_path, env=environment).stdout.splitlines()
    )
    (report,) = re.findall(r"<!-- report -->\n```\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert [line for line in report.splitlines() if line not in printed] == []  # in that order, whole lines


FIELDS = [name for struct in (Report, Record, Diagnosis) for name in struct.__struct_encode_fields__]
WORDS = [
    ("how-verdicts-are-reached.md", [*FIELDS, *(word.value for kind in (Verdict, Outcome) for word in kind)]),
    ("writing-an-exercise.md", [*Requirement.__struct_fields__[1:], *Mutant.__struct_fields__]),
]


@pytest.mark.parametrize(("page", "words"), WORDS, ids=[page for page, _ in WORDS])
def test_a_page_explains_every_field(page: str, words: list[str]) -> None:
    text = (house.ROOT / "docs" / page).read_text()
    assert [word for word in words if f"`{word}`" not in text] == []


@pytest.mark.parametrize("player", [suite.Server, suite.Client, suite.Visit, Peer])
def test_a_player_has_every_method_that_its_table_names(player: type) -> None:
    text = (house.ROOT / "docs" / "writing-an-exercise.md").read_text()
    rows = text.split(f"### `{player.__name__}`\n")[1].split("\n## ")[0].split("\n### ")[0]
    named = [name for row in re.findall(r"^\| (`.+?) \|", rows, re.MULTILINE) for name in re.findall(r"`(\w+)\(", row)]
    assert len(named) > 5
    assert [name for name in named if not hasattr(player, name)] == []


def test_the_examples_of_a_requirement_and_of_a_mutant_are_such() -> None:
    text = (house.ROOT / "docs" / "writing-an-exercise.md").read_text()
    stated, made = (tomllib.loads(block) for block in blocks(text, "toml")[-2:])
    assert msgspec.convert({"slug": "time.server.four-bytes", **stated["server"]["four-bytes"]}, Requirement)
    assert msgspec.convert(made["mutant"], list[Mutant])
