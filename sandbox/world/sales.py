"""What happens in the CRM: reps take leads, call, disqualify, convert; deals open, move and end.

Used by history and by every ticked day alike; each method does one thing at one instant as one of
the reps, never as the integration user.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import What
from sandbox.world.draw import Draw
from sandbox.world.roster import Actor, Record

STAGES = (
    "Prospecting", "Qualification", "Needs Analysis", "Value Proposition",
    "Proposal/Price Quote", "Negotiation/Review",
)  # fmt: skip
"""Open stages of a standard org's pipeline, in order."""
WON, LOST = "Closed Won", "Closed Lost"
NOT_CONVERTED = "Closed - Not Converted"
WORKING = "Working - Contacted"
DISQUALIFIED = ("No budget", "Not a fit", "Wrong contact", "Bad timing", "Competitor", "Duplicate")
LOSSES = ("Price", "Competitor", "No decision", "Bad timing", "Missing feature")
_REPS = (
    ("Dana", "Whitlock", True), ("Marcus", "Oyelaran", True), ("Ingrid", "Solheim", True),
    ("Theo", "Castellan", True), ("Priyanka", "Venkat", True), ("Jonas", "Reuter", True),
    ("Colette", "Marchetti", True), ("Gil", "Abernathy", False),
)  # fmt: skip
_CALLS = ("Call", "Call: left a message", "Call: spoke briefly", "Demo call", "Follow-up call")
_SALES_FIELDS = (
    ("Lead", {"name": "Disqualification_Reason__c", "label": "Disqualification Reason",
              "type": "string", "length": 80}),
    ("Lead", {"name": "Recontact_Date__c", "label": "Recontact Date", "type": "date"}),
    ("Opportunity", {"name": "Loss_Reason__c", "label": "Loss Reason", "type": "string",
                     "length": 80}),
)  # fmt: skip


@dataclass(frozen=True)
class Rep:
    """A salesperson: CRM user and MAP owner of one e-mail address."""

    user_id: str
    owner_id: str
    email: str
    active: bool


class Sales:
    """The sales team in one Salesforce org."""

    def __init__(self, hubspot: HubSpotAccount, salesforce: SalesforceOrg, draw: Draw) -> None:
        self._salesforce = salesforce
        self._draw = draw
        for sobject, definition in _SALES_FIELDS:
            salesforce.add_field(sobject, dict(definition))
        self.reps = [self._hire(hubspot, *row) for row in _REPS]
        self._seats = {rep.user_id for rep in self.reps if rep.active}

    def use(self, draw: Draw) -> None:
        """Draw from `draw` from now on (each day has its own)."""
        self._draw = draw

    def rep(self) -> Rep:
        """One of the reps who still work here."""
        return self._draw.pick([rep for rep in self.reps if rep.active])

    def any_owner(self) -> Rep:
        """One of all reps; a few records still belong to somebody who left."""
        return self._draw.pick(self.reps) if self._draw.chance(0.3) else self.rep()

    def leaver(self) -> Rep:
        """The one who left."""
        return next(rep for rep in self.reps if not rep.active)

    def is_gone(self, user: str | None) -> bool:
        """Whether a user has left."""
        return user not in self._seats

    def give(self, record: Record, rep: Rep, at: datetime) -> None:
        """Somebody gets a record, and has done nothing about it yet."""
        self._update(record, {"OwnerId": rep.user_id}, rep, at)
        record.note(at, What.OWNER, rep.user_id, record.id, rep.user_id)

    def enter(
        self, actor: Actor, object_name: str, rep: Rep, at: datetime, **fields: object
    ) -> Record:
        """A rep types somebody in, as a Lead or a Contact of theirs, with the address they give
        everybody."""
        known: dict[str, object] = {
            "FirstName": actor.given,
            "LastName": actor.family,
            "Email": actor.email,
            "Title": actor.title,
            "OwnerId": rep.user_id,
            **fields,
        }
        given = {name: value for name, value in known.items() if value is not None}
        made = self._salesforce.create(object_name, given, user_id=rep.user_id, at=at)
        record = Record(object_name, made)
        record.note(at, What.CREATED, rep.user_id, made, rep.user_id)
        actor.records.append(record)
        return record

    def dismiss(self) -> None:
        """Those who left lose their seat; what they owned stays theirs, as in life."""
        for rep in self.reps:
            if not rep.active:
                self._salesforce.update("User", rep.user_id, {"IsActive": False})

    def take(self, record: Record, at: datetime) -> None:
        """A rep takes a lead: theirs from now on, and being worked."""
        rep = self.rep()
        self._update(record, {"OwnerId": rep.user_id, "Status": WORKING}, rep, at)
        record.note(at, What.OWNER, rep.user_id, record.id, rep.user_id)
        record.note(at, What.STATUS, rep.user_id, record.id, WORKING)

    def call(self, record: Record, at: datetime, rep: Rep | None = None) -> None:
        """A rep calls somebody and logs it as a completed Task."""
        rep = rep or self.rep()
        task = self._salesforce.create(
            "Task",
            {
                "WhoId": record.id,
                "OwnerId": rep.user_id,
                "Subject": self._draw.pick(_CALLS),
                "Status": "Completed",
                "Priority": "Normal",
                "TaskSubtype": "Call",
                "ActivityDate": at.date().isoformat(),
            },
            user_id=rep.user_id,
            at=at,
        )
        record.note(at, What.CALL, rep.user_id, task)

    def disqualify(self, record: Record, at: datetime) -> None:
        """A rep gives a lead up, with a reason; some are to be called again months later."""
        reason = self._draw.pick(DISQUALIFIED)
        fields = {"Status": NOT_CONVERTED, "Disqualification_Reason__c": reason}
        if reason in ("Bad timing", "No budget"):
            later = at + timedelta(days=90 + int(90 * self._draw.random.random()))
            fields["Recontact_Date__c"] = later.date().isoformat()
        record.done = True
        rep = self.rep()
        self._update(record, fields, rep, at)
        record.note(at, What.STATUS, rep.user_id, record.id, NOT_CONVERTED)

    def convert(self, record: Record, at: datetime, *, deal: bool | None = None) -> None:
        """A rep converts a lead; the record becomes the Contact, with an Opportunity or without."""
        wants_deal = self._draw.chance(0.5) if deal is None else deal
        rep = self.rep()
        company, owner = self._salesforce.values("Lead", record.id, "Company", "OwnerId")
        if owner not in self._seats:
            # Nobody can convert a lead of somebody who left without taking it first.
            self.take(record, at)
        result = self._salesforce.convert_lead(
            record.id,
            account_id=record.account,
            opportunity_name=f"{company} - first order"[:120] if wants_deal else None,
            user_id=rep.user_id,
            at=at,
        )
        owner = record.owner
        record.converted_from.append(record.id)
        record.object, record.id = "Contact", result["contactId"] or ""
        record.note(at, What.CONVERTED, rep.user_id, record.id, record.converted_from[-1])
        record.account = result["accountId"]
        record.done = False
        deal_id = result.get("opportunityId")
        if deal_id:
            self._salesforce.update(
                "Opportunity", deal_id, {"Amount": self._amount()}, user_id=rep.user_id, at=at
            )
            record.opportunities.append(deal_id)
            record.note(at, What.DEAL_OPENED, rep.user_id, deal_id, owner)

    def open_deal(self, record: Record, at: datetime) -> str:
        """A rep opens an Opportunity with the Contact in it; returns its id."""
        rep = self.rep()
        stage = self._draw.skewed(STAGES)
        deal = self._salesforce.create(
            "Opportunity",
            {
                "Name": f"{self._draw.pick(('Licences', 'Roll-out', 'Pilot', 'Renewal'))} "
                f"{at.year}-{1 + int(9999 * self._draw.random.random()):04d}",
                "StageName": stage,
                "Amount": self._amount(),
                "CloseDate": (at + timedelta(days=30 + int(90 * self._draw.random.random())))
                .date()
                .isoformat(),
                "OwnerId": rep.user_id,
                **({} if record.account is None else {"AccountId": record.account}),
            },
            user_id=rep.user_id,
            at=at,
        )
        self._salesforce.create(
            "OpportunityContactRole",
            {"OpportunityId": deal, "ContactId": record.id, "IsPrimary": True,
             "Role": self._draw.pick(("Decision Maker", "Evaluator", "Business User"))},
            user_id=rep.user_id,
            at=at,
        )  # fmt: skip
        record.opportunities.append(deal)
        record.note(at, What.DEAL_OPENED, rep.user_id, deal, rep.user_id)
        return deal

    def advance(self, record: Record, at: datetime) -> str:
        """A rep moves a deal: one stage on, or to its end; returns the new stage."""
        deal = self._draw.pick(record.opportunities)
        now = self._salesforce.get("Opportunity", deal)["StageName"]
        at_stage = STAGES.index(now) if now in STAGES else 0
        fate = self._draw.random.random()
        stage = WON if fate < 0.2 else LOST if fate < 0.35 else STAGES[min(at_stage + 1, 5)]
        if stage in (WON, LOST):
            self.end(record, deal, stage, at)
        else:
            self._move(record, deal, {"StageName": stage}, at)
        return stage

    def end(self, record: Record, deal: str, stage: str, at: datetime) -> None:
        """A deal is won or lost on that day; lost ones say why."""
        fields = {"StageName": stage, "CloseDate": at.date().isoformat()}
        if stage == LOST:
            fields["Loss_Reason__c"] = self._draw.pick(LOSSES)
        self._move(record, deal, fields, at)
        record.opportunities.remove(deal)

    def opt_out(self, actor: Actor, record: Record, at: datetime) -> None:
        """Somebody tells a rep they want no mail; the rep ticks the box."""
        self._edit(record, {"HasOptedOutOfEmail": True}, at)
        actor.opt_out("crm", at)

    def edit(self, actor: Actor, record: Record, at: datetime) -> None:
        """A rep corrects a title or a telephone number."""
        title = self._draw.pick(("Team Lead", "Head of Projects", "Partner", "Regional Manager"))
        change = {"Title": title}
        if actor.phone is not None and self._draw.chance(0.5):
            change = {"Phone": self._draw.written(actor.phone, actor.country)}
        self._edit(record, change, at)

    def _edit(self, record: Record, change: Mapping[str, object], at: datetime) -> None:
        rep = self.rep()
        self._update(record, change, rep, at)
        record.note(at, What.EDITED, rep.user_id, record.id)

    def _move(self, record: Record, deal: str, fields: Mapping[str, str], at: datetime) -> None:
        user = self.rep().user_id
        self._salesforce.update("Opportunity", deal, fields, user_id=user, at=at)
        record.note(at, What.DEAL_MOVED, user, deal, fields["StageName"])

    def _update(self, record: Record, fields: Mapping[str, object], rep: Rep, at: datetime) -> None:
        self._salesforce.update(record.object, record.id, fields, user_id=rep.user_id, at=at)

    def _amount(self) -> float:
        return float(int(10 ** (3 + 2 * self._draw.random.random()) / 50) * 50)

    def _hire(self, hubspot: HubSpotAccount, first: str, last: str, active: bool) -> Rep:  # noqa: FBT001 - a row of the table above
        email = f"{first}.{last}@clearworks-platform.com".lower()
        return Rep(
            user_id=self._salesforce.create_user(first, last, email),
            owner_id=hubspot.create_owner(email, first, last),
            email=email,
            active=active,
        )
