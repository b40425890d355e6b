"""The figures of docs/figures.md, measured side by side: `make bench`, or with --rows 1,3 some of them.

1  a passing echo submission, against the bare cost of the same program starts and the same bytes (bare.py)
2  a server that never answers, against the same checks with timeouts of 5 s (usual.py)
3  how long a server has listened when our first byte reaches it
4  how long `sockspec check` takes before the first program runs
5  how long each exercise takes, for a known-good program in C and for one in Python

What is compared is run in turns, A B A B, each in a process of its own that does nothing else. A figure is a median,
with the least and the most beside it; processor time is user and system time of the whole process tree. Loopback only.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import NamedTuple, TypeVar

from sockspec import catalogue, house
from sockspec.isolation import Isolation
from sockspec.kernel.sockets import Diagnostics
from sockspec.oracle import Script
from sockspec.program import adopt_orphans
from sockspec.scenario import Ports, Scenario, Settings
from sockspec.server import Server
from sockspec.submission import Cast, Command

HERE = Path(__file__).resolve().parent
PYTHON = [sys.executable, "-P"]
CHECK = [*PYTHON, "-m", "sockspec", "check", "--sandbox", "none"]
ECHO = house.FIXTURES / "programs" / "echo"
MOST_S = 240.0
ONE_CORE = min(os.sched_getaffinity(0))
ROUNDS, ROUNDS_IN_C, ROUNDS_ANEW = 3, 5, 2
SAMPLED = 25
"""Of the usual checks every so many-th is run in a round; each takes its 5 seconds."""
FIRST_BYTES, STARTS = 50, 10
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
BENCH_WORKER = 20  # its ports are those that no other worker of this machine is likely to use

_Seen = TypeVar("_Seen")


class Row(NamedTuple):
    """One line of the table."""

    what: str
    ours: str
    other: str = ""
    ratio: str = ""
    goal: str = ""


class Cost(NamedTuple):
    """What one run took, in seconds."""

    wall: float
    processor: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="1,2,3,4,5", metavar="N,N", help="which figures (default: all)")
    wanted = parser.parse_args().rows.split(",")
    if unknown := [number for number in wanted if number not in FIGURES]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    began = time.monotonic()
    with TemporaryDirectory(prefix="sockspec-bench-") as scratch:
        ENVIRONMENT["PYTHONPYCACHEPREFIX"] = f"{scratch}/bytecode"  # all is compiled once, as after an installation
        rows = [row for number in wanted for row in FIGURES[number](Path(scratch))]
    cores, minutes = os.cpu_count(), (time.monotonic() - began) / 60
    print(f"{cores} cores, Linux {platform.release()}, Python {platform.python_version()}; took {minutes:.1f} min.")
    print("Building C programs is on neither side of any row; one core: both sides are bound to the same processor.\n")
    print(table([Row("figure", "ours", "bare or usual", "ratio", "goal"), *rows]))


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, the first as its head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(Row._fields))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


# --- 1: a passing submission


def passing(scratch: Path) -> list[Row]:
    ready = scratch / "c-select"
    for role in ("server", "client"):
        compiled(ECHO / "c-select" / f"{role}.c", ready / role)
    manifest(ready, server="./server {port}", client="./client {host} {port}")
    python = ECHO / "python-threads"
    submissions = {
        "C": (ready, "./server {port}", "./client {host} {port}"),
        "Python": (python, "python3 server.py {port}", "python3 client.py {host} {port}"),
    }
    same_counts(ready, scratch / "kept")
    return [
        row
        for language, (directory, server, client) in submissions.items()
        for anew in (False, True)
        for row in passing_rows(language, [str(directory), server, client], scratch / "kept", anew=anew)
    ]


def passing_rows(language: str, cast: list[str], kept: Path, *, anew: bool) -> list[Row]:
    command = [*CHECK, cast[0], "--exercise", "echo"]
    bare_command = [*PYTHON, str(HERE / "bare.py"), *(["--reference-first"] if anew else []), *cast]
    ours, bare = in_turns(
        ROUNDS_ANEW if anew else ROUNDS_IN_C if language == "C" else ROUNDS,
        lambda: cost(command, cache=Path(mkdtemp(dir=kept.parent)) if anew else kept, one_core=True),
        lambda: cost(bare_command, one_core=True),
    )
    what = f"1 passing echo, {language}, observations {'recorded anew' if anew else 'kept'}, one core: "
    wall = compared([c.wall for c in ours], [c.wall for c in bare])
    processor = compared([c.processor for c in ours], [c.processor for c in bare])
    return [
        Row(what + "wall", *wall.cells, goal=goal(wall.ratio <= 1.5, "at most 1.5")),
        Row(what + "processor", *processor.cells, goal=goal(processor.ratio <= 1.5, "at most 1.5")),
    ]


def same_counts(directory: Path, cache: Path) -> None:
    """Record what the reference does; the bench ends here if bare.py does not start and connect what the suite does."""
    command = [*PYTHON, str(HERE / "counted.py"), "check", "--sandbox", "none", str(directory), "--exercise", "echo"]
    run(command, cache)
    suite = json.loads(run(command, cache).stderr.splitlines()[-1])  # the second one has the observations
    bare = json.loads(run([*PYTHON, str(HERE / "bare.py"), "--counts"], cache).stdout)
    if suite != bare:
        sys.exit(f"bench: the table in bare.py is not that of the suite: it comes to {bare}, the suite to {suite}")


# --- 2: a server that never answers


def silent(scratch: Path) -> list[Row]:
    return [
        silent_row("accepts and never answers", scratch / "silent", scratch / "kept"),
        silent_row("never accepts", scratch / "deaf", scratch / "kept", "-DNEVER_ACCEPTS"),
    ]


def silent_row(what: str, directory: Path, kept: Path, *options: str) -> Row:
    compiled(HERE / "programs" / "silent.c", directory / "server", *options)
    manifest(directory, server="./server {port}")
    command = [*CHECK, str(directory), "--exercise", "echo", "--role", "server"]
    cost(command, cache=kept, fails=True)  # records what the reference does
    numbers = iter(range(ROUNDS))
    ours, usual = in_turns(
        ROUNDS,
        lambda: cost(command, cache=kept, fails=True).wall,
        lambda: usual_seconds(directory / "server", next(numbers)),
    )
    result = compared(ours, usual, faster=True)
    told = f"2 a server that {what}, all server checks (usual: a sample, scaled): wall"
    return Row(told, *result.cells, goal=goal(result.ratio >= 20, "at least 20"))


def usual_seconds(server: Path, number: int) -> float:
    """All the usual checks, from a sample of those that wait for an answer; a different one for each number."""
    first = number * SAMPLED // ROUNDS
    done = run([*PYTHON, str(HERE / "usual.py"), f"{server} {{port}}", str(first), str(SAMPLED)], server.parent)
    seen = json.loads(done.stdout)
    tell(f"  {len(seen['answers_s'])} of {seen['answers']} checks that wait: {sum(seen['answers_s']):.1f} s")
    return float(seen["refused_s"] + statistics.mean(seen["answers_s"]) * seen["answers"])


# --- 3: from listen() to the first byte


def first_byte(scratch: Path) -> list[Row]:
    program = scratch / "first-byte"
    compiled(HERE / "programs" / "first-byte.c", program)
    cast = Cast("the bench's", {"server": Command((str(program), "{port}"))}, str(scratch))
    settings = Settings(Isolation("this machine", "", ipv6=False, names=False), worker=BENCH_WORKER)
    diagnostics = Diagnostics()
    ports = Ports(settings.worker, diagnostics, scratch, alone=False)
    adopt_orphans()
    waited_ms = []
    for _ in range(FIRST_BYTES):
        scenario = Scenario(cast, cast, Script(), settings, catalogue.exercise("echo"), diagnostics, ports)
        try:
            waited_ms.append(listened_ms(Server(scenario)))
        finally:
            scenario.close()
    ports.close()
    diagnostics.close()
    p99 = statistics.quantiles(waited_ms, n=100, method="inclusive")[98]
    what = f"3 from listen() to our first byte, {FIRST_BYTES} starts: median, 99th percentile"
    return [Row(what, f"{statistics.median(waited_ms):.2f} ms, {p99:.2f} ms")]


def listened_ms(server: Server) -> float:
    """How long the server had listened when it had our first byte, by its own clock."""
    server.connect().send(b"x")
    said = server.running().stderr
    server.scenario.watch.until(lambda: b"\n" in said.head)
    listened_ns, received_ns = map(int, said.head.split())
    return (received_ns - listened_ns) / 1e6


# --- 4: before the first program runs


def start_up(scratch: Path) -> list[Row]:
    program, note, directory = scratch / "first-start", scratch / "started", scratch / "nothing"
    compiled(HERE / "programs" / "first-start.c", program)
    directory.mkdir()
    command = [*CHECK, str(directory), "--exercise", "echo", "--server", f"{program} {note} {{port}}",
               "--only", "echo.server.listens-on-port"]  # fmt: skip
    seconds = []
    for _ in range(STARTS + 1):  # the first one records what the reference does
        note.unlink(missing_ok=True)
        began_ns = time.monotonic_ns()
        run(command, scratch / "kept", fails=True)
        seconds.append((int(note.read_text()) - began_ns) / 1e9)
    result = spread(seconds[1:])
    within = statistics.median(seconds[1:]) <= 0.5
    return [Row(f"4 `sockspec check` until the first program runs, {STARTS} times", result, goal=goal(within, "0.5 s"))]


# --- 5: the exercises


def ladder(scratch: Path) -> list[Row]:
    return [
        Row(
            f"5 {exercise}, {program.name}, its building included: wall",
            spread(whole_seconds(program, scratch / "kept")),
        )
        for exercise in house.exercises()
        for program in whole(exercise)
    ]


def whole(exercise: str) -> list[Path]:
    """Known-good programs that have all halves of the exercise, the first in C and the first in Python."""
    roles = catalogue.exercise(exercise).names
    found = []
    for language, suffix in (("c", ".c"), ("python", ".py")):
        designs = sorted((house.FIXTURES / "programs" / exercise).glob(f"{language}-*"))
        found += [path for path in designs if all((path / f"{role}{suffix}").exists() for role in roles)][:1]
    return found


def whole_seconds(program: Path, kept: Path) -> list[float]:
    command = [*CHECK, str(program), "--exercise", program.parent.name]
    cost(command, cache=kept)  # records what the reference does
    return [cost(command, cache=kept).wall for _ in range(ROUNDS)]


FIGURES: dict[str, Callable[[Path], list[Row]]] = {
    "1": passing, "2": silent, "3": first_byte, "4": start_up, "5": ladder,
}  # fmt: skip


# --- measuring


class Compared(NamedTuple):
    """Two series side by side."""

    cells: tuple[str, str, str]
    ratio: float


def compared(ours: Sequence[float], other: Sequence[float], *, faster: bool = False) -> Compared:
    """Both spreads, and how many times the other ours is; with `faster`, how many times ours the other is."""
    ratio = statistics.median(ours) / statistics.median(other)
    ratio = 1 / ratio if faster else ratio
    return Compared((spread(ours), spread(other), f"{ratio:.1f} times" if faster else f"{ratio:.2f}"), ratio)


def spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


def goal(met: bool, words: str) -> str:
    return f"{words}: {'met' if met else 'missed'}"


def in_turns(rounds: int, one: Callable[[], _Seen], other: Callable[[], _Seen]) -> tuple[list[_Seen], list[_Seen]]:
    """Each measured that many times, in turns."""
    pairs = [(one(), other()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def cost(command: Sequence[str], *, cache: Path | None = None, one_core: bool = False, fails: bool = False) -> Cost:
    """What a command takes, with all the processes it starts."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run(command, cache, one_core=one_core, fails=fails)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def run(
    command: Sequence[str], cache: Path | None, *, one_core: bool = False, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run it, with that cache; a status other than 0, or than 1 for what fails, ends the bench."""
    began = time.monotonic()
    done = subprocess.run(
        command,
        env={**ENVIRONMENT, **({"XDG_CACHE_HOME": str(cache)} if cache else {})},
        preexec_fn=(lambda: os.sched_setaffinity(0, {ONE_CORE})) if one_core else None,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=MOST_S,
    )  # fmt: skip
    if done.returncode != int(fails):
        sys.exit(
            f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
        )
    tell(f"{time.monotonic() - began:6.2f} s  {' '.join(command[2:])}")
    return done


def compiled(source: Path, program: Path, *options: str) -> None:
    program.parent.mkdir(exist_ok=True)
    subprocess.run(["cc", "-std=gnu17", "-g", "-O1", *options, "-o", program, source], check=True)


def manifest(directory: Path, **commands: str) -> None:
    """Say how to start what is built already, so that `check` builds nothing."""
    text = "".join(f'[{role}]\nrun = "{command}"\n' for role, command in commands.items())
    (directory / "sockspec.toml").write_text(text)


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
