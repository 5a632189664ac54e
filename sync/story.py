"""One golden record's whole story, from the state alone: who they were taken for and why, what was
written and what it replaced, what was refused, what became of every event (law 9).

Reads only. A story holds values of a person: it is shown to the operator, never logged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mappings.fieldmap import PairMapping
from mappings.records import Record, RecordRef
from state import events, figures, identity, ledger, mirror, outbox, reviews, runs
from state.events import StoredEvent
from state.ledger import Line
from state.outbox import DeadLetter, StoredIntent
from state.reviews import StoredDecision
from state.store import Store, Tx
from sync import closings
from sync.shadows import agreed_only
from sync.stages import handed, responsible, standing_in, told
from sync.standing import accounts_of, deferred_of
from sync.verdicts import Verdict, came, verdicts
from sync.waterfall import decision_as_json

if TYPE_CHECKING:
    from sync.config import PairConfig

SUGGESTED = 10
"""People named where a text fits nobody exactly."""
SHORTEST = 2
"""Letters a word must have to say anything of who is meant."""
WORDS = re.compile(r"[^\w]+")
REACH = {"open": "waits to be sent", "unknown": "was sent, its outcome is being looked up"}


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a text may mean: golden records, and records that belong to none."""

    entities: tuple[str, ...] = ()
    strangers: tuple[RecordRef, ...] = ()

    @property
    def count(self) -> int:
        """How many people it may mean."""
        return len(self.entities) + len(self.strangers)


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened. `kind` is decided, linked, alias, changed, echo, wrote, refused,
    waiting, event, stage, handoff, duty, review or dead_letter; `details` are JSON-able.
    """

    at: datetime
    kind: str
    what: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One vendor record of the golden record, as last seen."""

    ref: RecordRef
    status: str
    reason: str
    linked_at: datetime | None
    record: Record | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything known of one golden record, or of one record that belongs to none.

    `moments` are in order of time. `shadows` hold the last agreed values by bond and rule.
    `fields` say whose value holds, field by field; `waits` what keeps writes not sent yet.
    """

    entity_id: str | None
    kind: str | None
    status: str
    members: tuple[Member, ...]
    shadows: Mapping[str, Mapping[str, Any]]
    moments: tuple[Moment, ...]
    fields: tuple[Verdict, ...] = ()
    waits: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The story, JSON-able."""
        return {
            "entity_id": self.entity_id,
            "kind": self.kind,
            "status": self.status,
            "records": [_member_as_json(member) for member in self.members],
            "shadows": {bond: dict(values) for bond, values in self.shadows.items()},
            "fields": [one.as_json() for one in self.fields],
            "waits": [dict(one) for one in self.waits],
            "timeline": [
                {"at": m.at.isoformat(), "kind": m.kind, "what": m.what, **m.details}
                for m in self.moments
            ],
        }


def find_person(store: Store, text: str | None) -> Found:
    """Whom a text names: a golden record's id, an e-mail address, a vendor id, `object:id`, or
    `system:object:id`. Ids of merged or converted records, and of
    golden records that have become part of others, find whom they stand for now.
    """
    if not text or not text.strip():
        return Found()
    wanted = text.strip()
    with store.read() as tx:
        known = identity.entities(tx, [wanted])
        if known:
            return Found((identity.standing(tx, wanted),))
        refs = figures.named(tx, wanted)
        links = identity.links_of(tx, refs)
        strangers = tuple(ref for ref in refs if ref not in links)
    return Found(tuple(sorted({link.entity_id for link in links.values()})), strangers)


def find_by_name(store: Store, text: str, *, limit: int = SUGGESTED) -> Found:
    """Whom a name, or the first part of an address, may mean: everybody in whom all its words are
    found; where that is nobody, everybody with its longest word.
    """
    words = [word for word in WORDS.split(_plain(text.partition("@")[0])) if len(word) >= SHORTEST]
    if not words:
        return Found()
    with store.read() as tx:
        refs = figures.named_like(tx, words, limit=limit)
        if not refs and len(words) > 1:
            refs = figures.named_like(tx, [max(words, key=len)], limit=limit)
        links = identity.links_of(tx, refs)
    people = {link.entity_id for link in links.values()}
    return Found(tuple(sorted(people)), tuple(ref for ref in refs if ref not in links))


def similar(store: Store, text: str) -> list[list[str]]:
    """Whom a text that fits nobody may mean: record, name, address and company of each."""
    found = find_by_name(store, text)
    with store.read() as tx:
        members = identity.members(tx, found.entities)
        refs = [*found.strangers]
        refs += [own[0].ref for own in members.values() if own]
        records = mirror.load(tx, refs)
    return [_known_as(ref, records[ref].record) for ref in sorted(refs) if ref in records]


def _known_as(ref: RecordRef, record: Record) -> list[str]:
    """What a person is recognised by, whichever vendor's names the fields have."""
    small = {name.lower(): str(value) for name, value in record.fields.items() if value}
    name = " ".join(small.get(part, "") for part in ("firstname", "lastname")).strip()
    return [str(ref), name, small.get("email", ""), small.get("company", "")]


def _plain(text: str) -> str:
    """As the index holds names: small letters without marks."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def story(
    store: Store,
    entity_id: str,
    pair: PairConfig | None = None,
    *,
    mapping: PairMapping | None = None,
) -> Story:
    """The story of a golden record. Raises KeyError for an id nobody has.

    With the pair's `mapping`, a person's stages are told, too, as its contract says; with the whole
    configuration of the pair also the verdict on every field, and what keeps unsent writes.
    """
    with store.read() as tx:
        entity = identity.entities(tx, [entity_id])[entity_id]
        links = identity.members(tx, [entity_id]).get(entity_id, [])
        records = mirror.load(tx, [link.ref for link in links])
        members = tuple(
            Member(
                link.ref,
                link.status,
                link.reason,
                link.linked_at,
                records[link.ref].record if link.ref in records else None,
            )
            for link in links
        )
        shadows = {
            bond: agreed
            for (_, bond), values in identity.shadows(tx, [entity_id]).items()
            if (agreed := agreed_only(values))
        }
        lines = ledger.of_entities(tx, [entity_id])
        refs = [member.ref for member in members]
        fields, waits = _by_the_rules(tx, pair, entity_id, members, shadows, lines)
        moments = [
            *_linked(members),
            *_of_records(tx, refs),
            *_came(tx, refs, lines),
            *_written(tx, entity_id, lines),
            *_letters(tx, entity_id),
            *_alone(tx, [member.ref for member in members]),
            *(_event(stored) for stored in events.of_entity(tx, entity_id)),
            *_stages(tx, mapping or (pair.mapping if pair else None), entity_id, members),
        ]
    return Story(
        entity_id, entity.kind.value, entity.status, members, shadows, _in_order(moments),
        fields, waits,
    )  # fmt: skip


def _by_the_rules(
    tx: Tx,
    pair: PairConfig | None,
    entity_id: str,
    members: Sequence[Member],
    shadows: Mapping[str, Mapping[str, Any]],
    lines: Sequence[Line],
) -> tuple[tuple[Verdict, ...], tuple[Mapping[str, Any], ...]]:
    """The verdict on every field, and what keeps the person's unsent writes."""
    if pair is None:
        return (), ()
    records = {str(one.ref): one.record for one in members if one.record is not None}
    fields = tuple(verdicts(pair.mapping, records, shadows, lines))
    mine = {
        (one.intent.system, one.intent.lane.value)
        for one in outbox.of_entity(tx, entity_id)
        if one.status == "open"
    }
    waiting = deferred_of(tx, pair, tx.now, accounts_of(tx, pair, tx.now)) if mine else []
    return fields, tuple(
        {name: row[name] for name in ("system", "lane", "why", "until")}
        for row in waiting
        if (row["system"], row["lane"]) in mine
    )


def _came(tx: Tx, refs: Sequence[RecordRef], lines: Sequence[Line]) -> Iterator[Moment]:
    """What people changed at the vendors, and what only came back as Leadloop had written it."""
    for one in came(tx, refs, lines):
        about = {"record": str(one.ref), "run_id": one.run_id}
        if one.changes:
            changes = [
                {"field": name, "before": before, "after": after}
                for name, (before, after) in sorted(one.changes.items())
            ]
            by = f" by {one.by}" if one.by else ""
            details = {**about, "by": one.by, "changes": changes}
            yield Moment(one.at, "changed", f"{one.ref} was changed at the vendor{by}", details)
        if one.echoed:
            what = f"{one.ref} came back as Leadloop had written it: {', '.join(one.echoed)}"
            yield Moment(one.at, "echo", what, {**about, "fields": list(one.echoed)})


def _stages(
    tx: Tx, mapping: PairMapping | None, entity_id: str, members: Sequence[Member]
) -> list[Moment]:
    records = [member.record for member in members if member.record is not None]
    done = standing_in(tx, mapping, entity_id, records) if mapping is not None else None
    if mapping is None or done is None:
        return []
    found = [Moment(at, "stage", what, details) for at, what, details in told(done, tx.now)]
    for kind, moments in (
        ("handoff", handed(tx, mapping, entity_id)),
        ("duty", responsible(tx, entity_id)),
    ):
        found += [Moment(at, kind, what, details) for at, what, details in moments]
    return found


def story_of_record(store: Store, ref: RecordRef) -> Story:
    """The story of a record that belongs to no golden record: in review, or out of scope."""
    with store.read() as tx:
        known = mirror.load(tx, [ref]).get(ref)
        waiting = ref in {RecordRef.parse(s) for s in reviews.open_subjects(tx, [str(ref)])}
        moments = [*_of_records(tx, [ref]), *_alone(tx, [ref])]
    members = (Member(ref, "unlinked", "", None, known.record if known else None),)
    status = "in review" if waiting else "unlinked"
    return Story(None, None, status, members, {}, _in_order(moments))


def _alone(tx: Tx, refs: Sequence[RecordRef]) -> list[Moment]:
    """What was written while these records belonged to no golden record: opt-outs."""
    found: list[Moment] = []
    for ref in map(str, refs):
        found += [*_written(tx, ref, ledger.of_entities(tx, [ref])), *_letters(tx, ref)]
    return found


def _in_order(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _linked(members: Sequence[Member]) -> list[Moment]:
    return [
        Moment(
            member.linked_at,
            "linked",
            f"{member.ref} was linked ({member.reason})",
            {"record": str(member.ref), "reason": member.reason, "status": member.status},
        )
        for member in members
        if member.linked_at is not None
    ]


def _of_records(tx: Tx, refs: Sequence[RecordRef]) -> list[Moment]:
    """Decisions, aliases and review items about these records."""
    names = [str(ref) for ref in refs]
    moments = [_decided(decision) for decision in reviews.decisions_of(tx, names)]
    for old, new, reason, at in figures.aliases_to(tx, list(refs)):
        details = {"old": str(old), "new": str(new), "reason": reason}
        moments.append(Moment(at, "alias", f"{old} now stands for {new} ({reason})", details))
    for item in (*figures.review_items_of(tx, names), *figures.conflicts_of(tx, refs)):
        about = {
            "item": item.id,
            "subject": item.subject,
            "candidates": list(item.candidates),
            "status": item.status,
            "chosen": item.chosen,
            "item_kind": item.kind,
        }
        asked = f"{item.subject} was put to a person (review {item.id})"
        moments.append(Moment(item.opened_at, "review", asked, about))
        if item.decided_at is not None:
            told = f"review {item.id} was {item.status}"
            moments.append(Moment(item.decided_at, "review", told, about))
    return moments


def _decided(decision: StoredDecision) -> Moment:
    targets = ", ".join(decision.targets) or "nobody"
    what = f"{decision.subject} was judged: {decision.verdict} {targets} ({decision.reason})"
    return Moment(decision.at, "decided", what, decision_as_json(decision))


def _written(tx: Tx, entity_id: str, lines: Sequence[Line]) -> list[Moment]:
    """Every write, one moment each: what it changed, by which rule, in which run."""
    intents = outbox.of_entity(tx, entity_id)
    changed: dict[str, list[Line]] = {}
    for line in lines:
        changed.setdefault(line.intent_key, []).append(line)
    known = {stored.intent.key for stored in intents}
    moments = [_intent(tx, stored, changed.get(stored.intent.key, ())) for stored in intents]
    moments += [  # writes whose intent has been pruned
        Moment(rows[0].at, "wrote", f"wrote {rows[0].ref}", _ledger(rows))
        for key, rows in changed.items()
        if key not in known
    ]
    return moments


def _intent(tx: Tx, stored: StoredIntent, rows: Sequence[Line]) -> Moment:
    intent = stored.intent
    ref = outbox.reference(intent, stored.result_id)
    at = stored.done_at or stored.journaled_at
    details: dict[str, Any] = {
        "record": str(ref),
        "operation": intent.operation.value,
        "side": intent.side.value,
        "reason": intent.reason,
        "lane": intent.lane.value,
        "run_id": stored.run_id,
        "intent": intent.key,
        "status": stored.status,
    }
    done = f"{intent.operation.value} {ref} ({intent.reason})"
    if stored.status == "ok":
        return Moment(at, "wrote", done, {**details, **_ledger(rows)})
    if stored.status in REACH:
        return Moment(at, "waiting", f"{done}: {REACH[stored.status]}", details)
    run = runs.get(tx, stored.run_id)
    details["config_hash"] = run.config_hash if run else None
    details["error"] = dict(stored.error) if stored.error else None
    if rows:  # dropped, but perhaps written: the reply was lost
        details.update(_ledger(rows))
    return Moment(at, "refused", f"{done}: {stored.status}", details)


def _ledger(rows: Sequence[Line]) -> dict[str, Any]:
    """Field by field: before, after, rule and reason; and what the write was made under."""
    if not rows:
        return {"changes": []}
    return {
        "changes": [
            {
                "ref": str(line.ref),
                "field": line.field,
                "before": line.before,
                "after": line.after,
                "rule": line.rule,
                "why": line.why,
                "undone": line.undone_by is not None,
            }
            for line in rows
        ],
        "run_id": rows[0].run_id,
        "config_hash": rows[0].config_hash,
    }


def _letters(tx: Tx, entity_id: str) -> list[Moment]:
    letters = [
        letter
        for status in ("open", "replayed", *closings.SAID)
        for letter in outbox.dead_letters(tx, status=status, subject=entity_id)
    ]
    return [*map(_refused, letters), *_closed(letters)]


def _refused(letter: DeadLetter) -> Moment:
    details = {
        "letter": letter.id,
        "status": letter.status,
        "code": letter.code,
        "field": letter.field,
        "remedy": letter.remedy,
        "run_id": letter.run_id,
    }
    what = f"{letter.subject} could not be written: {letter.message} [{letter.code}]"
    return Moment(letter.at, "dead_letter", what, details)


def _closed(letters: Sequence[DeadLetter]) -> Iterator[Moment]:
    for letter in letters:
        said = closings.told(letter)
        if said is not None and letter.closed_at is not None:
            what = f"letter {letter.id} about {letter.subject} was {said}"
            details = {"letter": letter.id, "closing": dict(letter.closing or {})}
            yield Moment(letter.closed_at, f"letter_{letter.status}", what, details)


def _event(stored: StoredEvent) -> Moment:
    event = stored.event
    return Moment(
        event.occurred_at,
        "event",
        f"{event.kind.value} {event.name}".strip() + f": {stored.disposition}",
        {
            "event": event.key,
            "event_kind": event.kind.value,
            "name": event.name,
            "disposition": stored.disposition,
        },
    )


def _member_as_json(member: Member) -> dict[str, Any]:
    record = member.record
    return {
        "record": str(member.ref),
        "status": member.status,
        "reason": member.reason,
        "linked_at": member.linked_at.isoformat() if member.linked_at else None,
        "deleted": record.deleted if record else None,
        "modified_at": record.modified_at.isoformat() if record else None,
        "fields": {k: v for k, v in record.fields.items() if v not in (None, "")} if record else {},
    }
