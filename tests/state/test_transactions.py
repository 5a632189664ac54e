"""Transactions: all or nothing, one view, two writers, two tenants, and instants that are aware."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Date, DateTime, Dialect, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError

from mappings.errors import InvariantError, LeadloopError, StateError
from mappings.fieldmap import EntityKind
from mappings.records import Json, RecordRef
from state import events, identity, mirror, outbox, reviews, runs
from state.database import from_json, to_json
from state.identity import NewLink
from state.store import Store, chunks
from state.tables import METADATA
from state.types import UtcDateTime
from tests.state.support import NOON, contact, event, intent, now


def test_an_error_takes_everything_back(store: Store) -> None:
    """A block that raises leaves no row, whatever it wrote before."""

    def fail_half_way() -> None:
        with store.begin() as tx:
            mirror.land(tx, "run", "contacts", [contact(1)])
            identity.create(tx, "run", {"e1": EntityKind.PERSON})
            raise KeyError("half-way")

    with pytest.raises(KeyError, match="half-way"):
        fail_half_way()
    with store.read() as tx:
        assert mirror.pending_count(tx) == 0
        assert identity.entities(tx, ["e1"]) == {}


def test_a_reading_transaction_cannot_write(store: Store) -> None:
    """Writing where only reading was asked for is an error, not a row silently dropped."""

    def write_while_reading() -> None:
        with store.read() as tx:
            identity.create(tx, "run", {"e1": EntityKind.PERSON})

    with pytest.raises(StateError):
        write_while_reading()
    with store.begin() as tx:  # and the connection that was asked writes again
        identity.create(tx, "run", {"e2": EntityKind.PERSON})
    with store.read() as tx:
        assert set(identity.entities(tx, ["e1", "e2"])) == {"e2"}


def test_a_reader_keeps_one_view(store: Store) -> None:
    """What another connection commits during a reading transaction does not appear in it."""
    with store.read() as reader:
        assert mirror.pending_count(reader) == 0
        with store.begin() as writer:
            mirror.land(writer, "run", "contacts", [contact(1)])
        assert mirror.pending_count(reader) == 0
    with store.read() as reader:
        assert mirror.pending_count(reader) == 1


def test_a_broken_constraint_is_an_invariant_and_shows_no_values(store: Store) -> None:
    """The error of a duplicate carries no data of the row, and nothing of the step is kept."""
    secret = "ada@example.com"

    def insert_twice() -> None:
        with store.begin() as tx:
            tx.insert(identity.ENTITIES, [entity_row(secret)])
            tx.insert(identity.ENTITIES, [entity_row(secret)])

    with pytest.raises(InvariantError) as refused:
        insert_twice()
    assert refused.value.code == "state.constraint"
    assert secret not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    with store.read() as tx:
        assert identity.entities(tx, [secret]) == {}


def entity_row(entity_id: str) -> dict[str, object]:
    """A golden record as a row."""
    return {"id": entity_id, "kind": "person", "status": "live", "created_at": NOON, "run_id": "r"}


def together(*steps: Callable[[], None]) -> list[LeadloopError]:
    """Run the steps in threads that start at once; the errors they ended with."""
    barrier = threading.Barrier(len(steps))
    errors: list[LeadloopError] = []

    def run(step: Callable[[], None]) -> None:
        barrier.wait()
        try:
            step()
        except LeadloopError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def test_two_writers_landing_the_same_rows_land_them_once(store: Store) -> None:
    """Two connections land the same pages at the same time: every row is there once."""

    def land() -> None:
        for page in chunks(range(200), 20):
            with store.begin() as tx:
                mirror.land(tx, "run", "contacts", [contact(n) for n in page])
                events.land(tx, "run", "forms", [event(f"k{n}") for n in page])
                outbox.journal(tx, "run", [intent(f"i{n}") for n in page])

    assert together(land, land) == []
    with store.read() as tx:
        assert mirror.pending_count(tx) == 200
        assert events.dispositions(tx) == {"pending": 200}
        assert outbox.count_by_status(tx) == {"open": 200}


def test_two_writers_linking_one_record_leave_one_link(store: Store) -> None:
    """Whoever comes first links the record; the other's link is dropped, not doubled (law 1)."""
    refs = [RecordRef("hubspot", "contacts", str(n)) for n in range(50)]

    def link(entity_id: str) -> Callable[[], None]:
        def step() -> None:
            for ref in refs:
                with store.begin() as tx:
                    identity.create(tx, "run", {entity_id: EntityKind.PERSON})
                    identity.link(tx, "run", [NewLink(ref, entity_id, "email")])

        return step

    assert together(link("left"), link("right")) == []
    with store.read() as tx:
        members = identity.members(tx, ["left", "right"])
    assert sorted(link.ref for own in members.values() for link in own) == sorted(refs)


def test_pairs_and_tenants_see_only_their_own(store: Store) -> None:
    """The same vendor ids in another pair or tenant are other rows, throughout."""
    other = store.for_pair("other")
    stranger = Store(store.engine, now, tenant="stranger", pair="main")
    for each in (store, other, stranger):
        with each.begin() as tx:
            assert mirror.land(tx, "run", "contacts", [contact(1)]) == 1
            assert events.land(tx, "run", "forms", [event("k1")]) == 1
            outbox.journal(tx, "run", [intent("i1")])
            reviews.open_items(tx, "run", [review("s1")])
    with other.begin() as tx:
        row = mirror.pending(tx)[0]
        mirror.dispose(tx, "run", {row.id: "planned", row.id - 1: "planned", row.id + 1: "planned"})
        outbox.settle(tx, [outbox.Settlement("i1", "ok")])
        reviews.close_subjects(tx, ["s1"], "resolved")
    for each in (store, stranger):
        with each.read() as tx:
            assert mirror.dispositions(tx) == {"pending": 1}
            assert outbox.count_by_status(tx) == {"open": 1}
            assert reviews.open_count(tx) == 1


def review(subject: str) -> dict[str, object]:
    """A review item as resolve opens it."""
    return {"kind": "match", "subject": subject, "candidates": ["a", "b"], "decision_id": None}


INSTANTS = [
    (table.name, column.name)
    for table in METADATA.sorted_tables
    for column in table.columns
    if isinstance(column.type, UtcDateTime)
]


def test_every_instant_column_is_of_the_utc_type() -> None:
    """No table keeps a time in a column that would take a naive one."""
    loose = [
        f"{table.name}.{column.name}"
        for table in METADATA.sorted_tables
        for column in table.columns
        if isinstance(column.type, Date | DateTime)
    ]
    assert loose == []
    assert len(INSTANTS) > 20


def test_a_naive_datetime_is_refused(store: Store) -> None:
    """A time without a zone never reaches the state: it could mean several instants."""

    def approve_naively() -> None:
        naive = Store(store.engine, lambda: datetime(2026, 3, 2), pair="main")  # noqa: DTZ001
        with naive.begin() as tx:
            runs.approve(tx, "mapping:1", {})

    with pytest.raises(StatementError, match="naive datetime"):
        approve_naively()


def test_instants_come_back_as_the_same_aware_instant(store: Store) -> None:
    """Any zone goes in, UTC comes out, to the microsecond, and sorting sorts by time."""
    kolkata = timezone(timedelta(hours=5, minutes=30))
    instants = [
        datetime(2026, 3, 2, 9, 30, 0, 1, tzinfo=kolkata),
        datetime(2026, 3, 2, 4, 0, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ]
    with store.begin() as tx:
        tx.connection.execute(
            insert(runs.APPROVALS),
            [
                tx.scoped({"subject": str(n), "at": at, "details": {}})
                for n, at in enumerate(instants)
            ],
        )
    with store.read() as tx:
        query = select(runs.APPROVALS.c.at).order_by(runs.APPROVALS.c.at)
        found = tx.connection.execute(query).scalars().all()
    assert found == sorted(instants)
    assert {at.tzinfo for at in found} == {UTC}


DIALECTS: tuple[Dialect, ...] = (
    sqlite.dialect(),
    postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
)


@given(st.datetimes(timezones=st.timezones()))
def test_instants_survive_both_databases_text_and_types(at: datetime) -> None:
    """Every aware datetime is the same instant after a round trip through either column."""
    column = UtcDateTime()
    try:
        utc = at.astimezone(UTC)
    except OverflowError:
        return
    for dialect in DIALECTS:
        stored = column.process_bind_param(at, dialect)
        assert column.process_result_value(stored, dialect) == utc


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_json_is_ascii_and_loses_nothing(value: Json) -> None:
    """NUL, lone surrogates, emoji: what a vendor can send is kept as it is."""
    text = to_json(value)
    assert text.isascii()
    assert from_json(text) == value


def test_hostile_payloads_are_kept(store: Store) -> None:
    """NUL bytes, lone surrogates, deep nesting and NaN land and come back; NaN as nothing."""
    deep: Json = "end"
    for _ in range(50):
        deep = [deep]
    fields = {"nul": "a\x00b", "lone": "\ud800", "deep": deep, "nan": float("nan"), "big": 10**40}
    with store.begin() as tx:
        mirror.land(tx, "run", "contacts", [contact(1, fields=fields)])
    with store.read() as tx:
        found = mirror.pending(tx)[0].record.fields
    assert found == {**fields, "nan": None}


def test_json_of_a_torn_page_is_damage() -> None:
    """Text that is no JSON can only come from a damaged file, and says so."""
    with pytest.raises(StateError) as refused:
        from_json('{"email": "a')
    assert refused.value.code == "state.damaged"
