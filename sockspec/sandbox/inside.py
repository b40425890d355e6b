"""What runs in the container, as its root: takes an order, checks what came with it, and tells verdict by verdict.

It holds the one stream that is listened to; programs of the submission run as users of their own, and hold nothing of
ours. When whoever gave the order is gone, so are we.
"""

import io
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sockspec import check, house, intake, isolation, names
from sockspec.complaint import SuiteError, UsageError
from sockspec.oracle import Shelf
from sockspec.sandbox import capabilities, seccomp, wire
from sockspec.submission import Submission, Wishes, find
from sockspec.verdict import Record
from sockspec.visible import clipped, visible_lines

SCRATCH = "/work"
_SHELF = Path(SCRATCH, "observations")
_MOST_SHOWN, _MOST_REASON, _MOST_TOLD = 200, 1_000, 8_000
"""Characters of what is told of a program, of a reason (every requirement will have it), of a warning or a fault."""
Tell = Callable[[wire.Told], None]


def main() -> None:
    """Do what is ordered on standard input."""
    orders, tell = sys.stdin.buffer, _teller()
    os.umask(0o022)
    os.environ["TMPDIR"] = tempfile.tempdir = SCRATCH  # of the workers, too: /tmp is everybody's
    isolation.bring_up_lo()
    capabilities.drop(capabilities.FOR_THE_START.values())
    seccomp.apply()
    names.serve()
    order, observed = wire.read_order(orders)
    _SHELF.mkdir(mode=0o700)  # what is expected of a program is not for it to read
    shelf = Shelf(_SHELF)
    shelf.unbundle(observed)
    try:
        submission = _found(_laid_out(orders, order), _wishes(order))
        _end_with(orders.fileno())
        options = check.Options(order.settings, order.roles, order.only, order.strict, order.jobs, str(_SHELF))
        report = check.check([submission], options, _seen(tell))[0]
        if not order.submission_bytes:
            for piece in wire.pieces(shelf.bundle()):
                tell(piece)
        limited = report.isolation.endswith(check.LIMITED)
        roles = {role: clipped(shown, _MOST_SHOWN) for role, shown in report.roles.items()}
        warnings = [clipped(warning, _MOST_TOLD) for warning in report.warnings]
        tell(wire.Finished(roles, warnings, report.seconds, limited))
    except UsageError as error:
        tell(wire.Refused(clipped(visible_lines(str(error)), _MOST_REASON)))
    except SuiteError as error:
        tell(wire.Faulted(clipped(visible_lines(str(error)), _MOST_TOLD)))


def _teller() -> Tell:
    """The only way out: what else is printed, by whomever, goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(out, "wb", buffering=0)

    def tell(told: wire.Told) -> None:
        left = memoryview(wire.encode(told))
        while left:
            left = left[stream.write(left) :]

    return tell


def _seen(tell: Tell) -> check.Seen:
    def seen(done: int, total: int, record: Record) -> None:
        tell(wire.Reached(done, total, record))

    return seen


def _laid_out(orders: BinaryIO, order: wire.Order) -> Path:
    """Where the submission lies; the reference itself, if there is none."""
    if not order.submission_bytes:
        return house.REFERENCE / order.exercise
    directory = Path(SCRATCH, "submission")
    return intake.unpack(io.BytesIO(orders.read(order.submission_bytes)), directory).directory


def _found(directory: Path, wishes: Wishes) -> Submission:
    """The submission that lies there. What it makes us stumble over it has to answer for, or a fail were avoidable."""
    try:
        return find(directory, wishes)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"the submission cannot be read: {error}") from None


def _wishes(order: wire.Order) -> Wishes:
    return Wishes(order.exercise, order.roles, order.commands, order.build, order.port)


def _end_with(orders: int) -> None:
    """End when the stream of orders does: whoever gave them is gone."""

    stream = os.dup(orders)  # pytest puts something else in the place of standard input while it captures

    def wait() -> None:
        os.read(stream, 1)  # past the buffer, whose lock would outlive us
        os.write(2, b"whoever gave the order is gone\n")
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
