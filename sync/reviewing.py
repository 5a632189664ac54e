"""What only a person can decide: the review queue, and carrying out what they decide (law 14).

Every decision is one transaction, final for the pair of records it is about, and the same decision
twice changes nothing. Nothing is written to a vendor here: the golden record goes on the work list
(or back into the inbox) and the ordinary run does the rest. The caller holds the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.errors import LeadloopError
from mappings.fieldmap import EntityKind, PairMapping
from mappings.records import Record, RecordRef, Side
from state import identity, mirror, outbox, requeue, reviews
from state.identity import NewLink
from state.mirror import Mirrored
from state.reviews import ReviewItem, StoredDecision
from state.store import Store, Tx
from sync import conflicts
from sync.conflicts import CONFLICT
from sync.crash import crashpoint
from sync.shadows import note_met
from sync.waterfall import decision_as_json

REASON = "reviewed"
MERGE = "merge"
"""Items that name several records of one person on one side, for a person to merge there."""
MOST = 10_000
"""Open items looked through for questions that have gone."""


class ReviewError(LeadloopError):
    """The decision cannot be carried out as asked; nothing was changed."""

    exit_code = 2
    default_code = "review.impossible"
    default_remedy = "Look at the item with `leadloop review show ID`."


@dataclass(frozen=True, slots=True)
class Desk:
    """Where decisions are made: a pair's state and mapping; no vendor is needed.

    `namespace` is both account ids, MAP first, as link keys are minted under (`Pair.namespace`).
    """

    store: Store
    mapping: PairMapping
    namespace: str

    def kind_of(self, ref: RecordRef) -> EntityKind:
        """What a record is about."""
        for mapping in self.mapping.objects:
            if ref.object in (mapping.map_object, *mapping.crm_objects):
                return mapping.kind
        return EntityKind.PERSON


@dataclass(frozen=True, slots=True)
class Shown:
    """A review item with what a person needs to decide it."""

    item: ReviewItem
    decision: StoredDecision | None
    records: Mapping[str, Record]
    entities: Mapping[str, str]

    def as_json(self, *, values: bool = True) -> dict[str, Any]:
        """The item, JSON-able; `values` says whether the records' fields are shown."""
        item = self.item
        return {
            **item_as_json(item),
            "subject_fields": self._fields(item.subject) if values else None,
            "candidates": [
                {
                    "record": key,
                    "entity_id": self.entities.get(key),
                    "fields": self._fields(key) if values else None,
                }
                for key in item.candidates
            ],
            "decision": decision_as_json(self.decision) if self.decision else None,
        }

    def _fields(self, key: str) -> dict[str, Any] | None:
        record = self.records.get(key)
        if record is None:
            return None
        return {name: value for name, value in record.fields.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision came to. `changed` is false when it had been made before."""

    item_id: int
    status: str
    entity_id: str | None
    chosen: tuple[str, ...]
    ruled_out: tuple[str, ...]
    changed: bool

    def as_json(self) -> dict[str, Any]:
        """The decision, JSON-able."""
        return {
            "item": self.item_id,
            "status": self.status,
            "entity_id": self.entity_id,
            "chosen": list(self.chosen),
            "ruled_out": list(self.ruled_out),
            "changed": self.changed,
        }


def item_as_json(item: ReviewItem) -> dict[str, Any]:
    """A review item without its evidence, JSON-able."""
    return {
        "id": item.id,
        "kind": item.kind,
        "status": item.status,
        "subject": item.subject,
        "candidates": list(item.candidates),
        "chosen": item.chosen,
        "opened_at": item.opened_at.isoformat(),
        "decided_at": item.decided_at.isoformat() if item.decided_at else None,
    }


def listed(store: Store, *, status: str | None = "open", limit: int = 1000) -> list[ReviewItem]:
    """Review items, oldest first; `status` None gives decided ones too."""
    with store.read() as tx:
        return reviews.items(tx, status=status, limit=limit)


def show(store: Store, item_id: int) -> Shown:
    """One item with evidence and records. Raises ReviewError when there is none of that id."""
    with store.read() as tx:
        item = _item(tx, item_id)
        refs = [RecordRef.parse(key) for key in (item.subject, *item.candidates)]
        decision = reviews.decision(tx, item.decision_id) if item.decision_id else None
        return Shown(
            item=item,
            decision=decision,
            records={str(ref): row.record for ref, row in mirror.load(tx, refs).items()},
            entities={str(r): link.entity_id for r, link in identity.links_of(tx, refs).items()},
        )


def accept(desk: Desk, item_id: int, records: Sequence[str] = ()) -> Decided:
    """The subject is the person of these candidates (which may be left out where there is one).

    They become one golden record; the other candidates, unless they are of that same golden
    record, are remembered as other people. Accepting a merge proposal confirms that the records
    are one person; who merges them at the vendor is followed. Raises ReviewError and changes
    nothing when the item was decided otherwise, a record is no candidate or gone, or writes are
    under way.
    """
    with desk.store.begin() as tx:
        decided = _accept(desk, tx, item_id, records)
    crashpoint("after_review")
    return decided


def _accept(desk: Desk, tx: Tx, item_id: int, records: Sequence[str]) -> Decided:
    item = _item(tx, item_id)
    if item.kind == CONFLICT:
        return _decide_conflict(tx, item, _side_meant(item, records))
    chosen = _chosen(item, records)
    if item.status != "open":
        return _again(tx, item, "accepted", chosen)
    subject = identity.follow(tx, RecordRef.parse(item.subject))
    targets = [identity.follow(tx, RecordRef.parse(key)) for key in chosen]
    members = [subject, *targets]
    known = mirror.load(tx, members)
    _need_alive(item, members, known)
    run_id = f"review:{item.id}"
    entity_id = _unite(desk, tx, item, members, known)
    others = _other_people(tx, item, entity_id)
    _rule_out(tx, subject, others)
    reviews.close(tx, item.id, "accepted", chosen[0])
    requeue.claim_rows(tx, run_id, members)
    identity.add_work(tx, [entity_id], REASON)
    return Decided(item.id, "accepted", entity_id, chosen, tuple(others), changed=True)


def reject(desk: Desk, item_id: int) -> Decided:
    """The subject is none of the candidates: they are remembered as other people, and the next
    run decides about the subject again without them. Rejecting a merge proposal takes the records
    apart again. Raises ReviewError when the item was decided otherwise.
    """
    with desk.store.begin() as tx:
        decided = _reject(tx, item_id)
    crashpoint("after_review")
    return decided


def _reject(tx: Tx, item_id: int) -> Decided:
    item = _item(tx, item_id)
    if item.kind == CONFLICT:
        return _decide_conflict(tx, item, None)
    if item.status != "open":
        return _again(tx, item, "rejected", ())
    if item.kind == MERGE:
        return _take_apart(tx, item)
    subject = identity.follow(tx, RecordRef.parse(item.subject))
    link = identity.links_of(tx, [subject]).get(subject)
    entity_id = link.entity_id if link else None
    others = _other_people(tx, item, entity_id)
    _rule_out(tx, subject, others)
    reviews.close(tx, item.id, "rejected")
    if link is None:
        requeue.put_back(tx, f"review:{item.id}", [subject])
    return Decided(item.id, "rejected", entity_id, (), tuple(others), changed=True)


def split(desk: Desk, item_id: int, records: Sequence[str]) -> Decided:
    """Some records of a merge proposal are another person's: they leave, the others stay one.

    Those that leave are decided about anew, and never with those that stay. The golden record
    stays with whoever carries its link key. Raises ReviewError when the item is no merge proposal,
    was decided otherwise, or no record, all of them, or one that it does not name are given.
    """
    with desk.store.begin() as tx:
        decided = _split(tx, item_id, records)
    crashpoint("after_review")
    return decided


def _split(tx: Tx, item_id: int, records: Sequence[str]) -> Decided:
    item = _item(tx, item_id)
    if item.kind != MERGE:
        raise ReviewError(f"review item {item.id} is no merge proposal: there is nothing to split")
    every = (item.subject, *item.candidates)
    leaving = tuple(dict.fromkeys(_named(item, text, every) for text in records))
    if not 0 < len(leaving) < len(every):
        raise ReviewError(
            f"a split of item {item.id} names some of its {len(every)} records, not all or none",
            code="review.record_needed",
            remedy="Name another person's with --record; `leadloop review reject` parts them all.",
        )
    if item.status != "open":
        return _again(tx, item, "split", leaving)
    return _take_apart(tx, item, leaving)


def _side_meant(item: ReviewItem, words: Sequence[str]) -> Side:
    """Whose value is meant: `map` or `crm`."""
    if len(words) == 1 and words[0] in tuple(Side):
        return Side(words[0])
    raise ReviewError(
        f"review item {item.id} is a conflict: say whose value goes",
        code="review.side_needed",
        remedy=f"`leadloop review accept {item.id} map` or `... {item.id} crm`; "
        f"`leadloop review reject {item.id}` leaves both as they are.",
    )


def _decide_conflict(tx: Tx, item: ReviewItem, side: Side | None) -> Decided:
    """One side's value goes to the other, or both stay; final until one of them moves."""
    status = "accepted" if side is not None else "rejected"
    decision = reviews.decision(tx, item.decision_id) if item.decision_id else None
    if item.status != "open" or decision is None:
        same = item.status == status and item.chosen == (side.value if side else None)
        if not same:
            raise _decided_already(item)
        return Decided(
            item.id, status, None, (item.chosen,) if item.chosen else (), (), changed=False
        )
    _need_quiet(tx, item, [decision.evidence["entity"]])
    entity_id = conflicts.settle(tx, decision, side)
    reviews.close(tx, item.id, status, side.value if side else None)
    chosen = (side.value,) if side else ()
    return Decided(item.id, status, entity_id, chosen, (), changed=True)


def _take_apart(tx: Tx, item: ReviewItem, parted: Sequence[str] = ()) -> Decided:
    """The record that carries the link key stays with the golden record; the others leave it and
    are decided about anew: all of them, or those that stand on its other side where only some are
    `parted`. What was written to them stays written."""
    status = "split" if parted else "rejected"
    named = [identity.follow(tx, RecordRef.parse(key)) for key in (item.subject, *item.candidates)]
    links = identity.links_of(tx, named)
    reviews.close(tx, item.id, status, parted[0] if parted else None)
    if named[0] not in links:
        return Decided(item.id, status, None, tuple(parted), (), changed=True)
    entity_id = links[named[0]].entity_id
    together = [
        ref
        for ref in dict.fromkeys(named)
        if ref in links and links[ref].entity_id == entity_id and links[ref].status == "live"
    ]
    _need_quiet(tx, item, [entity_id])
    known = mirror.load(tx, together)
    keyed = [ref for ref in together if ref in known and known[ref].lookup2 == entity_id]
    kept = (keyed or together)[0]
    theirs = {identity.follow(tx, RecordRef.parse(key)) for key in parted} or {kept}
    # Whoever is on the side of the kept one stays with it.
    leaving = [ref for ref in together if (ref in theirs) != (kept in theirs)]
    members = identity.members(tx, [entity_id])[entity_id]
    staying = [link.ref for link in members if link.status == "live" and link.ref not in leaving]
    for ref in leaving:
        _rule_out(tx, ref, map(str, staying))
    requeue.unlink(tx, leaving)
    requeue.put_back(tx, f"review:{item.id}", leaving)
    identity.add_work(tx, [entity_id], REASON)
    ruled_out = tuple(sorted(map(str, leaving)))
    return Decided(item.id, status, entity_id, tuple(parted), ruled_out, changed=True)


def revisit(store: Store, run_id: str) -> int:
    """Put people back to be decided whose question has gone: every candidate has been deleted.

    Their items are closed as settled; how many there were. Alive candidates keep an item open. A
    merge proposal has gone when fewer than two of its records are left to be merged.
    """
    with store.begin() as tx:
        waiting = reviews.items(tx, limit=MOST)
        asked = {key for item in waiting for key in _asked_about(item)}
        dead = mirror.deleted_of(tx, map(RecordRef.parse, asked))
        merged = {str(ref): into is not None for ref, into in dead.items()}
        moot = [item for item in waiting if _is_moot(item, merged)]
        for item in moot:
            reviews.close(tx, item.id, "settled")
        subjects = [identity.follow(tx, RecordRef.parse(item.subject)) for item in moot]
        linked = identity.links_of(tx, subjects)
        requeue.put_back(tx, run_id, [ref for ref in subjects if ref not in linked])
    crashpoint("after_revisit")
    return len(moot)


def _asked_about(item: ReviewItem) -> tuple[str, ...]:
    """The records a question hangs on: its candidates; in a merge proposal the subject, too."""
    return (item.subject, *item.candidates) if item.kind == MERGE else item.candidates


def _is_moot(item: ReviewItem, merged: Mapping[str, bool]) -> bool:
    """`merged` are deleted records by name: whether each was merged into another."""
    asked = _asked_about(item)
    dead = [merged[key] for key in asked if key in merged]
    if item.kind == MERGE:
        return len(asked) - len(dead) < 2  # noqa: PLR2004 - it takes two to merge
    return len(dead) == len(asked) and not any(dead)


def _item(tx: Tx, item_id: int) -> ReviewItem:
    item = reviews.item(tx, item_id)
    if item is None:
        raise ReviewError(
            f"there is no review item {item_id}",
            code="review.unknown_item",
            remedy="List them with `leadloop review list`.",
        )
    return item


def _chosen(item: ReviewItem, records: Sequence[str]) -> tuple[str, ...]:
    """The candidates that are meant: named ones, or the only one."""
    if not records:
        if len(item.candidates) == 1 or item.kind == MERGE:
            return item.candidates
        raise ReviewError(
            f"review item {item.id} has {len(item.candidates)} candidates; one must be named",
            code="review.record_needed",
            remedy=f"Name it: `--record {item.candidates[0]}`." if item.candidates else None,
        )
    return tuple(dict.fromkeys(_named(item, text, item.candidates) for text in records))


def _named(item: ReviewItem, text: str, among: Sequence[str]) -> str:
    fits = [key for key in among if key == text or key.endswith(f":{text}")]
    if len(fits) == 1:
        return fits[0]
    raise ReviewError(
        f"the record named is not one of the {len(among)} candidates of item {item.id}",
        code="review.no_candidate",
        remedy=f"Name one of: {', '.join(among)}.",
    )


def _again(tx: Tx, item: ReviewItem, status: str, chosen: Sequence[str]) -> Decided:
    """The item is decided: fine if it was decided like this, an error otherwise."""
    same = item.status == status and (item.chosen is None or item.chosen in chosen)
    if not same:
        raise _decided_already(item)
    subject = identity.follow(tx, RecordRef.parse(item.subject))
    link = identity.links_of(tx, [subject]).get(subject)
    return Decided(
        item.id, status, link.entity_id if link else None, tuple(chosen), (), changed=False
    )


def _decided_already(item: ReviewItem) -> ReviewError:
    return ReviewError(
        f"review item {item.id} is decided already: {item.status}",
        code="review.decided",
        remedy="Nothing was changed. `leadloop review show` says how it was decided.",
    )


def _need_alive(
    item: ReviewItem, members: Sequence[RecordRef], known: Mapping[RecordRef, Mirrored]
) -> None:
    gone = [ref for ref in members if ref not in known or known[ref].record.deleted]
    if gone:
        raise ReviewError(
            f"a record of review item {item.id} has been deleted: {gone[0]}",
            code="review.record_gone",
            remedy="Choose another candidate, or reject the item.",
        )


def _need_quiet(tx: Tx, item: ReviewItem, entities: Sequence[str]) -> None:
    if outbox.unsettled_entities(tx, entities):
        raise ReviewError(
            f"writes of a person in review item {item.id} are under way",
            code="review.busy",
            remedy="Run `leadloop sync`, then decide again.",
        )


def _unite(
    desk: Desk,
    tx: Tx,
    item: ReviewItem,
    members: Sequence[RecordRef],
    known: Mapping[RecordRef, Mirrored],
) -> str:
    """One golden record for all of these; the chosen record's stands, else a new one."""
    run_id = f"review:{item.id}"
    links = identity.links_of(tx, members)
    ordered = (*members[1:], members[0])
    entities = list(dict.fromkeys(links[ref].entity_id for ref in ordered if ref in links))
    _need_quiet(tx, item, entities)
    if entities:
        entity_id = entities[0]
    else:
        carried = [known[ref].lookup2 for ref in ordered if known[ref].lookup2]
        entity_id = str(carried[0]) if carried else identity.mint(desk.namespace, members[0])
        identity.create(tx, run_id, {entity_id: desk.kind_of(members[0])})
    for loser in entities[1:]:
        identity.absorb(tx, loser, entity_id)
        requeue.hand_over(tx, run_id, loser, entity_id)
    fresh = [NewLink(r, entity_id, REASON, item.decision_id) for r in members if r not in links]
    identity.link(tx, run_id, fresh)
    identity.set_status(tx, list(members), "live")
    note_met(tx, run_id, desk.mapping, [entity_id])
    identity.retire(tx, [entity_id], status="live")
    return entity_id


def _other_people(tx: Tx, item: ReviewItem, entity_id: str | None) -> list[str]:
    """The candidates that are not of this golden record, with all the records of theirs."""
    refs = [identity.follow(tx, RecordRef.parse(key)) for key in item.candidates]
    links = identity.links_of(tx, refs)
    theirs = {link.entity_id for link in links.values()} - {entity_id}
    own = {ref for ref, link in links.items() if link.entity_id == entity_id}
    records = {ref for ref in refs if ref not in own}
    for members in identity.members(tx, theirs).values():
        records.update(link.ref for link in members if link.status == "live")
    return sorted(map(str, records))


def _rule_out(tx: Tx, subject: RecordRef, others: Iterable[str]) -> None:
    reviews.rule_out(tx, [(str(subject), other) for other in others if other != str(subject)])
