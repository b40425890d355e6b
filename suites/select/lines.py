"""Lines of a select server: who came, what each sent, who left."""

import re

from sockspec.suite import Meaning, Peer

_LINE = re.compile(rb"\('(?:::ffff:)?([\d.]+)', (\d+)(?:, 0, 0)?\)(.*)")
_DATA = re.compile(rb" (\d+) bytes?: b(['\"])(.*)\2")
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}


def about(*clients: Peer) -> Meaning:
    """What the lines say about each of these clients, one client after the other.

    Left out is the address, whatever does not begin with one, and how recv() cut what a client sent.
    """
    places = [(str(host).encode(), str(port).encode()) for host, port in (client.address for client in clients)]

    def meaning(printed: bytes) -> bytes:
        told: dict[tuple[bytes, bytes], list[bytes]] = {place: [] for place in places}
        for line in printed.splitlines():
            if (found := _LINE.fullmatch(line)) and (found[1], found[2]) in told:
                told[found[1], found[2]].append(found[3])
        parts = [_joined(lines, b"client %d" % (number + 1)) for number, lines in enumerate(told.values())]
        return b"".join(parts)

    return meaning


def _joined(lines: list[bytes], name: bytes) -> bytes:
    """The lines about one client, with what it sent in one piece."""
    said: list[bytes] = []
    data = b""
    for line in lines:
        if (found := _DATA.fullmatch(line)) and int(found[1][:9]) == len(piece := _bytes(found[3])):
            data += piece
            continue
        said += [*_sent(data), line]
        data = b""
    return b"".join(name + line + b"\n" for line in [*said, *_sent(data)])


def _sent(data: bytes) -> list[bytes]:
    return [b" %d bytes: %s" % (len(data), repr(data).encode())] if data else []


def _bytes(literal: bytes) -> bytes:
    r"""What stands between the quotes: `\x..` and `\n` for a byte, a backslash before one that stands for itself."""
    return _ESCAPE.sub(_byte, literal)


def _byte(escape: re.Match[bytes]) -> bytes:
    word = escape[1]
    return bytes.fromhex(word[1:].decode()) if len(word) == 3 else _LETTERS.get(word, word)
