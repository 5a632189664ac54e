"""A small company whose marketing and sales do what a test says, and what the audit says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from mappings.records import Json
from sync.auditing import audit
from tests.sync.world import START, World


def days(count: float) -> str:
    """So many days after the world began, as Salesforce writes it."""
    return f"{START + timedelta(days=count):%Y-%m-%dT%H:%M:%S.000+0000}"


@dataclass
class Office:
    """Marketing and sales of a small company, and the machine that logs."""

    world: World
    rep: str = field(init=False)
    gone: str = field(init=False)
    robot: str = field(init=False)

    def __post_init__(self) -> None:
        self.rep, self.gone, self.robot = (
            self.world.salesforce.put("User", {"Name": name, "IsActive": active})
            for name, active in (("Dana", True), ("Gil", False), ("Sync", True))
        )

    def logged(self, at: float, by: str, **fields: Json) -> str:
        """A finished call somebody logged at that day."""
        done: dict[str, Json] = {
            "IsClosed": True, "CompletedDateTime": days(at), "CreatedById": by, "OwnerId": by,
        }  # fmt: skip
        return self.world.salesforce.put(
            "Task", done | fields, at=START + timedelta(days=at), by=by
        )

    def lead(self, first: str, last: str, *, created: float = 1, **fields: Json) -> str:
        """Somebody who filled in a form on day 0 and came to sales on the day after."""
        world = self.world
        email = f"{first}.{last}@example-{last}.com".lower()
        if not world.hubspot.by("contacts", "email", email):
            world.hubspot.put(
                "contacts",
                {"email": email, "firstname": first, "lastname": last, "lifecyclestage": "lead"},
                at=START - timedelta(days=9),
            )
            world.fills(email)
        own: dict[str, Json] = {
            "FirstName": first, "LastName": last, "Company": f"{last} Ltd", "IsConverted": False,
            "Email": email, "HasOptedOutOfEmail": False,
            "Status": "Working", "OwnerId": self.rep, "CreatedById": self.rep,
        }  # fmt: skip
        return world.salesforce.put(
            "Lead", own | fields, at=START + timedelta(days=created), by=self.rep
        )

    def deal(self, first: str, last: str, *, at: float = 1, **fields: Json) -> str:
        """An open deal with that person in it."""
        world = self.world
        contact = world.crm_contact(first, last, OwnerId=self.rep)
        own: dict[str, Json] = {
            "Name": "Pilot", "StageName": "Qualification", "IsClosed": False, "IsWon": False,
            "OwnerId": self.rep, "CloseDate": "2026-12-24", "Amount": "1000",
        }  # fmt: skip
        deal = world.salesforce.put(
            "Opportunity", own | fields, at=START + timedelta(days=at), by=self.rep
        )
        world.salesforce.put(
            "OpportunityContactRole", {"OpportunityId": deal, "ContactId": contact}, by=self.rep
        )
        return deal

    def audited(self, after: float) -> dict[str, Any]:
        """What the audit says so many days after the world began."""
        self.world.time.at = START + timedelta(days=after)
        self.world.first()
        with self.world.store.read() as tx:
            return audit(
                tx, self.world.pair.mapping, crm="salesforce",
                integrations=(self.robot, "memory-user"),
            )  # fmt: skip
