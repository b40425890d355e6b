"""What a chat server has to do: tell everyone what one of them says, and let nobody wait for anybody."""

import pytest

from sockspec.shared.server import (  # noqa: F401
    test_a_client_that_leaves_before_it_is_accepted_does_no_harm,
    test_a_client_that_leaves_while_it_is_listened_to_does_no_harm,
    test_a_client_that_leaves_without_a_byte_does_no_harm,
    test_a_client_that_resets_before_it_is_accepted_does_no_harm,
    test_a_client_that_resets_while_it_is_listened_to_does_no_harm,
    test_a_port_below_1024_is_refused_to_an_ordinary_user,
    test_a_port_is_not_taken_modulo_65536,
    test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed,
    test_a_taken_port_is_told_in_one_line,
    test_an_interrupt_ends_it_and_frees_the_port,
    test_clients_that_arrive_together_are_all_served,
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_no_port_at_all_is_an_error,
    test_one_socket_listens_on_the_port_it_was_given,
    test_one_thread_waits_for_everybody_at_once,
    test_started_again_after_it_served_it_gets_its_port,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Server, requirement
from suites.chat.packets import (
    broken,
    but,
    but_leave,
    chat,
    hello,
    in_any_order,
    last_word,
    last_word_but_leave,
    leave,
    packet,
    padded,
    told,
    whether_kept,
)
from suites.chat.room import Room, lockstep

MESSAGES = {
    "empty": "", "spaces": "  two  words  ", "quotes": 'she said "hi"', "backslash": "C:\\new\\table",
    "controls": "a\nb\tc\0d",
    "danish": "Ærøskøbing", "greek": "ψυχή", "chinese": "你好", "arabic": "مرحبا", "hindi": "नमस्ते",
    "combined": "e\u0301te\u0301", "emoji": "🌊👩🏽‍🚀", "json": '{"type":"leave"}',
    "slash": "a/b", "delete": "\x7f\x80\u2028",
}  # fmt: skip
NICKS = ["Ψυχή", "山田太郎", "two words", '"', "\\", "🌊", "अदिति", "مريم"]
NAMES = [300, 1000, 65400]  # letters; all that is told of one fits into a packet, however its JSON is spelled
SPELLINGS = {
    "order": b'{"message":"hello","type":"chat"}',
    "spaces": b' { "type" :\t"chat" ,\r\n "message" : "hello" } ',
    "escapes": rb'{"type":"chat","message":"\u0068\u00e9llo \ud83c\udf0a \/ \"\\\b\f\n\r\t"}',
    "escaped-names": rb'{"\u0074ype":"\u0063hat","message":"hello"}',
    "further-fields": b'{"type":"chat","id":[1,{"message":"no"}],"x":null,"message":"hello","y":-1.5e3,"z":true}',
    "like-a-field": b'{"type":"chat","message":"\\"type\\":\\"hello\\",\\"nick\\":\\"x\\""}',
    "another-s-nick": b'{"type":"chat","nick":"ada","message":"hello"}',
}
GARBAGE = {
    "no-json": packet(b"hello"),
    "empty": packet(b""),
    "cut-off-json": packet(b'{"type":"chat","message":"he'),
    "more-behind": packet(b'{"type":"chat","message":"hello"} and more'),
    "no-object": packet(b'["type","chat","message","hello"]'),
    "a-number": packet(b"12345678901234567890"),
    "a-text": packet(b'"chat"'),
    "null": packet(b"null"),
    "no-type": packet(b'{"message":"hello"}'),
    "unknown-type": packet(b'{"type":"dance","message":"hello"}'),
    "type-is-a-list": packet(b'{"type":["chat"],"message":"hello"}'),
    "no-message": packet(b'{"type":"chat"}'),
    "message-is-a-number": packet(b'{"type":"chat","message":5}'),
    "message-is-null": packet(b'{"type":"chat","message":null}'),
    "not-utf-8": packet(b'{"type":"chat","message":"\xff\xfe"}'),
    "deep": packet(b'{"type":"chat","message":' + b"[" * 60_000),
    "web": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "longest": packet(b"\xff" * 65535),
}
NO_NAMES = {
    "missing": b'{"type":"hello"}',
    "number": b'{"type":"hello","nick":5}',
    "null": b'{"type":"hello","nick":null}',
    "list": b'{"type":"hello","nick":["x"]}',
}
ODD_NAMES = {"empty": b'{"type":"hello","nick":""}', "half-a-letter": rb'{"type":"hello","nick":"\ud800"}'}
LENGTHS = [1, 85, 86, 87, 216, 217, 255, 256, 1000, 4096, 32768, 65000, 65400]
MUCH = 8 << 20  # what a server may keep for somebody who does not read
LONGEST = 2 + 65535  # the length, and as much as it can say
BUFFERS = [512, 1000, 1024, 2048, 4096, 8192, 16_384, 32_768]
TALK = hello("grace") + chat("h\u00e9llo") + chat("again")
CUTS = [1, 2, 3, 20, len(hello("grace")), len(hello("grace")) + 1, len(TALK) - 1]


@requirement("chat.server.tells-joins")
def test_everyone_is_told_who_has_come(server: Server) -> None:
    Room(server, "ada", "grace", "linus")


@requirement("chat.server.tells-everyone")
def test_what_one_says_all_hear(server: Server) -> None:
    room = Room(server, "ada", "grace", "linus")
    for peer, words in zip(room.people, ["hello", "hello, ada", "good morning"], strict=True):
        peer.send(chat(words))
        room.hears()


@requirement("chat.server.any-language")
@pytest.mark.parametrize("message", MESSAGES.values(), ids=list(MESSAGES))
def test_a_message_is_told_as_it_is(server: Server, message: str) -> None:
    room = Room(server, "ada", "grace")
    room.people[0].send(chat(message))
    room.hears()


@requirement("chat.server.any-language")
def test_a_name_is_told_as_it_is(server: Server) -> None:
    room = Room(server, *NICKS)
    room.people[0].send(chat("hello"))
    room.hears()
    room.people.pop().leave()
    room.hears()


@requirement("chat.server.any-json")
@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=list(SPELLINGS))
def test_json_has_many_spellings(server: Server, spelled: bytes) -> None:
    room = Room(server, "ada", "grace")
    room.people[1].send(packet(spelled))
    room.hears()


@requirement("chat.server.any-length")
@pytest.mark.parametrize("length", LENGTHS)
def test_a_message_may_be_long(server: Server, length: int) -> None:
    room = Room(server, "ada", "grace")
    room.people[0].send(chat("x" * length) + chat("short"))
    room.hears()


@requirement("chat.server.any-length")
@pytest.mark.parametrize("length", NAMES)
def test_a_name_may_be_long(server: Server, length: int) -> None:
    room = Room(server, "ada", "n" * length)
    room.people[1].send(chat("hello"))
    room.hears()
    room.people.pop().leave()
    room.hears()


@requirement("chat.server.any-length")
def test_a_packet_may_be_as_long_as_a_length_can_say(server: Server) -> None:
    room = Room(server, "ada", "grace")
    room.people[0].send(padded("hello", LONGEST) + chat("again"))
    room.hears()


@requirement("chat.server.in-pieces")
@pytest.mark.parametrize("size", [1, 3], ids=["1-byte", "3-bytes"])
def test_packets_are_understood_piece_by_piece(server: Server, size: int) -> None:
    room = Room(server, "ada")
    room.people.append(server.connect())
    room.people[1].send_in_pieces(TALK, size)
    room.hears()


@requirement("chat.server.in-pieces")
@pytest.mark.parametrize("at", CUTS)
def test_packets_are_understood_wherever_they_are_cut(server: Server, at: int) -> None:
    room = Room(server, "ada")
    room.people.append(server.connect())
    room.people[1].send_cut_at(TALK, at)
    room.hears()


@requirement("chat.server.coalesced")
def test_a_hello_and_what_is_said_may_come_together(server: Server) -> None:
    room = Room(server, "ada")
    server.pause()
    room.people.append(server.connect())
    room.people[1].send(TALK)
    server.resume()
    room.hears()


@requirement("chat.server.coalesced")
def test_fifty_messages_may_come_together(server: Server) -> None:
    room = Room(server, "ada", "grace")
    room.people[0].send(b"".join(chat(f"message {number}") for number in range(50)))
    room.hears()


@requirement("chat.server.own-buffer")
@pytest.mark.parametrize("size", [1, 7], ids=["1-byte", "7-bytes"])
def test_pieces_of_two_clients_come_in_turns(server: Server, size: int) -> None:
    room = Room(server, "ada", "grace")
    ada, grace = room.people
    lockstep(server, ada, grace, chat("from ada"), chat("from grace, and longer"), size)
    room.hears()


@requirement("chat.server.half-packet")
@pytest.mark.parametrize("at", [1, 2, 10], ids=["in-the-length", "after-the-length", "in-the-text"])
def test_half_a_packet_keeps_nobody_waiting(server: Server, at: int) -> None:
    room = Room(server, "ada", "grace")
    half, rest = chat("at last")[:at], chat("at last")[at:]
    room.people[0].send(half)
    room.people[0].pause_long()
    room.enter("linus")
    room.people[1].send(chat("where is ada?"))
    room.hears()
    room.people[0].send(rest)
    room.hears()


@requirement("chat.server.half-packet")
def test_half_a_hello_keeps_nobody_waiting(server: Server) -> None:
    room = Room(server, "ada")
    server.connect().send(hello("grace")[:5])
    server.expect_at_rest()
    room.people[0].send(chat("is anybody there?"))
    room.hears()


@requirement("chat.server.half-packet")
@pytest.mark.parametrize("size", BUFFERS)
def test_a_packet_that_fills_a_buffer_is_not_waited_behind(server: Server, size: int) -> None:
    room = Room(server, "ada", "grace")
    server.pause()
    room.people[0].send(padded("hello", size))
    server.resume()
    room.hears()
    room.people[1].send(chat("hello, ada"))
    room.hears()


@requirement("chat.server.deaf-client")
def test_who_does_not_read_keeps_nobody_waiting(server: Server) -> None:
    room = Room(server, "ada", "deaf")
    room.people.pop()
    for _ in range(120):
        room.people[0].send(chat("x" * 60_000))
        room.hears(but_leave("deaf"))


@requirement("chat.server.deaf-client")
def test_who_reads_slowly_reads_whole_packets(server: Server) -> None:
    room = Room(server, "ada")
    room.loses(slow := room.enter("slow", ethernet=True))
    for _ in range(80):  # more than the kernel takes: 4 MiB (tcp(7), tcp_wmem)
        room.people[0].send(chat("x" * 60_000))
        room.hears(but_leave("slow"))
    for _ in range(4):
        slow.read(30_000)
    slow.send(chat("what have I missed?"))
    slow.read(MUCH)
    slow.expect_read(broken(slow))


@requirement("chat.server.unread-is-bounded")
def test_not_all_is_kept_for_who_does_not_read(server: Server) -> None:
    room = Room(server, "ada", "deaf")
    deaf = room.people.pop()
    for number in range(28):
        room.people[0].send(chat("x" * 60_000) * 16 + chat(f"{number}"))
        room.hears(last_word_but_leave("deaf"))
    deaf.send_cut_at(chat("what have I missed?"), 2)
    deaf.expect_bytes(whether_kept)


@requirement("chat.server.garbage")
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=list(GARBAGE))
def test_what_is_no_packet_harms_nobody(server: Server, garbage: bytes) -> None:
    room = Room(server, "ada", "grace", "mallory")
    room.people.pop().send(garbage)
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears(but_leave("mallory"))


@requirement("chat.server.garbage")
def test_half_a_letter_harms_nobody(server: Server) -> None:
    room = Room(server, "ada", "grace", "mallory")
    room.people.pop().send(packet(rb'{"type":"chat","message":"\ud800"}'))
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears(last_word)


@requirement("chat.server.garbage")
@pytest.mark.parametrize("nameless", NO_NAMES.values(), ids=list(NO_NAMES))
def test_a_hello_without_a_name_harms_nobody(server: Server, nameless: bytes) -> None:
    room = Room(server, "ada")
    server.connect().send(packet(nameless) + chat("hello"))
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears()


@requirement("chat.server.garbage")
@pytest.mark.parametrize("odd", ODD_NAMES.values(), ids=list(ODD_NAMES))
def test_an_odd_name_harms_nobody(server: Server, odd: bytes) -> None:
    room = Room(server, "ada", "grace")
    mallory = server.connect()
    mallory.send(packet(odd) + chat("hello"))
    server.expect_at_rest()
    mallory.leave()
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears(last_word)


@requirement("chat.server.hello-first")
def test_who_has_no_name_cannot_speak(server: Server) -> None:
    room = Room(server, "ada")
    server.connect().send(chat("I have no name"))
    server.expect_at_rest()
    room.people[0].send(chat("did anybody speak?"))
    room.hears()


@requirement("chat.server.hello-first")
def test_who_has_no_name_hears_nothing(server: Server) -> None:
    silent = server.connect()
    room = Room(server, "ada")
    room.people[0].send(chat("is anybody there?"))
    room.hears()
    silent.expect_nothing_more()


@requirement("chat.server.hello-first")
def test_a_hello_may_come_late(server: Server) -> None:
    late = server.connect()
    room = Room(server, "ada")
    room.people[0].send(chat("is anybody there?"))
    room.hears()
    late.send(hello("grace"))
    room.people.append(late)
    room.hears()
    room.people[0].send(chat("good morning"))
    room.hears()


@requirement("chat.server.hello-first")
def test_who_never_had_a_name_has_not_left(server: Server) -> None:
    room = Room(server, "ada")
    server.connect().leave()
    server.connect().reset()
    server.expect_at_rest()
    room.people[0].send(chat("was anybody there?"))
    room.hears()


@requirement("chat.server.hello-first")
def test_a_second_hello_is_no_second_person(server: Server) -> None:
    room = Room(server, "ada", "mallory")
    room.people.pop().send(hello("mallory"))
    server.expect_at_rest()
    room.people[0].send(chat("how many are you?"))
    room.hears(but_leave("mallory"))


@requirement("chat.server.hello-first")
def test_a_second_hello_is_no_other_name(server: Server) -> None:
    room = Room(server, "ada", "mallory")
    mallory = room.people.pop()
    mallory.send(hello("grace"))
    server.expect_at_rest()
    mallory.send(chat("who am I?"))
    server.expect_at_rest()
    room.people[0].send(chat("who was that?"))
    room.hears(but(leave("mallory"), told("mallory", "who am I?")))


@requirement("chat.server.too-long")
@pytest.mark.parametrize("message", ["x" * 65503, "é" * 32000], ids=["as-it-is", "when-escaped"])
def test_what_is_too_long_to_be_told_harms_nobody(server: Server, message: str) -> None:
    room = Room(server, "ada", "grace", "mallory")
    room.people.pop().send(chat(message))
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears(last_word)


@requirement("chat.server.too-long")
def test_a_name_that_is_too_long_to_be_told_harms_nobody(server: Server) -> None:
    room = Room(server, "ada", "grace")
    mallory = server.connect()
    mallory.send(hello("é" * 30_000))
    server.expect_at_rest()
    mallory.leave()
    server.expect_at_rest()
    room.people[0].send(chat("still here"))
    room.hears(last_word)


@requirement("chat.server.tells-leaves")
@pytest.mark.parametrize("how", ["leave", "finish", "reset"])
def test_the_others_are_told_who_has_left(server: Server, how: str) -> None:
    room = Room(server, "ada", "grace", "linus")
    getattr(room.people.pop(1), how)()
    room.hears()
    room.people[0].send(chat("bye"))
    room.hears()


@requirement("chat.server.tells-leaves")
def test_the_last_words_come_before_the_leave(server: Server) -> None:
    room = Room(server, "ada", "grace")
    leaving = room.people.pop()
    server.pause()
    leaving.send(chat("goodbye"))
    leaving.finish()
    server.resume()
    room.hears()


@requirement("chat.server.leaves-in-the-middle")
@pytest.mark.parametrize("at", [1, 2, 10], ids=["in-the-length", "after-the-length", "in-the-text"])
def test_half_a_packet_is_not_told(server: Server, at: int) -> None:
    room = Room(server, "ada", "grace")
    leaving = room.people.pop()
    leaving.send(chat("never finished")[:at])
    server.expect_at_rest()
    leaving.finish()
    room.hears()
    room.enter("linus")
    room.people[1].send(chat("hello"))
    room.hears()


@requirement("chat.server.client-vanishes")
def test_who_leaves_while_others_speak_does_them_no_harm(server: Server) -> None:
    room = Room(server, "ada", "grace", "linus")
    server.pause()
    room.people[0].send(chat("one") + chat("two") + chat("three"))
    room.people.pop(1).leave()
    server.resume()
    room.hears(in_any_order)


@requirement("chat.server.client-vanishes")
def test_two_vanish_at_the_same_moment(server: Server) -> None:
    room = Room(server, "ada", "grace", "linus")
    server.pause()
    room.people.pop(1).reset()
    room.people.pop(1).reset()
    room.people[0].send(chat("one") + chat("two"))
    server.resume()
    room.hears(in_any_order)


@requirement("chat.server.a-hundred-at-once")
def test_a_hundred_are_in_the_chat(server: Server) -> None:
    people = []
    for number in range(100):
        people.append(server.connect())
        people[number].send(hello(f"guest {number}"))
        people[number].expect_bytes()
    people[50].send(chat("hello, all of you"))
    for peer in people:
        peer.expect_bytes()


@requirement("server.meets-reference-client")
def test_the_client_of_the_reference_can_chat(server: Server) -> None:
    visit = server.serve_reference_client(b"")
    visit.expect_output()
    visit.type("hello, ψυχή\n".encode())
    visit.expect_output()
    visit.type(b"/q\n")
    visit.expect_success()
