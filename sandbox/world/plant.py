"""Defects of how two teams work together, put into a world on purpose, and a world without any.

`tidy` leaves nothing an auditor of handoffs, owners and silent deals could object to; `plant` then
adds so many of each defect, every one with people of its own, and the world's truth names them.
Both write the past: they belong before a world's first morning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import What
from sandbox.world.marketing import Marketing
from sandbox.world.roster import Actor, Record, Roster
from sandbox.world.sales import Sales

DEFECTS = (
    "unowned_lead", "silent_handoff", "stage_name_conflict", "activity_on_duplicate",
    "stalled_deal",
)  # fmt: skip
"""What can be planted: a lead of somebody who left; a lead nobody was told of or called; a word of
which only one side says that somebody is there; another machine's entry on a second record; an
open deal that has been silent for weeks and whose owner has left."""
_REACHED_BY = ("email", "phone", "mobilephone")
_WORD = "Connected"
"""A name both sides have for a stage: `hs_lead_status` in the MAP, a Lead's Status in the CRM."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One defect: the record that shows it, and the person whose record it is."""

    defect: str
    system: str
    object: str
    id: str
    person: str

    def told(self) -> dict[str, Any]:
        """As the truth tells it."""
        return {
            "defect": self.defect,
            "system": self.system,
            "object": self.object,
            "id": self.id,
            "person": self.person,
        }


@dataclass(frozen=True)
class Gardener:
    """Tidies a world, and plants. `now` is the world's first morning."""

    hubspot: HubSpotAccount
    salesforce: SalesforceOrg
    marketing: Marketing
    sales: Sales
    roster: Roster
    newcomer: Callable[[], Actor]
    now: datetime

    def tidy(self) -> None:
        """Whatever belongs to somebody who left is given to somebody who is there, whoever has an
        open deal is called, and nobody is beyond reach."""
        for number, record in enumerate(self._records()):
            at = self.now - timedelta(days=3, seconds=number)
            if self.sales.is_gone(record.owner):
                self.sales.give(record, self.sales.rep(), at)
            if record.opportunities:
                self.sales.call(record, at + timedelta(days=1))
        for actor in self.roster.actors:
            for contact in actor.map_emails:
                known = self.hubspot.get("contacts", contact)
                if not any(known.get(name) for name in _REACHED_BY) and actor.phone:
                    told = {"mobilephone": actor.phone}
                    self.hubspot.update("contacts", contact, told, source="CRM_UI", at=self.now)

    def plant(self, defects: Mapping[str, int]) -> list[Planted]:
        """So many of each. Raises ValueError on a defect there is none of."""
        if set(defects) - set(DEFECTS) or any(count < 0 for count in defects.values()):
            message = f"defects must be counts by: {', '.join(DEFECTS)}"
            raise ValueError(message)
        found = [
            planted
            for defect in DEFECTS
            for _ in range(defects.get(defect, 0))
            for planted in getattr(self, f"_{defect}")()
        ]
        # They left only now: an owner has to be somebody who works here (FACTS section 4).
        self._seat(active=False)
        return found

    def _records(self) -> Iterator[Record]:
        return (record for actor in self.roster.actors for record in actor.records)

    def _before(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def _seat(self, *, active: bool) -> None:
        leaver = self.sales.leaver().user_id
        self.salesforce.update("User", leaver, {"IsActive": active})

    def _somebody(self, days: float) -> Actor:
        """Somebody new, who filled in a form so many days ago."""
        actor = self.newcomer()
        self.roster.actors.append(actor)
        form = self.marketing.forms[-1]
        self.marketing.fill(actor, form, actor.spare_emails[0], self._before(days))
        return actor

    def _lead(self, actor: Actor, days: float, status: str = "Open - Not Contacted") -> Record:
        more = {"Company": actor.company or "Unknown", "Status": status}
        return self.sales.enter(actor, "Lead", self.sales.rep(), self._before(days), **more)

    def _unowned_lead(self) -> Iterator[Planted]:
        """Called on the day after, and the caller's own colleague, who had it, left."""
        actor = self._somebody(40)
        record = self._lead(actor, 39)
        self.sales.call(record, self._before(38))
        self._seat(active=True)
        self.sales.give(record, self.sales.leaver(), self._before(30))
        yield _planted("unowned_lead", record, actor)

    def _silent_handoff(self) -> Iterator[Planted]:
        """A lead from a form on, that nobody ever touched."""
        actor = self._somebody(40)
        yield _planted("silent_handoff", self._lead(actor, 30), actor)

    def _stage_name_conflict(self) -> Iterator[Planted]:
        """Marketing says `CONNECTED` of one and sales of another, and neither says so of both."""
        actor = self._somebody(40)
        contact = next(iter(actor.map_emails))
        word = {"hs_lead_status": _WORD.upper()}
        self.hubspot.update("contacts", contact, word, source="CRM_UI", at=self._before(39))
        self.sales.call(self._lead(actor, 39), self._before(38))
        yield Planted("stage_name_conflict", "hubspot", "contacts", contact, actor.id)
        actor = self._somebody(40)
        record = self._lead(actor, 39, status=_WORD)
        self.sales.call(record, self._before(38))
        yield _planted("stage_name_conflict", record, actor)

    def _activity_on_duplicate(self) -> Iterator[Planted]:
        """Another tool's entry on a second record; the rep works with the first."""
        actor = self._somebody(40)
        first = self._lead(actor, 39)
        self.sales.call(first, self._before(38))
        second = self._lead(actor, 35)
        robot, at = self.salesforce.integration_user_id, self._before(34)
        entry = {
            "WhoId": second.id,
            "OwnerId": robot,
            "Subject": "Newsletter opened",
            "Status": "Completed",
            "Priority": "Normal",
            "ActivityDate": at.date().isoformat(),
        }
        self.salesforce.create("Task", entry, user_id=robot, at=at)
        yield _planted("activity_on_duplicate", second, actor)

    def _stalled_deal(self) -> Iterator[Planted]:
        """Nobody has done anything about it for six weeks, and its owner has left."""
        actor = self._somebody(75)
        record = self.sales.enter(actor, "Contact", self.sales.rep(), self._before(74))
        self.sales.call(record, self._before(73))
        deal = self.sales.open_deal(record, self._before(60))
        self._seat(active=True)
        leaver = self.sales.leaver().user_id
        self.salesforce.update(
            "Opportunity", deal, {"OwnerId": leaver}, user_id=leaver, at=self._before(45)
        )
        record.note(self._before(45), What.OWNER, leaver, deal, leaver)
        yield Planted("stalled_deal", "salesforce", "Opportunity", deal, actor.id)


def _planted(defect: str, record: Record, actor: Actor) -> Planted:
    return Planted(defect, "salesforce", record.object, record.id, actor.id)
