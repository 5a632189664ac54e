"""Who took part in calls and meetings of the MAP's: several people each, kept by the person.

Follows the mirror: what a call's record says of its contacts now replaces what it said before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import delete, select

from mappings.records import RecordRef
from state.lifecycle_tables import ParticipantRow
from state.store import Tx, chunks, table_of

PARTICIPANTS = table_of(ParticipantRow)


def keep(tx: Tx, taken_part: Mapping[RecordRef, Collection[str]]) -> set[tuple[str, str]]:
    """These contacts, by id, took part in each of these, and nobody else did; whom that is news
    for, as (system, contact id): who takes part, and who did before."""
    concerned = {(ref.system, one) for ref, own in taken_part.items() for one in own}
    for ref in taken_part:
        before = (
            tx.mine(PARTICIPANTS),
            PARTICIPANTS.c.record_id == ref.id,
            PARTICIPANTS.c.object == ref.object,
            PARTICIPANTS.c.system == ref.system,
        )
        known = tx.connection.execute(select(PARTICIPANTS.c.contact_id).where(*before)).scalars()
        concerned.update((ref.system, one) for one in known)
        tx.connection.execute(delete(PARTICIPANTS).where(*before))
    tx.insert_new(
        PARTICIPANTS,
        [
            {"system": ref.system, "object": ref.object, "record_id": ref.id, "contact_id": one}
            for ref, contacts in taken_part.items()
            for one in sorted(set(contacts))
        ],
        ("contact_id", "tenant", "pair", "record_id", "object", "system"),
    )
    return concerned


def of(tx: Tx, system: str, contact_ids: Iterable[str]) -> dict[str, list[RecordRef]]:
    """What each of these contacts of a system took part in, in the order of its names."""
    found: dict[str, list[RecordRef]] = {}
    for batch in chunks(sorted(set(contact_ids))):
        rows = tx.connection.execute(
            select(
                PARTICIPANTS.c.contact_id, PARTICIPANTS.c.object, PARTICIPANTS.c.record_id
            ).where(
                tx.mine(PARTICIPANTS),
                PARTICIPANTS.c.contact_id.in_(batch),
                PARTICIPANTS.c.system == system,
            )
        )
        for contact_id, object_name, record_id in rows:
            found.setdefault(contact_id, []).append(RecordRef(system, object_name, record_id))
    return {contact_id: sorted(refs) for contact_id, refs in found.items()}
