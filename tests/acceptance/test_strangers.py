"""The short form of the campaign among people others have put there; `make soak ARGS="--only
strangers"` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.strangers import strangers


def test_people_others_have_put_there_are_the_same_on_both_sides(tmp_path: Path) -> None:
    """Laws 1 to 5: after random kills, edits on both sides and form fills nobody is lost or
    doubled, every value is the one that was typed last, and a last run writes nothing."""
    found = strangers(tmp_path, people=30, rounds=3, seed=3)
    assert found.killed > 0
    assert not found.wrong, found.as_json()
