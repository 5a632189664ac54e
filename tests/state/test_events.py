"""Marketing events: landed once, counted from all there is, delivered once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from mappings.records import Event, EventKind
from state import events
from state.events import Rollup
from state.store import Store
from tests.state.support import at, event

ROLLED = [EventKind.EMAIL_OPEN, EventKind.EMAIL_CLICK, EventKind.EMAIL_BOUNCE]


def test_an_event_lands_once_for_ever(store: Store) -> None:
    """The same key again, in one page or another run, is no second event (law 3)."""
    with store.begin() as tx:
        assert events.land(tx, "r1", "forms", [event("k1"), event("k1"), event("k2")]) == 2
        assert events.land(tx, "r2", "forms", [event("k2"), event("k3")]) == 1
        assert events.unseen(tx, "hubspot", ["k1", "k3", "k4"]) == {"k4"}
        assert events.dispositions(tx, run_id="r1") == {"pending": 2}


def test_events_come_back_as_they_went_in(store: Store) -> None:
    """Everything but the address' case and a name's length is kept."""
    given = event("k1", email="Ada@Example.com", name="n" * 300, details={"answers": {"a": "b"}})
    with store.begin() as tx:
        events.land(tx, "r", "forms", [given])
        (stored,) = events.unattributed(tx)
    assert stored.event == event(
        "k1", email="ada@example.com", name="n" * 255, details={"answers": {"a": "b"}}
    )
    assert (stored.entity_id, stored.disposition) == (None, "pending")


def test_attributed_events_wait_for_their_person_in_order(store: Store) -> None:
    """Open events of a person come by time, then key; settled and discounted ones do not."""
    with store.begin() as tx:
        landed = [
            event("b", occurred_at=at(2)),
            event("a", occurred_at=at(2)),
            event("c", occurred_at=at(1)),
            event("bot", filtered=True),
            event("done"),
        ]
        events.land(tx, "r", "forms", landed)
        ids = {row.event.key: row.id for row in events.unattributed(tx)}
        assert set(ids) == {"a", "b", "c", "done"}
        events.attribute(tx, dict.fromkeys(ids.values(), "e1"))
        events.dispose(tx, "r", [ids["done"]], "delivered")
        events.dispose(tx, "r", [ids["c"]], "held")
        assert events.unattributed(tx) == []
        found = events.open_of(tx, ["e1", "e2"])
        assert events.entities_waiting(tx) == ["e1"]
        history = [row.event.key for row in events.of_entity(tx, "e1")]
        assert events.dispositions(tx) == {"pending": 2, "held": 1, "delivered": 1, "filtered": 1}
    assert [row.event.key for row in found["e1"]] == ["c", "a", "b"]
    assert history == ["a", "b", "c", "done"]


def test_an_activity_is_recorded_once(store: Store) -> None:
    """Delivering the same event in the same form again changes nothing (law 3)."""
    with store.begin() as tx:
        events.record_activities(tx, "r1", [("k1", "task", "salesforce:Lead:1")])
        events.record_activities(tx, "r2", [("k1", "task", "salesforce:Lead:2")])
        query = select(func.count(), func.min(events.ACTIVITIES.c.ref))
        assert tx.connection.execute(query).one() == (1, "salesforce:Lead:1")


MADE_UP = st.lists(
    st.builds(
        event,
        key=st.integers(0, 60).map(str),
        kind=st.sampled_from(list(EventKind)),
        occurred_at=st.integers(0, 20).map(at),
        name=st.sampled_from(["", "Spring", "Autumn"]),
        email=st.sampled_from(["e1", "e2"]),
        filtered=st.booleans(),
    ),
    max_size=25,
)
WORDS = st.sampled_from(
    ["pending", "held", "delivered", "rolled_up", "baseline", "off", "dead", "no_person"]
)


def brute_force(rows: list[tuple[Event, str]], until: datetime | None) -> dict[str, Rollup]:
    """The roll-up rule, event by event."""
    found: dict[str, list[Event]] = {}
    for made, word in rows:
        before = until is not None and made.occurred_at < until
        early_form = made.kind is EventKind.FORM_FILL and word in ("pending", "held") and before
        counts = made.kind in ROLLED or word == "baseline" or early_form
        if counts and not made.filtered and word not in ("off", "filtered"):
            found.setdefault(str(made.email), []).append(made)
    return {who: summed_up(own) for who, own in found.items()}


def summed_up(own: list[Event]) -> Rollup:
    """Counts by kind, first, last, and the name of the last that has one."""
    kinds = [made.kind for made in own]
    named = sorted((made.occurred_at, made.key, made.name) for made in own if made.name)
    times = [made.occurred_at for made in own]
    return Rollup(
        {kind: kinds.count(kind) for kind in kinds},
        min(times),
        max(times),
        named[-1][2] if named else None,
    )


@given(made=MADE_UP, words=st.lists(WORDS, min_size=61, max_size=61), until=st.booleans())
def test_rollups_equal_a_count_by_hand(
    fresh_pair: Callable[[], Store], made: list[Event], words: list[str], until: bool
) -> None:
    """Whatever happened in whatever order, the roll-up is what counting every event gives."""
    store = fresh_pair()
    baseline = at(10) if until else None
    with store.begin() as tx:
        events.land(tx, "r", "mail", made)
        stored = tx.connection.execute(
            select(events.EVENTS.c.id, events.EVENTS.c.key).where(tx.mine(events.EVENTS))
        ).all()
        # Landing keeps the last of one key in a page; so does this.
        kept = {row.key: row for row in made}
        events.attribute(tx, {row_id: str(kept[key].email) for row_id, key in stored})
        for row_id, key in stored:
            if not kept[key].filtered:
                events.dispose(tx, "r", [row_id], words[int(key)])
        found = events.rollups(tx, ["e1", "e2", "e3"], ROLLED, baseline)
    rows = [(row, "filtered" if row.filtered else words[int(key)]) for key, row in kept.items()]
    assert found == brute_force(rows, baseline)
