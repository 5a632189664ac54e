"""The first half of resolve: landed rows into the mirror and the candidate index.

Folding follows what the vendors did to identities: a deletion ends a link (in its time:
`sync.held`), a merge or a Lead's conversion moves it and leaves an alias (law 8). Rows of records
that belong to a golden record put it on the work list; rows of people nobody has linked stay
pending for `sync.resolve`.
Idempotent: killed half-way, the next run folds the same rows again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from mappings.fieldmap import EntityKind, IdentityRule, ObjectMapping
from mappings.records import Json, PersonAttributes, Record, RecordRef, Side
from mappings.required_fields import (
    ACTIVITY_READS,
    CRM_KEY,
    MAP_KEY,
    MEMBER,
    RECIPIENT,
    TOUCHING,
)
from matching.blocking import blocking_keys
from matching.normalise import normalise
from state import candidates, identity, mirror, participants, requeue
from state.candidates import Indexed
from state.identity import Link, NewLink
from state.mirror import LandedRow, Mirrored
from state.store import Tx
from sync import held
from sync.addresses import FURTHER, mailbox_keys, unequal
from sync.crash import crashpoint
from sync.pair import Pair

CHUNK = 1000
PLANNED, NOTED, PENDING = "planned", "noted", "pending"
TUPLES = {"emails", "phones"}


def fold(pair: Pair, run_id: str, *, but: frozenset[RecordRef] = frozenset()) -> Counter[str]:
    """Fold every pending row; how many rows ended how (`pending` ones wait for resolve).

    Rows of the records `but` are left in the inbox: a person is to see them first.
    """
    ended: Counter[str] = Counter()

    def rest(rows: Sequence[LandedRow]) -> list[LandedRow]:
        return [row for row in rows if row.record.ref not in but]

    _each_chunk(
        pair, lambda tx, rows: mirror.mirror(tx, [_mirrored(pair, row) for row in rest(rows)])
    )
    _each_chunk(pair, lambda tx, rows: ended.update(_follow(pair, tx, run_id, rest(rows))))
    return ended


def pending_refs(pair: Pair, kind: EntityKind) -> Iterator[tuple[int, RecordRef]]:
    """Inbox rows of one kind of entity that wait for a decision: row id and record."""
    after = 0
    while True:
        with pair.store.read() as tx:
            rows = mirror.pending_refs(tx, after=after)
        if not rows:
            return
        after = rows[-1][0]
        yield from ((row_id, ref) for row_id, ref in rows if pair.kind_of(ref) is kind)


def _each_chunk(pair: Pair, act: Callable[[Tx, list[LandedRow]], object]) -> None:
    after, done = 0, 0
    with pair.store.read() as tx:
        total = mirror.pending_count(tx)
    while True:
        with pair.store.begin() as tx:
            rows = mirror.pending(tx, after=after, limit=CHUNK)
            if not rows:
                return
            act(tx, rows)
        crashpoint("after_fold")
        after, done = rows[-1].id, done + len(rows)
        pair.progress.report("fold", min(done, total), total)


def _mirrored(pair: Pair, row: LandedRow) -> Mirrored:
    first, second = look_ups(pair, row.record)
    return Mirrored(row.record, row.stream, first, second)


def look_ups(pair: Pair, record: Record) -> tuple[str | None, str | None]:
    """What a record is looked up by: address and link key, or the ids it joins."""
    kind, fields = pair.kind_of(record.ref), record.fields
    key = fields.get(MAP_KEY if pair.side_of(record.ref.system) is Side.MAP else CRM_KEY)
    if record.converted_to is not None:
        return converted_key(record.converted_to.id), _text(key)
    if kind is EntityKind.PERSON:
        email = fields.get("email") or fields.get("Email")
        return _text(str(email or "").strip().lower()), _text(key)
    if record.ref.object == "OpportunityContactRole":
        return _text(fields.get("ContactId")), _text(fields.get("OpportunityId"))
    if record.ref.object in TOUCHING and pair.side_of(record.ref.system) is Side.CRM:
        return _text(_who(record)), _text(fields.get(_ABOUT[record.ref.object]))
    if kind is EntityKind.DEAL:
        return _text(fields.get("AccountId")), _text(key)
    return None, _text(key)


_ABOUT = {
    **dict.fromkeys(ACTIVITY_READS, "WhatId"), MEMBER: "CampaignId", RECIPIENT: "EmailMessageId",
}  # fmt: skip
"""By what else than a person an activity of the CRM's is looked up."""


def _who(record: Record) -> Json:
    """The record of the person an activity of the CRM's is about."""
    fields = record.fields
    if record.ref.object == MEMBER:
        return fields.get("ContactId") or fields.get("LeadId")
    return fields.get("RelationId" if record.ref.object == RECIPIENT else "WhoId")


def _taken_part(pair: Pair, records: Iterable[Record]) -> dict[RecordRef, tuple[str, ...]]:
    """The MAP's contacts in each of its calls and meetings; nobody in one that was deleted."""
    people = pair.mapping.of_kind(EntityKind.PERSON)
    return {
        r.ref: () if r.deleted or people is None else r.associations.get(people.map_object, ())
        for r in records
        if r.ref.object in TOUCHING and pair.side_of(r.ref.system) is Side.MAP
    }


def converted_key(contact_id: str) -> str:
    """What a converted Lead is looked up by: the Contact it became."""
    return f"converted:{contact_id}"


def _text(value: Json) -> str | None:
    return str(value).replace("\x00", "") or None if value not in (None, "") else None


def _follow(pair: Pair, tx: Tx, run_id: str, rows: Sequence[LandedRow]) -> Counter[str]:
    """Identity changes, index and work list for one chunk; its rows' dispositions.

    Records are taken from the mirror: a row that waited may be older than what is known by now.
    """
    known = mirror.load(tx, {row.record.ref for row in rows})
    newest = {ref: mirrored.record for ref, mirrored in known.items()}
    links = identity.links_of(tx, newest)
    for record in newest.values():
        _identity_changes(pair, tx, run_id, record, links.get(record.ref))
    links = identity.links_of(tx, newest)
    candidates.drop(tx, [str(ref) for ref, record in newest.items() if record.deleted])
    index_people(pair, tx, list(newest.values()))
    met = participants.keep(tx, _taken_part(pair, newest.values()))
    words: dict[int, str] = {}
    for row in rows:
        words[row.id] = _disposition(pair, newest[row.record.ref], links.get(row.record.ref))
    identity.add_work(tx, _touched(pair, tx, list(newest.values()), links, met), "changed")
    identity.add_work(tx, unequal(pair, tx, newest.values(), links), "consent")
    mirror.dispose(tx, run_id, {i: word for i, word in words.items() if word != PENDING})
    return Counter(words.values())


def _disposition(pair: Pair, record: Record, link: Link | None) -> str:
    if link is not None:
        return PLANNED
    kind = pair.kind_of(record.ref)
    if kind in (EntityKind.PERSON, EntityKind.COMPANY) and not record.deleted:
        converted = record.converted_to is not None
        return NOTED if converted else PENDING
    return NOTED


def follow(pair: Pair, tx: Tx, run_id: str, record: Record) -> None:
    """What the vendor did to a record's identity, if anything, is done to its link."""
    _identity_changes(pair, tx, run_id, record, identity.links_of(tx, [record.ref]).get(record.ref))


def _identity_changes(pair: Pair, tx: Tx, run_id: str, record: Record, link: Link | None) -> None:
    """Deletions, merges and conversions move or end a link."""
    for loser in merged_away(record):
        _move(pair, tx, run_id, loser, record.ref, "merged")
    if record.merged_into is not None:
        _move(pair, tx, run_id, record.ref, _same_object(record.ref, record.merged_into), "merged")
    elif record.converted_to is not None:
        _move(pair, tx, run_id, record.ref, record.converted_to, "converted")
    elif record.deleted and link is not None and link.status == "live":
        held.deleted(pair, tx, link)
    elif not record.deleted and link is not None and link.status in {held.GONE, held.HELD}:
        held.restored(pair, tx, link)


def merged_away(record: Record) -> list[RecordRef]:
    """Records that were merged into this one, as HubSpot lists them (FACTS section 2)."""
    listed = str(record.fields.get("hs_merged_object_ids") or "")
    return [
        _same_object(record.ref, other)
        for other in listed.split(";")
        if other and other != record.ref.id
    ]


def _same_object(ref: RecordRef, other_id: str) -> RecordRef:
    return RecordRef(ref.system, ref.object, other_id)


def _move(pair: Pair, tx: Tx, run_id: str, old: RecordRef, new: RecordRef, reason: str) -> None:
    """What belonged to `old` belongs to `new` from now on, or to what that has become since."""
    new = identity.follow(tx, new)
    if new == old:
        return
    links = identity.links_of(tx, [old, new])
    if links.get(old) is not None and links[old].status == "alias":
        return
    identity.alias(tx, old, new, reason)
    if old not in links:
        return
    deleted = {ref for ref, row in mirror.load(tx, [new]).items() if row.record.deleted}
    entity_id = links[old].entity_id
    identity.set_status(tx, [old], "alias")
    candidates.drop(tx, [str(old)])
    if new not in links:
        identity.link(tx, run_id, [NewLink(new, entity_id, reason)])
    elif links[new].entity_id != entity_id:
        identity.absorb(tx, entity_id, links[new].entity_id)
        requeue.hand_over(tx, run_id, entity_id, links[new].entity_id)
        entity_id = links[new].entity_id
    if new in deleted:
        identity.set_status(tx, [new], "gone")
        held.retire_without_counterpart(pair, tx, entity_id)
    elif pair.side_of(new.system) is Side.CRM:
        identity.retire(tx, [entity_id], status="live")
    identity.add_work(tx, [entity_id], reason)


def _touched(
    pair: Pair,
    tx: Tx,
    records: Sequence[Record],
    links: Mapping[RecordRef, Link],
    met: Collection[tuple[str, str]],
) -> set[str]:
    """Golden records to plan again: their own records changed, an opportunity of theirs, or, under
    a contract, what sales did with them."""
    touched = {links[record.ref].entity_id for record in records if record.ref in links}
    opportunities = [r.ref.id for r in records if pair.kind_of(r.ref) is EntityKind.DEAL]
    roles = [r for r in records if r.ref.object == "OpportunityContactRole"]
    if opportunities:
        roles += [
            m.record
            for m in mirror.by_lookup(tx, "OpportunityContactRole", opportunities, second=True)
        ]
    refs = [
        RecordRef(pair.crm_side.system, "Contact", str(role.fields.get("ContactId")))
        for role in roles
    ]
    if pair.mapping.contract:  # what sales did may move a stage, or answer a handoff
        refs += [
            RecordRef(pair.crm_side.system, name, str(_who(record)))
            for record in records
            if record.ref.object in TOUCHING and pair.side_of(record.ref.system) is Side.CRM
            for name in ("Lead", "Contact")
        ]
        people = pair.mapping.of_kind(EntityKind.PERSON)
        name = people.map_object if people is not None else ""
        refs += [RecordRef(system, name, contact) for system, contact in sorted(met)]
    touched |= {link.entity_id for link in identity.links_of(tx, refs).values()}
    return touched


def index_people(pair: Pair, tx: Tx, records: Sequence[Record]) -> None:
    """Put people into the candidate index; deleted and converted ones leave it."""
    people = [r for r in records if pair.kind_of(r.ref) is EntityKind.PERSON]
    gone = [r for r in people if r.deleted or r.converted_to is not None]
    candidates.drop(tx, [str(record.ref) for record in gone])
    live = [record for record in people if not (record.deleted or record.converted_to)]
    accounts = _accounts(pair, tx, live)
    rows = []
    for record in live:
        person = normalise(attributes_of(pair, record, accounts), region=pair.region)
        rows.append(
            Indexed(
                str(record.ref),
                pair.side_of(record.ref.system),
                EntityKind.PERSON.value,
                person.to_json(),
                (*blocking_keys(person), *mailbox_keys(record)),
            )
        )
    candidates.index(tx, rows)


def _accounts(pair: Pair, tx: Tx, people: Iterable[Record]) -> dict[str, Record]:
    ids = {str(r.fields["AccountId"]) for r in people if r.fields.get("AccountId")}
    refs = [RecordRef(pair.crm_side.system, "Account", i) for i in ids]
    return {ref.id: row.record for ref, row in mirror.load(tx, refs).items()}


def attributes_of(pair: Pair, record: Record, accounts: Mapping[str, Record]) -> PersonAttributes:
    """What matching may know of a record; a Contact's company is its Account's name."""
    mapping = pair.mapping_of(record.ref)
    found = identity_values(mapping, record, pair.side_of(record.ref.system)) if mapping else {}
    account = accounts.get(str(record.fields.get("AccountId") or ""))
    if account is not None:
        found.setdefault("company", account.fields.get("Name"))
        found.setdefault("website", account.fields.get("Website"))
    return PersonAttributes(**found)


def identity_values(mapping: ObjectMapping, record: Record, side: Side) -> dict[str, Json]:
    """Attribute values by the mapping's identity rules; blanks are left out."""
    found: dict[str, Json] = {}
    for rule in mapping.identity:
        defaults = _defaults(mapping, record.ref.object) if side is Side.CRM else {}
        values = _values(record, _names(rule, record, side), defaults)
        if values:
            found[rule.attribute] = tuple(values) if rule.attribute in TUPLES else values[0]
    return found


def _names(rule: IdentityRule, record: Record, side: Side) -> tuple[str, ...]:
    return rule.map if side is Side.MAP else rule.crm.get(record.ref.object, ())


def _defaults(mapping: ObjectMapping, object_name: str) -> dict[str, str]:
    """Stand-ins a created record holds where nothing was known: they identify nobody."""
    return {
        rule.crm[object_name]: rule.default
        for rule in mapping.fields
        if rule.default is not None and object_name in rule.crm
    }


def _values(record: Record, names: Sequence[str], defaults: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for name in names:
        raw = str(record.fields.get(name) or "")
        if raw and raw == defaults.get(name):
            continue
        parts = raw.split(";") if name == FURTHER else [raw]
        found.extend(part.strip() for part in parts if part.strip())
    return found
