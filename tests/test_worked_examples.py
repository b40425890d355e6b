"""What the pages work out is right: bytes in hexadecimal and numbers are computed again, from what the page says."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from sockspec import house

BYTES = re.compile(r"(?<![\w.])[0-9a-f]{2}(?: [0-9a-f]{2})+(?![\w.])")
YEAR_1900 = datetime(1900, 1, 1, tzinfo=UTC)


def page(exercise: str) -> str:
    return (house.SUITES / exercise / "README.md").read_text()


def picture(exercise: str) -> list[str]:
    """The lines of what is shown on the wire, but for the two above them that name the sides."""
    return page(exercise).split("## On the wire\n")[1].split("```\n")[1].splitlines()


def sent(exercise: str) -> list[bytes]:
    """The bytes that are shown in hexadecimal, in their order."""
    return [bytes.fromhex(found) for line in picture(exercise) for found in BYTES.findall(line)]


SAID = {"hello": [b"Hello, world!"], "echo": [b"hi\n", b"hi\n"], "datagram": [b"hi", b"hi"]}


@pytest.mark.parametrize(("exercise", "said"), SAID.items(), ids=list(SAID))
def test_what_is_said_is_what_is_sent(exercise: str, said: list[bytes]) -> None:
    assert sent(exercise) == said


def test_the_clients_of_select_send_what_the_page_says_of_it() -> None:
    assert sent("select") == ["né".encode()[:2], b"hello"]
    assert f"- {'né'.encode()[2:].hex()} -" in "\n".join(picture("select"))


def test_the_packets_of_words_are_the_words_that_the_client_prints() -> None:
    words = re.findall(r"^    (.+)$", page("words").split("Getting words:\n")[1].split("```")[0], re.MULTILINE)
    data = [word.encode() for word in words]
    assert sent("words") == [b"".join(len(word).to_bytes(2, "big") + word for word in data)]


def test_the_time_is_that_of_its_day_in_either_order() -> None:
    seconds = int((datetime(2020, 1, 1, tzinfo=UTC) - YEAR_1900).total_seconds())
    swapped = int.from_bytes(seconds.to_bytes(4, "little"), "big")
    assert sent("time") == [seconds.to_bytes(4, "big")]
    assert f"{seconds} is {seconds:08x}" in page("time")
    assert f"`{seconds.to_bytes(4, 'little').hex(' ')}`; read by the protocol that is\n{swapped}" in page("time")
    assert (YEAR_1900 + timedelta(seconds=swapped)).year == 1968


def test_the_time_starts_again_on_the_day_that_is_named() -> None:
    until_1970 = int((datetime(1970, 1, 1, tzinfo=UTC) - YEAR_1900).total_seconds())
    last = YEAR_1900 + timedelta(seconds=2**32 - 1)
    assert f"lie {until_1970} seconds" in page("time")
    assert f"on {last:%Y-%m-%d} it has reached {2**32 - 1}" in page("time")


def test_the_length_of_a_packet_of_chat_is_that_of_its_bytes() -> None:
    unbroken = re.sub(r", -+  .*\n +", ",", "\n".join(picture("chat")))
    packets = re.findall(r"([0-9a-f]{2} [0-9a-f]{2}) (\{.+?\})", unbroken)
    assert [json.loads(told)["type"] for _, told in packets] == ["hello", "join", "chat", "chat", "chat"]
    assert [length for length, _ in packets] == [len(told.encode()).to_bytes(2, "big").hex(" ") for _, told in packets]


def test_a_packet_of_chat_has_fewer_letters_than_bytes() -> None:
    (told,) = re.findall(r"\{\"type\":\"chat\",\"message\":\"né\"\}", page("chat"))
    size = len(told.encode())
    assert f"{len(told)} letters, and its length is {size} ({size:x})" in page("chat")
    assert f"({'né'.encode().hex(' ')})" in page("chat")


def under_text(exercise: str) -> list[tuple[bytes, list[bytes]]]:
    """What is written in the picture above each line of bytes, and the ends of that line."""
    found, text = [], ""
    for line in (line.strip() for line in picture(exercise) if re.match(r" {12}\S", line)):
        if BYTES.match(line):
            found.append((text.replace(r"\r\n", "\r\n").encode(), [bytes.fromhex(end) for end in line.split(" ... ")]))
        text = "" if BYTES.match(line) else text + line
    return found


@pytest.mark.parametrize(("exercise", "lines"), [("web", 2), ("files", 3)])
def test_a_line_in_hexadecimal_is_the_text_above_it(exercise: str, lines: int) -> None:
    found = under_text(exercise)
    assert len(found) == lines
    assert [data for data, ends in found if not (data.startswith(ends[0]) and data.endswith(ends[-1]))] == []
    assert [data for data, ends in found if len(ends) == 1 and [data] != ends] == []
