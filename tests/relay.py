"""A way to the engine over TCP, as to one on another machine; it can be cut, as by a restart, and mended."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sockspec import engine


class Relay:
    """What connects to `host` reaches this machine's engine, while the way is not cut."""

    def __init__(self) -> None:
        self.turned_away = threading.Event()
        """Somebody has come while it was cut."""
        self._cut = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends in the middle, and every new one at once."""
        self._cut = True
        for each in self._open:
            _end(each)

    def mend(self) -> None:
        """From now on the engine is reached again."""
        self._cut = False

    def close(self) -> None:
        self.cut()
        _end(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                ours, _ = self._listener.accept()
                if self._cut:
                    ours.close()
                    self.turned_away.set()
                    continue
                theirs = socket.socket(socket.AF_UNIX)
                theirs.connect(engine.SOCKET)
                self._open += [ours, theirs]
                for source, target in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=_forward, args=(source, target), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # cut
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _end(each: socket.socket) -> None:
    with suppress(OSError):  # it has ended already
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@contextmanager
def relayed() -> Iterator[Relay]:
    """Such a way, for the block."""
    relay = Relay()
    try:
        yield relay
    finally:
        relay.close()
