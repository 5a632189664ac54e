"""What marketing should see of sales, folded from Salesforce's rows alone. Pure.

A second, independent reading of the definitions in docs/glossary.md: a tied contact shows the id
and object of the record it is tied to, that record's owner, the status of the person's open Lead
(else of the Lead converted last), and of the opportunities on which one of the person's Contacts
has a role: the open one modified last (else the one closed last) with stage, amount, outcome and
close date; the sum and number of the won ones; the earliest close date among those. Each of these
opportunities is a deal in HubSpot with the same name, stage, amount and close date, joined to one
of the person's tied contacts.

A person may have a second CRM record, and no vendor shows whether Leadloop knows that it is theirs:
the values may be right of all the person's records, or of the tied ones alone, but as a whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sync.demo_ties import Row, Snapshot, Ties

NUMBERS = frozenset({"opportunity_amount", "total_revenue", "won_count", "amount"})
DATES = frozenset({"close_date", "customer_since", "closedate"})
STAGES: Mapping[str, str] = {
    "Qualification": "qualifiedtobuy",
    "Needs Analysis": "qualifiedtobuy",
    "Value Proposition": "presentationscheduled",
    "Perception Analysis": "presentationscheduled",
    "Id. Decision Makers": "decisionmakerboughtin",
    "Proposal/Price Quote": "contractsent",
    "Negotiation/Review": "contractsent",
    "Closed Won": "closedwon",
    "Closed Lost": "closedlost",
}
"""The demo's mapping of opportunity stages; every other one is the first stage of the pipeline."""
FIRST_STAGE = "appointmentscheduled"


@dataclass(frozen=True)
class Value:
    """One value marketing should see: where, what, and what is there."""

    where: str
    name: str
    expected: str | None
    found: str | None

    @property
    def right(self) -> bool:
        """Whether what is there is what should be."""
        return self.expected == self.found


def outcome_values(snapshot: Snapshot, ties: Ties) -> Iterator[Value]:
    """Every value a tied contact or a deal should show, or shows; blank on both sides is none."""
    crm = _Crm(snapshot, ties)
    for contact_id, records in ties.tied.items():
        shown = ties.contacts[contact_id]
        everything = _of_contact(contact_id, shown, crm.outcomes(records[0], crm.all_of(records)))
        if not all(value.right for value in everything):
            known = _of_contact(contact_id, shown, crm.outcomes(records[0], records))
            everything = min(everything, known, key=lambda vs: sum(not v.right for v in vs))
        yield from everything
    yield from _deals(snapshot, crm)


def _of_contact(contact_id: str, shown: Row, expected: Mapping[str, Any]) -> list[Value]:
    return [
        value
        for name, wanted in expected.items()
        for value in _compared(f"contact {contact_id}", name, wanted, shown.get(f"leadloop_{name}"))
    ]


def _deals(snapshot: Snapshot, crm: _Crm) -> Iterator[Value]:
    deals = {
        str(row["properties"]["leadloop_id"]): row
        for row in snapshot.deals
        if not row["archived"] and row["properties"].get("leadloop_id")
    }
    joined_to = crm.tied_contacts()
    for opportunity_id, contacts in sorted(joined_to.items()):
        row = crm.opportunities[opportunity_id]
        deal = deals.get(str(row.get("Leadloop_Id__c") or ""))
        properties = deal["properties"] if deal else {}
        where = f"deal of {opportunity_id}"
        stage = STAGES.get(str(row["StageName"]), FIRST_STAGE)
        yield from _compared(where, "dealname", row["Name"], properties.get("dealname"))
        yield from _compared(where, "dealstage", stage, properties.get("dealstage"))
        yield from _compared(where, "amount", row.get("Amount"), properties.get("amount"))
        yield from _compared(where, "closedate", row["CloseDate"], properties.get("closedate"))
        joined = set(snapshot.deal_contacts.get(str(deal["id"]), ())) if deal else set()
        yield Value(where, "joined", "yes", "yes" if joined & contacts else None)


def _compared(where: str, name: str, expected: Any, found: Any) -> Iterator[Value]:
    left, right = plain(name, expected), plain(name, found)
    if left is not None or right is not None:
        yield Value(where, name, left, right)


def plain(name: str, value: Any) -> str | None:
    """A value as either vendor writes it, in one form: numbers without trailing zeros, dates as
    YYYY-MM-DD, blank as None.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if name in NUMBERS:
        try:
            return f"{Decimal(text).normalize():f}"
        except InvalidOperation:
            return text
    if name in DATES:
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC).date().isoformat()
        return text[:10]
    return text


class _Crm:
    """Salesforce's rows, indexed for folding."""

    def __init__(self, snapshot: Snapshot, ties: Ties) -> None:
        self._ties = ties
        self._users = {str(row["Id"]): row for row in snapshot.users}
        self._records_of = ties.by_person()
        self.opportunities = {
            str(row["Id"]): row for row in snapshot.opportunities if not row.get("IsDeleted")
        }
        self._roles: dict[str, list[str]] = defaultdict(list)
        for role in snapshot.roles:
            opportunity = str(role["OpportunityId"])
            if not role.get("IsDeleted") and opportunity in self.opportunities:
                self._roles[ties.followed(str(role["ContactId"]))].append(opportunity)
        self._converted: dict[str, list[Row]] = defaultdict(list)
        for lead in snapshot.leads:
            if lead.get("IsConverted") and not lead.get("IsDeleted"):
                self._converted[ties.followed(str(lead["Id"]))].append(lead)

    def all_of(self, records: Sequence[str]) -> list[str]:
        """All live records of the person these records are tied for."""
        person = self._ties.owner.get(records[0])
        return sorted({*records, *(self._records_of.get(person, ()) if person else ())})

    def outcomes(self, record_id: str, ids: Sequence[str]) -> dict[str, Any]:
        """What a contact tied to this record should show, by the property's name, where `ids` are
        the records of that person.
        """
        record = self._ties.records[record_id]
        own = sorted({one for each in ids for one in self._roles.get(each, ())})
        opportunities = [self.opportunities[one] for one in own]
        shown = _shown(opportunities)
        won = [row for row in opportunities if row.get("IsWon")]
        owner = self._users.get(str(record.get("OwnerId") or ""), {})
        amounts = [Decimal(str(row["Amount"])) for row in won if row.get("Amount") is not None]
        return {
            "crm_id": record_id,
            "crm_object": self._ties.object_of[record_id],
            "owner": owner.get("Name"),
            "owner_email": owner.get("Email"),
            "lead_status": self._lead_status(record_id, ids),
            "opportunity_stage": shown.get("StageName"),
            "opportunity_amount": shown.get("Amount"),
            "opportunity_outcome": _ending(shown),
            "close_date": shown.get("CloseDate"),
            "total_revenue": sum(amounts, Decimal(0)) if amounts else None,
            "won_count": len(won) or None,
            "customer_since": min((row["CloseDate"] for row in won), default=None),
        }

    def tied_contacts(self) -> dict[str, set[str]]:
        """The HubSpot contacts tied to somebody with a role on it, by opportunity."""
        found: dict[str, set[str]] = defaultdict(set)
        for contact_id, records in self._ties.tied.items():
            for one in records:
                for opportunity in self._roles.get(one, ()):
                    found[opportunity].add(contact_id)
        return found

    def _lead_status(self, record_id: str, ids: Sequence[str]) -> Any:
        leads = [one for one in ids if self._ties.object_of[one] == "Lead"]
        if leads:
            chosen = record_id if record_id in leads else min(leads, key=self._working_order)
            return self._ties.records[chosen].get("Status")
        converted = [row for one in ids for row in self._converted.get(one, ())]
        last = max(converted, key=lambda r: (r["SystemModstamp"], r["Id"]), default=None)
        return last.get("Status") if last else None

    def _working_order(self, record_id: str) -> tuple[Any, ...]:
        """The latest activity first, then the oldest record (DESIGN section 7)."""
        row = self._ties.records[record_id]
        activity = str(row.get("LastActivityDate") or "0001-01-01")
        return (-datetime.fromisoformat(activity).toordinal(), str(row["CreatedDate"]), record_id)


def _shown(opportunities: Sequence[Row]) -> Row:
    open_ones = [row for row in opportunities if not row.get("IsClosed")]
    if open_ones:
        return max(open_ones, key=lambda row: (str(row["SystemModstamp"]), str(row["Id"])))
    return max(opportunities, key=lambda r: (str(r["CloseDate"]), str(r["Id"])), default={})


def _ending(row: Row) -> str | None:
    if not row:
        return None
    return "won" if row.get("IsWon") else "lost" if row.get("IsClosed") else "open"
