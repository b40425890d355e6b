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
        self._engine = engine.address().removeprefix("unix://")
        self._cut = False
        self._lock = threading.Lock()  # nobody slips through while it is being cut
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection ends in the middle, and every new one at once."""
        with self._lock:
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
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                if self._cut or not self._connected(ours):
                    ours.close()
                    self.turned_away.set()

    def _connected(self, ours: socket.socket) -> bool:
        theirs = socket.socket(socket.AF_UNIX)
        self._open += [ours, theirs]
        try:
            theirs.connect(self._engine)
        except OSError:
            return False
        for source, target in ((ours, theirs), (theirs, ours)):
            threading.Thread(target=_forward, args=(source, target), daemon=True).start()
        return True


def _forward(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one side is gone, or both were cut
        _end(source)
        _end(target)


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
