"""Retention: what is due goes, what is needed stays, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from mappings.records import EventKind, Operation
from state import commands, events, identity, ledger, mirror, outbox, prune, soundness
from state.events import EVENTS
from state.mirror import INBOX
from state.prune import Cutoffs
from state.store import Store
from tests.state.support import NOON, contact, event, intent

LATER = NOON + timedelta(days=1)
EVERYTHING = Cutoffs(LATER, LATER, LATER, LATER)
NOTHING = Cutoffs(NOON, NOON, NOON, NOON)


def filled(store: Store) -> None:
    """Two inbox rows, two events, two dead letters, two commands: one of each still open."""
    with store.begin() as tx:
        mirror.land(tx, "r1", "contacts", [contact(1), contact(2)])
        rows = mirror.pending(tx, limit=10)
        mirror.dispose(tx, "r1", {rows[0].id: "planned"})
        landed = [event("e1"), event("e2", EventKind.FORM_FILL)]
        events.land(tx, "r1", "marketing", landed)
        ids = list(tx.connection.execute(select(EVENTS.c.id).order_by(EVENTS.c.id)).scalars())
        events.dispose(tx, "r1", [ids[0]], "delivered")
        outbox.journal(tx, "r1", [intent("k1")])
        change = {
            "entity_id": "e1", "ref": "hubspot:contacts:1", "field": "firstname",
            "before": "Ada", "after": "Grace", "rule": "owner", "intent_key": "k1",
            "operation": "update",
        }  # fmt: skip
        ledger.record_changes(tx, "r1", "c1", [change])
        letter = {
            "entity_id": "e1", "subject": "Lead:1", "intent_key": "k1", "fingerprint": "f1",
            "code": "field.invalid", "field": "Title", "message": "m", "remedy": "r",
            "payload": {},
        }  # fmt: skip
        outbox.bury(tx, "r1", [letter, {**letter, "fingerprint": "f2"}])
        outbox.close_letters(tx, [outbox.dead_letters(tx)[0].id], "replayed")
        done = commands.request(tx, "sync", {})
        commands.finish(tx, done, exit_code=0, result={})
        commands.request(tx, "sync", {})


COUNTS = {
    "inbox_payloads": 1,
    "commands": 1,
    "dead_letters": 1,
    "before_images": 1,
    "event_details": 1,
}


def test_a_dry_run_counts_and_changes_nothing(store: Store) -> None:
    """Law 10: the same counts twice."""
    filled(store)
    assert prune.prune(store, EVERYTHING, dry_run=True) == COUNTS
    assert prune.prune(store, EVERYTHING, dry_run=True) == COUNTS


def test_what_is_due_goes_once_and_open_work_stays(store: Store) -> None:
    """Counts are those of the dry run; the second time there is nothing left to prune."""
    filled(store)
    assert prune.prune(store, EVERYTHING) == COUNTS
    assert set(prune.prune(store, EVERYTHING).values()) == {0}
    with store.read() as tx:
        assert mirror.pending_count(tx) == 1
        assert outbox.dead_count(tx) == 1
        assert len(outbox.unsettled(tx)) == 1
        assert [one.status for one in commands.latest(tx)] == ["queued"]


def test_nothing_goes_before_its_time(store: Store) -> None:
    """What is exactly as old as the limit stays."""
    filled(store)
    assert set(prune.prune(store, NOTHING).values()) == {0}


def test_what_has_happened_stays_known(store: Store) -> None:
    """Law 3: a pruned inbox row and a pruned event still are no news when they come again."""
    filled(store)
    prune.prune(store, EVERYTHING)
    with store.begin() as tx:
        assert mirror.land(tx, "r2", "contacts", [contact(1), contact(2)]) == 0
        again = [event("e1"), event("e2", EventKind.FORM_FILL)]
        assert events.land(tx, "r2", "marketing", again) == 0
        payloads = tx.connection.execute(select(INBOX.c.payload).order_by(INBOX.c.id)).scalars()
        assert [payload is None for payload in payloads] == [True, False]


def test_pairs_are_pruned_apart(store: Store) -> None:
    """One pair's retention never touches another's rows."""
    filled(store)
    assert set(prune.prune(store.for_pair("second"), EVERYTHING).values()) == {0}


def test_more_rows_than_one_batch(store: Store) -> None:
    """Everything due goes, in several transactions."""
    with store.begin() as tx:
        mirror.land(tx, "r1", "contacts", [contact(n) for n in range(prune.BATCH + 5)])
        tx.connection.execute(text("UPDATE inbox SET disposition = 'planned'"))
    assert prune.prune(store, EVERYTHING)["inbox_payloads"] == prune.BATCH + 5


def test_contradictions_between_tables_are_counted(store: Store) -> None:
    """A sound state has no findings; work for a golden record that is not there, and a finished
    create without an id, are found.
    """
    filled(store)
    with store.read() as tx:
        assert soundness.findings(tx) == {}
    with store.begin() as tx:
        identity.add_work(tx, ["nobody"], "created")
        outbox.journal(tx, "r1", [intent("k2", operation=Operation.CREATE, target_id=None)])
        outbox.settle(tx, [outbox.Settlement("k2", "ok")])
    with store.read() as tx:
        assert soundness.findings(tx) == {
            "work of no golden record": 1,
            "creates that are done and have no id": 1,
        }


@pytest.mark.parametrize("status", ["open", "sending", "unknown", "rejected", "dropped", "undone"])
def test_no_status_an_intent_may_have_is_a_contradiction(store: Store, status: str) -> None:
    """A run cut short, or an undo, leaves a sound state."""
    with store.begin() as tx:
        outbox.journal(tx, "r1", [intent("k1")])
        outbox.settle(tx, [outbox.Settlement("k1", status)])
        assert soundness.findings(tx) == {}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_every_rule_has_a_table_of_this_state(name: str) -> None:
    """Rules prune rows by id and by age, and say what remains."""
    rule = prune.RULES[name]
    assert "id" in rule.table.c
    assert rule.due(EVERYTHING)
