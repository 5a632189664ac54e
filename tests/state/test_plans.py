"""Look-ups on the hot paths go through an index that narrows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event as hook

from mappings.fieldmap import EntityKind
from mappings.records import EventKind, RecordRef, Side
from state import candidates, events, identity, ledger, mirror, outbox, reviews
from state.candidates import Indexed
from state.identity import NewLink
from state.outbox import Settlement
from state.store import Store, Tx
from state.tables import METADATA
from tests.state.support import NOON, contact, event, intent, mirrored

MANY = range(40)
"""As many keys at once as a run looks up: planners treat a long list unlike a single key."""
REFS = [RecordRef("hubspot", "contacts", str(n)) for n in MANY]


def named(before: str, after: str = "") -> list[str]:
    """Many made-up keys."""
    return [f"{before}{n}{after}" for n in MANY]


LOOKUPS: dict[str, Callable[[Tx], object]] = {
    "mirror.land": lambda tx: mirror.land(tx, "r", "contacts", [contact(n) for n in MANY]),
    "mirror.load": lambda tx: mirror.load(tx, REFS),
    "mirror.by_lookup": lambda tx: mirror.by_lookup(tx, "contacts", named("p", "@example.com")),
    "mirror.by_lookup second": lambda tx: mirror.by_lookup(tx, "contacts", named("x"), second=True),
    "mirror.unseen": lambda tx: mirror.unseen(
        tx, "hubspot", "contacts", [(n, "r0") for n in named("")]
    ),
    "mirror.pending": lambda tx: mirror.pending(tx, after=1490),
    "mirror.count_since": lambda tx: mirror.count_since(
        tx, "hubspot", "contacts", NOON + timedelta(days=1)
    ),
    "identity.links_of": lambda tx: identity.links_of(tx, REFS),
    "identity.members": lambda tx: identity.members(tx, named("e")),
    "identity.entities": lambda tx: identity.entities(tx, named("e")),
    "identity.follow": lambda tx: identity.follow(tx, REFS[7]),
    "identity.shadows": lambda tx: identity.shadows(tx, named("e")),
    "identity.set_status": lambda tx: identity.set_status(tx, REFS, "gone"),
    "identity.finish_work": lambda tx: identity.finish_work(tx, named("e")),
    "events.unseen": lambda tx: events.unseen(tx, "hubspot", named("k")),
    "events.unattributed": lambda tx: events.unattributed(tx, after=1490),
    "events.attribute": lambda tx: events.attribute(tx, dict.fromkeys(MANY, "e7")),
    "events.dispose": lambda tx: events.dispose(tx, "r", MANY, "off"),
    "events.open_of": lambda tx: events.open_of(tx, named("e")),
    "events.rollups": lambda tx: events.rollups(tx, named("e"), [EventKind.EMAIL_OPEN], NOON),
    "outbox.unsettled_entities": lambda tx: outbox.unsettled_entities(tx, named("e")),
    "outbox.settle": lambda tx: outbox.settle(tx, [Settlement(key, "ok") for key in named("i")]),
    "outbox.results": lambda tx: outbox.results(tx, named("i")),
    "ledger.of_entities": lambda tx: ledger.of_entities(tx, named("e")),
    "ledger.of_run": lambda tx: ledger.of_run(tx, "r7"),
    "ledger.note_kept": lambda tx: ledger.note_kept(tx, [(key, "F", 1) for key in named("i")]),
    "ledger.mark_undone": lambda tx: ledger.mark_undone(tx, MANY, "u"),
    "outbox.dead_fingerprints": lambda tx: outbox.dead_fingerprints(tx, named("f")),
    "reviews.open_subjects": lambda tx: reviews.open_subjects(tx, named("s")),
    "reviews.close_subjects": lambda tx: reviews.close_subjects(tx, named("s"), "resolved"),
    "reviews.ruled_out": lambda tx: reviews.ruled_out(tx, named("s")),
    "reviews.decisions_of": lambda tx: reviews.decisions_of(tx, named("s")),
    "candidates.candidates": lambda tx: candidates.candidates(tx, {"x": MANY}),
    "candidates.near": lambda tx: candidates.near(tx, {"x": MANY}),
    "candidates.people": lambda tx: candidates.people(tx, named("")),
    "candidates.drop": lambda tx: candidates.drop(tx, named("")),
}


def fill(tx: Tx) -> None:
    """Enough rows that reading all of them would show."""
    many = range(1500)
    mirror.land(tx, "r", "contacts", [contact(n, second=-1) for n in many])
    mirror.mirror(tx, [mirrored(contact(n)) for n in many])
    identity.create(tx, "r", {f"e{n}": EntityKind.PERSON for n in many})
    refs = [RecordRef("hubspot", "contacts", str(n)) for n in many]
    identity.link(tx, "r", [NewLink(ref, f"e{ref.id}", "email") for ref in refs])
    identity.store_shadows(tx, "r", {(f"e{n}", "bond"): {"a": 1} for n in many})
    events.land(tx, "r", "forms", [event(f"k{n}") for n in many])
    outbox.journal(tx, "r", [intent(f"i{n}", f"e{n}") for n in many])
    candidates.index(tx, [Indexed(str(n), Side.MAP, "person", [], (n,)) for n in many])


@contextmanager
def heard(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that the block sends, with its parameters."""
    said: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, sql: str, given: Any, _context: Any, many: bool) -> None:
        if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            said.append((sql, given[0] if many else given))

    hook.listen(store.engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        hook.remove(store.engine, "before_cursor_execute", note)


PG_COLUMN = r"\(+\"?(\w+)\"?\)?(?:::\w+)? (?:[=<>]|IS)"
BROAD = {"tenant", "pair", "system", "stream", "object", "status", "disposition"}
"""Columns that hold few different values: an index search by these alone narrows nothing."""


def slow_steps(tx: Tx, sql: str, given: Any) -> list[str]:
    """The steps of a plan that read a whole table, or everything of a pair or stream."""
    if tx.connection.dialect.name == "sqlite":
        rows = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all()
        steps = [str(row[3]) for row in rows]
        return [s for s in steps if s.startswith("SCAN ") and is_table(s)] + [
            s
            for s in steps
            if " USING " in s and set(re.findall(r"(\w+)[=<>]", s.split("(", 1)[-1])) <= BROAD
        ]
    tx.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    steps = [row[0] for row in tx.connection.exec_driver_sql(f"EXPLAIN {sql}", given)]
    return [s for s in steps if "Seq Scan" in s] + [
        s for s in steps if "Index Cond" in s and set(re.findall(PG_COLUMN, s)) <= BROAD
    ]


def is_table(step: str) -> bool:
    """Whether a SQLite plan step reads one of our tables."""
    return step.split()[1] in METADATA.tables


def test_every_look_up_of_a_run_is_narrowed_by_an_index(store: Store) -> None:
    """No statement of the hot paths reads a whole table, nor everything a pair has.

    SQLite is asked as it is, PostgreSQL with the statistics its autovacuum keeps.
    """
    with store.begin() as tx:
        fill(tx)
        if tx.connection.dialect.name == "postgresql":
            tx.connection.exec_driver_sql("ANALYZE")
    slow: dict[str, list[str]] = {}
    for name, look_up in LOOKUPS.items():
        with heard(store) as said, store.begin() as tx:
            look_up(tx)
        assert said, name
        with store.begin() as tx:
            for sql, given in list(said):
                if found := slow_steps(tx, sql, given):
                    slow.setdefault(name, []).extend(found)
    assert slow == {}


@pytest.mark.parametrize("size", [1, 1000])
def test_statements_do_not_grow_with_the_rows(store: Store, size: int) -> None:
    """Landing, journaling, settling and attributing send a statement per batch, not per row."""
    with store.begin() as tx:
        fill(tx)
    many = range(1000, 1000 + size)
    with heard(store) as said, store.begin() as tx:
        mirror.land(tx, "r", "contacts", [contact(n) for n in many])
        mirror.mirror(tx, [mirrored(contact(n)) for n in many])
        outbox.journal(tx, "r", [intent(f"i{n}") for n in many])
        outbox.settle(tx, [Settlement(f"i{n}", "ok") for n in many])
        events.attribute(tx, dict.fromkeys(range(size), "e7"))
        identity.set_status(tx, [contact(n).ref for n in many], "gone")
        reviews.close_subjects(tx, [f"s{n}" for n in many], "resolved")
        candidates.candidates(tx, {str(n): [n] for n in many})
    assert len(said) <= 20
