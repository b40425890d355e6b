"""Paths, requests for them, and what may not be in an answer."""

import re

from sockspec.shared.http import body, status

SECRET = b"nobody outside may read this: 9f31c7"
UNASKED = b"unasked-4b7e02.txt"
"""The name of a file outside the directory that no path here has in it: who sends it has listed what is there."""


def ask(path: bytes) -> bytes:
    """A request for that path, as it stands."""
    return b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def escaped(name: bytes) -> bytes:
    """The path of a file in the directory: every byte that could mean something else is a % and two digits."""
    plain = re.compile(rb"[A-Za-z0-9._-]")
    each = (name[at : at + 1] for at in range(len(name)))
    return b"/" + b"".join(byte if plain.fullmatch(byte) else b"%%%02X" % ord(byte) for byte in each)


def no_secret(answer: bytes) -> str:
    """Finds fault with an answer in which there is something of a file outside the directory, or its name."""
    if UNASKED.removesuffix(b".txt") in answer:
        return "that is a list of what is outside the directory"
    return "that is from a file outside the directory" if SECRET[:16] in answer else ""


def no_explanation(answer: bytes) -> str:
    """Finds fault with an answer that is to tell why there is no file, and has no body."""
    return "" if body(answer) else "there is no body"


def no_refusal(answer: bytes) -> str:
    """Finds fault with an answer to what asks for no file: its status is below 400. No answer at all is none the worse.

    Without a version in the request, Python's http.server leaves the status line out (HTTP/0.9): that is no success.
    """
    found = re.match(rb"HTTP/1\.1 ([123]\d\d)", status(answer))
    return f"the status is {found[1].decode()}; for what asks for no file it is 400 or more" if found else ""
