"""What the org works out by itself when a record is saved, and when one is shown.

Names and compounds, opportunity stages, task completion, campaign responses: the vendor's standard
behaviour (FACTS section 4 where it says so, the object reference otherwise).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row, Value
from sandbox.salesforce.table import Table


@dataclass(frozen=True)
class Stage:
    """One opportunity stage of a Developer Edition."""

    name: str
    probability: float
    category: str
    category_name: str
    is_closed: bool = False
    is_won: bool = False


STAGES = (
    Stage("Prospecting", 10, "Pipeline", "Pipeline"),
    Stage("Qualification", 10, "Pipeline", "Pipeline"),
    Stage("Needs Analysis", 20, "Pipeline", "Pipeline"),
    Stage("Value Proposition", 50, "Pipeline", "Pipeline"),
    Stage("Id. Decision Makers", 60, "Pipeline", "Pipeline"),
    Stage("Perception Analysis", 70, "Pipeline", "Pipeline"),
    Stage("Proposal/Price Quote", 75, "Pipeline", "Pipeline"),
    Stage("Negotiation/Review", 90, "Pipeline", "Pipeline"),
    Stage("Closed Won", 100, "Closed", "Closed", is_closed=True, is_won=True),
    Stage("Closed Lost", 0, "Omitted", "Omitted", is_closed=True),
)
_BY_STAGE = {stage.name.lower(): stage for stage in STAGES}
_UNKNOWN_STAGE = Stage("", 0, "Pipeline", "Pipeline")
CLOSED_TASK = frozenset({"Completed"})
_QUARTER_MONTHS = 3


@dataclass(frozen=True)
class Saving:
    """One save as the rules see it: the new row (to be completed), the old one, what was sent."""

    row: Row
    old: Row | None
    sent: frozenset[str]
    stamp: str
    tables: Mapping[str, Table]

    def changed(self, name: str) -> bool:
        """Whether the field differs from before (a create changes every field it sets)."""
        return self.old is None or self.row.get(name) != self.old.get(name)


def complete(sobject: str, saving: Saving) -> None:
    """Fill in what the org derives for this object."""
    rule = _RULES.get(sobject)
    if rule is not None:
        rule(saving)


def _person(saving: Saving) -> None:
    row = saving.row
    put(row, "Name", full_name(row))


def _contact(saving: Saving) -> None:
    _person(saving)
    row = saving.row
    bounced = row.get("EmailBouncedDate") is not None or row.get("EmailBouncedReason") is not None
    put(row, "IsEmailBounced", value=bounced)
    if row.get("OwnerId") is None and row.get("AccountId"):
        put(row, "OwnerId", saving.tables["Account"].rows[str(row["AccountId"])].get("OwnerId"))


def _lead(saving: Saving) -> None:
    _person(saving)
    if saving.old is None:
        # IsConverted is createable in describe (recorded) but only conversion sets it.
        saving.row.pop("IsConverted", None)


def _user(saving: Saving) -> None:
    _person(saving)
    row = saving.row
    if row.get("Alias") is None:
        row["Alias"] = (str(row.get("FirstName") or "")[:1] + str(row["LastName"])[:4]).lower()


def _opportunity(saving: Saving) -> None:
    row = saving.row
    stage = _BY_STAGE.get(str(row.get("StageName", "")).lower(), _UNKNOWN_STAGE)
    if saving.changed("StageName"):
        put(row, "IsClosed", value=stage.is_closed)
        put(row, "IsWon", value=stage.is_won)
        row["ForecastCategory"] = stage.category
        if "ForecastCategoryName" not in saving.sent:
            row["ForecastCategoryName"] = stage.category_name
        if "Probability" not in saving.sent:
            row["Probability"] = float(stage.probability)
        if saving.old is not None:
            row["LastStageChangeDate"] = saving.stamp
    amount, probability = row.get("Amount"), row.get("Probability")
    if isinstance(amount, float) and isinstance(probability, float):
        row["ExpectedRevenue"] = round(amount * probability / 100, 2)
    else:
        row.pop("ExpectedRevenue", None)
    closes = date.fromisoformat(str(row["CloseDate"]))
    quarter = (closes.month - 1) // _QUARTER_MONTHS + 1
    row["FiscalYear"], row["FiscalQuarter"] = closes.year, quarter
    row["Fiscal"] = f"{closes.year} {quarter}"


def _task(saving: Saving) -> None:
    row = saving.row
    closed = row.get("Status") in CLOSED_TASK
    was_closed = saving.old is not None and bool(saving.old.get("IsClosed"))
    put(row, "IsClosed", value=closed)
    put(row, "IsHighPriority", value=row.get("Priority") == "High")
    if closed and not was_closed:
        row["CompletedDateTime"] = saving.stamp
    elif not closed:
        row.pop("CompletedDateTime", None)
    _relations(saving)


def _event(saving: Saving) -> None:
    row = saving.row
    start = row.get("StartDateTime") or row.get("ActivityDateTime")
    if start is None and row.get("ActivityDate") is None:
        message = "Required fields are missing: [DurationInMinutes, ActivityDateTime]"
        raise SalesforceError(
            "REQUIRED_FIELD_MISSING", message, ["DurationInMinutes", "ActivityDateTime"]
        )
    if start is not None:
        row["StartDateTime"] = row["ActivityDateTime"] = start
        row["ActivityDate"] = str(start)[:10]
    _relations(saving)


def _relations(saving: Saving) -> None:
    row = saving.row
    row["WhoCount"] = int(row.get("WhoId") is not None)
    row["WhatCount"] = int(row.get("WhatId") is not None)
    put(row, "AccountId", _account_of(row, saving.tables))


def _account_of(row: Row, tables: Mapping[str, Table]) -> Value:
    what, who = str(row.get("WhatId") or ""), str(row.get("WhoId") or "")
    if what.startswith("001"):
        return what
    if what.startswith("006"):
        return tables["Opportunity"].rows[what].get("AccountId")
    if not what and who.startswith("003"):
        return tables["Contact"].rows[who].get("AccountId")
    return None


def _member(saving: Saving) -> None:
    row, tables = saving.row, saving.tables
    lead, contact = row.get("LeadId"), row.get("ContactId")
    if lead is None and contact is None:
        message = "Required fields are missing: [LeadId, ContactId]"
        raise SalesforceError("REQUIRED_FIELD_MISSING", message, ["LeadId", "ContactId"])
    if row.get("Status") is None:
        row["Status"] = "Sent"
    responded = _is_response(row, tables)
    put(row, "HasResponded", value=responded)
    if responded and row.get("FirstRespondedDate") is None:
        row["FirstRespondedDate"] = saving.stamp[:10]
    row["Type"] = "Contact" if contact is not None else "Lead"
    row["LeadOrContactId"] = contact if contact is not None else lead
    person = (
        tables["Contact"].rows[str(contact)]
        if contact is not None
        else tables["Lead"].rows[str(lead)]
    )
    for name in ("Salutation", "FirstName", "LastName", "Name", "Title", "Email"):
        put(row, name, person.get(name))
    put(row, "CompanyOrAccount", person.get("Company"))
    put(row, "LeadOrContactOwnerId", person.get("OwnerId"))


def _is_response(row: Row, tables: Mapping[str, Table]) -> bool:
    statuses = tables["CampaignMemberStatus"]
    campaign = statuses.kind.fields["CampaignId"]
    for record_id in statuses.matching(campaign, row.get("CampaignId")):
        status = statuses.rows[record_id]
        if status.get("Label") == row.get("Status") and not status.get("IsDeleted"):
            return bool(status.get("HasResponded"))
    return row.get("Status") == "Responded"


def _relation(saving: Saving) -> None:
    person = str(saving.row.get("RelationId"))
    kinds = (name for name in ("Lead", "Contact", "User") if person in saving.tables[name].rows)
    put(saving.row, "RelationObjectType", next(kinds, None))


def _topic_assignment(saving: Saving) -> None:
    entity = str(saving.row["EntityId"])
    saving.row["EntityKeyPrefix"] = entity[:3]
    kinds = (name for name, table in saving.tables.items() if entity in table.rows)
    put(saving.row, "EntityType", next(kinds, None))


def put(row: Row, name: str, value: Value) -> None:
    """Set a field; null and false take no room."""
    if value is None or value is False:
        row.pop(name, None)
    else:
        row[name] = value


def full_name(row: Row) -> str | None:
    """First and last name with one space (recorded: no salutation)."""
    parts = [str(row[name]) for name in ("FirstName", "LastName") if row.get(name)]
    return " ".join(parts) or None


_RULES: dict[str, Callable[[Saving], None]] = {
    "Lead": _lead,
    "Contact": _contact,
    "User": _user,
    "Opportunity": _opportunity,
    "Task": _task,
    "Event": _event,
    "CampaignMember": _member,
    "EmailMessageRelation": _relation,
    "TopicAssignment": _topic_assignment,
}
