"""How people are in touch beside forms, mailings and calls that are logged in the CRM: letters,
answers to the CRM's own campaigns, calls that are logged in the MAP.

Each method does one thing at one instant as one of the reps, and notes it in the record's diary.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sandbox.clock import iso
from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import What
from sandbox.world.roster import Actor, Record
from sandbox.world.sales import Sales

CAMPAIGN = "Trade fair"
"""The one campaign the sales team asks people to."""
_SENT, _REPLIED = "3", "2"


@dataclass
class Touching:
    """The sales team at its desks."""

    hubspot: HubSpotAccount
    salesforce: SalesforceOrg
    sales: Sales
    _campaigns: list[str] = field(default_factory=list)

    def write(self, record: Record, at: datetime) -> None:
        """A rep writes to somebody."""
        self._mail(record, at, What.LETTER)

    def reply(self, record: Record, at: datetime) -> None:
        """Somebody writes to a rep, and their mail program logs it."""
        self._mail(record, at, What.REPLY)

    def _mail(self, record: Record, at: datetime, what: What) -> None:
        """The message, who it was to or from, and the Task the org makes of it."""
        rep, came_in = self.sales.rep(), what is What.REPLY
        task = self.salesforce.create(
            "Task",
            {
                "WhoId": record.id,
                "OwnerId": rep.user_id,
                "Subject": "Email: our offer",
                "Status": "Completed",
                "TaskSubtype": "Email",
                "ActivityDate": at.date().isoformat(),
            },
            user_id=rep.user_id,
            at=at,
        )
        message = self.salesforce.create(
            "EmailMessage",
            {
                "ActivityId": task,
                "Subject": "Our offer",
                "Incoming": came_in,
                "Status": _REPLIED if came_in else _SENT,
                "MessageDate": iso(at.replace(microsecond=0)),
            },
            user_id=rep.user_id,
            at=at,
        )
        self.salesforce.create(
            "EmailMessageRelation",
            {
                "EmailMessageId": message,
                "RelationId": record.id,
                "RelationType": "FromAddress" if came_in else "ToAddress",
            },
            user_id=rep.user_id,
            at=at,
        )
        record.note(at, what, rep.user_id, message, "Our offer")

    def answer(self, record: Record, at: datetime) -> None:
        """Somebody comes to the fair, and a rep says so."""
        rep = self.sales.rep()
        if not self._campaigns:
            made = {"Name": CAMPAIGN, "IsActive": True}
            self._campaigns.append(
                self.salesforce.create("Campaign", made, user_id=rep.user_id, at=at)
            )
        member = self.salesforce.create(
            "CampaignMember",
            {
                "CampaignId": self._campaigns[0],
                f"{record.object}Id": record.id,
                "Status": "Responded",
            },
            user_id=rep.user_id,
            at=at,
        )
        record.note(at, What.ANSWERED, rep.user_id, member, CAMPAIGN)

    def call_in_map(self, actor: Actor, at: datetime) -> None:
        """A rep calls somebody out of the MAP."""
        rep, contact = self.sales.rep(), next(iter(actor.map_emails))
        call = self.hubspot.create(
            "calls",
            {
                "hs_timestamp": iso(at),
                "hs_call_title": "Call",
                "hs_call_status": "COMPLETED",
                "hs_created_by_user_id": rep.owner_id,
                "hs_object_source": "CRM_UI",
            },
            source="CRM_UI",
            at=at,
        )
        self.hubspot.associate("calls", call, "contacts", contact)
        actor.calls.append({"id": call, "contact": contact, "at": iso(at), "by": rep.owner_id})
