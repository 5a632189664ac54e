"""Intents, outcomes, ledger and dead letters: written down first, settled row by row."""

from __future__ import annotations

from mappings.records import RecordRef
from state import ledger, outbox
from state.outbox import Settlement
from state.store import Store
from tests.state.support import at, intent, now


def test_journaling_again_leaves_what_is_there(store: Store) -> None:
    """An intent whose key is known keeps its status and its run, whatever is planned again."""
    with store.begin() as tx:
        outbox.journal(tx, "r1", [intent("i1")])
        outbox.settle(tx, [Settlement("i1", "ok", "00Q9", created=True)])
        outbox.journal(tx, "r2", [intent("i1", fields={"Title": "Other"}), intent("i2")])
        found = outbox.results(tx, ["i1", "i2", "i3"])
    assert set(found) == {"i1", "i2"}
    assert found["i1"].intent == intent("i1")
    assert (found["i1"].run_id, found["i1"].status, found["i1"].result_id) == ("r1", "ok", "00Q9")
    assert found["i2"].run_id == "r2"


def test_each_outcome_is_its_own_rows(store: Store) -> None:
    """A batch settles row by row: status, id, error, attempts and time of each."""
    with store.begin() as tx:
        outbox.journal(tx, "r", [intent(f"i{n}") for n in range(4)])
        outbox.settle(tx, [])
        outbox.settle(
            tx,
            [
                Settlement("i0", "ok", "00Q1", created=False),
                Settlement("i1", "rejected", error={"code": "record.rejected"}),
                Settlement("i2", "unknown"),
                Settlement("nobody", "ok"),
            ],
        )
        outbox.settle(tx, [Settlement("i2", "open")])
        found = outbox.results(tx, [f"i{n}" for n in range(4)])
        assert outbox.count_by_status(tx, run_id="r") == {"ok": 1, "rejected": 1, "open": 2}
    assert [found[f"i{n}"].status for n in range(4)] == ["ok", "rejected", "open", "open"]
    assert [found[f"i{n}"].attempts for n in range(4)] == [1, 1, 2, 0]
    assert [found[f"i{n}"].done_at for n in range(4)] == [now(), now(), None, None]
    assert found["i1"].error == {"code": "record.rejected"}
    assert found["i0"].error is None


def test_unsettled_intents_are_found_oldest_first(store: Store) -> None:
    """Open and unknown ones, a page at a time, and the people they belong to."""
    with store.begin() as tx:
        outbox.journal(tx, "r", [intent(f"i{n}", f"e{n}") for n in range(6)])
        outbox.settle(tx, [Settlement("i1", "ok"), Settlement("i2", "unknown")])
        first = outbox.unsettled(tx, limit=3)
        rest = outbox.unsettled(tx, after=first[-1][0])
        busy = outbox.unsettled_entities(tx, ["e0", "e1", "e2", "e9"])
    assert [row.intent.key for _, row in [*first, *rest]] == ["i0", "i2", "i3", "i4", "i5"]
    assert busy == {"e0", "e2"}


def test_intents_come_back_as_they_went_in(store: Store) -> None:
    """Every part of an intent survives the journal."""
    given = intent(
        "i1",
        external_field="Leadloop_Id__c",
        external_value="u1",
        depends_on="i0",
        fields={"WhoId": {"$id_of": "i0"}, "Amount": 12.5, "Blank": None},
        details={"bond": "b", "events": {"delivered": [1, 2]}},
    )
    with store.begin() as tx:
        outbox.journal(tx, "r", [given])
        assert [row.intent for row in outbox.of_entity(tx, "e1")] == [given]
    assert outbox.reference(given) == RecordRef("salesforce", "Lead", "00Q1")
    assert outbox.reference(intent("i2", target_id=None)).id == "?"


def test_the_ledger_keeps_before_and_after_of_any_value(store: Store) -> None:
    """Before-images come back exactly, None and lists included, oldest first (laws 9 and 11)."""
    values = [(None, "a"), ("a", None), ([1, "x"], {"y": 2.5}), (False, 0)]
    rows = [
        {
            "entity_id": "e1",
            "ref": "salesforce:Lead:1",
            "field": f"F{n}",
            "before": before,
            "after": after,
            "operation": "update",
            "rule": "contacts.title",
            "intent_key": "i1",
        }
        for n, (before, after) in enumerate(values)
    ]
    with store.begin() as tx:
        ledger.record_changes(tx, "r", "hash", rows)
        found = ledger.of_entities(tx, ["e1"])
    assert [(line.before, line.after) for line in found] == values
    assert {line.config_hash for line in found} == {"hash"}


def test_an_undone_undo_makes_the_first_lines_count_again(store: Store) -> None:
    """Lines taken back say by what; taking that back frees them, and only them (law 11)."""

    def line(name: str, key: str, undoes: list[int] | None = None) -> dict[str, object]:
        return {
            "entity_id": "e1",
            "ref": "salesforce:Lead:1",
            "operation": "update",
            "field": name,
            "before": "a",
            "after": "b",
            "rule": "r",
            "intent_key": key,
            "undoes": undoes,
        }

    with store.begin() as tx:
        ledger.record_changes(tx, "r1", "hash", [line("F", "i1"), line("G", "i1")])
        first, other = (one.id for one in ledger.of_entities(tx, ["e1"]))
        ledger.record_changes(tx, "r2", "hash", [line("F", "u1", [first])])
        ledger.mark_undone(tx, [first, other], "u1")
        (_, _, back) = ledger.of_entities(tx, ["e1"])
        ledger.mark_undone(tx, [back.id], "u2")
        ledger.note_kept(tx, [("i1", "G", "B")])
        told = {one.id: (one.undone_by, one.kept) for one in ledger.of_entities(tx, ["e1"])}
        assert told == {first: (None, None), other: ("u1", "B"), back.id: ("u2", None)}
        assert ledger.of_run(tx, "r2") == ({"e1"}, {back.id})


def letter(number: int, **changes: object) -> dict[str, object]:
    """A dead letter as settle writes it."""
    return {
        "entity_id": f"e{number}",
        "subject": f"salesforce:Lead:{number}",
        "intent_key": f"i{number}",
        "fingerprint": f"f{number}",
        "code": "record.rejected",
        "field": "Title",
        "message": "too long",
        "remedy": "Shorten it.",
        "payload": {"Title": "x"},
        **changes,
    }


def test_dead_letters_are_narrowed_and_closed(store: Store) -> None:
    """By run, subject, code and time, newest first; a closed one blocks its change no more."""
    with store.begin() as tx:
        outbox.bury(tx, "r1", [letter(1), letter(2, code="record.locked")])
        outbox.bury(tx, "r2", [letter(3)])
        every = outbox.dead_letters(tx)
        assert [row.subject[-1] for row in every] == ["3", "2", "1"]
        assert [
            row.fingerprint for row in outbox.dead_letters(tx, run_id="r1", code="record.locked")
        ] == ["f2"]
        assert [row.id for row in outbox.dead_letters(tx, subject="e3")] == [every[0].id]
        assert [row.id for row in outbox.dead_letters(tx, subject="salesforce:Lead:3")] == [
            every[0].id
        ]
        assert outbox.dead_letters(tx, since=at(1)) == []
        assert outbox.dead_fingerprints(tx, ["f1", "f3", "f4"]) == {"f1", "f3"}
        outbox.close_letters(tx, [every[0].id], "replayed")
        assert outbox.dead_fingerprints(tx, ["f1", "f3", "f4"]) == {"f1"}
        assert outbox.dead_count(tx) == 2
        assert [row.subject[-1] for row in outbox.dead_letters(tx, status="replayed")] == ["3"]
