"""A run's plans beyond a few thousand lie in a file: all of them, in order, as they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.errors import RecordRejectedError, StateError
from mappings.ports import Lane
from mappings.records import Operation, RecordRef, Side
from state.outbox import Intent
from sync.bonds import Conflict, Rejection
from sync.plan import Planned
from sync.plan_people import EntityPlan
from sync.spool import PlanSpool
from tests.sync.test_cli_bad_input import small_disk
from tests.sync.test_guard import OPT_OUT, UPDATE, intent


def _plan(number: int) -> EntityPlan:
    error = RecordRejectedError("too long", code="value.too_long", field="Title", remedy="Shorten.")
    return EntityPlan(
        f"e{number}",
        (intent(number, UPDATE),),
        bond=f"a|{number}",
        agreed={"x>Lead.X": ("1", None)},
        rejections=(Rejection(Side.CRM, "Lead", str(number), error),),
        events={"held": (number,)},
        reasons={"x>Lead.X": "agreed"},
        conflicts=(Conflict("x>Lead.X", "x", "X", "1", "2"),),
        stays=number % 2 == 0,
    )


def _told(plan: EntityPlan) -> tuple[object, ...]:
    """A plan without its errors, which are equal only to themselves; those as data."""
    errors = [one.error.as_dict() for one in plan.rejections]
    return (
        plan.entity_id,
        plan.intents,
        plan.agreed,
        plan.events,
        plan.conflicts,
        plan.stays,
        errors,
    )


def test_what_is_added_comes_back_as_often_as_it_is_asked_for() -> None:
    """Held or written, everything of a plan is as it was, in its order; adding goes on after."""
    spool = PlanSpool(in_memory=10)
    plans = [_plan(number) for number in range(95)]
    for start in range(0, 90, 9):
        spool.extend(plans[start : start + 9])
    assert len(spool) == 90
    assert [*map(_told, spool)] == [*map(_told, plans[:90])]
    spool.extend(plans[90:])
    for _ in range(2):
        assert [*map(_told, spool)] == [*map(_told, plans)]


def test_two_may_go_through_at_once() -> None:
    """One reader does not move another's place."""
    spool = PlanSpool((_plan(number) for number in range(40)), in_memory=5)
    pairs = zip(spool, spool, strict=True)
    assert [(a.entity_id, b.entity_id) for a, b in pairs] == [(f"e{n}",) * 2 for n in range(40)]


def test_nothing_is_left_of_what_was_let_go() -> None:
    """Cleared, there is no plan and no file; none to begin with is none."""
    spool = PlanSpool((_plan(number) for number in range(40)), in_memory=5)
    files = _files()
    spool.clear()
    assert (len(spool), list(spool)) == (0, [])
    assert _files() == files - 1
    assert not PlanSpool()


def _files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def _ten_thousand() -> Iterator[EntityPlan]:
    for number in range(10_000):
        shared = intent(0, OPT_OUT)
        yield EntityPlan(f"e{number}", (intent(number, UPDATE), shared))


def test_ten_thousand_are_counted_once_each() -> None:
    """Counts are kept as plans are added: a write two people ask for is one, however far apart."""
    planned = Planned()
    planned.add(_ten_thousand())
    assert planned.writes() == sum(1 for _ in planned.intents()) == 10_001
    assert planned.counts() == {"crm.update.Lead": 10_000, "crm.opt_out.Lead": 1}
    assert planned.kinds()["consent"] == 1
    assert planned.conflicts == 0


def test_an_intent_keeps_what_it_is() -> None:
    """Operation, lane, side and target of a written intent are those it had, not their names."""
    made = Intent(
        key="k", entity_id="e", side=Side.MAP, system="hubspot", operation=Operation.CREATE,
        object="contacts", fields={"a": None}, lane=Lane.FRESH, reason="r", fingerprint="f",
        target_id="7",
    )  # fmt: skip
    [back] = PlanSpool([EntityPlan("e", (made,))], in_memory=0)
    assert back.intents == (made,)
    assert back.intents[0].lane is Lane.FRESH
    assert RecordRef("hubspot", "contacts", str(back.intents[0].target_id)).id == "7"


def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    """Plans that do not fit end in words that say where, and what to do; nothing stays behind."""
    disk = tmp_path / "disk"
    with small_disk(disk, "16k"):
        spool = PlanSpool(in_memory=0, directory=disk)
        with pytest.raises(StateError, match=f"{disk}: No space left") as caught:
            spool.extend(_plan(number) for number in range(2_000))
        assert caught.value.code == "plan.no_room"
        assert "TMPDIR" in caught.value.remedy
        spool.clear()
        assert list(disk.iterdir()) == []


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A directory for temporary files that does not exist is named."""
    with pytest.raises(StateError, match="gone: No such file"):
        PlanSpool([_plan(1)], in_memory=0, directory=tmp_path / "gone")
