"""What people do to records behind everybody's back: merge, delete, archive.

None of it happens by itself in a world's days; a harness asks for it by giving rates to a tick.
The roster keeps what became of each record, so that the truth can still be told.
"""

from __future__ import annotations

from datetime import datetime

from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.draw import Draw
from sandbox.world.roster import Actor, Record


class Cleanup:
    """Administrators of both sides, tidying up."""

    def __init__(self, hubspot: HubSpotAccount, salesforce: SalesforceOrg) -> None:
        self._hubspot = hubspot
        self._salesforce = salesforce

    def merge_records(self, actor: Actor, at: datetime) -> None:
        """Two CRM records of one kind become one; the master stays, the loser is its alias."""
        master, loser = _twins(actor) or (None, None)
        if master is None or loser is None:
            return
        self._salesforce.merge(master.object, master.id, [loser.id], at=at)
        master.merged_from += [loser.id, *loser.merged_from]
        master.converted_from += loser.converted_from
        master.opportunities += loser.opportunities
        master.diary += loser.diary
        actor.records.remove(loser)

    def delete_record(self, actor: Actor, draw: Draw, at: datetime) -> None:
        """A CRM record goes into the recycle bin."""
        record = draw.pick(actor.records)
        self._salesforce.delete(record.object, record.id, at=at)
        actor.records.remove(record)
        actor.deleted.append({"system": "salesforce", "object": record.object, "id": record.id})

    def merge_contacts(self, actor: Actor, at: datetime) -> None:
        """Two MAP contacts become one, whose id may be new."""
        first, second = list(actor.map_emails)[:2]
        survivor = self._hubspot.merge("contacts", first, second, at=at)
        email = actor.map_emails.pop(first) or actor.map_emails[second]
        actor.map_emails.pop(second)
        actor.map_emails[survivor] = email
        actor.since[survivor] = min(actor.since.pop(one) for one in (first, second))
        actor.merged_contacts += [one for one in (first, second) if one != survivor]

    def archive_contact(self, actor: Actor, draw: Draw, at: datetime) -> None:
        """A MAP contact is deleted; its address is free again."""
        contact = draw.pick(list(actor.map_emails))
        self._hubspot.archive("contacts", contact, at=at)
        email = actor.map_emails.pop(contact)
        if email is not None:
            actor.spare_emails.append(email)
        actor.deleted.append({"system": "hubspot", "object": "contact", "id": contact})


def has_twins(actor: Actor) -> bool:
    """Whether two of somebody's CRM records can be merged."""
    return _twins(actor) is not None


def _twins(actor: Actor) -> tuple[Record, Record] | None:
    for master in actor.records:
        for other in actor.records:
            # The vendor refuses to merge Contacts of different Accounts (FACTS section 4).
            if other is not master and (master.object, master.account) == (
                other.object,
                other.account,
            ):
                return master, other
    return None
