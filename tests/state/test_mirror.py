"""Inbox and mirror: landed once with the cursor, accounted for, and never overtaken by old news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.records import Record, RecordRef
from state import mirror
from state.store import Store
from tests.state.support import at, contact, mirrored, now


def test_landing_again_is_no_news(store: Store) -> None:
    """A page landed twice, or after its rows reached the mirror, adds nothing (law 2)."""
    page = [contact(n) for n in range(5)]
    with store.begin() as tx:
        assert mirror.land(tx, "r1", "contacts", [*page, *page]) == 5
    with store.begin() as tx:
        assert mirror.land(tx, "r2", "contacts", page) == 0
        mirror.mirror(tx, [mirrored(contact(9))])
        assert mirror.land(tx, "r2", "contacts", [contact(9)]) == 0
        assert mirror.land(tx, "r2", "contacts", [contact(9, second=1)]) == 1


def test_cursor_and_rows_are_one_transaction(store: Store) -> None:
    """When landing fails after the cursor was stored, neither is kept."""

    def land_and_fail() -> None:
        with store.begin() as tx:
            mirror.store_cursor(tx, "hubspot", "contacts", {"after": "2"}, complete=True)
            mirror.land(tx, "r1", "contacts", [contact(1)])
            raise KeyError("cut")

    with store.begin() as tx:
        mirror.store_cursor(tx, "hubspot", "contacts", {"after": "1"}, complete=False)
    with pytest.raises(KeyError):
        land_and_fail()
    with store.read() as tx:
        assert mirror.cursor(tx, "hubspot", "contacts") == {"after": "1"}
        assert mirror.completed_at(tx, "hubspot") == {"contacts": None}
        assert mirror.pending_count(tx) == 0


def test_a_cursor_remembers_when_its_stream_was_last_complete(store: Store) -> None:
    """A page in the middle moves the cursor and leaves the time of the last complete pull."""
    with store.begin() as tx:
        assert mirror.cursor(tx, "hubspot", "contacts") is None
        mirror.store_cursor(tx, "hubspot", "contacts", {"after": "1"}, complete=True)
        mirror.store_cursor(tx, "hubspot", "contacts", {"after": "2"}, complete=False)
        assert mirror.cursor(tx, "hubspot", "contacts") == {"after": "2"}
        assert mirror.completed_at(tx, "hubspot") == {"contacts": now()}


@pytest.mark.parametrize(
    "record",
    [
        contact(1),
        contact(1, deleted=True, fields={}, merged_into="2"),
        contact(1, converted_to=RecordRef("salesforce", "Contact", "003"), modified_by="005"),
        contact(1, created_at=at(-1.5), associations={"companies": ("1", "2"), "deals": ()}),
    ],
)
def test_records_come_back_as_they_went_in(store: Store, record: Record) -> None:
    """Inbox and mirror give back the record, every part of it."""
    with store.begin() as tx:
        mirror.land(tx, "r1", "contacts", [record])
        mirror.mirror(tx, [mirrored(record, "p1", "x")])
        assert [row.record for row in mirror.pending(tx)] == [record]
        found = mirror.load(tx, [record.ref, RecordRef("hubspot", "contacts", "none")])
    assert found == {record.ref: mirrored(record, "p1", "x")}


def test_every_landed_row_is_accounted_for(store: Store) -> None:
    """Dispositions add up to what was landed, in all and by run (law 2)."""
    with store.begin() as tx:
        mirror.land(tx, "r1", "contacts", [contact(n) for n in range(700)])
        mirror.land(tx, "r2", "contacts", [contact(n) for n in range(700, 1000)])
        rows = mirror.pending(tx, limit=2000)
        words = {row.id: ("planned", "noted", "dead")[n % 3] for n, row in enumerate(rows[:900])}
        mirror.dispose(tx, "r2", words)
    with store.read() as tx:
        assert mirror.dispositions(tx) == {**Counter(words.values()), "pending": 100}
        assert sum(mirror.dispositions(tx, run_id="r1").values()) == 700
        assert sum(mirror.dispositions(tx, run_id="r2").values()) == 300
        assert mirror.pending_count(tx) == 100


def test_pending_rows_are_paged_in_the_order_they_came(store: Store) -> None:
    """Pages after a row id give every pending row once, oldest first."""
    with store.begin() as tx:
        mirror.land(tx, "r1", "contacts", [contact(n) for n in range(25)])
    seen: list[str] = []
    after = 0
    with store.read() as tx:
        while rows := mirror.pending(tx, after=after, limit=10):
            seen.extend(row.record.ref.id for row in rows)
            after = rows[-1].id
    assert seen == [str(n) for n in range(25)]


CHANGES = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=12)


@given(changes=CHANGES, size=st.integers(1, 4))
def test_the_newest_state_wins_in_whatever_order_it_comes(
    fresh_pair: Callable[[], Store], changes: list[tuple[int, bool]], size: int
) -> None:
    """Out of order, repeated, in batches of any size: the latest row of a record is mirrored.

    Of one instant a deletion counts.
    """
    store = fresh_pair()
    rows = [
        contact(1, second=second, deleted=deleted, fields={"second": second})
        for second, deleted in changes
    ]
    with store.begin() as tx:
        for start in range(0, len(rows), size):
            mirror.mirror(tx, [mirrored(row, "p") for row in rows[start : start + size]])
        (found,) = mirror.load(tx, [rows[0].ref]).values()
    newest = max(second for second, _ in changes)
    assert found.record.fields == {"second": newest}
    assert found.record.deleted == ((newest, True) in changes)


def test_look_ups_find_live_records_by_either_value(store: Store) -> None:
    """By first or second value, of one object, without the deleted ones."""
    with store.begin() as tx:
        mirror.mirror(
            tx,
            [
                mirrored(contact(1), "a", "x"),
                mirrored(contact(2), "b", "x"),
                mirrored(contact(3, deleted=True), "a", "x"),
                mirrored(contact(4, ref=RecordRef("salesforce", "Lead", "4")), "a"),
            ],
        )
        first = mirror.by_lookup(tx, "contacts", ["a", "c"])
        second = mirror.by_lookup(tx, "contacts", ["x"], second=True)
    assert [row.record.ref.id for row in first] == ["1"]
    assert sorted(row.record.ref.id for row in second) == ["1", "2"]


def test_every_live_record_is_paged_once(store: Store) -> None:
    """A walk over an object meets each live record once, and counts agree with it."""
    with store.begin() as tx:
        mirror.mirror(tx, [mirrored(contact(n, deleted=n % 10 == 0)) for n in range(100)])
    seen: list[str] = []
    after = 0
    with store.read() as tx:
        while rows := mirror.every(tx, "contacts", after=after, limit=7):
            seen.extend(row.record.ref.id for _, row in rows)
            after = rows[-1][0]
        assert mirror.counts(tx) == {"hubspot:contacts": 90}
    assert sorted(seen, key=int) == [str(n) for n in range(100) if n % 10]


def test_records_that_lack_a_field_are_named(store: Store) -> None:
    """Page by page to the end: those without one of the fields, a field that is there and blank
    being no lack; the last page leaves the place where it is."""
    with store.begin() as tx:
        bare = [contact(n, fields={"email": None}) for n in range(0, 30, 2)]
        full = [contact(n, fields={"email": "a", "city": None}) for n in range(1, 30, 2)]
        mirror.mirror(tx, [mirrored(row) for row in (*bare, *full)])
    found: list[str] = []
    after, end = -1, 0
    with store.read() as tx:
        while after != end:
            after = end
            end, refs = mirror.lacking(tx, "contacts", ["email", "city"], after=after, limit=7)
            found += [ref.id for ref in refs]
        assert mirror.lacking(tx, "contacts", ["email"], after=0)[1] == []
    assert sorted(found, key=int) == [str(n) for n in range(0, 30, 2)]


def test_the_quiet_check_counts_live_rows_and_exact_revisions(store: Store) -> None:
    """Counted: live rows from an instant on. Seen: landed or mirrored at exactly that revision."""
    with store.begin() as tx:
        rows = [contact(n, second=n, deleted=n == 8) for n in range(10)]
        mirror.mirror(tx, [mirrored(row) for row in rows])
        mirror.land(tx, "r1", "contacts", [contact(20, second=20)])
        asked = [("9", "r9"), ("9", "r10"), ("20", "r20"), ("21", "r21")]
        assert mirror.count_since(tx, "hubspot", "contacts", at(5)) == 4
        assert mirror.unseen(tx, "hubspot", "contacts", asked) == {"9", "21"}
        assert mirror.unseen(tx, "hubspot", "companies", [("9", "r9")]) == {"9"}


def test_who_holds_a_value_is_asked_of_live_records_alone(store: Store) -> None:
    """By system, object and the exact text of a field; deleted records hold nothing."""
    with store.begin() as tx:
        rows = [
            replace(contact(n, deleted=n == 3), fields={"list_1": f"{n > 1}".lower()})
            for n in range(4)
        ]
        mirror.mirror(tx, [mirrored(row) for row in rows])
        assert mirror.holding(tx, "hubspot", "contacts", "list_1", "true") == {"2"}
        assert mirror.holding(tx, "hubspot", "contacts", "list_1", "false") == {"0", "1"}
        assert mirror.holding(tx, "hubspot", "contacts", "list_2", "true") == set()
        assert mirror.holding(tx, "hubspot", "companies", "list_1", "true") == set()
