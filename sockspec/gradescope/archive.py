"""The archive that an autograder is made from: its two scripts at the root, the suite, and the policy.

A hosted autograder runs in a container and can make none, so the policy has to accept a run without one of ours.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from sockspec import house, policy
from sockspec.complaint import UsageError
from sockspec.policy import Policy

POLICY = "policy.toml"
SCRIPTS = ("setup.sh", "run_autograder")
_HERE = Path(__file__).resolve().parent
_CARRIED = {
    "sockspec": _HERE.parent,
    "suites": house.SUITES,
    "reference": house.REFERENCE,
    "fixtures/mutants": house.MUTANTS,
}
_LEFT_OUT = {"__pycache__", "house"}  # an installed engine has the house in it
_FIRST_OF_1980 = (1980, 1, 1, 0, 0, 0)  # the oldest that a zip file knows; equal contents give equal archives


def make(exercise: str, policy_file: Path | None, out: Path) -> Policy:
    """Write the archive; the policy in it. UsageError if that policy is for containers only."""
    if policy_file is None:
        found, text = policy.of(exercise), policy.file(exercise).read_text(encoding="utf-8")
        if found.isolation == "container":
            text = f'isolation = "none"\n{text}'
    else:
        found, text = policy.read(policy_file), policy_file.read_text(encoding="utf-8")
        if found.isolation == "container":
            raise UsageError(f'{policy_file}: Gradescope runs it without a container of ours; say isolation = "none"')
    if found.exercise != exercise:
        raise UsageError(f"{policy_file} is a policy for {found.exercise}, and the exercise is {exercise}")
    try:
        _write(text, out)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from None
    return found


def _write(policy_text: str, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in SCRIPTS:
            _add(archive, name, (_HERE / name).read_bytes(), 0o755)
        _add(archive, POLICY, policy_text.encode(), 0o644)
        _add(archive, house.LOCK.name, house.LOCK.read_bytes(), 0o644)
        for place, directory in _CARRIED.items():
            for path in _files(directory):
                name = f"{place}/{path.relative_to(directory).as_posix()}"
                _add(archive, name, path.read_bytes(), path.stat().st_mode & 0o777)


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not _LEFT_OUT & set(path.relative_to(directory).parent.parts):
            yield path


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, _FIRST_OF_1980)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (0o100000 | mode) << 16  # a plain file, as Unix has it in the upper half
    archive.writestr(info, content)
