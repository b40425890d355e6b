"""The image that containers are made of: a base with Python and a C compiler, the suite, and the packages it runs on.

Its tag is a hash of what is in it, so a change of a suite or of the engine makes a new one by itself; layers that did
not change are not made again, and images of older states are removed. Packages come as wheels from the lock file and
are laid out on this side, by pip: nothing is fetched in the container. The base is a public image, or the one that
`base.sh` makes from Debian packages.
"""

import hashlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sockspec import house
from sockspec.complaint import SuiteError
from sockspec.oracle import fingerprint

LOCAL_BASE = "sockspec-base"
PUBLIC_BASE = "python:3.11-slim-bookworm"
_ENGINE = Path(__file__).resolve().parent.parent
_DOCKERFILE = Path(__file__).with_name("Dockerfile")
_PACKAGES = ("dnslib", "execnet", "iniconfig", "msgspec", "packaging", "pluggy", "pygments", "pyte", "pytest",
             "pytest-xdist", "wcwidth")  # fmt: skip
"""What the suite runs on; the image is not made if one is missing."""

_OURS = {"sockspec": "image", "sockspec.house": str(house.ROOT)}
"""The labels of images that were made of this house. Those of another checkout are not ours to remove."""
_BASE = "sockspec.base"

Say = Callable[[str], None]
"""Told about progress, a line at a time."""


def tag() -> str:
    """The name of the image for what is here now."""
    parts = [fingerprint(_ENGINE), fingerprint(house.SUITES), fingerprint(house.REFERENCE), _locked()]
    return f"sockspec:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def ready(client: Any, say: Say, *, base: str = "") -> str:
    """The tag of the image, which is made if it is not there yet, on that base if one is named.

    SuiteError says why it cannot be made.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        made_on = _made_on(client)
        if made_on is None or (base and base != made_on):
            _make(client, base or _base(client), say)
    except (DockerException, RequestException) as error:
        raise SuiteError(f"the image of the sandbox cannot be made: {error}") from error
    return tag()


def _made_on(client: Any) -> str | None:
    """The base of the image that is there; None if there is no image."""
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(tag()).labels.get(_BASE, ""))
    except ImageNotFound:
        return None


def _base(client: Any) -> str:
    """The base that was made here, if one was."""
    from docker.errors import ImageNotFound

    try:
        client.images.get(LOCAL_BASE)
    except ImageNotFound:
        return PUBLIC_BASE
    return LOCAL_BASE


def _make(client: Any, base: str, say: Say) -> None:
    say(f"making the image of the sandbox, on {base}")
    with tempfile.TemporaryDirectory(prefix="sockspec-") as scratch:
        packages = Path(scratch, "packages")
        _lay_out_packages(packages, _python_of(client, base))
        context = _context(packages)
        steps = client.api.build(
            fileobj=context, custom_context=True, tag=tag(), buildargs={"BASE": base}, network_mode="host",
            labels={**_OURS, _BASE: base}, rm=True, forcerm=True, decode=True,
        )  # fmt: skip
        said = ""
        for step in steps:
            if "error" in step:
                raise SuiteError(f"the image of the sandbox cannot be made: {step['error'].strip()}\n{said[-2000:]}")
            if (line := step.get("stream", "").strip()).startswith("Step"):
                say(line)
            else:
                said += step.get("stream", "")
    _remove_older(client)


def described(client: Any) -> str:
    """The tag of the image, its size, and how much of that is the base, which all images on it share."""
    from docker.errors import ImageNotFound

    made = client.images.get(tag())
    said = f"{tag()}: {made.attrs['Size'] >> 20} MiB"
    if base := made.labels.get(_BASE):
        with suppress(ImageNotFound):  # it may have been removed since
            said += f", {client.images.get(base).attrs['Size'] >> 20} of them the base {base}"
    return said


def _remove_older(client: Any) -> None:
    """Remove the other images of this house, which nothing will ask for again; one that a container uses stays."""
    from docker.errors import APIError

    now = client.images.get(tag()).id
    for image in client.images.list(filters={"label": [f"{name}={value}" for name, value in _OURS.items()]}):
        if image.id != now:
            with suppress(APIError):
                client.api.remove_image(image.id)


def _python_of(client: Any, base: str) -> str:
    """The version of Python in the base, `3.11`: compiled packages have to fit it."""
    show = ["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    said: bytes = client.containers.run(base, show, remove=True, network_mode="none")
    return said.decode().strip()


def _locked() -> str:
    """The entries of the lock file for what the suite runs on, with their hashes."""
    entries = re.split(r"\n(?=\S)", house.LOCK.read_text())
    return "\n".join(entry for entry in entries if entry.partition("==")[0] in _PACKAGES)


def _lay_out_packages(target: Path, version: str) -> None:
    """Unpack the wheels of those packages there."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(_locked())
        requirements.flush()
        command = [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target),
            "--no-deps", "--only-binary", ":all:", "--python-version", version, "--require-hashes", "--no-compile",
            "--requirement", requirements.name,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SuiteError(f"the packages of the sandbox cannot be had:\n{done.stderr.strip()}")


def _context(packages: Path) -> io.BytesIO:
    """All that the Dockerfile copies, as a tar file; equal contents give equal layers."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        archive.add(_DOCKERFILE, "Dockerfile", filter=_plain)
        for source, name in _sources(packages):
            archive.add(source, name, filter=_plain)
    context.seek(0)
    return context


def _sources(packages: Path) -> Iterator[tuple[Path, str]]:
    yield packages, "packages"
    yield _ENGINE, "house/sockspec"
    yield house.SUITES, "house/suites"
    yield house.REFERENCE, "house/reference"
    yield house.LOCK, "house/requirements.lock"


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "__pycache__" in info.name or info.name == "house/sockspec/house":  # an installed engine has the suites in it
        return None
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info
