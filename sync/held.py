"""Deletions that are held: a deletion may be half of a merge whose news comes later.

HubSpot tells of a merge's loser as deleted before or after the survivor names it. So a person's
deleted record is `held` for a configured time: nothing is written to it, nobody is created in its
place, the person's activities wait, opt-outs alone go on. A merge, a conversion or a restoration
that comes meanwhile goes its ordinary way; else the link ends. The wait is a due row, so it
survives restarts, and what fell due during a downtime ends once, late.
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.fieldmap import EntityKind
from mappings.records import RecordRef, Side
from state import due, identity, mirror
from state.due import Due
from state.identity import Link
from state.store import Tx
from sync.pair import Pair

DELETION = "deletion"
"""The kind of due row that ends a held deletion; its subject is the record."""
HELD, GONE, LIVE = "held", "gone", "live"
"""Statuses of a link."""


def deleted(pair: Pair, tx: Tx, link: Link) -> None:
    """A linked record was deleted: its link is held, or ends where nothing is to be waited for."""
    if pair.hold_deletions and pair.kind_of(link.ref) is EntityKind.PERSON:
        identity.set_status(tx, [link.ref], HELD)
        due.put(tx, DELETION, {str(link.ref): tx.now + pair.hold_deletions})
    else:
        _end(pair, tx, link)


def restored(pair: Pair, tx: Tx, link: Link) -> None:
    """A record that was deleted is there again, and so is its link. A golden record that is never
    to be created again comes back with the record whose deletion said so: a person with one in
    the CRM, not with a contact in the MAP (law 8).
    """
    identity.set_status(tx, [link.ref], LIVE)
    if pair.kind_of(link.ref) is EntityKind.DEAL or pair.side_of(link.ref.system) is Side.CRM:
        identity.retire(tx, [link.entity_id], status="live")


def end_held(pair: Pair, tx: Tx, rows: Sequence[Due]) -> None:
    """The time is up: links that are still held, of records that are still deleted, end."""
    refs = [RecordRef.parse(row.subject) for row in rows]
    known = mirror.load(tx, refs)
    ending = [
        link
        for ref, link in identity.links_of(tx, refs).items()
        if link.status == HELD and ref in known and known[ref].record.deleted
    ]
    for link in ending:
        _end(pair, tx, link)
    identity.add_work(tx, [link.entity_id for link in ending], "due")


def _end(pair: Pair, tx: Tx, link: Link) -> None:
    identity.set_status(tx, [link.ref], GONE)
    if pair.kind_of(link.ref) is EntityKind.DEAL:
        identity.retire(tx, [link.entity_id])
    elif pair.side_of(link.ref.system) is Side.CRM:
        retire_without_counterpart(pair, tx, link.entity_id)


def retire_without_counterpart(pair: Pair, tx: Tx, entity_id: str) -> None:
    """A person whose last CRM record a person deleted is not created again (law 8). One whose other
    record is held is looked at when that time is up.
    """
    members = identity.members(tx, [entity_id]).get(entity_id, [])
    left = [
        link
        for link in members
        if link.status in {LIVE, HELD} and pair.side_of(link.ref.system) is Side.CRM
    ]
    if not left:
        identity.retire(tx, [entity_id])
