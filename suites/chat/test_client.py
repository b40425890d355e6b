"""What a chat client has to do: send what is typed, show what is told, and not let one wait for the other."""

import pytest

from sockspec.shared.client import (  # noqa: F401
    test_a_name_that_does_not_exist_is_an_error,
    test_a_port_is_not_taken_modulo_65536,
    test_a_refused_connection_is_told_in_one_line,
    test_a_reset_in_the_middle_of_a_message_is_an_error,
    test_an_unknown_host_is_told_in_one_line,
    test_it_ends_when_the_server_leaves_before_its_message,
    test_it_looks_a_name_up_with_the_name_server,
    test_it_takes_a_name_that_has_an_ipv6_address_only,
    test_it_takes_an_ipv6_address_in_numbers,
    test_it_takes_localhost,
    test_no_port_at_all_is_an_error,
    test_what_is_no_port_is_an_error,
    test_what_is_no_port_is_told_in_one_line,
    test_when_nobody_listens_that_is_an_error,
    test_when_one_address_refuses_it_tries_the_next,
    test_when_the_ipv6_address_refuses_it_tries_the_ipv4_address,
)
from sockspec.suite import Client, Server, Visit, requirement
from suites.chat.packets import NEWS, join, leave, packet, told

NICKS = {
    "greek": "Ψυχή", "chinese": "山田太郎", "words": "two words", "quotes": 'a "nick"', "backslash": "back\\slash",
    "emoji": "🌊", "arabic": "مريم", "hindi": "अदिति", "long": "n" * 1000, "longest": "n" * 65400,
}  # fmt: skip
LINES = {
    "empty": "", "word": "hello", "words": "two words", "blanks": "  two  words  ", "quotes": 'she said "hi"',
    "backslash": "C:\\new\\table", "braces": '{"type":"leave"}',
    "danish": "Ærøskøbing", "greek": "ψυχή", "chinese": "你好", "arabic": "مرحبا", "hindi": "नमस्ते",
    "emoji": "🌊", "percent": "100%s %d", "long": "x" * 1000,
}  # fmt: skip
TALK = join("grace") + told("grace", "héllo, ψυχή") + told("linus", "hi") + leave("grace")
CUTS = [1, 2, 3, 20, len(join("grace")), len(join("grace")) + 1, 60, len(TALK) - 1]
SPELLINGS = {
    "danish": told("grace", "Ærøskøbing"),
    "greek": told("Ψυχή", "ψυχή"),
    "chinese": told("山田太郎", "你好"),
    "arabic": told("مريم", "مرحبا"),
    "hindi": told("कमल", "शब्द"),  # pyte drops vowel signs of combining class 0
    "emoji": told("grace", "a 🌊 b"),
    "percent": told("grace", "100%s %d %n"),
    "quotes": told("grace", 'she said "hi" \\ and left'),
    "escapes": packet(rb'{"type":"chat","nick":"gr\u0061ce","message":"\u0068\u00e9llo \ud83c\udf0a \/ \"\\"}'),
    "order": packet(b'{"message":"hello","nick":"grace","type":"chat"}'),
    "spaces": packet(b' { "type" :\t"chat" ,\r\n "nick" : "grace" , "message" : "hello" } '),
    "further-fields": packet(b'{"type":"chat","nick":"grace","id":[1,{"message":"no"}],"message":"hello","z":null}'),
    "like-a-line": told("grace", "linus: hello"),
}
LENGTHS = [127, 128, 255, 256, 1000, 4096, 32768, 65400]
LONGEST = 65535 - len(told("grace", "")[2:])  # letters, in a packet of 65535 bytes
FORGED = "*** grace has left the chat"
TRICKS = {"escape": "\x1b[2J\x1b[H", "lf": "\n", "cr": "\r", "c1": "\x9b2J\x9b1;1H"}


def joined(client: Client) -> Visit:
    """The client, when it has said hello."""
    visit = client.start(stdin=None)
    visit.peer.expect_bytes()
    return visit


@requirement("chat.client.says-hello")
def test_it_says_hello_at_once(client: Client) -> None:
    joined(client).peer.expect_nothing_more()


@requirement("chat.client.any-nick")
@pytest.mark.parametrize("nick", NICKS.values(), ids=list(NICKS))
def test_it_says_hello_with_any_nick(client: Client, nick: str) -> None:
    client.give(nick=nick)
    joined(client)


@requirement("chat.client.sends-lines")
@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_a_line_that_is_typed_is_sent(client: Client, line: str) -> None:
    visit = joined(client)
    visit.type(line.encode() + b"\n")
    visit.peer.expect_bytes()


@requirement("chat.client.sends-lines")
def test_each_line_is_a_packet(client: Client) -> None:
    visit = joined(client)
    visit.type(b"one\n")
    visit.peer.expect_bytes()
    visit.type(b"two\nthree\n")
    visit.peer.expect_bytes()


@requirement("chat.client.shows-messages")
def test_what_others_do_is_shown_when_it_comes(client: Client) -> None:
    visit = joined(client)
    for news in (join("ada"), join("grace"), told("grace", "hello, ada"), told("ada", "hello"), leave("grace")):
        visit.peer.send(news)
        visit.expect_output()


@requirement("chat.client.shows-messages")
def test_what_is_said_twice_is_shown_twice(client: Client) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "hello") + told("grace", "hello"))
    visit.expect_output()


@requirement("chat.client.shows-messages")
def test_an_empty_message_is_shown_as_well(client: Client) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", ""))
    visit.expect_output()


@requirement("chat.client.shows-messages")
def test_own_words_are_shown_when_the_server_tells_them(client: Client) -> None:
    visit = joined(client)
    visit.type(b"good morning\n")
    visit.peer.expect_bytes()
    visit.peer.send(told("ada", "good morning") + told("grace", "you too"))
    visit.expect_output()


@requirement("chat.client.any-language")
@pytest.mark.parametrize("said", SPELLINGS.values(), ids=list(SPELLINGS))
def test_a_message_is_shown_as_it_is(client: Client, said: bytes) -> None:
    visit = joined(client)
    visit.peer.send(said)
    visit.expect_output()


@requirement("chat.client.any-length")
@pytest.mark.parametrize("length", LENGTHS)
def test_after_a_long_message_the_next_one_is_shown(client: Client, length: int) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "x" * length) + told("grace", "and so on"))
    visit.expect_last_line()


@requirement("chat.client.any-length")
def test_a_packet_may_be_as_long_as_a_length_can_say(client: Client) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "x" * LONGEST) + told("grace", "and so on"))
    visit.expect_last_line()


@requirement("client.reply-in-pieces")
@pytest.mark.parametrize("size", [1, 3], ids=["1-byte", "3-bytes"])
def test_packets_are_understood_piece_by_piece(client: Client, size: int) -> None:
    visit = joined(client)
    visit.peer.send_in_pieces(TALK, size)
    visit.expect_output()


@requirement("client.reply-in-pieces")
@pytest.mark.parametrize("at", CUTS)
def test_packets_are_understood_wherever_they_are_cut(client: Client, at: int) -> None:
    visit = joined(client)
    visit.peer.send_cut_at(TALK, at)
    visit.expect_output()


@requirement("chat.client.coalesced")
def test_packets_in_one_segment_are_all_shown(client: Client) -> None:
    visit = joined(client)
    visit.peer.send(b"".join(told("grace", f"message {number}") for number in range(20)))
    visit.expect_output()


@requirement("chat.client.both-at-once")
@pytest.mark.parametrize("at", [1, 2, 10], ids=["in-the-length", "after-the-length", "in-the-text"])
def test_in_the_middle_of_a_packet_a_line_is_sent(client: Client, at: int) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "at last")[:at])
    visit.peer.wait_until_consumed()
    visit.type(b"are you there?\n")
    visit.peer.expect_bytes()
    visit.peer.send(told("grace", "at last")[at:])
    visit.expect_output()


@requirement("chat.client.both-at-once")
def test_in_the_middle_of_a_line_a_message_is_shown(client: Client) -> None:
    visit = joined(client)
    visit.type(b"half a ")
    visit.expect_at_rest()
    visit.peer.send(told("grace", "are you there?"))
    visit.expect_output()
    visit.type(b"line\n")
    visit.peer.expect_bytes()


@requirement("chat.client.harmless")
@pytest.mark.parametrize("trick", TRICKS.values(), ids=list(TRICKS))
def test_a_message_is_no_other_line(client: Client, trick: str) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "hello"))
    visit.expect_output()
    visit.peer.send(told("mallory", f"hi{trick}{FORGED}") + told("grace", "still here"))
    visit.expect_last_line()
    visit.expect_screen(a_forged_line)


@requirement("chat.client.harmless")
@pytest.mark.parametrize("trick", TRICKS.values(), ids=list(TRICKS))
@pytest.mark.parametrize("news", list(NEWS))
def test_a_nick_is_no_other_line(client: Client, news: str, trick: str) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "hello"))
    visit.expect_output()
    visit.peer.send(NEWS[news](f"mallory{trick}{FORGED}") + told("grace", "still here"))
    visit.expect_last_line()
    visit.expect_screen(a_forged_line)


def a_forged_line(screen: bytes) -> str:
    lines = screen.decode().split("\n")
    if any(line.startswith(FORGED) for line in lines):
        return f"shows {FORGED!r} at the beginning of a line, which was a part of what somebody else sent"
    return "" if "grace: hello" in lines else "has lost a line to the control characters that somebody else sent"


@requirement("client.server-leaves")
def test_it_ends_when_the_server_leaves_in_the_middle_of_a_packet(client: Client) -> None:
    visit = joined(client)
    visit.peer.send(told("grace", "at last")[:10])
    visit.peer.wait_until_consumed()
    visit.peer.finish()
    visit.expect_end()


@requirement("chat.client.quits")
def test_it_leaves_when_it_is_told_to(client: Client) -> None:
    visit = joined(client)
    visit.type(b"/q\n")
    visit.peer.expect_end()
    visit.expect_success()


@requirement("chat.client.quits")
@pytest.mark.parametrize(
    "line", [b"what /q does", b"/quite so", b" /q", b"/q "],
    ids=["inside", "in-front", "behind-a-space", "before-a-space"],
)  # fmt: skip
def test_only_the_whole_line_is_a_command(client: Client, line: bytes) -> None:
    visit = joined(client)
    visit.type(line + b"\n")
    visit.peer.expect_bytes()
    visit.type(b"/q\n")
    visit.expect_success()


@requirement("client.meets-reference-server")
def test_it_can_chat_with_the_server_of_the_reference(client: Client) -> None:
    visit = client.call_reference(b"")
    visit.expect_output()
    visit.type("hello, ψυχή\n".encode())
    visit.expect_output()
    visit.type(b"/q\n")
    visit.expect_success()


@requirement("both.meet-each-other")
def test_the_client_can_chat_with_the_server_of_the_submission(server: Server, client: Client) -> None:
    server.start()
    visit = client.call(server.port, b"")
    visit.expect_output()
    visit.type("hello, ψυχή\n".encode())
    visit.expect_output()
    visit.type(b"/q\n")
    visit.expect_success()
