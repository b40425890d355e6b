"""A chat room: a server under test, and clients of ours in it who hear whatever is told to everyone."""

from sockspec.suite import Meaning, Peer, Server
from suites.chat.packets import hello, meaning


class Room:
    """The people in it, in the order in which they came."""

    def __init__(self, server: Server, *nicks: str) -> None:
        self.server = server
        self.people: list[Peer] = []
        for nick in nicks:
            self.enter(nick)

    def enter(self, nick: str, *, ethernet: bool = False) -> Peer:
        """One more comes, by `ethernet` or from here, and says hello, and all hear of it."""
        peer = self.server.connect(ethernet=ethernet)
        peer.send(hello(nick))
        self.people.append(peer)
        self.hears()
        return peer

    def hears(self, as_: Meaning = meaning) -> None:
        """Everyone hears what was told."""
        for peer in self.people:
            peer.expect_bytes(as_)

    def loses(self, peer: Peer) -> None:
        """That one is listened to no more."""
        self.people.remove(peer)


def lockstep(server: Server, one: Peer, other: Peer, first: bytes, second: bytes, size: int) -> None:
    """Pieces of both in turns, each when the server has read the one before."""
    for at in range(0, max(len(first), len(second)), size):
        for peer, data in ((one, first), (other, second)):
            if piece := data[at : at + size]:
                peer.send(piece)
                peer.wait_until_consumed()
    server.expect_at_rest()
