"""Duplicate rules: an alert (or block) on e-mail, off until an administrator switches it on.

A refused save answers DUPLICATES_DETECTED with the vendor's misspelled `duplicateResut` (FACTS
section 4). Under an alert rule `Sforce-Duplicate-Rule-Header: allowSave=true` lets it through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Row
from sandbox.salesforce.table import Table

_MESSAGE = "Use one of these records?"
_CROSS = ("Lead", "Contact")


@dataclass(frozen=True)
class DuplicateRule:
    """A rule on one object: same e-mail among leads and contacts. `blocks` allows no exception."""

    sobject: str
    blocks: bool = False


class DuplicateRules:
    """The rules in force in one org."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self.active: dict[str, DuplicateRule] = {}

    def switch_on(self, sobject: str, *, blocks: bool = False) -> None:
        """Put the e-mail rule for Lead or Contact in force."""
        self.active[sobject] = DuplicateRule(sobject, blocks)

    def switch_off(self, sobject: str) -> None:
        """Take it out of force."""
        self.active.pop(sobject, None)

    def check(self, sobject: str, row: Row, allow_save: bool, *, details: bool = False) -> None:  # noqa: FBT001
        """Raise DUPLICATES_DETECTED where a rule applies and is not waived."""
        rule = self.active.get(sobject)
        if rule is None or row.get("Email") is None or (allow_save and not rule.blocks):
            return
        found = {name: self._same_email(name, row) for name in _CROSS}
        if any(found.values()):
            raise SalesforceError(
                "DUPLICATES_DETECTED",
                _MESSAGE,
                extra={"duplicateResut": _result(rule, found, details=details)},
            )

    def _same_email(self, sobject: str, row: Row) -> list[Row]:
        table = self._tables[sobject]
        found = table.matching(table.kind.fields["Email"], row["Email"])
        rows = (table.rows[one] for one in found if one != row.get("Id"))
        return [one for one in rows if not one.get("IsDeleted") and not one.get("IsConverted")]


def _result(
    rule: DuplicateRule, found: Mapping[str, list[Row]], *, details: bool
) -> dict[str, object]:
    return {
        "allowSave": not rule.blocks,
        "duplicateRule": f"Standard_{rule.sobject}_Duplicate_Rule",
        "duplicateRuleEntityType": rule.sobject,
        "errorMessage": _MESSAGE,
        "matchResults": [
            {
                "entityType": name,
                "errors": [],
                "matchEngine": "ExactMatchEngine",
                "matchRecords": [_match(name, row, details=details) for row in rows],
                "rule": f"Standard_{name}_Match_Rule_v1_0",
                "size": len(rows),
                "success": True,
            }
            for name, rows in found.items()
            if rows
        ],
    }


def _match(sobject: str, row: Row, *, details: bool) -> dict[str, object]:
    record: dict[str, object] = {
        "attributes": {
            "type": sobject,
            "url": f"/services/data/v68.0/sobjects/{sobject}/{row['Id']}",
        },
        "Id": row["Id"],
    }
    if details:
        record.update({name: row.get(name) for name in ("FirstName", "LastName", "Name", "Email")})
    return {
        "additionalInformation": [],
        "fieldDiffs": [],
        "matchConfidence": 100.0,
        "record": record,
    }
