"""Who is who: every person of a world with their records on both sides and what they did.

The roster is what the world itself did, written down as it did it. Records the system under test
creates later are not in it; a judge finds those by the keys that system writes on them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.clock import iso, to_ms
from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import Line, What
from sandbox.world.draw import Draw

_TRIES = 60


@dataclass(slots=True)
class Record:
    """A person's record in the CRM; `object` is "Lead" or "Contact", `opportunities` are open.
    `diary` tells what happened to it, that of the Leads it was included.
    """

    object: str
    id: str
    converted_from: list[str] = field(default_factory=list)
    merged_from: list[str] = field(default_factory=list)
    opportunities: list[str] = field(default_factory=list)
    account: str | None = None
    done: bool = False
    diary: list[Line] = field(default_factory=list)

    @property
    def owner(self) -> str | None:
        """Who owns it by its diary; None where that says nothing."""
        own = {self.id, *self.converted_from}
        told = [
            line.value
            for line in self.diary
            if line.what in (What.CREATED, What.OWNER) and line.id in own
        ]
        return told[-1] if told else None

    def note(self, at: datetime, what: What, by: str, id_: str, value: str | None = None) -> None:
        """Write a line into its diary."""
        self.diary.append(Line(at, what, by, id_, value))


@dataclass(slots=True)
class Actor:
    """A person as they act: what they answer on forms, where mail reaches them, what is theirs.

    `map_emails` maps their MAP contacts to the address of each (None where it has none), `since`
    says when each came to be;
    `spare_emails` are addresses of theirs no MAP contact bears. `phone` is E.164. `told` holds
    more contact properties they give to strangers who ask. `asked` lists profile questions
    already answered. `opt_outs` are dated, with the side and scope.
    """

    id: str
    given: str
    family: str
    company: str | None
    title: str | None
    phone: str | None
    country: str
    map_emails: dict[str, str | None] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    spare_emails: list[str] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    defects: frozenset[str] = frozenset()
    told: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    opt_outs: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, str]] = field(default_factory=list)
    merged_contacts: list[str] = field(default_factory=list)
    submissions: list[dict[str, Any]] = field(default_factory=list)
    email_events: list[tuple[str, int, str, bool]] = field(default_factory=list)
    calls: list[dict[str, str]] = field(default_factory=list)

    @property
    def email(self) -> str | None:
        """The address mail reaches them at, or None."""
        return next((email for email in self.map_emails.values() if email), None)

    @property
    def mailable(self) -> bool:
        """True while nothing forbids mail in general."""
        return not any(one["scope"] == "all_mail" for one in self.opt_outs)

    def opt_out(self, side: str, at: datetime, subscription: str | None = None) -> None:
        """Note an opt-out: from all mail, or of one subscription type."""
        scope = "all_mail" if subscription is None else "subscription"
        self.opt_outs.append(
            {"side": side, "scope": scope, "subscription_id": subscription, "at": iso(at)}
        )

    def note_events(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Note e-mail events that are theirs."""
        self.email_events.extend(
            (event["id"], event["created"], event["type"], bool(event.get("filteredEvent")))
            for event in events
        )


class Roster:
    """All people of a world."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.actors: list[Actor] = []

    def use(self, draw: Draw) -> None:
        """Draw from `draw` from now on (each day has its own)."""
        self._draw = draw

    def some(self, fits: Callable[[Actor], bool]) -> Actor | None:
        """Anybody who fits, or None where nobody was found in `_TRIES` tries."""
        for _ in range(_TRIES):
            actor = self._draw.pick(self.actors)
            if fits(actor):
                return actor
        return None


def tell(
    roster: Roster, hubspot: HubSpotAccount, salesforce: SalesforceOrg
) -> list[dict[str, Any]]:
    """The truth about every person, as `GET /truth` gives it (see `World.truth`)."""
    outcomes = _Outcomes(salesforce)
    return [
        {
            "id": actor.id,
            "name": f"{actor.given} {actor.family}",
            "hubspot_contact_ids": list(actor.map_emails),
            "hubspot_merged_ids": list(actor.merged_contacts),
            "hubspot_since": {key: iso(at) for key, at in actor.since.items()},
            "salesforce_records": [
                {
                    "object": one.object,
                    "id": one.id,
                    "converted_from": list(one.converted_from),
                    "merged_from": list(one.merged_from),
                    "diary": [line.told() for line in sorted(one.diary, key=lambda line: line.at)],
                }
                for one in actor.records
            ],
            "deleted": list(actor.deleted),
            "defects": sorted(actor.defects),
            "opt_out": {
                "all_mail": not actor.mailable,
                "subscriptions": sorted(
                    {one["subscription_id"] for one in actor.opt_outs} - {None}
                ),
                "changes": actor.opt_outs,
            },
            "form_submissions": actor.submissions,
            "email_events": [
                {"id": key, "created": created, "type": kind, "filtered": filtered}
                for key, created, kind, filtered in actor.email_events
            ],
            "hubspot_calls": list(actor.calls),
            "outcomes": outcomes.of(actor),
        }
        for actor in roster.actors
    ]


class _Outcomes:
    """What sales made of people, read from the CRM as it stands."""

    def __init__(self, salesforce: SalesforceOrg) -> None:
        self._salesforce = salesforce
        self._emails = {str(row["Id"]): row["Email"] for row in salesforce.rows("User")}
        self._deals: dict[str, list[dict[str, Any]]] = defaultdict(list)
        deals = {str(row["Id"]): row for row in salesforce.rows("Opportunity")}
        for role in salesforce.rows("OpportunityContactRole"):
            if (deal := deals.get(str(role["OpportunityId"]))) is not None:
                self._deals[str(role["ContactId"])].append(_deal(deal))

    def of(self, actor: Actor) -> list[dict[str, Any]]:
        """One entry for each of their records, in the roster's order."""
        return [self._of_record(record) for record in actor.records]

    def _of_record(self, record: Record) -> dict[str, Any]:
        names = ("OwnerId", "Status") if record.object == "Lead" else ("OwnerId",)
        owner, *more = self._salesforce.values(record.object, record.id, *names)
        deals = self._deals.get(record.id, [])
        return {
            "object": record.object,
            "id": record.id,
            "lead_status": more[0] if more else None,
            "owner_email": self._emails.get(str(owner)),
            "owner_id": owner,
            "converted": bool(record.converted_from),
            "won_revenue": sum(deal["amount"] or 0 for deal in deals if deal["is_won"]),
            "opportunities": deals,
        }


def _deal(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["Id"],
        "stage": row["StageName"],
        "amount": row["Amount"],
        "close_date": row["CloseDate"],
        "is_closed": row["IsClosed"],
        "is_won": row["IsWon"],
    }


def submission(form: str, conversion_id: str | None, at: datetime, email: str) -> dict[str, Any]:
    """A form submission as the truth lists it."""
    return {
        "form": form,
        "conversion_id": conversion_id,
        "submitted_at": to_ms(at),
        "email": email,
    }
