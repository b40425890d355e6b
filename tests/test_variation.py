"""What may be another each time: a message is judged by its fault, an output by what is left without the variation."""

import time

import msgspec
import pytest

from sockspec.catalogue import Conversation
from sockspec.client import Visit
from sockspec.complaint import SuiteError
from sockspec.failure import Failure
from sockspec.oracle import Facet
from sockspec.program import Program
from sockspec.server import Server
from sockspec.submission import Cast, Command
from sockspec.verdict import Outcome
from tests.stage import CLIENT, Stage

pytest_plugins = ["tests.stage"]

SAYS = 'int c = client(); send(c, "{}", {}, 0); {}'
CLOCK = Conversation("", output_varies=r"(?<=at )\d+")
AT_NINE = [Facet("output", data=b"at ...\n")]


def says(stage: Stage, text: str, then: str = "") -> Program:
    return stage.c(SAYS.format(text, len(text), then))


def no_digits(message: bytes) -> str:
    return "" if message.isdigit() else "it is no number"


def visiting(stage: Stage, code: str) -> Visit:
    """A run of a client that is written in Python; its conversation has a clock in its output."""
    stage.conversation = CLOCK
    return Visit(stage, stage.python(code))


# --- a message


@pytest.mark.parametrize("text", ["1", "4004468351"])
@pytest.mark.parametrize("then", ["", "pause();"], ids=["ends", "stays"])
def test_any_message_without_a_fault_passes(stage: Stage, text: str, then: str) -> None:
    stage.expects(Facet("message"))
    assert stage.client(says(stage, text, then)).expect_message(no_digits) == text.encode()


def test_of_a_message_only_is_recorded_that_there_was_one(stage: Stage) -> None:
    stage.client(says(stage, "42")).expect_message(no_digits)
    assert stage.script.facets == [Facet("message")]


def test_a_message_is_judged_when_all_of_it_is_there(stage: Stage) -> None:
    program = stage.c('int c = client(); for (int i = 0; i < 5; i++, usleep(1000)) send(c, "1", 1, 0);')
    assert stage.client(program).expect_message(no_digits) == b"11111"


def test_a_fault_fails_with_its_words(stage: Stage) -> None:
    stage.expects(Facet("message"))
    with pytest.raises(
        Failure, match=r"first client received 2 bytes, then an orderly end.*: it is no number"
    ) as failure:
        stage.client(says(stage, "no")).expect_message(no_digits)
    assert (failure.value.outcome, failure.value.diagnosis.received) == (Outcome.WRONG, '"no" (2 bytes)')


def test_a_message_that_does_not_come_fails_with_where_the_program_is_stuck(stage: Stage) -> None:
    stage.expects(Facet("message"))
    peer = stage.client(stage.c("int c = client(); char b; recv(c, &b, 1, 0);"))
    with pytest.raises(Failure, match=r"received nothing: it is no number: .* blocked in recv") as failure:
        peer.expect_message(no_digits)
    assert failure.value.outcome is Outcome.STUCK


def test_a_message_without_end_is_given_up(stage: Stage) -> None:
    program = stage.c(
        "static char b[65536]; memset(b, 49, sizeof b); int c = client(); for (;;) send(c, b, sizeof b, 0);"
    )
    with pytest.raises(Failure, match="no end of it in sight"):
        stage.client(program).expect_message(no_digits)


def test_a_message_where_the_reference_was_asked_for_bytes_is_a_fault_of_the_suite(stage: Stage) -> None:
    stage.expects(Facet("bytes", data=b"42"))
    with pytest.raises(SuiteError, match="expects 'message' here"):
        stage.client(says(stage, "42")).expect_message(no_digits)


# --- a part of a message, and a request


def body(message: bytes) -> bytes:
    return message.partition(b":")[2]


def test_the_part_that_counts_is_recorded(stage: Stage) -> None:
    stage.client(says(stage, "one:body")).expect_part("the body", body)
    assert stage.script.facets == [Facet("part", data=b"body")]


@pytest.mark.parametrize("then", ["", "pause();"], ids=["ends", "stays"])
def test_a_message_that_has_the_same_part_passes(stage: Stage, then: str) -> None:
    stage.expects(Facet("part", data=b"body"))
    assert stage.client(says(stage, "another:body", then)).expect_part("the body", body) == b"another:body"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one:bode", "the body is another than the reference's"),
        ("nothing", "the body is missing; it is there in the reference's"),
    ],
)
def test_another_part_fails(stage: Stage, text: str, words: str) -> None:
    stage.expects(Facet("part", data=b"body"))
    with pytest.raises(Failure, match=words) as failure:
        stage.client(says(stage, text)).expect_part("the body", body)
    assert failure.value.diagnosis.expected == '"body" (4 bytes)'


def test_a_request_is_all_that_comes_before_the_program_waits(stage: Stage) -> None:
    stage.expects(Facet("message"))
    program = stage.c('char b; int c = client(); for (int i = 0; i < 5; i++) send(c, "1", 1, 0); recv(c, &b, 1, 0);')
    assert stage.client(program).expect_request(no_digits) == b"11111"


def test_how_long_a_program_would_wait_for_the_answer_costs_no_patience(stage: Stage) -> None:
    stage.expects(Facet("message"))
    program = stage.c('int c = client(); send(c, "1", 1, 0); struct pollfd p = {c, POLLIN, 0}; poll(&p, 1, 600000);')
    stage.client(program).expect_request()
    assert stage.watch.slept_s < stage.watch.patience.timer_s


def test_a_request_that_does_not_come_fails_with_where_the_program_is_stuck(stage: Stage) -> None:
    stage.expects(Facet("message"))
    with pytest.raises(Failure, match=r"nothing was said: .* blocked in recv"):
        stage.client(stage.c("int c = client(); char b; recv(c, &b, 1, 0);")).expect_request()


def test_nothing_yet_holds_while_the_program_waits_for_the_rest(stage: Stage) -> None:
    peer = stage.client(stage.python(f"{CLIENT}while client.recv(10): pass"))
    peer.send(b"half")
    peer.expect_nothing_yet()


@pytest.mark.parametrize(("code", "words"), [("client.send(b'ok'); client.recv(1)", "received 2 bytes"), ("", "FIN")])
def test_an_answer_or_an_end_before_all_was_said_fails(stage: Stage, code: str, words: str) -> None:
    peer = stage.client(stage.python(f"{CLIENT}client.recv(10); {code}"))
    peer.send(b"half")
    with pytest.raises(Failure, match=f"had not said everything yet.*{words}"):
        peer.expect_nothing_yet()


# --- an output


def test_what_varies_is_not_recorded(stage: Stage) -> None:
    visiting(stage, "print('at 1234')").expect_output()
    assert stage.script.facets == AT_NINE


@pytest.mark.parametrize("code", ["print('at 9')", "print('at 90', end='0', flush=True); print()"])
def test_another_value_in_its_place_passes(stage: Stage, code: str) -> None:
    stage.expects(*AT_NINE)
    visit = visiting(stage, code)
    visit.expect_output()
    visit.expect_success()


@pytest.mark.parametrize("printed", ["at nine", "it is 9", "at 9 and 10", ""])
def test_another_output_around_it_fails(stage: Stage, printed: str) -> None:
    stage.expects(*AT_NINE)
    with pytest.raises(Failure, match="printed"):
        visiting(stage, f"print('{printed}')").expect_output()


def test_a_whole_output_is_judged_by_its_fault_and_nothing_is_left_of_it(stage: Stage) -> None:
    visit = visiting(stage, "print(1234, end='')")
    visit.expect_printed(no_digits)
    visit.expect_success()


def test_an_output_with_a_fault_fails_with_its_words(stage: Stage) -> None:
    with pytest.raises(Failure, match="printed 5 bytes: it is no number"):
        visiting(stage, "print('nine')").expect_printed(no_digits)


def test_a_program_that_does_not_end_has_printed_no_whole_output(stage: Stage) -> None:
    visit = visiting(stage, "import signal; print(1234, end='', flush=True); signal.pause()")
    with pytest.raises(Failure, match="does not end"):
        visit.expect_printed(no_digits)


# --- the clock


def test_another_second_has_begun_when_it_was_waited_for(stage: Stage) -> None:
    stage.client(stage.c("client(); pause();"))
    before = int(time.time())
    stage.watch.let_a_second_begin()
    assert int(time.time() - 0.1) > before


def test_what_comes_is_served_until_the_second_begins(stage: Stage) -> None:
    program = stage.python(f"{CLIENT}print('connected', flush=True); signal.pause()")
    stage.client(program)
    stage.watch.let_a_second_begin()
    assert program.stdout.head == b"connected\n"


# --- a conversation


def test_a_reply_is_text_or_bytes_in_hexadecimal() -> None:
    assert Conversation("", reply="né").reply_bytes() == b"n\xc3\xa9"
    assert Conversation("", reply_hex="00 ff 0a").reply_bytes() == b"\0\xff\n"
    assert Conversation("hello").request_bytes() == b"hello"


@pytest.mark.parametrize(
    "fields",
    [{"reply": "a", "reply_hex": "61"}, {"reply_hex": "6"}, {"reply_hex": "hello"}, {"output_varies": "("}],
    ids=["both", "half-a-byte", "no-hex", "no-expression"],
)
def test_a_conversation_that_makes_no_sense_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"request": "", **fields}, Conversation)


@pytest.fixture
def server(stage: Stage) -> Server:
    """A server that says `two`."""
    stage.cast = Cast("your", {"server": Command(("unused",), port=1)}, "/")
    return Server(stage)


def test_a_server_is_held_to_what_the_reference_said(stage: Stage, server: Server) -> None:
    stage.expects(Facet("bytes", data=b"one"))
    with pytest.raises(Failure, match="something else"):
        server.hear(stage.client(says(stage, "two")))


def test_a_server_whose_reply_is_its_own_is_held_to_saying_something(stage: Stage, server: Server) -> None:
    stage.conversation = Conversation("", reply="one", reply_varies=True)
    stage.expects(Facet("message"))
    server.hear(stage.client(says(stage, "two")))
    with pytest.raises(Failure, match="a server has something to say"):
        server.hear(stage.client(says(stage, "")))
