"""What users who are not us have left is removed, and nobody else's."""

import os
from pathlib import Path

import pytest

from sockspec import account

ADA, BEN = 61_001, 61_002


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_a_user_has_left_goes_and_what_others_have_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "_EVERYBODYS", (tmp_path,))
    for name, user in (("of-ada", ADA), ("of-ben", BEN)):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.txt").touch()
        account.give(tmp_path / name, user)
        account.give(tmp_path / f"{name}.txt", user)
    account.tidy(ADA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["of-ben", "of-ben.txt"]
