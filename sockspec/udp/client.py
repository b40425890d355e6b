"""The client under test, over UDP: a run of it talks to a socket of ours that has the port, or to nobody."""

from sockspec.client import Client, Visit
from sockspec.complaint import SuiteError
from sockspec.datagram_peer import DatagramPeer
from sockspec.kernel.datagrams import bound
from sockspec.kernel.held import Held
from sockspec.scenario import LOOPBACK


class DatagramClient(Client):
    """The client under test. Our server is the same for every run of it: `client.peer`."""

    peer: DatagramPeer

    def listen(self, *hosts: str) -> None:
        """Take the port at those addresses."""
        self.peer = self.scenario.datagram_peer([self.scenario.bind(host, self.port) for host in hosts], "our server")

    def stop_listening(self) -> None:
        """From now on nobody has the port."""
        self.peer.leave()

    def stranger(self) -> DatagramPeer:
        """Somebody else, with another port."""
        return self.scenario.datagram_peer([self.scenario.bind(LOOPBACK)], "a stranger")

    def start(self, stdin: bytes | None = b"", host: str = LOOPBACK) -> Visit:
        """Start it with our server there; what it sends is yet to be expected."""
        if not hasattr(self, "peer"):
            self.listen(LOOPBACK)
        return self.launch(self.command.line(host=host, port=str(self.port)), stdin, f"{host} port {self.port}")

    def visit(self, host: str = LOOPBACK) -> None:
        """One short, complete, correct conversation."""
        with self.scenario.preliminary(first=self._is_first(host)):
            self.exchange(self.scenario.conversation.request.encode(), host)

    def exchange(self, data: bytes, host: str = LOOPBACK) -> None:
        """A run of the client with those lines, each of which our server sends back."""
        visit = self.start(data, host)
        for _ in data.splitlines():
            self.echo()
        visit.expect_output()
        visit.expect_success()
        self.peer.expect_nothing_more()

    def echo(self) -> None:
        """Our server receives a line, and sends it back."""
        self.peer.send_back(self.peer.expect_line())

    def call_reference(self, stdin: bytes) -> Visit:
        """The client, started against the server of the reference."""
        command = self.scenario.reference.commands["server"]
        program = self.scenario.launch(self.scenario.reference, "server", command.line(port=str(self.port)))

        def there() -> bool:
            held = Held(program.pids())
            return any(each in held for each in bound(self.port))

        if self.scenario.watch.until(there) is not None:
            raise SuiteError(f"the reference's server is not bound to port {self.port}")
        return self.call(self.port, stdin)

    def expect_failure(self, visit: Visit) -> None:
        """That run ends by itself with an error, and sends us nothing."""
        visit.expect_failure()
        self.expect_no_connection()

    def expect_no_connection(self) -> None:
        """Nobody has sent us anything but what was expected."""
        if hasattr(self, "peer"):
            self.peer.expect_nothing_more()
