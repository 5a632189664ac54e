"""What a fresh org contains: its organisation, profiles, two users, stages and statuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.salesforce.fields import Row
from sandbox.salesforce.records import Records
from sandbox.salesforce.rules import STAGES, full_name
from sandbox.salesforce.times import stamp

Put = Callable[[str, Row], str]
ADMIN_USERNAME = "admin@leadloop-sandbox.example"
INTEGRATION_USERNAME = "integration@leadloop-sandbox.example"
_STATUSES = (
    ("Open - Not Contacted", False),
    ("Working - Contacted", False),
    ("Closed - Converted", True),
    ("Closed - Not Converted", False),
)


@dataclass(frozen=True)
class Seeds:
    """Ids of what was seeded."""

    organization_id: str
    admin_user_id: str
    integration_user_id: str
    standard_profile_id: str


def seed(records: Records) -> Seeds:
    """Fill an empty org and return the ids others need."""
    now = stamp(records.clock.now())
    admin_id = records.minter.mint("005")

    def store(sobject: str, row: Row, record_id: str) -> str:
        table = records.tables[sobject]
        audit: Row = {
            "CreatedDate": now, "CreatedById": admin_id, "LastModifiedDate": now,
            "LastModifiedById": admin_id, "SystemModstamp": now,
        }  # fmt: skip
        known = {name: value for name, value in audit.items() if name in table.kind.fields}
        table.put({**known, **row, "Id": record_id})
        return record_id

    def put(sobject: str, row: Row) -> str:
        return store(sobject, row, records.minter.mint(records.tables[sobject].kind.prefix))

    organization = put("Organization", _organization())
    profiles = {
        name: put("Profile", {"Name": name, "UserType": "Standard"})
        for name in ("System Administrator", "Standard User", "API Integration")
    }
    for name, profile in profiles.items():
        put("PermissionSet", _owned_set(name, profile))
    store("User", _user("Ada", "Admin", ADMIN_USERNAME, profiles["System Administrator"]), admin_id)
    integration = put(
        "User",
        _user("Integration", "User", INTEGRATION_USERNAME, profiles["API Integration"]),
    )
    _picklists(put)
    return Seeds(organization, admin_id, integration, profiles["Standard User"])


def _picklists(put: Put) -> None:
    for order, stage in enumerate(STAGES, start=1):
        row: Row = {
            "MasterLabel": stage.name, "ApiName": stage.name, "IsActive": True,
            "SortOrder": order, "ForecastCategory": stage.category,
            "ForecastCategoryName": stage.category_name, "DefaultProbability": stage.probability,
        }  # fmt: skip
        flags = {"IsClosed": stage.is_closed, "IsWon": stage.is_won}
        row.update({name: True for name, holds in flags.items() if holds})
        put("OpportunityStage", row)
    for order, (label, converted) in enumerate(_STATUSES, start=1):
        status: Row = {"MasterLabel": label, "ApiName": label, "SortOrder": order}
        if order == 1:
            status["IsDefault"] = True
        if converted:
            status["IsConverted"] = True
        put("LeadStatus", status)


def _organization() -> Row:
    return {
        "Name": "Leadloop Sandbox",
        "OrganizationType": "Developer Edition",
        "InstanceName": "LW1",
        "IsSandbox": True,
        "TimeZoneSidKey": "Etc/UTC",
        "DefaultLocaleSidKey": "en_US",
        "LanguageLocaleKey": "en_US",
        "FiscalYearStartMonth": 1,
    }


def _owned_set(profile_name: str, profile_id: str) -> Row:
    row: Row = {
        "Name": f"X00e{profile_id[3:18]}",
        "Label": f"00e{profile_id[3:18]}",
        "ProfileId": profile_id,
        "IsOwnedByProfile": True,
        "PermissionsApiEnabled": True,
        "Type": "Profile",
    }
    if profile_name != "Standard User":
        row["PermissionsCustomizeApplication"] = True
        row["PermissionsModifyAllData"] = True
        row["PermissionsViewAllData"] = True
    return row


def _user(first: str, last: str, username: str, profile_id: str) -> Row:
    row: Row = {
        "FirstName": first, "LastName": last, "Username": username, "Email": username,
        "Alias": (first[:1] + last[:4]).lower(), "IsActive": True, "ProfileId": profile_id,
        "UserType": "Standard", "TimeZoneSidKey": "Etc/UTC", "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
    }  # fmt: skip
    row["Name"] = full_name(row)
    return row
