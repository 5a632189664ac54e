"""What the inbox says is gone at a vendor, before anything is done about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.fieldmap import EntityKind
from mappings.records import Record, RecordRef, Side
from state import identity, mirror
from state.identity import NewLink
from sync import intake
from sync.guard import Gone
from tests.sync.world import START, World

NONE: frozenset[RecordRef] = frozenset()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Three linked people with a contact and a Lead each, and a linked company."""
    made = World.build(tmp_path)
    with made.store.begin() as tx:
        identity.create(tx, "r", {f"e{n}": EntityKind.PERSON for n in range(3)})
        identity.create(tx, "r", {"c1": EntityKind.COMPANY})
        links = [NewLink(lead(n), f"e{n}", "test") for n in range(3)]
        links += [NewLink(contact(n), f"e{n}", "test") for n in range(3)]
        links += [NewLink(RecordRef("salesforce", "Account", "9"), "c1", "test")]
        identity.link(tx, "r", links)
    yield made
    made.close()


def lead(number: int) -> RecordRef:
    """A Lead's name."""
    return RecordRef("salesforce", "Lead", f"00Q{number}")


def contact(number: int) -> RecordRef:
    """A MAP contact's name."""
    return RecordRef("hubspot", "contacts", str(number))


def row(ref: RecordRef, *, minutes: int = 0, **more: object) -> Record:
    """A pulled revision of a record."""
    at = START + timedelta(minutes=minutes)
    bare = Record(ref, {}, f"{minutes}/{sorted(more)}", at)
    return replace(bare, **more)  # type: ignore[arg-type]


def land(world: World, rows: Sequence[Record]) -> None:
    """As a pull would."""
    with world.store.begin() as tx:
        mirror.land(tx, "r", "stream", rows)


def test_nothing_is_gone_before_anything_is_linked(tmp_path: Path) -> None:
    """A first connection has nothing to lose, whatever it pulls."""
    bare = World.build(tmp_path)
    land(bare, [row(lead(1), deleted=True)])
    assert intake.gone(bare.pair) == []
    bare.close()


def test_deleted_and_merged_records_are_counted_by_side_and_kind(world: World) -> None:
    """Deletions and merge losers by name, out of how many are linked; a merge's loser is no
    deletion, and who belongs to nobody is not counted."""
    land(
        world,
        [
            row(lead(0), deleted=True),
            row(lead(1), deleted=True, merged_into="00Q2"),
            row(contact(2), deleted=True),
            row(RecordRef("salesforce", "Lead", "00Q99"), deleted=True),
            row(RecordRef("salesforce", "Account", "9"), deleted=True),
            row(lead(2)),
        ],
    )
    assert intake.gone(world.pair) == [
        Gone(Side.MAP, "person", frozenset({contact(2)}), NONE, 3),
        Gone(Side.CRM, "company", frozenset({RecordRef("salesforce", "Account", "9")}), NONE, 1),
        Gone(Side.CRM, "person", frozenset({lead(0)}), frozenset({lead(1)}), 3),
    ]


def test_a_record_that_came_back_is_not_gone(world: World) -> None:
    """A later revision that is alive takes the deletion back; one of the same instant, or an
    earlier one that came late, does not."""
    land(world, [row(lead(0), minutes=5, deleted=True), row(lead(1), minutes=5, deleted=True)])
    land(world, [row(lead(0), minutes=6), row(lead(1), minutes=5), row(lead(1), minutes=4)])
    [found] = intake.gone(world.pair)
    assert found.deleted == {lead(1)}


def test_a_record_deleted_twice_is_gone_since_the_later_time(world: World) -> None:
    """Restored between two deletions, it is gone all the same."""
    land(world, [row(lead(0), minutes=1, deleted=True), row(lead(0), minutes=2)])
    land(world, [row(lead(0), minutes=3, deleted=True)])
    [found] = intake.gone(world.pair)
    assert found.deleted == {lead(0)}
    land(world, [row(lead(0), minutes=4)])
    assert intake.gone(world.pair) == []


def test_who_is_no_longer_linked_cannot_go(world: World) -> None:
    """A link that has ended is not lost a second time."""
    with world.store.begin() as tx:
        identity.set_status(tx, [lead(0)], "gone")
    land(world, [row(lead(0), deleted=True)])
    assert intake.gone(world.pair) == []


def test_a_large_inbox_is_looked_at_to_its_end(world: World) -> None:
    """More rows than a page holds: the deletion behind them is seen, and its taking back."""
    filler = [row(RecordRef("salesforce", "Lead", f"00X{n}")) for n in range(intake.PAGE)]
    land(world, [*filler, row(lead(0), minutes=5, deleted=True)])
    [found] = intake.gone(world.pair)
    assert found == Gone(Side.CRM, "person", frozenset({lead(0)}), NONE, 3)
    land(world, [row(lead(0), minutes=6)])
    assert intake.gone(world.pair) == []
