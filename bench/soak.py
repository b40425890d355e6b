"""Does a busy machine change a verdict? `make soak`; exit status 0 if none differs, 1 otherwise.

The known-good programs of all exercises and a sample of the mutants are checked once, and then in many rounds beside
eight busy processes. Every verdict of every case is compared with that of the first round. Takes hours with 30 rounds;
it may be interrupted at any time (Ctrl-C), and then says what it has seen so far. The busy processes end with it.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sockspec import house
from sockspec.mutants import Mutant, mutants, write

CHECK = [sys.executable, "-P", "-m", "sockspec", "check"]
IMPATIENT = ("--patience", "1", "--cpu", "0.4")
ROLES = ["server", "client", "both"]
BUSY = 8
LEAST_MUTANTS, EVERY_MUTANT = 12, 8
MOST_S, LEAVING_S = 3600.0, 120.0
# PR_SET_PDEATHSIG (prctl(2)): it ends with us, however we end.
SPIN = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\nwhile True: pass"


class Group(NamedTuple):
    """Submissions that one command checks."""

    name: str
    directories: tuple[Path, ...]
    options: tuple[str, ...]


class Case(NamedTuple):
    """What a verdict is on."""

    group: str
    submission: str
    requirement: str
    case: str

    def __str__(self) -> str:
        return f"{self.group}, {self.submission}: {self.requirement} {self.case}".rstrip()


class Seen(NamedTuple):
    """A verdict, and why, in one line."""

    verdict: str
    summary: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}{': ' if self.summary else ''}{self.summary}"


MISSING = Seen("no verdict")
Round = dict[Case, Seen]


class Tally:
    """What the rounds have shown so far."""

    def __init__(self, idle: dict[Group, Round], idle_s: float) -> None:
        self.idle = idle
        self.idle_s = idle_s
        self.busy_s: list[float] = []
        self.compared = 0
        self.differing = 0

    def compare(self, group: Group, seen: Round) -> None:
        """Compare a group's verdicts with those of the idle round, and tell the differences."""
        for case in sorted(self.idle[group] | seen):
            before, now = self.idle[group].get(case, MISSING), seen.get(case, MISSING)
            self.compared += 1
            if before.verdict != now.verdict:
                self.differing += 1
                print(f"DIFFERS  {case}\n  idle  {before}\n  busy  {now}", flush=True)

    def told(self) -> str:
        rounds = f"{len(self.busy_s)} rounds beside {BUSY} busy processes"
        busy = sum(self.busy_s) / len(self.busy_s) if self.busy_s else 0.0
        return (
            f"{self.compared:,} verdicts compared in {rounds}, {self.differing:,} differ from the idle round\n"
            f"a round took {self.idle_s:.0f} s idle, {busy:.0f} s busy ({sum(self.busy_s):.0f} s in all)"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="busy rounds (default: 30)")
    rounds = parser.parse_args().rounds
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: what we started ends with us
    with TemporaryDirectory(prefix="sockspec-soak-") as scratch:
        groups = [*known_good(), *mutant_groups(Path(scratch))]
        began = time.monotonic()
        idle = {group: verdicts(group, Path(scratch)) for group in groups}
        if silent := [group.name for group, seen in idle.items() if not seen]:
            sys.exit(f"nothing to compare with: no verdicts on {', '.join(silent)} although the machine is idle")
        tally = Tally(idle, time.monotonic() - began)
        print(f"idle: {sum(map(len, idle.values())):,} verdicts in {tally.idle_s:.0f} s", flush=True)
        try:
            with busy_machine():
                for number in range(1, rounds + 1):
                    busy_round(tally, groups, Path(scratch))
                    print(f"round {number} of {rounds}: {tally.busy_s[-1]:.0f} s, {tally.differing} differ", flush=True)
        except KeyboardInterrupt:
            print(f"interrupted\n{tally.told()}")
            return 130
    print(tally.told())
    return int(tally.differing > 0)


def busy_round(tally: Tally, groups: list[Group], scratch: Path) -> None:
    began = time.monotonic()
    for group in groups:
        tally.compare(group, verdicts(group, scratch))
    tally.busy_s.append(time.monotonic() - began)


@contextmanager
def busy_machine() -> Iterator[None]:
    """Beside as many processes as never stop computing."""
    running = []
    try:
        running += [subprocess.Popen([sys.executable, "-c", SPIN], stdin=subprocess.DEVNULL) for _ in range(BUSY)]
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


# --- who is checked


def known_good() -> list[Group]:
    """The known-good programs of each exercise."""
    programs = house.FIXTURES / "programs"
    return [
        Group(
            f"{exercise} known-good",
            tuple(sorted(path for path in (programs / exercise).iterdir() if path.is_dir())),
            ("--exercise", exercise),
        )
        for exercise in house.exercises()
    ]


def mutant_groups(scratch: Path) -> list[Group]:
    """Every so many-th mutant of each table: always the same ones, and a dozen at least."""
    tables = {(exercise, role): mutants(exercise, role) for exercise in house.exercises() for role in ROLES}
    every = max(1, min(EVERY_MUTANT, sum(map(len, tables.values())) // LEAST_MUTANTS))
    return [
        mutant_group(exercise, role, table[::every], scratch) for (exercise, role), table in tables.items() if table
    ]


def mutant_group(exercise: str, role: str, sample: list[Mutant], scratch: Path) -> Group:
    directories = tuple(scratch / exercise / role / mutant.name for mutant in sample)
    for mutant, directory in zip(sample, directories, strict=True):
        write(mutant, exercise, directory)
    half = () if role == "both" else ("--role", role)
    return Group(f"{exercise} {role} mutants", directories, ("--exercise", exercise, *half, *IMPATIENT))


# --- what is said of them


def verdicts(group: Group, scratch: Path) -> Round:
    """Check the group; the verdict on every case. A check that came to none leaves us with what it said instead."""
    report = scratch / "report.json"
    report.unlink(missing_ok=True)
    status, said = run([*CHECK, *map(str, group.directories), *group.options, "--json", str(report)], scratch / "said")
    if not report.exists():
        print(f"NO REPORT  {group.name}, exit status {status}\n{said[-2000:]}", flush=True)
        return {}
    read = json.loads(report.read_bytes())
    return {
        Case(group.name, one["submission"], verdict["requirement"], verdict["case"]): seen(verdict)
        for one in (read if isinstance(read, list) else [read])
        for verdict in one["verdicts"]
    }


def run(command: list[str], output: Path) -> tuple[int, str]:
    """Its exit status and what it said. However we are interrupted, it gets the time to end what it has started."""
    with output.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )  # fmt: skip
        try:
            process.wait(MOST_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(LEAVING_S)
    return process.returncode, output.read_text(errors="replace")


def seen(verdict: dict[str, Any]) -> Seen:
    return Seen(verdict["verdict"], verdict.get("diagnosis", {}).get("summary", ""))


if __name__ == "__main__":
    sys.exit(main())
