"""What a save sets off on other records: histories, last activity, primary roles, statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sandbox.salesforce.fields import Row, Value
from sandbox.salesforce.ids import Minter
from sandbox.salesforce.rules import put
from sandbox.salesforce.table import Table

TRACKABLE: dict[str, tuple[str, tuple[str, ...]]] = {
    "Lead": ("LeadHistory", ("Status", "OwnerId", "Company", "LeadSource", "Rating")),
    "Contact": ("ContactHistory", ("OwnerId", "AccountId", "Email", "Title", "Phone")),
    "Account": ("AccountHistory", ("OwnerId", "Name", "Industry", "Type", "Rating")),
    "Opportunity": (
        "OpportunityFieldHistory",
        ("StageName", "Amount", "CloseDate", "OwnerId", "Probability"),
    ),
}
"""Objects whose history can be kept, with the history object and the fields it follows."""
TRACKED = ("Lead", "Opportunity")
"""Objects tracked from the start; an administrator may switch on the others."""
_HISTORY_NAMES = {"OwnerId": "Owner", "AccountId": "Account"}
_CASCADES: dict[str, tuple[tuple[str, str], ...]] = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId")),
    "Lead": (("CampaignMember", "LeadId"), ("TopicAssignment", "EntityId")),
    "Contact": (
        ("CampaignMember", "ContactId"),
        ("OpportunityContactRole", "ContactId"),
        ("TopicAssignment", "EntityId"),
    ),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"), ("TopicAssignment", "EntityId")),
    "Campaign": (("CampaignMember", "CampaignId"), ("CampaignMemberStatus", "CampaignId")),
    "PermissionSet": (
        ("FieldPermissions", "ParentId"),
        ("PermissionSetAssignment", "PermissionSetId"),
    ),
    "Topic": (("TopicAssignment", "TopicId"),),
}
_COUNTERS = (
    ("NumberOfLeads", "LeadId"),
    ("NumberOfContacts", "ContactId"),
    ("NumberOfResponses", "HasResponded"),
)
_WHO_OBJECTS = ("Lead", "Contact")


class Effects:
    """The consequences of saves in one org."""

    def __init__(self, tables: Mapping[str, Table], minter: Minter) -> None:
        self._tables = tables
        self._minter = minter
        self.lead_assignment: str | None = None
        """The owner an active assignment rule gives new leads; None: no rule (the default)."""
        self.tracked: set[str] = set(TRACKED)
        """Objects whose history is kept."""

    def track(self, sobjects: set[str]) -> None:
        """Keep the history of these objects from now on; ValueError for one that has none."""
        if sobjects - set(TRACKABLE):
            message = f"history can be kept of: {', '.join(TRACKABLE)}"
            raise ValueError(message)
        self.tracked = set(sobjects)

    def after(self, sobject: str, row: Row, old: Row | None, user_id: str, now: str) -> None:
        """Everything that follows from storing `row` over `old`."""
        if sobject in self.tracked:
            self._track(sobject, row, old, user_id, now)
        if sobject in {"Task", "Event"}:
            self._activity(row, now)
        elif sobject == "OpportunityContactRole" and row.get("IsPrimary"):
            self._single_primary(row, now)
        elif sobject == "Campaign" and old is None:
            self._statuses(str(row["Id"]), user_id, now)
        elif sobject == "Opportunity" and old is None and row.get("ContactId"):
            self._first_role(row, user_id, now)
        elif sobject == "CampaignMember":
            self._count_member(row, old)

    def gone(self, sobject: str, row: Row, old: Row) -> None:
        """What follows from a deletion."""
        if sobject == "CampaignMember":
            self._count_member(row, old)

    def returned(self, sobject: str, row: Row) -> None:
        """What follows from an undeletion."""
        if sobject == "CampaignMember":
            self._count_member(row, None)

    def children(self, sobject: str, record_id: str) -> Iterator[tuple[Table, Row]]:
        """Live rows that are deleted together with a record, deepest first."""
        for child, field in _CASCADES.get(sobject, ()):
            table = self._tables[child]
            for found in table.matching(table.kind.fields[field], record_id):
                row = table.rows[found]
                if row.get("IsDeleted"):
                    continue
                yield from self.children(child, found)
                yield table, row
        if sobject in _WHO_OBJECTS:
            yield from self._lonely_activities(record_id)

    def buried_with(self, sobject: str, row: Row) -> Iterator[tuple[Table, Row]]:
        """Deleted rows that went into the recycle bin together with a record."""
        for child, field in _CASCADES.get(sobject, ()):
            table = self._tables[child]
            for found in table.matching(table.kind.fields[field], str(row["Id"])):
                buried = table.rows[found]
                together = buried.get("SystemModstamp") == row.get("SystemModstamp")
                if buried.get("IsDeleted") and together:
                    yield table, buried
                    yield from self.buried_with(child, buried)

    def _lonely_activities(self, record_id: str) -> Iterator[tuple[Table, Row]]:
        for name in ("Task", "Event"):
            table = self._tables[name]
            for found in table.matching(table.kind.fields["WhoId"], record_id):
                row = table.rows[found]
                if not row.get("IsDeleted") and row.get("WhatId") is None:
                    yield table, row

    def _track(self, sobject: str, row: Row, old: Row | None, user_id: str, now: str) -> None:
        if old is None:
            self._history(sobject, row, ("created", "Text", None, None), user_id, now)
            return
        for name in TRACKABLE[sobject][1]:
            before, after = old.get(name), row.get(name)
            if before == after:
                continue
            shown = _HISTORY_NAMES.get(name, name)
            if name == "OwnerId":
                # The vendor writes two rows for an owner: the names, then the ids.
                names = self._user_name(before), self._user_name(after)
                self._history(sobject, row, (shown, "Text", *names), user_id, now)
                self._history(sobject, row, (shown, "EntityId", before, after), user_id, now)
            else:
                self._history(sobject, row, (shown, "Text", before, after), user_id, now)

    def note(
        self, sobject: str, row: Row, entry: tuple[str, str, Value, Value], user_id: str, now: str
    ) -> None:
        """Write one history row: (field, data type, old value, new value)."""
        if sobject in self.tracked:
            self._history(sobject, row, entry, user_id, now)

    def _history(
        self, sobject: str, row: Row, entry: tuple[str, str, Value, Value], user_id: str, now: str
    ) -> None:
        table = self._tables[TRACKABLE[sobject][0]]
        field, kind, before, after = entry
        history: Row = {
            "Id": self._minter.mint(table.kind.prefix),
            f"{sobject}Id": row["Id"],
            "CreatedById": user_id,
            "CreatedDate": now,
            "Field": field,
            "DataType": kind,
        }
        put(history, "OldValue", before)
        put(history, "NewValue", after)
        table.put(history)

    def _user_name(self, user_id: Value) -> Value:
        row = self._tables["User"].rows.get(str(user_id))
        return None if row is None else row.get("Name")

    def _activity(self, row: Row, now: str) -> None:
        """A completed task or a past event moves LastActivityDate of who and what it concerns.

        It moves SystemModstamp too, not LastModifiedDate (assumed: a system change).
        """
        done = row.get("IsClosed") or ("StartDateTime" in row and str(row["StartDateTime"]) <= now)
        if not done:
            return
        day = str(row.get("ActivityDate") or row.get("CompletedDateTime") or now)[:10]
        for name in ("WhoId", "WhatId", "AccountId"):
            target = str(row.get(name) or "")
            for sobject in ("Lead", "Contact", "Account", "Opportunity", "Campaign"):
                table = self._tables[sobject]
                if target.startswith(table.kind.prefix) and target in table.rows:
                    self._seen_active(table, target, day, now)

    @staticmethod
    def _seen_active(table: Table, record_id: str, day: str, now: str) -> None:
        row = table.rows[record_id]
        if row.get("IsDeleted") or str(row.get("LastActivityDate") or "") >= day:
            return
        changed = dict(row)
        changed["LastActivityDate"] = day
        changed["SystemModstamp"] = max(now, str(row["SystemModstamp"]))
        table.put(changed)

    def _single_primary(self, row: Row, now: str) -> None:
        table = self._tables["OpportunityContactRole"]
        field = table.kind.fields["OpportunityId"]
        for other in table.matching(field, row["OpportunityId"]):
            if other != row["Id"] and table.rows[other].get("IsPrimary"):
                changed = dict(table.rows[other])
                put(changed, "IsPrimary", value=False)
                changed["SystemModstamp"] = now
                table.put(changed)

    def _first_role(self, row: Row, user_id: str, now: str) -> None:
        self.add_role(str(row["Id"]), str(row["ContactId"]), user_id, now)

    def add_role(self, opportunity_id: str, contact_id: str, user_id: str, now: str) -> str:
        """The primary contact role the vendor adds by itself."""
        return self._insert(
            "OpportunityContactRole",
            {"OpportunityId": opportunity_id, "ContactId": contact_id, "IsPrimary": True},
            user_id,
            now,
        )

    def _statuses(self, campaign_id: str, user_id: str, now: str) -> None:
        for order, label in enumerate(("Sent", "Responded"), start=1):
            row: Row = {"CampaignId": campaign_id, "Label": label, "SortOrder": order}
            put(row, "IsDefault", value=label == "Sent")
            put(row, "HasResponded", value=label == "Responded")
            self._insert("CampaignMemberStatus", row, user_id, now)

    def _insert(self, sobject: str, row: Row, user_id: str, now: str) -> str:
        table = self._tables[sobject]
        record_id = self._minter.mint(table.kind.prefix)
        table.put(
            {
                **row,
                "Id": record_id,
                "CreatedDate": now,
                "CreatedById": user_id,
                "LastModifiedDate": now,
                "LastModifiedById": user_id,
                "SystemModstamp": now,
            }
        )
        return record_id

    def _count_member(self, row: Row, old: Row | None) -> None:
        """Keep the campaign's counters; they move no stamp (assumed: like formula fields)."""
        campaign = self._tables["Campaign"].rows[str(row["CampaignId"])]
        before = old if old is not None and not old.get("IsDeleted") else {}
        after: Row = row if not row.get("IsDeleted") else {}
        for counter, name in _COUNTERS:
            step = bool(after.get(name)) - bool(before.get(name))
            campaign[counter] = int(campaign.get(counter) or 0) + step
