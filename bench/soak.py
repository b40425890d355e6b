"""Does a busy machine change a verdict? `make soak`; exit status 0 if none differs, 1 otherwise.

The known-good programs and a sample of the mutants, of all exercises or of those that are named, are checked once, and
then again in rounds beside four busy processes a core (on the cores that taskset(1) leaves us). A round takes the next
few of them, so many that all have their turn as often as --turns says. Every verdict of every case is compared with
that of the idle machine. It may be interrupted at any time (Ctrl-C), and then says what it has seen so far.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sockspec import house
from sockspec.mutants import mutants, write

CORES = len(os.sched_getaffinity(0))
CHECK = [sys.executable, "-P", "-m", "sockspec", "check", "--sandbox", "none", "--jobs", str(CORES)]
IMPATIENT = ("--patience", "1", "--cpu", "0.4")
ROLES = ["server", "client", "both"]
BUSY = 4 * CORES
EVERY_MUTANT = 9
MOST_S, LEAVING_S = 3600.0, 120.0
# PR_SET_PDEATHSIG (prctl(2)): it ends with us, however we end.
SPIN = "import ctypes; ctypes.CDLL(None).prctl(1, 9)\nwhile True: pass"


class Subject(NamedTuple):
    """A submission that is checked again and again."""

    name: str
    directory: Path
    options: tuple[str, ...]


class Case(NamedTuple):
    """What a verdict is on."""

    subject: str
    requirement: str
    case: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.requirement} {self.case}".rstrip()


class Seen(NamedTuple):
    """A verdict, and why, in one line."""

    verdict: str
    summary: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}{': ' if self.summary else ''}{self.summary}"


MISSING = Seen("no verdict")
Seens = dict[Case, Seen]


class Tally:
    """What the rounds have shown so far."""

    def __init__(self, idle: dict[Subject, Seens]) -> None:
        self.idle = idle
        self.rounds = 0
        self.began = time.monotonic()
        self.compared = 0
        self.differing = 0

    def compare(self, subject: Subject, now: Seens) -> None:
        """Compare its verdicts with those of the idle machine, and tell the differences."""
        before = self.idle[subject]
        for case in sorted(before | now):
            was, is_ = before.get(case, MISSING), now.get(case, MISSING)
            self.compared += 1
            if was.verdict != is_.verdict:
                self.differing += 1
                print(f"DIFFERS  {case}\n  idle  {was}\n  busy  {is_}", flush=True)

    def told(self) -> str:
        return (
            f"{self.compared:,} verdicts in {self.rounds} rounds beside {BUSY} busy processes on {CORES}"
            f" core{'s' * (CORES > 1)}: {self.differing:,} differ from the idle machine's"
            f" ({time.monotonic() - self.began:.0f} s)"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, metavar="N", help="busy rounds (default: 30)")
    parser.add_argument("--turns", type=int, default=1, metavar="N", help="how often each has its turn (default: once)")
    parser.add_argument("exercises", nargs="*", default=house.exercises(), metavar="EXERCISE")
    asked = parser.parse_args()
    if min(asked.rounds, asked.turns) < 1:
        parser.error("rounds and turns are numbers from 1 on")
    if unknown := set(asked.exercises) - set(house.exercises()):
        parser.error(f"no exercise is called {', '.join(sorted(unknown))}; there are {', '.join(house.exercises())}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C does: what we started ends with us
    with TemporaryDirectory(prefix="sockspec-soak-") as scratch:
        subjects = mixed(known_good(asked.exercises), sample_of_mutants(asked.exercises, Path(scratch)))
        try:
            tally = Tally(on_the_idle_machine(subjects, Path(scratch)))
        except KeyboardInterrupt:
            print("interrupted before anything was compared")
            return 130
        turns, a_round = cycle(subjects), -(-len(subjects) * asked.turns // asked.rounds)
        try:
            with busy_machine():
                for tally.rounds in range(1, asked.rounds + 1):
                    for subject in islice(turns, a_round):
                        tally.compare(subject, verdicts(subject, Path(scratch)))
                    print(tally.told(), flush=True)
        except KeyboardInterrupt:
            print(f"interrupted; {tally.told()}")
            return 130
    return int(tally.differing > 0)


def on_the_idle_machine(subjects: list[Subject], scratch: Path) -> dict[Subject, Seens]:
    """Every verdict that there is to compare with."""
    began = time.monotonic()
    idle = {subject: verdicts(subject, scratch) for subject in subjects}
    if silent := [subject.name for subject, seen in idle.items() if not seen]:
        sys.exit(f"nothing to compare with: no verdicts on {', '.join(silent)} although the machine is idle")
    count, passed = sum(map(len, idle.values())), time.monotonic() - began
    print(f"idle: {count:,} verdicts on {len(subjects)} submissions in {passed:.0f} s", flush=True)
    return idle


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


def known_good(exercises: list[str]) -> list[Subject]:
    """The known-good programs of each exercise."""
    return [
        Subject(f"{exercise} {path.name}", path, ("--exercise", exercise))
        for exercise in exercises
        for path in sorted((house.FIXTURES / "programs" / exercise).iterdir())
        if path.is_dir()
    ]


def sample_of_mutants(exercises: list[str], scratch: Path) -> list[Subject]:
    """Every so many-th mutant of each table, always the same ones; of those that do not race with themselves."""
    chosen = []
    for exercise in exercises:
        for role in ROLES:
            half = () if role == "both" else ("--role", role)
            for mutant in [each for each in mutants(exercise, role) if not each.by_chance][::EVERY_MUTANT]:
                directory = scratch / exercise / role / mutant.name
                write(mutant, exercise, directory)
                options = ("--exercise", exercise, *half, *IMPATIENT)
                chosen.append(Subject(f"{exercise} {role} mutant {mutant.name}", directory, options))
    return chosen


def mixed(few: list[Subject], many: list[Subject]) -> list[Subject]:
    """Both, the few spread evenly among the many, so that the rounds are alike."""
    places = [(place / len(kind), subject) for kind in (few, many) for place, subject in enumerate(kind)]
    return [subject for _, subject in sorted(places, key=lambda pair: pair[0])]


# --- what is said of them


def verdicts(subject: Subject, scratch: Path) -> Seens:
    """Check it; the verdict on every case. A check that came to none leaves us with what it said instead."""
    report = scratch / "report.json"
    report.unlink(missing_ok=True)
    command = [*CHECK, str(subject.directory), *subject.options, "--json", str(report)]
    status, said = run(command, scratch / "said")
    if not report.exists():
        print(f"NO REPORT  {subject.name}, exit status {status}\n{said[-2000:]}", flush=True)
        return {}
    return {
        Case(subject.name, verdict["requirement"], verdict["case"]): seen(verdict)
        for verdict in json.loads(report.read_bytes())["verdicts"]
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
