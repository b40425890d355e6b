"""What pages take from the house, between two marks: the requirements of an exercise, and how much of each there is."""

from sockspec import catalogue, house, mutants
from sockspec.verdict import Level

OPENING, CLOSING = "<!-- requirements -->\n", "<!-- /requirements -->\n"
_TITLES = {"server": "The server", "client": "The client", "both": "The two of them together"}


def table(exercise: str) -> str:
    """The requirements as Markdown: a table for each role, in the order of the steps, with the steps in words above."""
    lines = []
    for role, title in _TITLES.items():
        own = [entry for entry in catalogue.exercise(exercise).requirements.values() if entry.role == role]
        steps = ", ".join(f"{step} {catalogue.STEPS[step]}" for step in dict.fromkeys(entry.step for entry in own))
        rows = [f"| {r.step} | {r.level.value} | {r.slug.split('.')[2]} | {r.sentence} |" for r in own]
        if rows:
            lines += [f"### {title}", "", f"Steps: {steps}.", ""]
            lines += ["| step | level | requirement | what it asks |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def numbers() -> str:
    """How many requirements, known-good programs and mutants each exercise has, as Markdown."""
    counted = {name: _counted(name) for name in house.exercises()}
    rows = [
        f"| {' | '.join([f'[{name}](../suites/{name}/README.md)', *map(str, row)])} |" for name, row in counted.items()
    ]
    together = [sum(column) for column in zip(*counted.values(), strict=True)]
    head = "| exercise | requirements | of them MUST | good servers | good clients | mutants |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows, f"| together | {' | '.join(map(str, together))} |", ""])


def _counted(exercise: str) -> list[int]:
    requirements = catalogue.exercise(exercise).requirements.values()
    programs = house.FIXTURES / "programs" / exercise
    return [
        len(requirements),
        sum(requirement.level is Level.MUST for requirement in requirements),
        *(len(list(programs.glob(f"*/{role}.*"))) for role in ("server", "client")),
        sum(len(mutants.mutants(exercise, role)) for role in _TITLES),
    ]
