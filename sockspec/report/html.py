"""What all HTML pages share: one escape for every value, and a page that runs no script and asks no network."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sockspec.verdict import Verdict
from sockspec.visible import visible_lines

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Content-Security-Policy: should an escape ever fail, there is still nothing that it could load or run."""

MARKS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.WARN: "warn",
    Verdict.NOTE: "note",
    Verdict.NOT_RUN: "not-run",
    Verdict.ERROR: "error",
}
"""The style class of each verdict."""


_BUFFERED = 500
"""How many bits of text make a piece."""


def _visible(value: Any) -> Any:
    return visible_lines(value) if type(value) is str else value  # what a macro gives is markup, and escaped already


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(
        loader=loader,
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, **values: Any) -> Iterator[bytes]:
    """The page that the template makes of these values, in pieces; each value becomes visible text wherever it stands.

    What a value brings forth one by one is never held as a whole.
    """
    stream = _environment().get_template(template).stream(security=POLICY, marks=MARKS, **values)
    stream.enable_buffering(_BUFFERED)
    return (piece.encode() for piece in stream)
