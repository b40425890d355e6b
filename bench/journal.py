"""What a class costs beside its runs: a journal of 10,000 verdicts appended, read again, and rendered.

    python -P bench/journal.py [--verdicts N]

Appending is compared with the bare cost of the same lines: write and fsync. Where it is written decides, so the journal
lies in the directory of this file's checkout, not in a tmpfs.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from sockspec import catalogue, house, policy
from sockspec.journal import Begun, Ended, Entry, Journal, Reached, Standings, Started
from sockspec.report import outputs
from sockspec.verdict import Diagnosis, Outcome, Record, Verdict

EXERCISE = "echo"
UNMET_IN = 7
"""Every so many-th verdict is not a pass, and has a diagnosis as long as a usual one."""
WHY = Diagnosis(
    "your server is blocked in recv() on the first connection (fd 4, 127.0.0.1:43210), and 1 finished connection waits",
    ["first client: connected, sent 40,000 bytes, received 8,192 bytes", "second client: connected, received nothing"],
    '"hello" (5 bytes)', '"h" (1 byte), then the server closed the connection', "  ^ the first difference, at byte 1",
    "answered the second client after the first one left",
)  # fmt: skip


def a_class(verdicts: int) -> Iterator[Entry]:
    """The entries of a run in which so many verdicts are reached."""
    requirements = list(catalogue.exercise(EXERCISE).requirements.values())
    yield Started(
        version="0", exercise=EXERCISE, seed=1, suite="f00", image="sha256:f00", tools={"cc": "12"},
        isolation="container", at="2026-01-02T03:04:05Z",
    )  # fmt: skip
    reached = 0
    while reached < verdicts:
        name = f"student-{reached:06}"
        yield Begun(name, "d1", 1)
        for entry in requirements:
            reached += 1
            fails = reached % UNMET_IN == 0
            yield Reached(name, Record(
                entry.slug, entry.level, entry.step, "", Verdict.FAIL if fails else Verdict.PASS,
                Outcome.STUCK if fails else Outcome.OK, 0.1, "", WHY if fails else None,
            ))  # fmt: skip
        yield Ended(
            submission=name, digest="d1", status="graded", seconds=5.0, isolation="container",
            roles={"client": "client.py", "server": "server.c"},
        )  # fmt: skip


def appended(path: Path, verdicts: int) -> float:
    began = time.monotonic()
    with Journal(path) as journal:
        for entry in a_class(verdicts):
            journal.append(entry)
    return time.monotonic() - began


def written_bare(path: Path, lines: list[bytes]) -> float:
    began = time.monotonic()
    with path.open("ab", buffering=0) as file:
        for line in lines:
            file.write(line)
            os.fsync(file.fileno())
    return time.monotonic() - began


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=10_000, metavar="N")
    verdicts = parser.parse_args().verdicts
    with TemporaryDirectory(prefix=".bench-", dir=house.ROOT) as scratch:
        path = Path(scratch) / "journal.jsonl"
        ours = appended(path, verdicts)
        lines = path.read_bytes().splitlines(keepends=True)
        bare = written_bare(Path(scratch) / "bare.jsonl", lines)
        before = peak_mib()
        began = time.monotonic()
        stands = Standings(path)
        read = time.monotonic() - began
        held = peak_mib() - before
        began = time.monotonic()
        outputs.render_all(stands, policy.of(EXERCISE), Path(scratch) / "results")
        rendered = time.monotonic() - began
        files = sum(1 for file in Path(scratch, "results").rglob("*") if file.is_file())
        print(f"{len(lines):,} lines, {path.stat().st_size / 1e6:.1f} MB, {len(stands)} submissions")
        print(f"appended  {ours:6.2f} s  {1e6 * ours / len(lines):6.0f} us a line, write and fsync alone {bare:.2f} s")
        print(f"read      {read:6.2f} s  peak {held:+.0f} MiB")
        print(f"rendered  {rendered:6.2f} s  {files:,} files, peak {peak_mib():.0f} MiB")


if __name__ == "__main__":
    main()
