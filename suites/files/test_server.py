"""What a file server has to do: send the file that is asked for, and never one from outside its directory."""

import pytest

from sockspec.shared.http import body, media_type, status, wrong_length
from sockspec.shared.http_server import (  # noqa: F401
    BAD_REQUESTS,
    asked,
    test_a_client_that_asks_and_leaves_does_no_harm,
    test_a_client_that_asks_and_resets_does_no_harm,
    test_a_client_that_has_its_answer_and_stays_keeps_nobody_waiting,
    test_a_client_that_leaves_in_the_middle_of_its_request_does_no_harm,
    test_a_pause_in_the_middle_of_a_request_is_waited_out,
    test_a_request_is_read_to_its_end_however_long,
    test_a_request_is_understood_byte_by_byte,
    test_a_request_is_understood_wherever_it_was_cut,
    test_a_request_that_ends_in_its_middle_is_not_waited_for,
    test_a_request_that_is_none_does_no_harm,
    test_after_its_answer_comes_the_orderly_end,
    test_it_answers_a_client_that_does_not_end_its_side,
    test_the_answer_begins_with_a_status_line,
    test_the_answer_says_how_long_its_body_is,
    test_the_answer_says_that_it_is_the_last,
    test_the_head_of_the_answer_is_in_lines_and_ends_with_a_blank_one,
)
from sockspec.shared.server import (  # noqa: F401
    test_a_client_that_leaves_before_it_is_accepted_does_no_harm,
    test_a_client_that_leaves_while_it_is_listened_to_does_no_harm,
    test_a_client_that_leaves_without_a_byte_does_no_harm,
    test_a_client_that_resets_before_it_is_accepted_does_no_harm,
    test_a_client_that_resets_while_it_is_listened_to_does_no_harm,
    test_a_port_below_1024_is_refused_to_an_ordinary_user,
    test_a_port_is_not_taken_modulo_65536,
    test_a_second_server_does_not_get_the_port_of_the_first,
    test_a_taken_port_is_an_error_and_whoever_has_it_is_undisturbed,
    test_a_taken_port_is_told_in_one_line,
    test_an_interrupt_ends_it_and_frees_the_port,
    test_clients_that_arrive_together_are_all_served,
    test_clients_that_wait_together_are_each_told,
    test_given_no_port_it_listens_on_the_usual_one,
    test_it_holds_no_more_after_a_hundred_clients_than_after_ten,
    test_it_is_reachable_through_another_local_address,
    test_it_serves_one_client_after_the_other,
    test_it_waits_without_using_the_processor,
    test_its_end_is_closed_when_the_client_has_left,
    test_one_socket_listens_on_the_port_it_was_given,
    test_started_again_after_it_served_it_gets_its_port,
    test_what_is_no_port_is_an_error,
)
from sockspec.suite import Peer, Server, requirement
from suites.files.paths import SECRET, UNASKED, ask, escaped, no_explanation, no_refusal, no_secret

MIB = 1 << 20
SIZES = [0, 1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 65535, 65536, 65537, MIB]
CONTENTS = {
    "empty": b"", "all-bytes": bytes(range(256)), "utf-8": "Ærøskøbing, ψυχή, 你好\n".encode(), "long": b"x" * 100_000,
}  # fmt: skip
SIGNATURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def asked_for(server: Server, path: bytes) -> Peer:
    """A client of ours that has asked for that path."""
    peer = server.connect()
    peer.send(ask(path))
    return peer


@requirement("files.server.content-type")
@pytest.mark.parametrize("path", [b"/hello.txt", b"/page.html"], ids=["txt", "html"])
def test_the_answer_says_what_the_file_is(server: Server, path: bytes) -> None:
    asked_for(server, path).expect_part("the Content-Type", media_type)


@requirement("files.server.content-type")
@pytest.mark.parametrize("name", [b"a.b.txt", b"page.html.txt"])
def test_what_is_behind_the_last_dot_says_what_the_file_is(server: Server, name: bytes) -> None:
    server.site.write(name, b"hello\n")
    asked_for(server, b"/" + name).expect_part("the Content-Type", media_type)


@requirement("server.content-length")
@pytest.mark.parametrize("data", CONTENTS.values(), ids=list(CONTENTS))
def test_the_length_is_that_of_the_file(server: Server, data: bytes) -> None:
    server.site.write(b"data.txt", data)
    asked_for(server, b"/data.txt").expect_message(wrong_length)


@requirement("server.content-length")
def test_the_length_of_a_404_is_that_of_its_body(server: Server) -> None:
    asked_for(server, b"/nothing.txt").expect_message(wrong_length)


@requirement("files.server.body")
@pytest.mark.parametrize("path", [b"/hello.txt", b"/page.html"], ids=["txt", "html"])
def test_whoever_asks_for_a_file_gets_it(server: Server, path: bytes) -> None:
    asked_for(server, path).expect_part("the body", body)


@requirement("files.server.binary")
@pytest.mark.parametrize(
    "data", [bytes(range(256)), b"\0\0\0", b"\r\n\n\r\n\r\n", SIGNATURE], ids=["all", "nul", "lines", "png"]
)
def test_a_file_of_any_bytes_arrives_intact(server: Server, data: bytes) -> None:
    server.site.write(b"data.bin", data)
    asked_for(server, b"/data.bin").expect_part("the body", body)


@requirement("files.server.sizes")
@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size_arrives_whole(server: Server, size: int) -> None:
    server.site.write(b"data.txt", server.payload(size))
    asked_for(server, b"/data.txt").expect_part("the body", body)


@requirement("files.server.large")
def test_a_file_of_8_mib_arrives_whole(server: Server) -> None:
    server.site.write(b"large.bin", server.payload(8 * MIB))
    asked_for(server, b"/large.bin").expect_part("the body", body)


@requirement("files.server.large")
def test_a_client_that_reads_late_gets_all_of_it(server: Server) -> None:
    server.site.write(b"large.bin", server.payload(8 * MIB))
    peer = asked_for(server, b"/large.bin")
    peer.wait_until_stuck()
    peer.expect_part("the body", body)


@requirement("files.server.partial-send")
def test_no_byte_is_lost_when_it_is_stopped_in_the_middle_of_a_send(server: Server) -> None:
    server.site.write(b"large.bin", server.payload(8 * MIB))
    peer = asked_for(server, b"/large.bin")
    peer.wait_until_stuck()
    server.pause()
    server.resume()
    peer.expect_part("the body", body)


@requirement("server.client-resets")
def test_a_client_that_resets_in_the_middle_of_a_file_does_no_harm(server: Server) -> None:
    server.site.write(b"large.bin", server.payload(8 * MIB))
    peer = asked_for(server, b"/large.bin")
    peer.wait_until_stuck()
    peer.reset()
    server.visit()


@requirement("files.server.not-found")
@pytest.mark.parametrize("path", [b"/nothing.txt", b"/hello", b"/hello.txt.txt"])
def test_a_file_that_is_not_there_gets_404(server: Server, path: bytes) -> None:
    peer = asked_for(server, path)
    peer.expect_part("the status line", status)
    peer.expect_end()


@requirement("files.server.not-found")
def test_the_404_has_a_body(server: Server) -> None:
    asked_for(server, b"/nothing.txt").expect_message(no_explanation)


@requirement("files.server.any-name")
@pytest.mark.parametrize(
    "name", [b"two words.txt", "Ærø.txt".encode(), b"\xe9.txt", b"100%.txt", b"a%20b.txt", b"what?#&+;=.txt"],
    ids=["space", "utf-8", "latin-1", "percent", "escape", "signs"],
)  # fmt: skip
def test_a_file_is_found_by_its_escaped_name(server: Server, name: bytes) -> None:
    server.site.write(name, b"found\n")
    asked_for(server, escaped(name)).expect_part("the body", body)


@requirement("files.server.any-name")
def test_a_name_may_have_any_byte_but_0_and_the_slash(server: Server) -> None:
    for byte in [*range(1, ord("/")), *range(ord("/") + 1, 256)]:
        name = b"a%cb.txt" % byte
        server.site.write(name, b"found\n")
        peer = asked_for(server, escaped(name))
        peer.expect_part("the body", body)
        peer.leave()


@requirement("files.server.directory")
@pytest.mark.parametrize("path", [b"/", b"/sub", b"/sub/", b"/.", b"/sub/.."])
def test_a_directory_is_answered_and_harms_nobody(server: Server, path: bytes) -> None:
    server.site.write(b"sub/inner.txt", b"inner\n")
    peer = asked_for(server, path)
    peer.expect_message(wrong_length)
    peer.leave()
    server.visit()


def build_outside(server: Server) -> None:
    """What stands beside the directory: a file to ask for, one that is never asked for, and a longer name than its."""
    server.site.write(b"../secret.txt", SECRET)
    server.site.write(b"../" + UNASKED, SECRET)
    server.site.write(b"../site-2/secret.txt", SECRET)
    server.site.write(b"sub/inner.txt", b"inner\n")


def expect_nothing_from_outside(server: Server, path: bytes) -> None:
    """Who asks for that path gets nothing from outside the directory, and the next client is served."""
    peer = asked_for(server, path)
    peer.expect_message(no_secret)
    peer.leave()
    server.visit()


@requirement("files.server.outside")
@pytest.mark.parametrize(
    "path",
    [
        b"/../secret.txt", b"../secret.txt", b"/./../secret.txt", b"/sub/../../secret.txt", b"//../secret.txt",
        b"/%2e%2e/secret.txt", b"/..%2fsecret.txt", b"/%2e%2e%2fsecret.txt", b"/.%2e/secret.txt",
        b"%2e%2e%2fsecret.txt", b"/..%5csecret.txt", b"/%252e%252e%252fsecret.txt",
        b"/%2E%2E/secret.txt", b"/..%2Fsecret.txt", b"/%2E%2E%2Fsecret.txt", b"/%2e%2E%2Fsecret.txt",
        b"/..%5Csecret.txt", b"/%c0%ae%c0%ae/secret.txt", b"/%C0%AE%C0%AE%C0%AFsecret.txt", b"/..%c0%afsecret.txt",
        b"/\xc0\xae\xc0\xae/secret.txt",
        b"/../secret.txt%00.txt", b"/../secret.txt\0.txt",
        b"/hello.txt/../../secret.txt", b"/....//secret.txt", b"/../site/../secret.txt", b"/../site-2/secret.txt",
    ],
)  # fmt: skip
def test_no_path_leads_outside(server: Server, path: bytes) -> None:
    build_outside(server)
    expect_nothing_from_outside(server, path)


@requirement("files.server.outside")
@pytest.mark.parametrize("path", [b"/..", b"/../", b"/%2e%2e/", b"/%2E%2E%2F", b"/sub/../..", b"/./../"])
def test_no_path_lists_what_is_outside(server: Server, path: bytes) -> None:
    build_outside(server)
    expect_nothing_from_outside(server, path)


@requirement("files.server.outside")
@pytest.mark.parametrize("before", [b"", b"/", b"/%2f", b"/%2F", b"http://localhost", b"/sub/../../.."])
def test_no_absolute_path_leads_outside(server: Server, before: bytes) -> None:
    build_outside(server)
    expect_nothing_from_outside(server, before + bytes(server.site.path.with_name("secret.txt")))


@requirement("files.server.outside")
@pytest.mark.parametrize("before", [b"", b"/", b"/%2F"])
def test_no_absolute_path_lists_what_is_outside(server: Server, before: bytes) -> None:
    build_outside(server)
    expect_nothing_from_outside(server, before + bytes(server.site.path.parent))


@requirement("files.server.links-outside")
@pytest.mark.parametrize("path", [b"/link.txt", b"/up/secret.txt", b"/twice.txt", b"/up", b"/up/", b"/absolute.txt"])
def test_no_link_leads_outside(server: Server, path: bytes) -> None:
    build_outside(server)
    server.site.link("link.txt", "../secret.txt")
    server.site.link("up", "..")
    server.site.link("twice.txt", "link.txt")
    server.site.link("absolute.txt", str(server.site.path.with_name("secret.txt")))
    expect_nothing_from_outside(server, path)


@requirement("files.server.unreadable")
@pytest.mark.parametrize("name", ["pipe.txt", "nowhere.txt", "itself.txt", "locked.txt"])
def test_what_cannot_be_read_harms_nobody(server: Server, name: str) -> None:
    server.site.fifo("pipe.txt")
    server.site.link("nowhere.txt", "nothing.txt")
    server.site.link("itself.txt", "itself.txt")
    server.site.write(b"locked.txt", b"locked\n", mode=0)
    peer = asked_for(server, b"/" + name.encode())
    peer.expect_any_end()
    peer.leave()
    server.visit()


@requirement("files.server.strange-paths")
@pytest.mark.parametrize(
    "path",
    [
        b"/hello.txt%00", b"/%00", b"/a\0b.txt", b"/" + b"a" * 300 + b".txt", b"/" + b"a" * 5000, b"/a" * 2500,
        b"/%", b"/%4", b"/%zz.txt", b"/hello%2", b"*", b"?", b"/?", b"/#", b"hello.txt", b"/\xff\xfe", b"/%ff%fe",
    ],
    ids=[
        "nul-escaped", "nul-alone", "nul", "long-name", "too-long", "deep", "percent", "one-digit", "no-digits",
        "cut-escape", "star", "query", "empty-query", "fragment", "no-slash", "high", "high-escaped",
    ],
)  # fmt: skip
def test_a_path_that_can_name_no_file_does_no_harm(server: Server, path: bytes) -> None:
    peer = asked_for(server, path)
    peer.expect_any_end()
    peer.leave()
    server.visit()


@requirement("files.server.strange-paths")
@pytest.mark.parametrize(
    "path", [b"/hello.txt%00", b"/%00", b"/a\0b.txt"], ids=["behind-a-name", "alone", "not-escaped"]
)
def test_a_path_with_a_0_byte_names_no_file(server: Server, path: bytes) -> None:
    asked_for(server, path).expect_message(no_refusal)


@requirement("server.bad-request")
@pytest.mark.parametrize("name", ["blank", "one-word", "binary", "spaces", "long-word"])
def test_a_request_that_is_none_gets_no_file(server: Server, name: str) -> None:
    peer = server.connect()
    peer.send(BAD_REQUESTS[name])
    peer.finish()
    peer.expect_message(no_refusal)


ENDLESS = {
    "word": (b"", b"A"),
    "path": (b"GET /", b"a"),
    "headers": (b"GET /hello.txt HTTP/1.1\r\n", b"X-Header: x\r\n"),
    "nul": (b"", b"\0"),
}
"""Requests without end: how they begin, and how they go on."""
ENOUGH = 16 * MIB + 64 * 1024  # with 16 MiB and no more, who gives up behind the last of them would wait for ever


def ask_without_end(server: Server, first: bytes, more: bytes) -> None:
    """A client that sends more than 16 MiB of that, and sees the connection end."""
    peer = server.connect()
    peer.send(first + more * (ENOUGH // len(more)))
    peer.expect_any_end()
    peer.leave()


@requirement("files.server.endless-request")
@pytest.mark.parametrize(("first", "more"), ENDLESS.values(), ids=list(ENDLESS))
def test_a_request_without_end_is_given_up(server: Server, first: bytes, more: bytes) -> None:
    server.visit()
    with server.bounded(96 * MIB):  # 16 of them in a buffer that doubles, and what is not collected yet
        ask_without_end(server, first, more)
    server.visit()


@requirement("files.server.endless-request")
@pytest.mark.parametrize(("first", "more"), ENDLESS.values(), ids=list(ENDLESS))
def test_nothing_is_kept_of_requests_without_end(server: Server, first: bytes, more: bytes) -> None:
    server.visits(5, lambda: ask_without_end(server, first, more))
    before = server.holdings()
    server.visits(20, lambda: ask_without_end(server, first, more))
    server.expect_no_growth(before, clients=20)
