"""A browser without a screen, as a process of its own, that may talk to this machine only."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.installed import needs

CHROMIUM = shutil.which("chromium")
needs_chromium = needs("chromium")

_OPTIONS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio",
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-extensions", "--disable-sync", "--disable-domain-reliability",
    "--disable-features=OptimizationHints,MediaRouter,Translate,NetworkTimeServiceQuerying,DnsOverHttps",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]  # fmt: skip


@contextmanager
def _profile() -> Iterator[str]:
    with TemporaryDirectory(prefix="sockspec-", ignore_cleanup_errors=True) as directory:
        yield directory


def opened(page: Path | str, *options: str) -> str:
    """The document as it is once the page, a file or an address of this machine, has loaded and any script has run."""
    assert CHROMIUM is not None, "chromium is not installed"
    address = page if isinstance(page, str) else page.as_uri()
    with _profile() as profile:
        command = [CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", *options, "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def shot(page: Path, image: Path, width: int, height: int, *options: str) -> None:
    """A picture of the page, for a person to look at."""
    assert CHROMIUM is not None, "chromium is not installed"
    with _profile() as profile:
        what = [f"--window-size={width},{height}", f"--screenshot={image}", page.as_uri()]
        command = [CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", *options, *what]
        subprocess.run(command, capture_output=True, timeout=120, check=True)
