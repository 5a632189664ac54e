"""What a failing disk is called, so that people do what helps."""

from __future__ import annotations

from pathlib import Path

from state.failures import ROOM, disk_failed, free_beside, named

FILE = Path("/nowhere/leadloop.sqlite3")


def test_an_i_o_error_on_a_full_disk_is_a_full_disk() -> None:
    """SQLite calls it an I/O error when its shared memory cannot grow: freeing space helps, and a
    copy of the state is not to be put back for it."""
    found = named(disk_failed(), FILE, free=lambda _: ROOM - 1)
    assert found.code == "state.disk_full"
    assert str(FILE) in found.message


def test_an_i_o_error_with_room_is_a_failing_disk() -> None:
    """Where there is space the disk itself is at fault."""
    assert named(disk_failed(), FILE, free=lambda _: ROOM).code == "state.disk_failed"


def test_a_disk_that_cannot_be_asked_is_not_called_full(tmp_path: Path) -> None:
    """The folder is gone: nothing is said about space, and no other error hides the first."""
    gone = tmp_path / "gone" / "leadloop.sqlite3"
    assert free_beside(gone) == ROOM
    assert named(disk_failed(), gone).code == "state.disk_failed"
