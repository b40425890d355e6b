"""Packets of a chat: a length in two bytes, the more significant one first, and so many bytes of a JSON object."""

import json
from collections.abc import Callable
from functools import partial

from sockspec.suite import Fault, Meaning, Peer

_FIELDS = ("type", "nick", "message")
_MUCH_BYTES = 20 << 20  # 8 MiB, and more than the kernel holds for the two of them


def packet(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def hello(nick: str) -> bytes:
    return _packet(type="hello", nick=nick)


def chat(message: str) -> bytes:
    """What a client sends."""
    return _packet(type="chat", message=message)


def padded(message: str, size: int) -> bytes:
    """What a client sends, with a field that nobody asked for, which makes it that many bytes, its length included."""
    bare = _packet(type="chat", message=message, padding="")
    return _packet(type="chat", message=message, padding="x" * (size - len(bare)))


def told(nick: str, message: str) -> bytes:
    """What a server makes of it."""
    return _packet(type="chat", nick=nick, message=message)


def join(nick: str) -> bytes:
    return _packet(type="join", nick=nick)


def leave(nick: str) -> bytes:
    return _packet(type="leave", nick=nick)


NEWS: dict[str, Callable[[str], bytes]] = {"join": join, "leave": leave, "chat": partial(told, message="hi")}
"""What a server tells of somebody with that nick."""


def _packet(**fields: str) -> bytes:
    return packet(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def meaning(sent: bytes) -> bytes:
    """A line for each packet; how its JSON is spelled, and fields that nobody asked for, are left out."""
    packets, rest = _split(sent)
    lines = [_line(each) for each in packets]
    return b"".join(lines) + (b"%d bytes of a packet: %r\n" % (len(rest), rest[:64]) if rest else b"")


def but_leave(nick: str) -> Meaning:
    """The same without the news that somebody has left, whom a server may have sent away."""
    return but(leave(nick))


def but(*packets: bytes) -> Meaning:
    """The same without those packets, which a server may tell or not."""
    left_free = {meaning(each) for each in packets}

    def rest(sent: bytes) -> bytes:
        return b"".join(line for line in meaning(sent).splitlines(keepends=True) if line not in left_free)

    return rest


def last_word(sent: bytes, as_: Meaning = meaning) -> bytes:
    """The last packet alone: what is before it is left free."""
    return b"".join(as_(sent).splitlines(keepends=True)[-1:])


def last_word_but_leave(nick: str) -> Meaning:
    """The last packet but for that news."""
    return partial(last_word, as_=but_leave(nick))


def whether_kept(sent: bytes) -> bytes:
    """Whether that is more than what a server may keep for somebody who does not read."""
    return b"everything" if len(sent) > _MUCH_BYTES else b"not everything"


def broken(peer: Peer) -> Fault:
    """What of it is no whole packet of a chat; the last one may be cut off where the connection has ended."""

    def found(sent: bytes) -> str:
        packets, rest = _split(sent)
        number = next((n for n, each in enumerate(packets, 1) if not _line(each).startswith(b"{")), 0)
        if number:
            return f"packet {number} is none: is it the rest of another one, or half a packet with the next behind it?"
        return "the last packet is half a packet, and the rest of it never comes" if rest and not peer.ended else ""

    return found


def in_any_order(sent: bytes) -> bytes:
    """The same, sorted: for what several clients did at the same moment."""
    return b"".join(sorted(meaning(sent).splitlines(keepends=True)))


def _split(sent: bytes) -> tuple[list[bytes], bytes]:
    packets, at = [], 0
    while at + 2 <= len(sent) and (end := at + 2 + int.from_bytes(sent[at : at + 2], "big")) <= len(sent):
        packets.append(sent[at + 2 : end])
        at = end
    return packets, sent[at:]


def _line(body: bytes) -> bytes:
    try:
        fields = json.loads(body.decode())
    except UnicodeDecodeError as error:
        return b"not UTF-8 at byte %d: %r\n" % (error.start, body[:64])
    except (ValueError, RecursionError):
        return b"no JSON: %r\n" % body[:64]
    if not isinstance(fields, dict):
        return b"no JSON object: %r\n" % body[:64]
    known = {name: fields[name] for name in _FIELDS if name in fields}
    try:
        return json.dumps(known, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
    except (ValueError, RecursionError):
        return b"JSON that is too deep: %r\n" % body[:64]
