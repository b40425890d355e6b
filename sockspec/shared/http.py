"""Messages of HTTP/1.1 (RFC 9112), and what is wrong with one.

Two messages may say the same in other words: the order of header lines, their case, the space in them, lines beyond
those that were asked for, and the reason behind the status are left out here. Where a line ends with LF alone it is
taken for a line all the same, so that this slip is found once, by `not_in_lines`, and not wherever a line is looked at.
"""

import re

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})( [\t -~\x80-\xff]*)?")
_HEADER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")


def split(message: bytes) -> tuple[list[bytes], bytes]:
    """The lines before the blank line, and all that is behind it."""
    head, *rest = _BLANK_LINE.split(message, maxsplit=1)
    return _LINE_END.split(head), rest[0] if rest else b""


def values(message: bytes, name: bytes) -> list[bytes]:
    """What the header lines of that name say, in their order."""
    pairs = (line.partition(b":") for line in split(message)[0][1:])
    return [value.strip(b" \t") for found, _, value in pairs if found.strip().lower() == name.lower()]


def status(message: bytes) -> bytes:
    """`HTTP/1.1 200`, of an answer; where that cannot be seen, the whole first line."""
    first = split(message)[0][0]
    found = _STATUS_LINE.fullmatch(first)
    return b"HTTP/1.1 " + found[1] if found else first


def body(message: bytes) -> bytes:
    """All that is behind the blank line."""
    return split(message)[1]


def media_type(message: bytes) -> bytes:
    """`text/plain`, of a Content-Type; its parameters are left out."""
    return b", ".join(value.partition(b";")[0].strip().lower() for value in values(message, b"content-type"))


def not_in_lines(message: bytes) -> str:
    """What is wrong with the lines of a message; what they say is not looked at, and neither is the first."""
    if not message:
        return "there is nothing"
    if b"\r\n\r\n" not in message:
        lone = " (a lone LF is no end of a line)" if _BLANK_LINE.search(message) else ""
        return f"there is no blank line, CR LF CR LF, behind the header lines{lone}"
    first, *lines = message.partition(b"\r\n\r\n")[0].split(b"\r\n")
    if b"\n" in first or b"\r" in first:
        return "the first line does not end with CR LF"
    for line in lines:
        if b"\n" in line or b"\r" in line:
            return f"a header line does not end with CR LF: {_shown(line)}"
        if not _HEADER_LINE.fullmatch(line):
            return f"a header line is no name, colon and value: {_shown(line)}"
    return ""


def wrong_length(message: bytes) -> str:
    """What is wrong with the Content-Length of a message, which is here as a whole."""
    stated, size = values(message, b"content-length"), len(body(message))
    if len(stated) != 1:
        return f"there are {len(stated)} lines Content-Length" if stated else "there is no Content-Length"
    if not stated[0].isdigit() or not stated[0].isascii():
        return f"Content-Length is no number: {_shown(stated[0])}"
    if int(stated[0]) != size:
        return f"Content-Length is {int(stated[0]):,}, and behind the blank line there are {size:,} bytes"
    return ""


def no_close(message: bytes) -> str:
    """What is wrong with the header line `Connection: close`; a server that speaks HTTP/1.0 need not have it."""
    stated = values(message, b"connection")
    if not stated and message.startswith(b"HTTP/1.0 "):
        return ""
    if not stated:
        return "there is no header line `Connection: close`"
    options = {option.strip().lower() for value in stated for option in value.split(b",")}
    return "" if b"close" in options else f"Connection is {_shown(stated[0])}, and not close"


def no_request_line(message: bytes) -> str:
    """What is wrong with the first line of a client's request for `/`."""
    first = split(message)[0][0]
    if first == b"GET / HTTP/1.1":
        return ""
    return f"the first line is {_shown(first)}, and not `GET / HTTP/1.1`" if message else "there is nothing"


def no_answer(message: bytes) -> str:
    """What keeps a message from being a whole answer to a request."""
    if not _STATUS_LINE.fullmatch(split(message)[0][0]):
        return "it does not begin with a status line, `HTTP/1.1 200 OK`"
    return not_in_lines(message) or wrong_length(message)


def _shown(text: bytes) -> str:
    return f"`{text[:60].decode('ascii', 'backslashreplace')}`"
