"""Who may see and edit which field.

Standard fields and those an administrator added by hand are open to all. A field made through the
Tooling API is guarded: nobody sees it until a FieldPermissions row on a permission set that is
assigned to the user (or on the permission set of the user's profile) grants it, as in life.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.salesforce.fields import Field
from sandbox.salesforce.table import Table

GRANT_OBJECTS = frozenset({"FieldPermissions", "PermissionSetAssignment", "PermissionSet", "User"})
ACTIVITIES = ("Task", "Event")


class Access:
    """Field-level security, answered from the permission records and remembered until they move."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self._granted: dict[str, dict[str, bool]] = {}

    def forget(self) -> None:
        """A permission record changed: answer afresh."""
        self._granted.clear()

    def can_read(self, user_id: str | None, sobject: str, field: Field) -> bool:
        """Whether the user sees the field at all (None: the org itself, which sees everything)."""
        if user_id is None or not field.guarded:
            return True
        return f"{sobject}.{field.name}" in self._grants(user_id)

    def can_edit(self, user_id: str | None, sobject: str, field: Field) -> bool:
        """Whether the user may write the field."""
        if user_id is None or not field.guarded:
            return True
        return self._grants(user_id).get(f"{sobject}.{field.name}", False)

    def _grants(self, user_id: str) -> dict[str, bool]:
        known = self._granted.get(user_id)
        if known is None:
            known = self._granted[user_id] = self._collect(user_id)
        return known

    def _collect(self, user_id: str) -> dict[str, bool]:
        sets = self._permission_sets(user_id)
        grants: dict[str, bool] = {}
        for row in self._tables["FieldPermissions"].rows.values():
            if row.get("IsDeleted") or row.get("ParentId") not in sets:
                continue
            if not row.get("PermissionsRead"):
                continue
            edit = bool(row.get("PermissionsEdit"))
            for name in _spellings(str(row["Field"])):
                grants[name] = grants.get(name, False) or edit
        return grants

    def _permission_sets(self, user_id: str) -> set[str]:
        user = self._tables["User"].rows.get(user_id, {})
        sets = {
            str(row["PermissionSetId"])
            for row in self._tables["PermissionSetAssignment"].rows.values()
            if row.get("AssigneeId") == user_id and not row.get("IsDeleted")
        }
        profile = user.get("ProfileId")
        sets.update(
            str(row["Id"])
            for row in self._tables["PermissionSet"].rows.values()
            if profile is not None and row.get("ProfileId") == profile
        )
        return sets


def _spellings(field: str) -> list[str]:
    """A permission on an activity field counts for Task and Event (assumed: any of three names)."""
    sobject, _, name = field.partition(".")
    if sobject in {"Activity", *ACTIVITIES}:
        return [f"{activity}.{name}" for activity in ACTIVITIES]
    return [field]
