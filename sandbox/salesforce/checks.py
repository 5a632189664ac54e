"""What a record must fulfil before it is kept: fields, references, uniqueness.

Each check raises the vendor's refusal; none of them changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.salesforce.access import Access
from sandbox.salesforce.coerce import coerce
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Field, ObjectType, Row, Value
from sandbox.salesforce.table import Table

_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    "CampaignMember": (("LeadId", "CampaignId"), ("ContactId", "CampaignId")),
    "FieldPermissions": (("ParentId", "Field"),),
    "ObjectPermissions": (("ParentId", "SobjectType"),),
    "PermissionSetAssignment": (("AssigneeId", "PermissionSetId"),),
    "TopicAssignment": (("EntityId", "TopicId"),),
}
_PAIR_MESSAGE = {"CampaignMember": "Already a campaign member."}
_READ_ONLY = (
    "Unable to create/update fields: {names}. Please check the security settings of this field"
    " and verify that it is read/write for your profile or permission set."
)


class Checks:
    """The checks, over one org's tables and its field-level security."""

    def __init__(self, tables: Mapping[str, Table], access: Access) -> None:
        self._tables = tables
        self._access = access
        self._by_prefix: dict[str, str] = {}
        for name, table in tables.items():
            self._by_prefix.setdefault(table.kind.prefix, name)

    def table_of(self, record_id: str) -> Table | None:
        """The table an id belongs to, by its prefix."""
        name = self._by_prefix.get(record_id[:3])
        return None if name is None else self._tables[name]

    def read_body(
        self, kind: ObjectType, body: Mapping[str, object], user_id: str | None, *, creating: bool
    ) -> Row:
        """The stored values of the fields in `body`, by their API names."""
        values: Row = {}
        refused: list[str] = []
        for key, raw in body.items():
            if key == "attributes":
                continue
            field, value = self._one(kind, key, raw, user_id)
            allowed = field.createable if creating else field.updateable
            if not allowed or not self._access.can_edit(user_id, kind.name, field):
                refused.append(field.name)
                continue
            values[field.name] = value
        if refused:
            message = _READ_ONLY.format(names=", ".join(refused))
            raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
        return values

    def _one(
        self, kind: ObjectType, key: str, raw: object, user_id: str | None
    ) -> tuple[Field, Value]:
        if isinstance(raw, dict):
            for field in kind.fields.values():
                if field.relationship and field.relationship.lower() == key.lower():
                    return field, self._by_external_id(field, raw)
        found = kind.find(key)
        if found is None or not self._access.can_read(user_id, kind.name, found):
            raise no_such_column(key, kind.name)
        return found, coerce(found, raw)

    def _by_external_id(self, field: Field, raw: Mapping[str, object]) -> str:
        pairs = [(key, value) for key, value in raw.items() if key != "attributes"]
        for target in field.reference_to:
            table = self._tables.get(target)
            if table is None or len(pairs) != 1:
                continue
            name, value = pairs[0]
            key = table.kind.find(name)
            if key is None or not (key.external_id or key.id_lookup):
                continue
            found = self.live_matches(table, key, coerce(key, value))
            if len(found) == 1:
                return found[0]
            message = (
                f"Foreign key external ID: {value} not found for field {name} in entity {target}"
            )
            raise SalesforceError("INVALID_FIELD", message)
        message = (
            "The external foreign key reference does not reference a valid entity:"
            f" {field.relationship}"
        )
        raise SalesforceError("INVALID_FIELD", message)

    @staticmethod
    def live_matches(table: Table, field: Field, value: Value) -> list[str]:
        """Ids of records that are not deleted and carry `value`."""
        if field.type == "id":
            row = table.rows.get(str(value))
            return [] if row is None or row.get("IsDeleted") else [str(value)]
        found = table.matching(field, value)
        return [one for one in found if not table.rows[one].get("IsDeleted")]

    def required(self, kind: ObjectType, row: Row, sent: Mapping[str, Value] | None) -> None:
        """Every required field has a value; on update only those that were sent count."""
        missing = [
            field.name
            for field in kind.fields.values()
            if field.createable
            and not field.nillable
            and field.type != "boolean"
            and row.get(field.name) is None
            and (sent is None or field.name in sent)
        ]
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            raise SalesforceError("REQUIRED_FIELD_MISSING", message, missing)

    def references(self, kind: ObjectType, row: Row, sent: Mapping[str, Value]) -> None:
        """Every reference sent names a record that is there, of a kind it may name."""
        for name, value in sent.items():
            field = kind.fields[name]
            if field.type != "reference" or value is None or value == row.get("Id"):
                continue
            self._reference(kind, field, str(value))

    def _reference(self, kind: ObjectType, field: Field, value: str) -> None:
        table = self.table_of(value)
        if table is None or table.kind.name not in field.reference_to:
            message = f"{field.label}: id value of incorrect type: {value}"
            raise SalesforceError("MALFORMED_ID", message, [field.name])
        target = table.rows.get(value)
        if target is None:
            raise SalesforceError(
                "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name]
            )
        if target.get("IsDeleted"):
            raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", status=400)
        if table.kind.name == "User" and field.name == "OwnerId" and not target.get("IsActive"):
            owned = kind.name.lower()
            message = f"operation performed with inactive user [{value}] as owner of {owned}"
            raise SalesforceError("INACTIVE_OWNER_OR_USER", message)
        closed = table.kind.name == "Lead" and target.get("IsConverted")
        if closed and kind.name != "TopicAssignment":
            raise converted_lead()

    def unique(self, table: Table, row: Row, sent: Mapping[str, Value]) -> None:
        """No other live record has the same unique value or the same unique pair."""
        for name, value in sent.items():
            field = table.kind.fields[name]
            if not field.unique or value is None:
                continue
            others = self.live_matches(table, field, value)
            if any(other != row.get("Id") for other in others):
                holder = next(other for other in others if other != row.get("Id"))
                message = (
                    f"duplicate value found: {name} duplicates value on record with id:"
                    f" {holder[:15]}"
                )
                raise SalesforceError("DUPLICATE_VALUE", message)
        for first, second in _PAIRS.get(table.kind.name, ()):
            self._pair(table, row, first, second)

    def _pair(self, table: Table, row: Row, first: str, second: str) -> None:
        if row.get(first) is None:
            return
        for other in self.live_matches(table, table.kind.fields[first], row[first]):
            if other != row.get("Id") and table.rows[other].get(second) == row.get(second):
                name = table.kind.name
                plain = (
                    "duplicate value found: <unknown> duplicates value on record with id:"
                    f" {other[:15]}"
                )
                message = _PAIR_MESSAGE.get(name, plain)
                raise SalesforceError("DUPLICATE_VALUE", message)

    def permission_field(self, row: Row) -> None:
        """A FieldPermissions row names a field that exists and has field-level security."""
        sobject, _, name = str(row.get("Field", "")).partition(".")
        sobjects = ("Task", "Event") if sobject == "Activity" else (sobject,)
        for one in sobjects:
            table = self._tables.get(one)
            field = None if table is None else table.kind.find(name)
            if field is None or not field.permissionable:
                message = f"Field Name: bad value for restricted picklist field: {row.get('Field')}"
                raise SalesforceError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Field"])


def no_such_column(name: str, sobject: str) -> SalesforceError:
    """The refusal of a field that is not there, or not visible to the caller."""
    return SalesforceError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject}")


def converted_lead() -> SalesforceError:
    """Recorded: a converted lead can be neither edited nor referred to."""
    return SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
