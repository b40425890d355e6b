"""Programs that were not written for this suite, and may be missing on a machine, but not where CI runs."""

import os
import shutil

import pytest

IN_CI = os.environ.get("CI") == "true"
"""There a test that is skipped looks like one that has passed, and nobody is there to wonder."""


def needs(command: str) -> pytest.MarkDecorator:
    """Skipped where that command is not installed; in CI it is run all the same, and fails."""
    return pytest.mark.skipif(shutil.which(command) is None and not IN_CI, reason=f"{command} is not installed")
