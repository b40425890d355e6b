"""The server under test, over UDP: bound to its port and never listening, and asked by clients that do not connect."""

import socket
from typing import NoReturn

from sockspec import diagnosis
from sockspec.datagram_peer import DatagramPeer
from sockspec.kernel.datagrams import Bound, bound
from sockspec.kernel.held import Held
from sockspec.scenario import LOOPBACK, ORDINALS
from sockspec.server import A_VISIT_S, Holder, Server
from sockspec.verdict import Outcome
from sockspec.watch import Standstill


class DatagramServer(Server):
    """The server under test, started when it is first needed."""

    # --- its port

    def taken(self, port: int) -> bool:
        """Whether any UDP socket has that port."""
        return bool(bound(port))

    def sockets(self) -> list[Bound]:
        """Its sockets that take datagrams from everybody, on whatever port."""
        held = Held(self.running().pids())
        return [each for each in bound() if each in held and not each.remote[1]]

    def expect_listening(self, asked: str, otherwise: Outcome) -> None:
        """It is bound to its port; `asked` is how it was told which."""
        standstill = self.scenario.watch.until(lambda: any(each.local[1] == self.port for each in self.sockets()))
        if standstill is not None:
            self._not_listening(asked.replace("listen on", "take"), standstill, otherwise)
        self._has_listened = True

    def _not_listening(self, asked: str, standstill: Standstill, outcome: Outcome) -> NoReturn:
        name = self.running().name
        self.scenario.told.append(f"{name} was {asked}")
        elsewhere = [f"{host} port {port}{diagnosis.port_slip(port, self._asked)}" for host, port in self._places()]
        if elsewhere:
            self.scenario.told.append(f"{name} is bound to {diagnosis.few(elsewhere)}")
            self.scenario.fail(f"{name} is bound to another port than it should be", outcome=outcome)
        if diagnosis.listeners(self.running(), self.scenario.watch.diagnostics):
            self.scenario.fail(f"{name} listens for TCP connections (SOCK_STREAM), not for datagrams", outcome=outcome)
        self.scenario.fail(f"{name} is not bound to its port", standstill=standstill, outcome=outcome)

    def _places(self) -> list[tuple[str, int]]:
        return [each.local for each in self.sockets()]

    # --- clients

    def client(self, host: str = LOOPBACK) -> DatagramPeer:
        """A client of ours, which has a socket and has said nothing yet."""
        self.running()
        number = len(self.scenario.datagram_peers)
        name = f"{ORDINALS[number]} client" if number < len(ORDINALS) else f"client {number + 1}"
        return self.scenario.datagram_peer([self.scenario.bind("0.0.0.0")], name, (host, self.port))

    def visit(self, host: str = LOOPBACK) -> None:
        """One short, complete, correct conversation: a line without its newline; then the client leaves."""
        peer = self.client(host)
        first = peer is self.scenario.datagram_peers[0] and host == LOOPBACK
        with self.scenario.watch.lenient(A_VISIT_S), self.scenario.preliminary(first=first):
            peer.send(self.scenario.conversation.request.encode().removesuffix(b"\n"))
            peer.expect_datagram()
        peer.vanish()

    # --- expectations

    def expect_failure(self) -> None:
        """It ends by itself without ever settling on a port, with a status that is not 0, and says why."""
        program = self.running()
        standstill = self.scenario.watch.until(lambda: program.exit is not None)
        # Only now: a look-up of a name also takes a UDP port, for a moment.
        if program.exit is None and (places := self._places()):
            self.scenario.fail(
                f"{program.name} is bound to {places[0][0]} port {places[0][1]}"
                f"{diagnosis.port_slip(places[0][1], self._asked)}",
                outcome=Outcome.WRONG, expected="it ends with an error", received="it goes on",
                reference="ended with an error, and was bound to no port",
            )  # fmt: skip
        self.scenario.check_failed(program, standstill)

    def expect_one_listener(self) -> None:
        """It is bound to its port and to no other; one socket for IPv4 and one for IPv6 count as one."""
        self.scenario.watch.at_rest()  # its port may be the first of several
        places = sorted(set(self._places()))
        if any(port != self.port for _, port in places) or len(places) > 2:
            told = diagnosis.few([f"{host} port {port}" for host, port in places])
            self.scenario.fail(f"{self.running().name} is bound to several ports: {told}", outcome=Outcome.WRONG,
                               reference="was bound to its port and to no other")  # fmt: skip

    def expect_port_free(self) -> None:
        """Nobody has its port any more."""
        if not self._let_go():
            self.scenario.fail(f"port {self.port} is still taken", reference="left its port free")

    # --- a port that is not to be had

    def take_port(self) -> "DatagramHolder":
        """Somebody else, who has its port already."""
        return DatagramHolder(self.scenario, self.port)


class DatagramHolder(Holder):
    """Somebody else's sockets bound to a port, IPv4 and IPv6."""

    def _open(self, host: str) -> socket.socket:
        return self._scenario.bind(host, self._port)

    def expect_undisturbed(self) -> None:
        """What is sent to the port still reaches us."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as visitor:
            visitor.sendto(b"hello", (LOOPBACK, self._port))
        self._scenario.at_rest()
        try:
            self._sockets[0].recv(16)
        except BlockingIOError:
            self._scenario.fail("who had the port before gets no datagrams any more", outcome=Outcome.WRONG)
