"""The report as JSON: one object for one submission, an array of such objects for any other number of them."""

from typing import Any

import msgspec

from sockspec.model import Report
from sockspec.visible import visible_lines


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return visible_lines(value)
    if isinstance(value, list):
        return [_visible(item) for item in value]
    if isinstance(value, dict):
        return {_visible(key): _visible(item) for key, item in value.items()}
    return value


def _plain(report: Report) -> Any:
    """The report in plain values; its submission is named once, not in every verdict."""
    records = [msgspec.structs.replace(record, submission="") for record in report.records]
    return _visible(msgspec.to_builtins(msgspec.structs.replace(report, records=records)))


def render(reports: list[Report]) -> bytes:
    """A JSON document that `schema()` describes."""
    plain = [_plain(report) for report in reports]
    return msgspec.json.format(msgspec.json.encode(plain[0] if len(plain) == 1 else plain)) + b"\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `render` gives; kept in docs/report.schema.json."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A sockspec report",
        "description": "One object for one submission, an array of such objects for any other number of them.",
        **msgspec.json.schema(Report | list[Report]),
    }
