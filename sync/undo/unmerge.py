"""Taking a wrong link apart: who goes where, which writes crossed it, what is remembered (law 11).

The record named does not belong with the golden record's other records. What was written across the
link is undone by the ordinary planning; the records go on as two people, ruled out for each other,
and are decided about again. Tasks of events that stay with a person are made again on the record
they get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.fieldmap import EntityKind
from mappings.records import Operation, RecordRef, Side
from state import figures, identity, ledger, mirror, outbox, requeue, reviews
from state.identity import Link
from state.ledger import Line
from state.outbox import StoredIntent
from state.store import Tx
from sync.addresses import addresses_of
from sync.gather import opportunities_of
from sync.pair import Pair
from sync.undo.choose import UNMERGE, Chosen, UndoError


@dataclass(frozen=True, slots=True)
class Split:
    """A wrong link and what it comes to.

    `groups` says whose every record is from now on: the golden record's own id, or `other`'s.
    `singles` are decided about again; `ruled_out` are the pairs of records that are two people;
    `deals` are golden records of deals that were made for the wrong person and go.
    """

    entity_id: str
    other: str
    named: RecordRef
    groups: Mapping[RecordRef, str]
    live: tuple[RecordRef, ...]
    links: tuple[Link, ...]
    ruled_out: tuple[tuple[str, str], ...]
    addresses: Mapping[str, str]
    deals: tuple[str, ...] = ()

    def group(self, name: str) -> tuple[RecordRef, ...]:
        """The live records of one of the two."""
        return tuple(ref for ref in self.live if self.groups[ref] == name)

    @property
    def is_pair(self) -> bool:
        """Whether there were only two records: nothing of the golden record is left."""
        return len(self.live) == 2  # noqa: PLR2004 - one on each side

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "entity_id": self.entity_id,
            "record": str(self.named),
            "apart": [list(pair) for pair in self.ruled_out],
            "decided_again": [str(ref) for ref in self.live if self._alone(ref)],
        }

    def _alone(self, ref: RecordRef) -> bool:
        return len(self.group(self.groups[ref])) == 1


def split_of(pair: Pair, tx: Tx, text: str) -> Split:
    """Whom the named record leaves. Raises UndoError where there is no such link, or Leadloop
    itself made the record for this person."""
    named = _named(tx, text)
    link = identity.links_of(tx, [named])[named]
    links = identity.members(tx, [link.entity_id])[link.entity_id]
    live = tuple(one.ref for one in links if one.status == "live")
    if len(live) < 2:  # noqa: PLR2004 - a link joins two
        raise UndoError(
            f"{named} is linked with no other record",
            code="undo.no_link",
            remedy="`leadloop explain` shows a person's records.",
        )
    made = [one.ref for one in links if one.status == "live" and one.reason == "created"]
    if named in made or (len(live) == 2 and made):  # noqa: PLR2004 - as above
        raise UndoError(
            f"{made[0]} was created by Leadloop for this person; no link to it was chosen",
            code="undo.created_record",
            remedy=f"Undo the creation: `leadloop undo --record {made[0]}`.",
        )
    return _split(pair, tx, link.entity_id, named, links, live)


def _named(tx: Tx, text: str) -> RecordRef:
    """The one linked record that is meant; of one person's two, the CRM's or the MAP's alike."""
    refs = {identity.follow(tx, ref) for ref in figures.named(tx, text)}
    links = {ref: one for ref, one in identity.links_of(tx, refs).items() if one.status == "live"}
    entities = {one.entity_id for one in links.values()}
    if not links:
        raise UndoError(
            "no linked record is known by that",
            code="undo.unknown_record",
            remedy="Name the record that does not belong: `system:object:id`.",
        )
    if len(links) > 1 and (len(entities) > 1 or len(_live(tx, entities)) > 2):  # noqa: PLR2004 - a pair
        raise UndoError(
            "several linked records are known by that",
            code="undo.record_needed",
            remedy=f"Name one of: {', '.join(sorted(map(str, links)))}.",
        )
    return min(links)


def _live(tx: Tx, entities: set[str]) -> list[Link]:
    return [
        one
        for own in identity.members(tx, entities).values()
        for one in own
        if one.status == "live"
    ]


def _split(
    pair: Pair,
    tx: Tx,
    entity_id: str,
    named: RecordRef,
    links: Sequence[Link],
    live: tuple[RecordRef, ...],
) -> Split:
    """The golden record's id stays with the record it was minted from: the same id would be minted
    for that record again."""
    now = {one.ref: identity.follow(tx, one.ref) for one in links}
    leaving = {ref for ref, stands_for in now.items() if named in (ref, stands_for)}
    staying = set(now) - leaving
    minted = {ref for ref in now if identity.mint(pair.namespace, ref) == entity_id}
    going = staying if minted & leaving else leaving
    first = min(going & set(live), key=lambda ref: (pair.side_of(ref.system) is Side.CRM, ref))
    other = identity.mint(pair.namespace, first)
    records = mirror.load(tx, live)
    groups = {ref: other if ref in going else entity_id for ref in now}
    addresses: dict[str, str] = {}
    for ref in live:
        if pair.side_of(ref.system) is Side.MAP and ref in records:
            addresses.update(dict.fromkeys(addresses_of(records[ref].record), groups[ref]))
    return Split(
        entity_id=entity_id,
        other=other,
        named=named,
        groups=groups,
        live=live,
        links=tuple(links),
        ruled_out=tuple(
            (str(left), str(right))
            for left in sorted(set(live) & leaving)
            for right in sorted(set(live) & staying)
        ),
        addresses=addresses,
        deals=tuple(_deals(pair, tx, live)),
    )


def _deals(pair: Pair, tx: Tx, live: Sequence[RecordRef]) -> list[str]:
    """Golden records of the opportunities that these Contacts have a role on."""
    found = opportunities_of(pair, tx, [ref.id for ref in live if ref.object == "Contact"])
    refs: set[RecordRef] = {record.ref for own in found.values() for record in own}
    return sorted({link.entity_id for link in identity.links_of(tx, refs).values()})


def choose_across(pair: Pair, tx: Tx, split: Split) -> Chosen:
    """The writes that crossed the link: those since it was made that carried one person's values,
    events or outcomes to the other."""
    lines = ledger.of_entities(tx, [split.entity_id, *split.deals])
    intents = outbox.results(tx, {line.intent_key for line in lines})
    since = _since(split)
    own = [
        line
        for line in lines
        if line.undone_by is None and line.at >= since and line.entity_id == split.entity_id
    ]
    ids = {line.id for line in own if _crosses(split, line, intents.get(line.intent_key))}
    ids |= _of_deals(pair, split, [line for line in lines if line.entity_id in split.deals])
    return Chosen(tuple(lines), frozenset(ids))


def _since(split: Split) -> Any:
    """When the link was made: when the later of the two sides joined."""
    first: dict[str, Any] = {}
    for link in split.links:
        group = split.groups[link.ref]
        first[group] = min(link.linked_at, first.get(group, link.linked_at))
    return max(first.values())


def _crosses(split: Split, line: Line, stored: StoredIntent | None) -> bool:
    if split.is_pair:
        return True
    ours = split.groups.get(line.ref)
    if ours is None:
        return stored is not None and _misplaced(split, stored)
    if line.rule == "link_key":
        return ours != split.entity_id
    if line.rule == "consent":
        return True
    details = stored.intent.details if stored else {}
    bond = str(details.get("bond") or details.get("map_ref") or details.get("crm_ref") or "")
    partners = {RecordRef.parse(part) for part in bond.split("|") if part not in ("", "-")}
    return any(split.groups.get(ref, ours) != ours for ref in partners)


def _misplaced(split: Split, stored: StoredIntent) -> bool:
    """Whether an activity hangs on a record of the other person's."""
    fields = stored.intent.fields
    who = next((fields[n] for n in ("WhoId", "ContactId", "LeadId") if fields.get(n)), None)
    there = {group for ref, group in split.groups.items() if ref.id == who}
    owner = split.addresses.get(str(stored.intent.details.get("email") or ""))
    return bool(there) and owner is not None and owner not in there


def _of_deals(pair: Pair, split: Split, lines: Sequence[Line]) -> set[int]:
    """Joins of deals with the wrong person's contact; the whole deal where it was made for nobody
    else."""
    contacts = {
        f"{ref.object}:{ref.id}" for ref in split.live if pair.side_of(ref.system) is Side.MAP
    }
    apart = {
        f"{ref.object}:{ref.id}"
        for ref in split.live
        if pair.side_of(ref.system) is Side.MAP and not _has_contact(pair, split, ref)
    }
    ids: set[int] = set()
    for entity_id in split.deals:
        own = [x for x in lines if x.entity_id == entity_id and x.undone_by is None]
        joins = [x for x in own if x.operation is Operation.ASSOCIATE]
        wrong = [x for x in joins if x.after in apart]
        made = any(x.operation is Operation.CREATE for x in own)
        if wrong and len(wrong) == len(joins) and made:
            ids.update(x.id for x in own)
        else:
            ids.update(x.id for x in wrong if x.after in contacts)
    return ids


def _has_contact(pair: Pair, split: Split, ref: RecordRef) -> bool:
    """Whether a MAP contact keeps a CRM Contact after the split."""
    group = split.group(split.groups[ref])
    return any(one.object == "Contact" and pair.side_of(one.system) is Side.CRM for one in group)


def carry_out(pair: Pair, tx: Tx, run_id: str, split: Split) -> None:
    """Take the records apart in the state. What is alone is decided about again, without the other;
    a golden record of several goes on as it is."""
    reviews.rule_out(tx, split.ruled_out, run_id=run_id)
    reviews.close_subjects(tx, [str(ref) for ref in split.live], "settled")
    kind = pair.kind_of(split.named) or EntityKind.PERSON
    for name in (split.entity_id, split.other):
        live = split.group(name)
        everything = [ref for ref, group in split.groups.items() if group == name]
        if len(live) == 1:
            requeue.unlink(tx, everything)
            requeue.put_back(tx, run_id, live)
            continue
        if name == split.other:
            identity.create(tx, run_id, {name: kind})
            identity.move(tx, everything, name)
        identity.add_work(tx, [name], UNMERGE)
    identity.retire(tx, [split.entity_id, split.other], status="live")
    _hand_over(tx, split)
    identity.drop_shadows(tx, split.entity_id)
    requeue.unlink(tx, _deal_records(tx, split))


def _hand_over(tx: Tx, split: Split) -> None:
    """Events go with the address they name; whose record is decided about again is found again."""
    for name in (split.entity_id, split.other):
        emails = [email for email, group in split.addresses.items() if group == name]
        alone = len(split.group(name)) == 1
        requeue.reassign_events(tx, split.entity_id, emails, None if alone else name)


def _deal_records(tx: Tx, split: Split) -> list[RecordRef]:
    """Records of deals whose every join is undone: the opportunity is nobody's again."""
    found: list[RecordRef] = []
    for entity_id, links in identity.members(tx, split.deals).items():
        lines = [x for x in ledger.of_entities(tx, [entity_id]) if x.undone_by is None]
        joins = {x.after for x in lines if x.operation is Operation.ASSOCIATE}
        ours = {f"{ref.object}:{ref.id}" for ref in split.live}
        if joins <= ours and any(x.operation is Operation.CREATE for x in lines):
            found += [link.ref for link in links]
    return found
