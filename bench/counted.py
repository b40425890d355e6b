"""sockspec, and at the end on standard error, as JSON: how many programs it started and how many connections it had.

The counts that the table in bare.py has to match.
"""

import json
import sys
from typing import Any

from sockspec import peer, program
from sockspec.cli import main

counts = {"programs": 0, "connections": 0}


class Program(program.Program):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        counts["programs"] += 1
        super().__init__(*arguments, **options)


class Peer(peer.Peer):
    def __init__(self, *arguments: Any) -> None:
        counts["connections"] += 1
        super().__init__(*arguments)


if __name__ == "__main__":
    program.Program = Program  # type: ignore[misc]
    peer.Peer = Peer  # type: ignore[assignment, misc]
    try:
        main()
    finally:
        print(json.dumps(counts), file=sys.stderr)
