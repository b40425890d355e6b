"""Packets of words: a length in two bytes, the more significant one first, and so many bytes of UTF-8."""

import re

from sockspec.suite import Fault

MOST_WORDS = 10
_OUTPUT = re.compile(rf"Getting words:\n(    [^\n]+\n){{1,{MOST_WORDS}}}")


def packet(word: bytes) -> bytes:
    return len(word).to_bytes(2, "big") + word


def packets(*words: bytes) -> bytes:
    return b"".join(map(packet, words))


def split(message: bytes) -> tuple[list[bytes], bytes]:
    """The words of a message, and what is left behind the last whole packet."""
    words, rest = [], message
    while len(rest) >= 2 and len(rest) >= 2 + (size := int.from_bytes(rest[:2], "big")):
        words.append(rest[2 : 2 + size])
        rest = rest[2 + size :]
    return words, rest


def not_whole(message: bytes) -> str:
    """What is wrong with how the message is cut into packets."""
    words, rest = split(message)
    if not message:
        return "there is no packet"
    if not rest:
        return ""
    where = f"after {len(words)} whole packet{'s' if len(words) != 1 else ''}"
    if len(rest) == 1:
        return f"{where} one byte is left, and a length has two"
    promised = int.from_bytes(rest[:2], "big")
    swapped = int.from_bytes(rest[:2], "little")
    order = f"; the other way round they are {swapped}" if not words and swapped <= len(rest) - 2 else ""
    return f"{where} the next two bytes are the length {promised}, and {len(rest) - 2} bytes follow{order}"


def not_one_to_ten(message: bytes) -> str:
    """What is wrong with the number of the words, or with what is in one; how they are cut is not looked at."""
    words, rest = split(message)
    if not message:
        return "there is no word"
    if len(words) > MOST_WORDS:
        return f"there are {len(words)} words"
    if b"" in words:
        return "there is an empty word"
    # Behind a wrong length stand words that nobody meant, and whatever is in them.
    odd = [word for word in words if b"\n" in word and not rest]
    return f"there is a newline in the word {odd[0]!r}" if odd else ""


def not_utf_8(message: bytes) -> str:
    """What is wrong with the encoding of the words; how they are cut is not looked at."""
    words, _ = split(message)
    for word in words:
        try:
            word.decode()
        except UnicodeDecodeError as error:
            return f"the word {word!r} is not UTF-8 at its byte {error.start}"
    return "" if message else "there is no word"


def half_a_word_of(words: list[bytes]) -> Fault:
    """Finds fault with a client's output that has something else than whole ones of these words, in their order."""
    lines = [b"    " + word for word in words]
    return lambda printed: "" if _words_of(printed) == lines[: len(_words_of(printed))] else "that is no whole word"


def _words_of(printed: bytes) -> list[bytes]:
    """The lines of a client's output behind the first one."""
    *lines, last = printed.removeprefix(b"Getting words:\n").split(b"\n")
    return [*lines, last] if last else lines


def no_words(printed: bytes) -> str:
    """What is wrong with a client's output when it meets a server that chooses its own words."""
    if _OUTPUT.fullmatch(printed.decode("utf-8", "backslashreplace")):
        return ""
    return "it should be `Getting words:`, and one to ten lines of four spaces and a word"
