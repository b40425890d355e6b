"""What is wrong with a number that should be the time: seconds since 1900, in 32 bits.

The clock is read before and after: however slow the machine, a right program reads its own in between.
"""

import math
import re
import time

from sockspec.suite import Fault

UNTIL_1970 = 2208988800
TOLERANCE_S = 2
GRACE_S = 0.1  # the clock that time(2) reads may lag behind by a tick
LONG_AGO_S = 3600


def now() -> float:
    """The moment at which something begins that a clock will be read in."""
    return time.time()


def wrong_time(number: int, began: float) -> str:
    """What is wrong with a time that was asked for since then."""
    earliest = math.floor(began) - TOLERANCE_S + UNTIL_1970
    width = math.ceil(time.time()) + TOLERANCE_S + UNTIL_1970 - earliest

    def fits(candidate: int) -> bool:
        return 0 <= candidate < 2**32 and (candidate - earliest) % 2**32 <= width

    if fits(number):
        return ""
    swapped = int.from_bytes((number % 2**32).to_bytes(4, "little"), "big")
    if fits(swapped) or fits((swapped + UNTIL_1970) % 2**32):
        return f"{number} has its bytes in the wrong order"
    if fits((number + UNTIL_1970) % 2**32):
        return f"{number} counts the seconds since 1970, not since 1900"
    if fits(number + 2**32) or fits(number % 2**32):
        return f"{number} is the right time in a type that does not fit: 32 bits, without a sign"
    return f"{number} is not the time; our clock says {earliest + TOLERANCE_S}"


def four_bytes(message: bytes) -> str:
    return "" if len(message) == 4 else "a time has four bytes"


def right_since(began: float) -> Fault:
    """Finds fault with a message that is not the time between then and now; one that is too short is let pass."""
    return lambda message: wrong_time(_number(message), began) if len(message) >= 4 else _nothing(message)


def fresh_since(began: float) -> Fault:
    """Finds fault with a message that is a time shortly before, and with no other."""

    def fault(message: bytes) -> str:
        age = (math.floor(began - GRACE_S) + UNTIL_1970 - _number(message)) % 2**32
        if len(message) < 4 or not 0 < age <= LONG_AGO_S:
            return _nothing(message)
        return f"the clock was read {age} s before the client came"

    return fault


def both_since(began: float) -> Fault:
    """Finds fault with a client's output unless both its times are right."""
    return lambda printed: _wrong_line("NIST time  ", printed, began) or _wrong_line("System time", printed, began)


def system_since(began: float) -> Fault:
    """Finds fault with the second line of a client's output."""
    return lambda printed: _wrong_line("System time", printed, began)


def no_time(printed: bytes) -> str:
    """Finds fault with a time where none was received."""
    return "no time was received that it could print" if b"NIST" in printed else ""


def no_time_but(number: int) -> Fault:
    """Finds fault with every other time than that."""
    line = re.compile(rb"NIST time  : (\S*)")
    return lambda printed: "" if set(line.findall(printed)) <= {b"%d" % number} else f"that is not the time {number}"


def _nothing(message: bytes) -> str:
    return "" if message else "that is no time"


def _number(message: bytes) -> int:
    return int.from_bytes(message[:4], "big")


def _wrong_line(name: str, printed: bytes, began: float) -> str:
    found = re.search(rf"^{name}: (-?\d{{1,20}})$", printed.decode("latin-1"), re.MULTILINE)
    return wrong_time(int(found[1]), began) if found else f"there is no line `{name}: ` with a number"
