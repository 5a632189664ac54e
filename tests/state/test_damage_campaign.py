"""Damaged state files of every kind: an earlier state, or a refusal that names file and way back.

The long form, 1,000 variants, is part of `make soak`; this is the short one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.errors import StateError
from state.open import open_store
from tests.state.damage import WAYS, campaign
from tests.state.support import now

CERTAIN = {
    "whole": {"opened"},
    "no -wal": {"opened"},
    "cut -wal": {"opened"},
    "rubbish -wal": {"opened"},
    "rubbish -shm": {"opened"},
    "empty": {"state.damaged"},
    "newer": {"state.newer"},
    "no version": {"state.damaged"},
    "a lost table": {"state.missing"},
    "a folder": {"state.read_only"},
}
"""What certain ways always come to; the others depend on where they hit."""


def test_every_kind_of_damage_is_an_earlier_state_or_a_refusal(tmp_path: Path) -> None:
    """Every variant opens as it was after one of its commits, or is refused by an error of ours
    that names the file and has a remedy; what a way must come to, it comes to.
    """
    found = campaign(tmp_path, 4 * len(WAYS))
    assert {sum(counts.values()) for counts in found.values()} == {4}
    assert {way: set(found[way]) for way in CERTAIN} == CERTAIN


@pytest.mark.parametrize("beside", [".lock", "-wal", "-journal"])
def test_an_emptied_file_is_not_taken_for_a_new_state(tmp_path: Path, beside: str) -> None:
    """A file without a byte that was a state once is refused: a new one would forget everything.
    One that never was (a start that was killed at once) becomes a state.
    """
    path = tmp_path / "state.sqlite3"
    path.touch()
    trace = path.with_name(path.name + beside)
    trace.touch()
    with pytest.raises(StateError, match=str(path)) as refused:
        open_store(f"sqlite:///{path}", clock=now, pair="main")
    assert refused.value.code == "state.damaged"
    assert "leadloop backup --verify" in refused.value.remedy
    assert path.stat().st_size == 0
    trace.unlink()
    open_store(f"sqlite:///{path}", clock=now, pair="main").close()
