"""The name server of the private network, and the names it knows.

It answers on 127.0.0.1, UDP and TCP, from one daemon thread of the process that entered the network; it starts before
any program does, while the process may still bind port 53. dnslib knows the format of the messages (RFC 1035); here is
what to answer. Whatever arrives, it prints nothing, never stops, and keeps a bounded amount: what is no query gets no
reply, and the oldest connection goes when there are too many.
"""

import importlib
import selectors
import socket
import threading
from contextlib import suppress

import msgspec

from sockspec import isolation
from sockspec.isolation import Isolation

# RFC 6761, section 6.2: no name under .test exists in the public name system.
ONE = "one.sockspec.test"
"""One IPv4 address, 127.0.0.1."""
TWO = "two.sockspec.test"
"""Two IPv4 addresses, 127.0.0.2 and then 127.0.0.3: what listens at one only shows who tries both."""
OWT = "owt.sockspec.test"
"""The addresses of TWO in reverse order."""
SIX = "six.sockspec.test"
"""One IPv6 address, ::1, and no IPv4 address."""
BOTH = "both.sockspec.test"
"""::1 and 127.0.0.1."""
UNKNOWN = "unknown.sockspec.test"
"""No such name, as every other one (NXDOMAIN; getaddrinfo(3) says EAI_NONAME)."""

ZONE: dict[str, dict[str, tuple[str, ...]]] = {
    ONE: {"A": ("127.0.0.1",)},
    TWO: {"A": ("127.0.0.2", "127.0.0.3")},
    OWT: {"A": ("127.0.0.3", "127.0.0.2")},
    SIX: {"AAAA": ("::1",)},
    BOTH: {"AAAA": ("::1",), "A": ("127.0.0.1",)},
}
"""What is known: the addresses of a name by record type, in the order of the answer."""

_LONGEST_QUERY = 12 + 255 + 4  # header, name, type and class: RFC 1035, sections 4.1.1, 2.3.4 and 4.1.2
_CONNECTIONS_KEPT = 16


def isolate() -> Isolation:
    """Move this process into a private network that has our name server, where the machine allows it."""
    entered = isolation.enter()
    if entered.kind != "private network":
        return entered
    serve()
    return msgspec.structs.replace(entered, names=True)


def serve(port: int = 53) -> "NameServer":
    """A name server that answers from now on, at 127.0.0.1; with port 0, wherever the kernel puts it."""
    importlib.import_module("dnslib")  # takes 25 ms; paid here, neither at import nor by whoever asks first
    return NameServer(port)


def answer(message: bytes) -> bytes | None:
    """The reply to the query in a message; None if it is no query. What follows the question is not read."""
    from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSBuffer, DNSError, DNSHeader, DNSQuestion, DNSRecord  # type: ignore[import-untyped]
    from dnslib.label import DNSLabelError  # type: ignore[import-untyped]

    buffer = DNSBuffer(message)
    try:
        header, question = DNSHeader.parse(buffer), DNSQuestion.parse(buffer)
        if header.qr or header.q != 1:  # a reply, perhaps our own: two servers could go on for ever
            return None
        name, kind = str(question.qname).rstrip(".").lower(), QTYPE[question.qtype]
        reply = DNSRecord(header, [question]).reply()
        reply.header.rcode = RCODE.NOERROR if name in ZONE else RCODE.NXDOMAIN
        for address in ZONE.get(name, {}).get(kind, ()):
            data = {"A": A, "AAAA": AAAA}[kind](address)
            reply.add_answer(RR(question.qname, question.qtype, rdata=data))
        return bytes(reply.pack())
    except (DNSError, DNSLabelError):
        return None


class NameServer:
    """A running name server. It ends with the process, or when it is closed; it is also a context manager."""

    def __init__(self, port: int) -> None:
        self._connections: dict[socket.socket, bytearray] = {}  # oldest first, with what is not yet a whole message
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for listener in (self._udp, self._tcp):
                listener.setblocking(False)
                listener.bind(("127.0.0.1", port))
            self._tcp.listen()
        except OSError:
            self._udp.close()
            self._tcp.close()
            raise
        self.udp_port: int = self._udp.getsockname()[1]
        self.tcp_port: int = self._tcp.getsockname()[1]
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)
        self._thread.start()

    def __enter__(self) -> "NameServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering and release the port. Closing twice does no harm."""
        with suppress(OSError), self._stop:
            self._stop.shutdown(socket.SHUT_RDWR)  # the other end becomes readable, whoever holds a copy of this one
        self._thread.join()

    def _run(self) -> None:
        with selectors.DefaultSelector() as self._selector, self._stopped, self._udp, self._tcp:
            for listener in (self._stopped, self._udp, self._tcp):
                self._selector.register(listener, selectors.EVENT_READ)
            while self._stopped not in (ready := [key.fileobj for key, _ in self._selector.select()]):
                if self._udp in ready:
                    self._answer_datagram()
                for connection in [connection for connection in self._connections if connection in ready]:
                    self._answer_on(connection)
                if self._tcp in ready:
                    self._accept()
            for connection in list(self._connections):
                self._drop(connection)

    def _answer_datagram(self) -> None:
        with suppress(OSError):  # gone again, or from somebody who cannot be answered
            message, sender = self._udp.recvfrom(_LONGEST_QUERY)
            if reply := answer(message):
                self._udp.sendto(reply, sender)

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._tcp.accept()
            connection.setblocking(False)
            self._connections[connection] = bytearray()
            self._selector.register(connection, selectors.EVENT_READ)
        if len(self._connections) > _CONNECTIONS_KEPT:
            self._drop(next(iter(self._connections)))

    def _answer_on(self, connection: socket.socket) -> None:
        """Answer every whole message that has arrived; drop who leaves, or does not read what was asked for."""
        received = self._connections[connection]
        try:
            if not (data := connection.recv(0x1_0000)):
                raise EOFError
            received += data
            # RFC 1035, section 4.2.2: a message is preceded by its length, two bytes.
            while len(received) >= 2 and len(received) >= (end := 2 + int.from_bytes(received[:2], "big")):
                if reply := answer(bytes(received[2:end])):
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)
                del received[:end]
        except (OSError, EOFError):
            self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        del self._connections[connection]
        self._selector.unregister(connection)
        connection.close()
