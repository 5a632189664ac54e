"""Storing what resolve decided: links, golden records, review items, rows' dispositions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.applying import created_as
from mappings.conditions import condition_of
from mappings.fieldmap import EntityKind, ObjectMapping
from mappings.records import Record, RecordRef, Side
from matching.linker import Decision
from state import events, identity, mirror, reviews
from state.identity import NewLink
from state.mirror import Mirrored
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.fold import PLANNED, identity_values
from sync.graves import bury
from sync.pair import Pair
from sync.shadows import note_met

STORE = 500
"""Decisions stored in one transaction."""


@dataclass(slots=True)
class Resolved:
    """What resolving came to: people by verdict, and inbox rows by how they ended."""

    rows: Counter[str] = field(default_factory=Counter)
    linked: int = 0
    created: int = 0
    review: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    words: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Storing:
    """Stores the decisions of one batch. `dead` is what carries the key of somebody here and is
    gone."""

    pair: Pair
    run_id: str
    mapping: ObjectMapping
    model_version: str
    resolved: Resolved
    dead: dict[str, list[Record]] = field(default_factory=dict)

    def store(self, decisions: Sequence[Decision]) -> None:
        """Store decisions: each linked group becomes one golden record."""
        groups = _groups([d for d in decisions if d.verdict == "link"])
        batches = list(chunks(sorted(decisions, key=lambda d: d.incoming), STORE))
        ids: dict[str, int] = {}
        for batch in batches:
            with self.pair.store.begin() as tx:
                ids.update(self._record(tx, batch))
            crashpoint("after_decisions")
        for group_batch in chunks(groups, STORE):
            with self.pair.store.begin() as tx:
                self._link_groups(tx, group_batch, ids)
            crashpoint("after_links")
        for batch in batches:
            with self.pair.store.begin() as tx:
                self._rest(tx, [d for d in batch if d.verdict != "link"], ids)
            crashpoint("after_rest")

    def _record(self, tx: Tx, batch: Sequence[Decision]) -> dict[str, int]:
        return reviews.record_decisions(
            tx,
            self.run_id,
            [
                {
                    "subject": d.incoming,
                    "verdict": d.verdict,
                    "targets": list(d.targets),
                    "probability": d.probability,
                    "weight": d.weight,
                    "reason": d.reason,
                    "evidence": dict(d.evidence),
                    "model_version": self.model_version,
                }
                for d in batch
            ],
        )

    def _link_groups(
        self, tx: Tx, groups: Sequence[Sequence[Decision]], ids: Mapping[str, int]
    ) -> None:
        """One golden record for everybody in a group; several known ones are a question.

        Groups share no record, so a batch of them is looked up and stored at once.
        """
        members = {RecordRef.parse(key) for group in groups for key in _members(group)}
        links = identity.links_of(tx, members)
        records = mirror.load(tx, members)
        entities: dict[str, EntityKind] = {}
        fresh: list[NewLink] = []
        for group in groups:
            own = [RecordRef.parse(key) for key in _members(group)]
            known = sorted({links[ref].entity_id for ref in own if ref in links})
            if len(known) > 1:
                self._ask(tx, group, ids, "several_people")
                continue
            incoming = sorted({d.incoming for d in group})
            entity_id = known[0] if known else self._key(own, records, incoming)
            entities[entity_id] = self.mapping.kind
            reason = {d.incoming: d.reason for d in group}
            fresh.extend(
                NewLink(ref, entity_id, reason.get(str(ref), group[0].reason), ids.get(str(ref)))
                for ref in own
            )
            self.resolved.linked += len(incoming)
            self.resolved.reasons.update(d.reason for d in group)
        identity.create(tx, self.run_id, entities)
        identity.link(tx, self.run_id, fresh)
        note_met(tx, self.run_id, self.pair.mapping, entities)
        identity.add_work(tx, entities, "linked")
        events.revive(tx, [row.lookup for row in records.values() if row.lookup])
        reviews.close_subjects(tx, [str(new.ref) for new in fresh], "settled")
        propose_merges(self.pair, tx, self.run_id, entities)
        self.resolved.words.update({str(new.ref): PLANNED for new in fresh})

    def _key(
        self,
        members: Sequence[RecordRef],
        records: Mapping[RecordRef, Mirrored],
        incoming: Sequence[str],
    ) -> str:
        """The link key a record carries already, CRM records first; else a newly minted one."""
        carried = [
            (self.pair.side_of(ref.system) is Side.MAP, str(ref), records[ref].lookup2)
            for ref in members
            if ref in records and records[ref].lookup2
        ]
        if carried:
            return str(min(carried)[2])
        return identity.mint(self.pair.namespace, RecordRef.parse(incoming[0]))

    def _ask(self, tx: Tx, group: Sequence[Decision], ids: Mapping[str, int], reason: str) -> None:
        reviews.open_items(
            tx,
            self.run_id,
            [
                {
                    "kind": "match",
                    "subject": d.incoming,
                    "candidates": list(d.targets),
                    "decision_id": ids.get(d.incoming),
                }
                for d in group
            ],
        )
        self.resolved.review += len(group)
        self.resolved.reasons.update([reason] * len(group))
        self.resolved.words.update({d.incoming: "review" for d in group})

    def _rest(self, tx: Tx, batch: Sequence[Decision], ids: Mapping[str, int]) -> None:
        """People without a counterpart are created, or left with a reason; others are asked."""
        asked = [d for d in batch if d.verdict == "review"]
        if asked:
            self._ask(tx, asked, ids, "ambiguous")
        alone = {RecordRef.parse(d.incoming): d for d in batch if d.verdict == "none"}
        records = mirror.load(tx, alone)
        created: dict[str, RecordRef] = {}
        for ref, row in sorted(records.items()):
            word = self._fate(row.record)
            self.resolved.words[str(ref)] = word
            if word == PLANNED:
                key = row.lookup2 or identity.mint(self.pair.namespace, ref)
                created[key] = ref
        identity.create(tx, self.run_id, dict.fromkeys(created, self.mapping.kind))
        identity.link(
            tx,
            self.run_id,
            [
                NewLink(ref, key, "no_counterpart", ids.get(str(ref)))
                for key, ref in created.items()
            ],
        )
        bury(self.pair, tx, self.run_id, self.dead, sorted(created))
        identity.add_work(tx, created, "no_counterpart")
        events.revive(tx, [row.lookup for row in records.values() if row.lookup])
        reviews.close_subjects(tx, [str(ref) for ref in alone], "settled")
        self.resolved.created += len(created)

    def _fate(self, record: Record) -> str:
        """What becomes of a MAP person nobody knows in the CRM."""
        if not condition_of(self.mapping)(record.fields):
            return "out_of_scope"
        if created_as(self.mapping, record.fields) is None:
            return "no_counterpart"
        values = identity_values(self.mapping, record, Side.MAP)
        known_by = {"given_name", "family_name", "emails", "phones"} & values.keys()
        return PLANNED if known_by else "unidentifiable"


def propose_merges(pair: Pair, tx: Tx, run_id: str, entity_ids: Iterable[str]) -> None:
    """A review item for each side on which one person has several live records.

    Leadloop merges nothing itself: who confirms merges them at the vendor, and Leadloop follows.
    """
    rows: list[dict[str, object]] = []
    for links in identity.members(tx, entity_ids).values():
        for side in Side:
            refs = sorted(
                str(link.ref)
                for link in links
                if link.status == "live" and pair.side_of(link.ref.system) is side
            )
            if len(refs) > 1:
                rows.append(
                    {
                        "kind": "merge",
                        "subject": refs[0],
                        "candidates": refs[1:],
                        "decision_id": None,
                    }
                )
    reviews.open_items(tx, run_id, rows)


def _members(group: Sequence[Decision]) -> list[str]:
    """Every record key of a group, in order."""
    return sorted({d.incoming for d in group} | {t for d in group for t in d.targets})


def _groups(decisions: Sequence[Decision]) -> list[list[Decision]]:
    """Link decisions that share a record belong together: connected components."""
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for decision in decisions:
        for target in decision.targets:
            left, right = sorted((find(decision.incoming), find(target)))
            leader[right] = left
    grouped: dict[str, list[Decision]] = {}
    for decision in decisions:
        grouped.setdefault(find(decision.incoming), []).append(decision)
    return [grouped[key] for key in sorted(grouped)]


def settle_rows(
    pair: Pair, run_id: str, rows: Mapping[str, Sequence[int]], resolved: Resolved
) -> None:
    """Give every pending person's inbox rows the word of what became of them (law 2)."""
    for batch in chunks(rows, 2000):
        with pair.store.begin() as tx:
            links = {str(r) for r in identity.links_of(tx, map(RecordRef.parse, batch))}
            words = {
                row_id: _word(pair, key, links, resolved) for key in batch for row_id in rows[key]
            }
            mirror.dispose(tx, run_id, words)
        crashpoint("after_rows")
        resolved.rows.update(words.values())


def _word(pair: Pair, key: str, links: set[str], resolved: Resolved) -> str:
    if key in links:
        return PLANNED
    if key in resolved.words:
        return resolved.words[key]
    kind = pair.kind_of(RecordRef.parse(key))
    return "no_counterpart" if kind in (EntityKind.PERSON, EntityKind.COMPANY) else "noted"
