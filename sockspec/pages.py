"""What an exercise's page takes from the catalogue: the table of its requirements, between two marks in the page."""

from sockspec import catalogue

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
