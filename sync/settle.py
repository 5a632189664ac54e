"""The settle stage: outcomes into the journal, and what follows from them into the state.

Row by row, one transaction a batch: a done write gives links to what it created, agreed values to
the shadow, lines to the field ledger and words to the events it carried; a refused one becomes a
dead letter. Written records are read back whole, because vendors reformat (BEHAVIOURS, Once in
effect) and because somebody may have edited another field meanwhile: the answer to a write tells
neither, and believing its revision would hide that edit for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import structlog

from connectors.base import DuplicateFoundError
from mappings.errors import LeadloopError
from mappings.fieldmap import ObjectMapping
from mappings.records import JOINS, Json, Operation, Outcome, OutcomeStatus, Record, RecordRef, Side
from mappings.values import canonical, equal
from state import effects, events, identity, ledger, mirror, outbox, reviews
from state.identity import NewLink
from state.mirror import Mirrored
from state.outbox import Intent, Settlement
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.edits import changes_of, differing, is_edit
from sync.fates import fate_of, pause_before
from sync.fold import identity_values, index_people, look_ups
from sync.histories import histories
from sync.overtaken import close_written
from sync.pair import Pair
from sync.shadows import agree
from sync.undo.settle import agree_kept, kept_halves, settle_undone

log = structlog.get_logger("leadloop.settle")

READ_BACK = 600
"""Records read back in one go: as many 18-character ids as fit a URI of 16,384 bytes."""


@dataclass(slots=True)
class Settling:
    """Settles the batches of one wave. `edited` are fields of written records that are known to
    have been changed by somebody since."""

    pair: Pair
    run_id: str
    written: dict[RecordRef, Intent] = field(default_factory=dict)
    edited: dict[RecordRef, frozenset[str]] = field(default_factory=dict)

    def settle(self, batch: Sequence[Intent], outcomes: Sequence[Outcome]) -> Counter[str]:
        """Store a batch's outcomes; rows by status."""
        by_key = {outcome.key: outcome for outcome in outcomes}
        done = [(i, by_key[i.key]) for i in batch if by_key[i.key].status is OutcomeStatus.OK]
        refused = [
            (i, by_key[i.key]) for i in batch if by_key[i.key].status is OutcomeStatus.REJECTED
        ]
        with self.pair.store.begin() as tx:
            later = [i for i in batch if fate_of(by_key[i.key]).later]
            due_at = _due_again(tx, later)
            outbox.settle(tx, [_settlement(outcome, due_at) for outcome in outcomes])
            self._done(tx, done)
            self._refused(tx, refused)
        crashpoint("after_settle")
        return Counter(fate_of(outcome).status for outcome in outcomes)

    def drop(self, intents: Sequence[Intent]) -> None:
        """Intents whose dependency was refused: their events wait, the person is planned anew
        once the cause is corrected."""
        with self.pair.store.begin() as tx:
            outbox.settle(tx, [Settlement(intent.key, "dropped") for intent in intents])
            for intent in intents:
                carried = intent.details.get("events", {})
                ids = [i for own in carried.values() for i in own]
                events.dispose(tx, self.run_id, ids, "held")
        crashpoint("after_drop")

    def _done(self, tx: Tx, rows: Sequence[tuple[Intent, Outcome]]) -> None:
        changes: list[dict[str, Any]] = []
        shadows: dict[tuple[str, str], dict[str, Any]] = {}
        links: list[NewLink] = []
        carried: dict[str, list[int]] = {}
        delivered: list[tuple[str, str, str]] = []
        for intent, outcome in rows:
            ref = RecordRef(intent.system, intent.object, _id_of(intent, outcome))
            changes.extend(ledger_lines(intent, ref))
            if intent.details.get("link"):
                links.append(NewLink(ref, intent.entity_id, "created"))
            self._expect(intent, ref, shadows)
            if intent.details.get("activity"):
                key, form = intent.details["activity"]
                delivered.append((key, form, str(ref)))
            for word, ids in intent.details.get("events", {}).items():
                carried.setdefault(word, []).extend(ids)
            if self.pair.mapping_of(ref) is not None and intent.operation not in (
                *JOINS,
                Operation.DELETE,
            ):
                self._note(ref, intent)
        self._mirror_written(tx, [intent for intent, _ in rows])
        settle_undone(self.pair, tx, self.run_id, [intent for intent, _ in rows])
        identity.link(tx, self.run_id, links)
        identity.add_work(tx, [link.entity_id for link in links], "created")
        again = [intent.entity_id for intent, _ in rows if intent.details.get("again")]
        identity.add_work(tx, again, "moved_meanwhile")
        agree(tx, self.run_id, shadows)
        ledger.record_changes(tx, self.run_id, self.pair.config_hash, changes)
        events.record_activities(tx, self.run_id, delivered)
        for word, ids in carried.items():
            events.dispose(tx, self.run_id, ids, word)
        asked = [i.details["effect"] for i, _ in rows if "effect" in i.details]
        effects.close(tx, asked, effects.DONE)
        close_written(tx, self.run_id, [intent for intent, _ in rows])

    def _mirror_written(self, tx: Tx, intents: Sequence[Intent]) -> None:
        """The mirror holds what was written in the transaction that says it is agreed: a run
        killed before the read-back must not take an old value for somebody's edit."""
        written: dict[RecordRef, dict[str, Json]] = {}
        for intent in intents:
            if intent.operation is Operation.UPDATE and intent.target_id:
                ref = RecordRef(intent.system, intent.object, intent.target_id)
                written.setdefault(ref, {}).update(intent.fields)
        known = mirror.load(tx, written)
        mirror.mirror(
            tx,
            [
                replace(
                    row, record=replace(row.record, fields={**row.record.fields, **written[ref]})
                )
                for ref, row in known.items()
            ],
        )

    def _note(self, ref: RecordRef, intent: Intent) -> None:
        """Remember to read a record back; of several writes to it the one with expectations."""
        known = self.written.get(ref)
        if known is None or not known.details.get("expected"):
            self.written[ref] = intent

    def _mirrored(self, record: Record, known: Mirrored | None) -> Mirrored:
        """The record as read back; what a read by id does not tell stays as it was known."""
        merged = replace(
            record,
            fields={**known.record.fields, **record.fields} if known else dict(record.fields),
            created_at=record.created_at or (known.record.created_at if known else None),
            associations=record.associations
            or (known.record.associations if known else record.associations),
        )
        stream = known.stream if known else record.ref.object
        first, second = look_ups(self.pair, merged)
        return Mirrored(merged, stream, first, second)

    def _expect(
        self, intent: Intent, ref: RecordRef, shadows: dict[tuple[str, str], dict[str, Any]]
    ) -> None:
        expected = intent.details.get("expected") or {}
        if expected:
            bond = _bond(intent, ref)
            agreed = shadows.setdefault((intent.entity_id, bond), {})
            agreed.update({key: value[:2] for key, value in expected.items()})

    def _refused(self, tx: Tx, rows: Sequence[tuple[Intent, Outcome]]) -> None:
        letters = []
        for intent, outcome in rows:
            error = outcome.error or LeadloopError("the vendor refused the row and gave no reason")
            letters.append(
                {
                    "entity_id": intent.entity_id,
                    "subject": f"{intent.object}:{intent.target_id or 'new'}",
                    "intent_key": intent.key,
                    "fingerprint": intent.fingerprint,
                    "code": error.code,
                    "field": error.field,
                    "message": error.message[:1000],
                    "remedy": error.remedy[:1000],
                    "payload": {
                        "system": intent.system,
                        "operation": intent.operation.value,
                        "fields": sorted(intent.fields),
                        "config_hash": self.pair.config_hash,
                    },
                }
            )
            carried = intent.details.get("events", {})
            word = "dead" if intent.details.get("activity") else "held"
            events.dispose(tx, self.run_id, [i for own in carried.values() for i in own], word)
        outbox.bury(tx, self.run_id, letters)
        self._ask_about_duplicates(tx, rows)

    def _ask_about_duplicates(self, tx: Tx, rows: Sequence[tuple[Intent, Outcome]]) -> None:
        """The CRM's own duplicate rule has named records: evidence for a person to judge."""
        reviews.open_items(
            tx,
            self.run_id,
            [
                {
                    "kind": "match",
                    "subject": intent.details["map_ref"],
                    "candidates": [str(ref) for ref in outcome.error.found],
                    "decision_id": None,
                }
                for intent, outcome in rows
                if isinstance(outcome.error, DuplicateFoundError)
                and outcome.error.found
                and "map_ref" in intent.details
            ],
        )

    def read_back(self) -> None:
        """Read what was written where the vendor's answer did not say, and believe that."""
        grouped: dict[tuple[Side, str], list[RecordRef]] = {}
        for ref in self.written:
            side = self.pair.side_of(ref.system)
            grouped.setdefault((side, ref.object), []).append(ref)
        for (side, object_name), refs in sorted(grouped.items()):
            for batch in chunks(sorted(refs), READ_BACK):
                self._read_back(side, object_name, batch)
        self.written.clear()
        self.edited.clear()

    def _read_back(self, side: Side, object_name: str, refs: Sequence[RecordRef]) -> None:
        try:
            records = self.pair.connector(side).fetch(object_name, [ref.id for ref in refs])
        except LeadloopError as error:
            log.warning("settle.read_back_failed", object=object_name, code=error.code)
            return
        ours = [r for r in records if r.ref in self.written and not r.deleted]
        others = [r for r in records if r.ref not in self.written or r.deleted]
        if side is Side.MAP:
            self._tell_edits(object_name, ours)
        crashpoint("before_see")
        with self.pair.store.begin() as tx:
            mirror.land(tx, self.run_id, object_name, others)
            self._see(tx, ours)
        crashpoint("after_see")

    def _tell_edits(self, object_name: str, records: Sequence[Record]) -> None:
        """Ask the history of what was read back otherwise than sent: the MAP's records do not say
        who saved them last. Where it cannot be asked, or tells nothing, the vendor has reformatted.
        """
        doubtful: dict[RecordRef, list[str]] = {}
        for record in records:
            mapping = self.pair.mapping_of(record.ref)
            found = differing(mapping, self.written[record.ref], record) if mapping else []
            if found:
                doubtful[record.ref] = found
        told = histories(
            self.pair, Side.MAP, object_name, {ref.id: names for ref, names in doubtful.items()}
        )
        for ref, names in doubtful.items():
            mapping = self.pair.mapping_of(ref)
            changes = changes_of(mapping, self.written[ref]) if mapping else {}
            edits = {n for n in names if is_edit(*changes[n], told.get((ref.id, n), ()))}
            if edits:
                self.edited[ref] = self.edited.get(ref, frozenset()) | edits

    def _see(self, tx: Tx, records: Sequence[Record]) -> None:
        """Mirror records as read after a write; the shadow takes the value the vendor kept."""
        if not records:
            return
        refs = [record.ref for record in records]
        before = mirror.load(tx, refs)
        rows = [self._mirrored(record, before.get(record.ref)) for record in records]
        mirror.mirror(tx, rows)
        index_people(self.pair, tx, self._changed_people(rows, before))
        links = identity.links_of(tx, refs)
        moved: set[str] = set()
        kept: list[tuple[Intent, Record]] = []
        for row in rows:
            ref = row.record.ref
            intent = self.written[ref]
            if ref not in links:
                continue
            if self._edited_since(intent, row.record):
                moved.add(links[ref].entity_id)
                continue
            kept.append((intent, row.record))
            addressed = intent.side is Side.MAP and "email" in intent.fields
            if (
                ref in self.edited
                or addressed
                or _somebody_else(intent, row.record, before.get(ref))
            ):
                moved.add(links[ref].entity_id)
        self._keep_read_values(tx, kept)
        identity.add_work(tx, moved, "moved_meanwhile")

    def _edited_since(self, intent: Intent, record: Record) -> bool:
        """Whether somebody else has saved the record since we wrote it: what differs from our
        values is then their edit, not the vendor's formatting, and travels like any other."""
        ours = self.pair.integration_user
        return (
            intent.side is Side.CRM
            and ours is not None
            and record.modified_by is not None
            and record.modified_by != ours
        )

    def _changed_people(
        self, rows: Sequence[Mirrored], before: Mapping[RecordRef, Mirrored]
    ) -> list[Record]:
        """Records that matching would see with other eyes than before; few writes touch those."""
        changed: list[Record] = []
        for row in rows:
            ref, mapping = row.record.ref, self.pair.mapping_of(row.record.ref)
            known = before.get(ref)
            if mapping is None:
                continue
            side = self.pair.side_of(ref.system)
            seen = identity_values(mapping, known.record, side) if known else None
            if seen != identity_values(mapping, row.record, side):
                changed.append(row.record)
        return changed

    def _keep_read_values(self, tx: Tx, rows: Sequence[tuple[Intent, Record]]) -> None:
        """Vendors reformat: what they kept is what was agreed, so that it is no change later."""
        shadows: dict[tuple[str, str], dict[str, Any]] = {}
        for intent, record in rows:
            mapping = self.pair.mapping_of(record.ref)
            expected = intent.details.get("expected") or {}
            if mapping is None:
                continue
            self._note_kept(tx, mapping, intent, record)
            if not expected:
                continue
            rules = {rule.key: rule for rule in mapping.fields}
            edited = self.edited.get(record.ref, frozenset())
            agreed = shadows.setdefault((intent.entity_id, _bond(intent, record.ref)), {})
            for name, (map_value, crm_value, field_name) in expected.items():
                if name in rules and field_name in record.fields and field_name not in edited:
                    kept = canonical(record.fields[field_name], rules[name].type)
                    on_map = intent.side is Side.MAP
                    agreed[name] = [kept, crm_value] if on_map else [map_value, kept]
        agree(tx, self.run_id, shadows)

    def _note_kept(self, tx: Tx, mapping: ObjectMapping, intent: Intent, record: Record) -> None:
        """Where the vendor made something else of a value, the ledger says what: an undo must tell
        the vendor's spelling from somebody's edit."""
        types = {rule.key: rule.type for rule in mapping.fields}
        kept: dict[str, Json] = {}
        for change in intent.details.get("changes", ()):
            name, kind = change["field"], types.get(change["rule"])
            if kind is None or name not in record.fields:
                continue
            if name in self.edited.get(record.ref, ()):
                continue
            read = canonical(record.fields[name], kind)
            if not equal(read, change["after"], kind):
                kept[name] = read
        ledger.note_kept(tx, [(intent.key, name, value) for name, value in kept.items()])
        agree_kept(tx, self.run_id, intent, kept_halves(intent, kept))


def _due_again(tx: Tx, rows: Sequence[Intent]) -> dict[str, datetime]:
    """When rows that are to be sent again are, by key."""
    before = outbox.results(tx, [intent.key for intent in rows])
    return {
        intent.key: tx.now + pause_before(intent, before[intent.key].attempts + 1)
        for intent in rows
        if intent.key in before
    }


def _settlement(outcome: Outcome, due_at: Mapping[str, datetime]) -> Settlement:
    error = outcome.error.as_dict() if outcome.error else None
    fate = fate_of(outcome)
    return Settlement(
        outcome.key,
        fate.status,
        outcome.id,
        outcome.created,
        error,
        attempt=fate.attempt,
        due_at=due_at.get(outcome.key),
    )


def _id_of(intent: Intent, outcome: Outcome) -> str:
    return outcome.id or intent.target_id or str(intent.fields.get("from_id") or "?")


def _bond(intent: Intent, ref: RecordRef) -> str:
    """The pair of records the intent's expected values are about, new ids filled in."""
    map_ref, crm_ref = intent.details.get("map_ref"), intent.details.get("crm_ref")
    if map_ref is not None:
        return f"{map_ref}|{ref}"
    if crm_ref is not None:
        return f"{ref}|{crm_ref}"
    return str(intent.details.get("bond", ""))


def ledger_lines(intent: Intent, ref: RecordRef) -> list[dict[str, Any]]:
    """The lines of the field ledger for a write to this record: one for each field."""
    return [
        {
            "entity_id": intent.entity_id,
            "ref": str(ref),
            "field": change["field"],
            "before": change["before"],
            "after": change["after"],
            "image": change.get("image"),
            "operation": intent.operation.value,
            "rule": change["rule"],
            "why": change.get("why", ""),
            "intent_key": intent.key,
            "undoes": change.get("undoes"),
        }
        for change in intent.details.get("changes", ())
    ]


def _somebody_else(intent: Intent, record: Record, known: Mirrored | None) -> bool:
    """Whether a field we did not write has moved since we last saw the record."""
    if known is None:
        return False
    before: Mapping[str, Json] = known.record.fields
    stamps = {"lastmodifieddate", "hs_lastmodifieddate", "SystemModstamp", "LastModifiedById"}
    return any(
        value != before.get(name)
        for name, value in record.fields.items()
        if name in before and name not in intent.fields and name not in stamps
    )
