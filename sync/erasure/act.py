"""Erasing people, and what keeps on erasing them.

In this order, each step safe to be killed after, and taken up again by the next run or erasure:
tombstones in the state (from now on nothing of them is stored or written), the same in the list
outside it, everything kept about them removed, the vendors asked to delete them where that was
wanted, the freed space overwritten. What the vendors have still to delete, by record id, and space
that is not yet overwritten keep an erasure open.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import structlog

from mappings.errors import PASSING, LeadloopError, StateError, StateHeldError
from mappings.ports import Connector, Lane
from mappings.records import Operation, OutcomeStatus, RecordRef, Side
from state import events, outbox, tombstones
from state.compact import compact
from state.store import Store, Tx
from state.tombstones import StoredErasure
from state.traces import Traces, remove
from sync.crash import crashpoint
from sync.erasure.files import Entry
from sync.erasure.find import Somebody, find
from sync.erasure.screen import ErasureScreen
from sync.pair import Pair

log = structlog.get_logger("leadloop.erasure")

SPACE = "space"
"""In what is left of an erasure: freed space is still to be overwritten."""
Connect = Callable[[], AbstractContextManager[Pair]]


@dataclass(slots=True)
class Erased:
    """What came of an erasure, without a name: people, rows removed by table, records the vendors
    deleted, refused or have still to delete; which of the texts (by position) nobody was known by.
    """

    ids: list[str] = field(default_factory=list)
    people: int = 0
    unknown: list[int] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    error: LeadloopError | None = None

    def as_json(self) -> dict[str, Any]:
        """The outcome, JSON-able."""
        return {
            "erasures": self.ids,
            "people": self.people,
            "unknown": self.unknown,
            "removed": dict(self.removed),
            "deleted_at_vendors": dict(self.deleted),
            "refused_by_vendors": self.refused,
            "waiting_for_vendors": self.waiting,
        }


def screen_of(store: Store) -> ErasureScreen:
    """The screen a store was opened with."""
    if not isinstance(store.screen, ErasureScreen):
        raise TypeError("this store was opened without its screen (sync.wiring.open_state)")
    return store.screen


def preview(store: Store, texts: Sequence[str]) -> list[Somebody | None]:
    """Whom each text means; None for an id nobody has. Reads only."""
    ground = screen_of(store).ground
    with store.read() as tx:
        return [find(ground, tx, text) for text in texts]


def erase(
    store: Store, texts: Sequence[str], *, connect: Connect | None = None, at_vendors: bool = False
) -> Erased:
    """Erase everybody the texts mean. The caller holds the state.

    Text by text, so that a mistake can be lifted by itself. With `at_vendors`, `connect` reaches
    them; where it cannot, that part waits for a run. Raises StateError before anything is changed
    where the list cannot be written.
    """
    screen = screen_of(store)
    screen.made_seal()
    screen.files.append(())  # a list that cannot be read or written stops it here
    found = Erased()
    for number, text in enumerate(texts):
        with store.begin() as tx:
            somebody = find(screen.ground, tx, text)
            if somebody is None:
                found.unknown.append(number)
                continue
            found.ids.append(begin(tx, screen, somebody, at_vendors=at_vendors))
            found.people += somebody.people
        crashpoint("after_tombstones")
    finish(store, connect if at_vendors else None, found)
    return found


def begin(tx: Tx, screen: ErasureScreen, somebody: Somebody, *, at_vendors: bool) -> str:
    """The tombstones of one person, and what is to be done about them."""
    seal, ground = screen.made_seal(), screen.ground
    digests = {seal.of_id(ref) for ref in somebody.traces.refs}
    digests |= {d for email in somebody.traces.emails if (d := seal.of_email(email)) is not None}
    for record in somebody.records.values():
        if ground.is_person(record.ref):
            digests.update(seal.of_numbers(ground.person(record)))
    erasure_id = uuid.uuid4().hex
    left = {
        "digests": sorted(digests),
        "traces": traces_as_json(somebody.traces),
        "vendors": _at_vendors(tx, screen, somebody) if at_vendors else [],
    }
    tombstones.begin(tx, erasure_id, at=tx.now, people=somebody.people, digests=digests, left=left)
    screen.add(digests)
    return erasure_id


def _at_vendors(tx: Tx, screen: ErasureScreen, somebody: Somebody) -> list[dict[str, str]]:
    """What the vendors are to delete: our activities on them first, then their records, then what
    a write whose outcome nobody knows may have made."""
    side_of = screen.ground.side_of
    entities = sorted(somebody.traces.entities)
    tasks = [RecordRef.parse(ref) for ref in events.activities_of(tx, entities)]
    people = [
        ref
        for ref, record in sorted(somebody.records.items())
        if screen.ground.is_person(ref) and not record.deleted
    ]
    named = [
        {"side": side_of(r.system).value, "object": r.object, "id": r.id} for r in (*tasks, *people)
    ]
    unknown = [
        {
            "side": intent.side.value,
            "object": intent.object,
            "field": intent.external_field,
            "value": intent.external_value,
        }
        for intent in outbox.of_unknown_outcome(tx, entities)
        if intent.operation is Operation.CREATE
        and intent.external_field is not None
        and intent.external_value is not None
    ]
    return named + unknown


def finish(store: Store, connect: Connect | None, found: Erased | None = None) -> Erased:
    """Carry every open erasure as far as it goes now. The caller holds the state."""
    told = found or Erased()
    with store.read() as tx:
        waiting = tombstones.open_erasures(tx)
    if not waiting:
        return told
    _list(store, waiting)
    crashpoint("after_listed")
    told.removed.update(_remove(store, waiting))
    if connect is not None:
        _delete_at_vendors(store, connect, told)
    try:
        _overwrite(store)
    except (StateError, StateHeldError) as error:
        # A full disk, a long reader: the rows are gone, and the next run tries the space again.
        log.warning("erasure.not_overwritten", code=error.code)
        told.error = told.error or error
    with store.read() as tx:
        told.waiting = sum(len(e.left.get("vendors", ())) for e in tombstones.open_erasures(tx))
    return told


def _list(store: Store, waiting: Sequence[StoredErasure]) -> None:
    """The tombstones outside the state."""
    screen = screen_of(store)
    key_id = screen.made_seal().key_id
    screen.files.append(
        Entry(
            one.id, one.at, store.tenant, store.pair, key_id, one.people, tuple(one.left["digests"])
        )
        for one in waiting
        if "digests" in one.left
    )


def _remove(store: Store, waiting: Sequence[StoredErasure]) -> Counter[str]:
    """Everything kept about them, and, with it, what the erasures themselves said of whom."""
    with store.begin() as tx:
        whole = Traces()
        for one in waiting:
            if "traces" in one.left:
                whole = both(whole, _traces(one.left["traces"]))
        removed = remove(tx, whole)
        for one in waiting:
            left = {name: one.left[name] for name in ("vendors", SPACE) if one.left.get(name)}
            left |= {SPACE: True} if removed else {}
            counts = {**one.counts, **({"removed": sum(removed.values())} if whole else {})}
            tombstones.update_left(tx, one.id, left, counts)
    crashpoint("after_removed")
    return removed


def _overwrite(store: Store) -> None:
    """The space that was freed; an erasure is not done before."""
    with store.read() as tx:
        waiting = [one for one in tombstones.open_erasures(tx) if one.left.get(SPACE)]
    if not waiting:
        return
    compact(store.engine)
    with store.begin() as tx:
        for one in waiting:
            left = {name: value for name, value in one.left.items() if name != SPACE}
            tombstones.update_left(tx, one.id, left, one.counts)
    crashpoint("after_removed")


def _delete_at_vendors(store: Store, connect: Connect, told: Erased) -> None:
    """What the vendors have still to delete. One that cannot be reached keeps it waiting."""
    with store.read() as tx:
        waiting = [one for one in tombstones.open_erasures(tx) if one.left.get("vendors")]
    if not waiting:
        return
    try:
        with connect() as pair:
            for one in waiting:
                _delete_one(store, pair, one, told)
    except PASSING as error:
        told.error = error


def _delete_one(store: Store, pair: Pair, erasure: StoredErasure, told: Erased) -> None:
    left: list[Mapping[str, str]] = list(erasure.left["vendors"])
    deleted: Counter[str] = Counter()
    failure: LeadloopError | None = None
    for side in (Side.CRM, Side.MAP):
        own = [row for row in left if row["side"] == side.value]
        if not own or side in pair.unreachable:
            failure = failure or (pair.unreachable.get(side) if own else None)
            continue
        try:
            with pair.in_lane(side, Lane.CONSENT):
                for row in own:
                    if _deleted(pair.connector(side), row, told):
                        deleted[row["object"]] += 1
                    left.remove(row)
        except PASSING as error:
            failure = failure or error
    with store.begin() as tx:
        counts = {**erasure.counts, "deleted_at_vendors": dict(deleted)}
        rest = {name: value for name, value in erasure.left.items() if name != "vendors"}
        if left:
            rest["vendors"] = left
        tombstones.update_left(tx, erasure.id, rest, counts)
    crashpoint("after_vendors")
    told.deleted.update(deleted)
    told.error = told.error or failure


def _deleted(connector: Connector, row: Mapping[str, str], told: Erased) -> bool:
    """Whether something was deleted. Raises what may pass; a refusal is told."""
    name = row["object"]
    if "id" in row:
        ids = [row["id"]]
    else:
        ids = [record.ref.id for record in connector.find(name, row["field"], [row["value"]])]
    for outcome in connector.erase(name, ids) if ids else ():
        if outcome.status is OutcomeStatus.REJECTED:
            error = outcome.error.as_dict() if outcome.error else {}
            told.refused.append({"object": name, "id": outcome.key, **error})
            return False
        if outcome.status is not OutcomeStatus.OK and isinstance(outcome.error, LeadloopError):
            raise outcome.error
    return bool(ids)


def both(left: Traces, right: Traces) -> Traces:
    """The traces of both."""
    return Traces(
        left.entities | right.entities, left.refs | right.refs, left.emails | right.emails
    )


def traces_as_json(traces: Traces) -> dict[str, list[str]]:
    """Traces as an erasure keeps them until it is done."""
    return {
        "entities": sorted(traces.entities),
        "refs": sorted(map(str, traces.refs)),
        "emails": sorted(traces.emails),
    }


def _traces(data: Mapping[str, Sequence[str]]) -> Traces:
    return Traces(
        frozenset(data["entities"]),
        frozenset(map(RecordRef.parse, data["refs"])),
        frozenset(data["emails"]),
    )
