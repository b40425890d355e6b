"""What containers cost, in the table of bench.py: `bench/container.py`, or with --rows 1,3 some of the figures.

1  a passing echo submission in a container, its start included, against the same suite on this machine
2  `sockspec grade` over a class, with one worker and with two
3  the memory of `sockspec grade` for classes of several sizes; a stand-in tells what a container would

Takes a Docker engine for the first two. What is compared is run in turns; a figure is a median.
"""

import argparse
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, mkdtemp
from typing import NamedTuple

from bench.bench import CHECK, ECHO, PYTHON, Row, cost, goal, in_turns, run, spread, table

SOCKSPEC = [*PYTHON, "-m", "sockspec"]
ROUNDS = 3
STAND_IN = """
import json, resource, sys
from pathlib import Path
from sockspec import catalogue, grade, policy
from sockspec.report import outputs
from sockspec.sandbox import wire
from sockspec.verdict import Outcome, Record, Verdict

class StandIn:
    image = image_id = engine = kernel = "a stand-in"
    def observed(self, exercise, options): return b""
    def stop(self): pass
    def tools(self): return {}
    def say(self, line): pass
    def told(self, directory, exercise, wishes, options):
        requirements = list(catalogue.exercise(exercise).requirements.values())
        for number, each in enumerate(requirements, 1):
            record = Record(each.slug, each.level, each.step, "", Verdict.PASS, Outcome.OK, 0.1)
            yield wire.Reached(number, len(requirements), record)
        yield wire.Finished({"server": "server.c", "client": "client.c"}, [], 1.0)

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

directory, out = map(Path, sys.argv[1:])
job = grade.Job(policy.of("echo"), jobs=2)
stands = grade.grade(directory, job, out, StandIn(), lambda step: None)
graded = peak()
outputs.render_all(stands, job.policy, out)
print(json.dumps([graded, peak()]))
"""
"""Grades a class for nothing; the most memory in MiB when all is graded, and when all is rendered."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="1,2,3", metavar="N,N", help="which figures (default: all)")
    parser.add_argument("--class", dest="size", type=int, default=40, metavar="N", help="how large a class (row 2)")
    parser.add_argument("--sizes", default="10,100,1000", metavar="N,N", help="how large classes (row 3)")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    figures: dict[str, Callable[[Path], list[Row]]] = {
        "1": started, "2": lambda scratch: workers(scratch, asked.size), "3": lambda scratch: memory(scratch, sizes),
    }  # fmt: skip
    wanted = asked.rows.split(",")
    if unknown := [number for number in wanted if number not in figures]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(figures)}")
    with TemporaryDirectory(prefix="sockspec-bench-") as scratch:
        rows = [row for number in wanted for row in figures[number](Path(scratch))]
    print(table([Row("figure", "ours", "against", "difference or ratio", "goal"), *rows]))


def started(scratch: Path) -> list[Row]:
    cast = [str(ECHO / "c-select"), "--exercise", "echo"]
    contained = [*SOCKSPEC, "check", "--sandbox", "docker", *cast]
    outside = [*CHECK, *cast]
    for command in (contained, outside):  # the image is made, and what the reference does is recorded
        cost(command, cache=scratch / "kept")
    ours, other = in_turns(
        ROUNDS,
        lambda: cost(contained, cache=scratch / "kept").wall,
        lambda: cost(outside, cache=scratch / "kept").wall,
    )
    more = sorted(ours)[ROUNDS // 2] - sorted(other)[ROUNDS // 2]
    what = "1 passing echo, C, in a container (against: on this machine): wall"
    return [Row(what, spread(ours), spread(other), f"{more:+.2f} s", goal(more <= 1.0, "at most 1.0 s more"))]


class Graded(NamedTuple):
    """What it took to grade a class."""

    wall: float
    busy: float
    """How many cores were busy on average, with the engine's work and the kernel's."""


def workers(scratch: Path, size: int) -> list[Row]:
    directory = of_size(scratch / "workers", size)

    def graded(jobs: int) -> Graded:
        out = mkdtemp(dir=scratch)
        command = [*SOCKSPEC, "grade", str(directory), "--exercise", "echo", "--out", out, "--jobs", str(jobs)]
        before = busy_s()
        wall = cost(command, cache=scratch / "kept").wall
        return Graded(wall, (busy_s() - before) / wall)

    graded(2)  # the image is made, and what the reference does is recorded
    two, one = in_turns(ROUNDS, lambda: graded(2), lambda: graded(1))
    times = median(run.wall for run in one) / median(run.wall for run in two)
    what = f"2 grading {size} submissions with 2 workers (against: 1): "
    return [
        Row(what + "wall", spread([run.wall for run in two]), spread([run.wall for run in one]),
            f"{times:.2f} times", goal(times >= 1.8, "at least 1.8 times")),
        Row(what + "busy cores", *(f"{median(run.busy for run in runs):.2f}" for runs in (two, one))),
    ]  # fmt: skip


def busy_s() -> float:
    """Seconds that all processors together have been busy since the start of the machine (proc(5), /proc/stat)."""
    user, nice, system, _, _, interrupts, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


def memory(scratch: Path, sizes: list[int]) -> list[Row]:
    peaks = {}
    for size in sizes:
        directory = of_size(scratch / str(size), size)
        (out := scratch / f"out-{size}").mkdir()
        peaks[size] = json.loads(run([*PYTHON, "-c", STAND_IN, str(directory), str(out)], None).stdout)
    least, rendered = peaks[sizes[0]]
    return [
        Row(
            f"3 memory of grading {size} submissions, and with reports (against: {sizes[0]})",
            f"{peaks[size][0]} MiB, {peaks[size][1]} MiB", f"{least} MiB, {rendered} MiB",
            f"{peaks[size][1] / rendered:.2f}", goal(peaks[size][1] <= rendered * 1.1, "flat, within a tenth"),
        )
        for size in sizes[1:]
    ]  # fmt: skip


def of_size(directory: Path, size: int) -> Path:
    """A class of that many submissions, all alike."""
    for number in range(size):
        shutil.copytree(ECHO / "c-select", directory / f"student-{number:04}")
    return directory


if __name__ == "__main__":
    main()
