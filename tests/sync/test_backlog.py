"""A restart over a long backlog: something useful is done at once, however much is left over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mappings.ports import Lane
from mappings.records import Operation, Outcome, OutcomeStatus, Side, Write
from mappings.required_fields import EVENT_KEY
from state import outbox
from state.outbox import Intent
from sync.apply import SLICE, apply
from sync.crash import Crash
from tests.sync.world import World


def left_over(number: int, lane: Lane, *, task: bool = False) -> Intent:
    """An update of a Lead, or a Task, that an earlier run journaled and never sent."""
    key = f"{lane.value}-{task}-{number}"
    return Intent(
        key=key,
        entity_id=f"person-{number}",
        side=Side.CRM,
        system="salesforce",
        operation=Operation.CREATE if task else Operation.UPDATE,
        object="Task" if task else "Lead",
        fields={"Subject": "Form filled in"} if task else {"Phone": "1"},
        lane=lane,
        reason="activity" if task else "fields",
        fingerprint=key,
        target_id=None if task else str(number),
        external_field=EVENT_KEY if task else None,
        external_value=key if task else None,
        details={"events": {}, "changes": []},
    )


def until_first_write(folder: Path, backlog: Sequence[Intent]) -> tuple[int, list[Write], int]:
    """A run over this backlog that ends with its first write: how many statements that took, what
    was written, and how many updates were open by then."""
    world = World.build(folder)
    world.contact("Ann", "Lee")
    world.first()
    with world.store.begin() as tx:
        outbox.journal(tx, "earlier", backlog)
    statements: list[str] = []
    seen: list[tuple[int, list[Write]]] = []

    def write(rows: Sequence[Write]) -> list[Outcome]:
        seen.append((len(statements), list(rows)))
        raise Crash

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    world.salesforce.write = write  # type: ignore[method-assign]
    event.listen(world.store.engine, "before_cursor_execute", count)
    with pytest.raises(Crash):
        world.run()
    event.remove(world.store.engine, "before_cursor_execute", count)
    with world.store.read() as tx:
        waiting = outbox.unsettled(tx, status="open", limit=len(backlog))
    world.close()
    ((number, rows),) = seen
    left = sum(one.intent.operation is Operation.UPDATE for _, one in waiting)
    return number, rows, left


def test_a_backfills_creates_wait_for_a_whole_job(tmp_path: Path) -> None:
    """However few creates one slice of the journal holds, since as many updates stand between them,
    they go to the vendor together where it has a way for many; fewer than are worth it go by
    ordinary calls."""
    for creates, sizes in ((3_000, [3_000]), (450, [100, 100, 100, 100, 50])):
        folder = tmp_path / str(creates)
        folder.mkdir()
        world = World.build(folder)
        able = replace(world.salesforce.capabilities, bulk_from=SLICE // 2 + 1, bulk_batch=SLICE)
        world.salesforce.capabilities = able
        lead = world.lead("Ann", "Lee")
        backlog: list[Intent] = []
        for number in range(creates):
            create = left_over(number, Lane.BACKFILL, task=True)
            update = replace(
                left_over(number, Lane.BACKFILL), target_id=lead, depends_on=create.key
            )
            backlog += [create, update]
        with world.store.begin() as tx:
            outbox.journal(tx, "earlier", backlog)
        seen: list[int] = []
        write = world.salesforce.write

        def counted(
            rows: Sequence[Write],
            write: Callable[[Sequence[Write]], list[Outcome]] = write,
            seen: list[int] = seen,
        ) -> list[Outcome]:
            if rows[0].operation is Operation.CREATE:
                seen.append(len(rows))
            return write(rows)

        world.salesforce.write = counted  # type: ignore[method-assign]
        apply(world.pair, "run-1")
        world.close()
        assert seen == sizes


def test_a_backlog_of_updates_does_not_delay_a_more_urgent_write(tmp_path: Path) -> None:
    """The Task of a fresh form fill goes out before one of the updates behind it is looked at."""
    counts = []
    for number in (10, 2 * SLICE):
        folder = tmp_path / str(number)
        folder.mkdir()
        backlog = [left_over(n, Lane.BACKFILL) for n in range(number)]
        urgent = left_over(0, Lane.FRESH, task=True)
        statements, rows, left = until_first_write(folder, [*backlog, urgent])
        counts.append(statements)
        assert [row.key for row in rows] == [urgent.key]
        assert left == number
    assert counts[0] == counts[1]


def test_a_lane_is_begun_when_its_first_page_is_looked_at(tmp_path: Path) -> None:
    """Old updates are planned anew page by page: the first Task behind some waits for one page."""
    updates = [left_over(n, Lane.BACKFILL) for n in range(2 * SLICE)]
    tasks = [left_over(n, Lane.BACKFILL, task=True) for n in range(10)]
    backlog = [*updates[: SLICE - 10], *tasks, *updates[SLICE - 10 :]]
    _, rows, left = until_first_write(tmp_path, backlog)
    assert [row.object for row in rows] == ["Task"] * 10
    assert left == 2 * SLICE - (SLICE - 10)


def test_calls_are_full_whatever_the_pages(tmp_path: Path) -> None:
    """Two kinds of write in turn, over several pages: only the last call of each kind is short."""
    world = World.build(tmp_path)
    number = 2 * SLICE + 130
    backlog = [left_over(n, Lane.BACKFILL, task=n % 2 == 0) for n in range(number)]
    with world.store.begin() as tx:
        outbox.journal(tx, "this", backlog)
    sizes: dict[str, list[int]] = {"Task": [], "Lead": []}

    def write(rows: Sequence[Write]) -> list[Outcome]:
        sizes[rows[0].object].append(len(rows))
        return [Outcome(row.key, OutcomeStatus.OK, row.id or row.key) for row in rows]

    world.salesforce.write = write  # type: ignore[method-assign]
    apply(world.pair, "this")
    world.close()
    largest = world.salesforce.capabilities.write_batch
    for calls in sizes.values():
        assert sum(calls) == number // 2
        assert all(size == largest for size in calls[:-1])
