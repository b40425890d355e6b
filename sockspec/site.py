"""The directory that a program is started in where an exercise is about files, and a place beside it.

Both are there for one scenario. They are ours: a program that runs as another user reads them, and changes nothing.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


class Site:
    """A directory with the files of a scenario, `site/`; beside it stand those that are not a part of it."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._parent = Path(tempfile.mkdtemp(prefix="sockspec-"))
        self._parent.chmod(0o755)
        self.path = self._parent / "site"
        self.path.mkdir()
        self.path.chmod(0o755)
        for name, text in files.items():
            self.write(name.encode(), text.encode())

    def write(self, name: bytes, data: bytes, mode: int = 0o644) -> None:
        """A file of the directory; `../name` is one beside it, and directories on the way are made."""
        path = self.path / os.fsdecode(name)
        for directory in reversed(path.parents):
            if not directory.exists():
                directory.mkdir()
                directory.chmod(0o755)
        path.write_bytes(data)
        path.chmod(mode)

    def fifo(self, name: str) -> None:
        """A FIFO of the directory: who opens it to read waits until somebody opens it to write, and nobody does."""
        os.mkfifo(self.path / name)
        (self.path / name).chmod(0o644)

    def link(self, name: str, target: str) -> None:
        """A symbolic link of the directory."""
        (self.path / name).symlink_to(target)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self._parent)
