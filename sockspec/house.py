"""Where the suites, the reference and the fixtures are: beside the engine in a checkout, inside it once installed."""

from pathlib import Path

_ENGINE = Path(__file__).resolve().parent
ROOT = _ENGINE / "house" if (_ENGINE / "house").is_dir() else _ENGINE.parent
SUITES = ROOT / "suites"
REFERENCE = ROOT / "reference"
LOCK = ROOT / "requirements.lock"
FIXTURES = ROOT / "fixtures"
MUTANTS = FIXTURES / "mutants"


def exercises() -> list[str]:
    """The names of the exercises that have a suite, sorted."""
    return sorted(entry.parent.name for entry in SUITES.glob("*/requirements.toml"))
