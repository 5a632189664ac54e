"""Names in a query to getters: fields of the object, and of its parents along relationships."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.fields import Field, ObjectType, Row
from sandbox.salesforce.reading import Getter, getter
from sandbox.salesforce.records import Records
from sandbox.salesforce.soql import ast
from sandbox.salesforce.soql.functions import computed
from sandbox.salesforce.table import Table

_MAX_DEPTH = 5
_TYPE = Field("Type", "Type", "string", length=40)
_ADVICE = (
    " If you are attempting to use a custom field, be sure to append the '__c' after the custom"
    " field name. Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True)
class Resolved:
    """A path found: its field, a getter from the row, the canonical names along the way."""

    field: Field
    get: Getter
    names: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """One relationship to follow: its name, the field that holds the id, the tables it leads to."""

    name: str
    holder: Field
    tables: tuple[Table, ...]

    def follow(self, row: Row) -> tuple[Table, Row] | None:
        """The parent row and its table."""
        parent = row.get(self.holder.name)
        if parent is None:
            return None
        for table in self.tables:
            found = table.rows.get(str(parent))
            if found is not None:
                return table, found
        return None


class Names(Protocol):
    """What finds the names of a query: those of an object, or those of groups of its records."""

    records: Records
    user_id: str | None
    today: date

    def resolve(self, target: ast.Target) -> Resolved:
        """What a name or a function of one stands for; a refusal where it stands for nothing."""


class Scope:
    """One object as one user sees it at one moment."""

    def __init__(
        self, records: Records, sobject: str, user_id: str | None, *, alias: str | None = None
    ) -> None:
        table = records.tables.get(sobject) or _find(records, sobject)
        self.records = records
        self.table = table
        self.kind: ObjectType = table.kind
        self.user_id = user_id
        self.today: date = records.clock.now().date()
        self._alias = {name.lower() for name in (alias, table.kind.name) if name}

    def resolve(self, target: ast.Target) -> Resolved:
        """The field a path leads to, or a function of one; INVALID_FIELD where it leads nowhere
        the user may see."""
        return computed(self, target) if isinstance(target, ast.Function) else self._path(target)

    def _path(self, path: ast.Path) -> Resolved:
        parts = path[1:] if len(path) > 1 and path[0].lower() in self._alias else path
        if len(parts) == 1:
            field = self.field(self.kind, parts[0])
            return Resolved(field, getter(field), (field.name,))
        if len(parts) > _MAX_DEPTH + 1:
            message = "SOQL relationships may be at most 5 levels deep"
            raise SalesforceError("MALFORMED_QUERY", message)
        step = self.step((self.table,), parts[0])
        return self._parent(step, parts[1:])

    def field(self, kind: ObjectType, name: str) -> Field:
        """A visible field of an object."""
        found = kind.find(name)
        if found is None or not self.records.access.can_read(self.user_id, kind.name, found):
            raise self._missing(name, kind.name)
        return found

    def step(self, tables: Iterable[Table], name: str) -> Step:
        """The relationship of that name from one of the tables."""
        for table in tables:
            for field in table.kind.fields.values():
                if field.relationship and field.relationship.lower() == name.lower():
                    targets = tuple(
                        self.records.tables[one]
                        for one in field.reference_to
                        if one in self.records.tables
                    )
                    return Step(field.relationship, field, targets)
        message = (
            f"Didn't understand relationship '{name}' in field path. If you are attempting to use"
            " a custom relationship, be sure to append the '__r' after the custom relationship"
            " name. Please reference your WSDL or the describe call for the appropriate names."
        )
        raise SalesforceError("INVALID_FIELD", message)

    def _parent(self, step: Step, rest: ast.Path) -> Resolved:
        if len(rest) > 1:
            below = self._parent(self.step(step.tables, rest[0]), rest[1:])
            inner = below.get

            def climb(row: Row) -> object:
                found = step.follow(row)
                return None if found is None else inner(found[1])

            return Resolved(below.field, climb, (step.name, *below.names))
        field, getters = self._of_parents(step, rest[0])

        def fetch(row: Row) -> object:
            found = step.follow(row)
            if found is None:
                return None
            get = getters.get(found[0].kind.name)
            return None if get is None else get(found[1])

        return Resolved(field, fetch, (step.name, field.name))

    def _of_parents(self, step: Step, name: str) -> tuple[Field, dict[str, Getter]]:
        """The field of that name in each parent; `Type` of several is the object's name."""
        getters: dict[str, Getter] = {}
        first: Field | None = None
        if name.lower() == "type" and len(step.tables) > 1:
            for table in step.tables:
                getters[table.kind.name] = _constant(table.kind.name)
            return _TYPE, getters
        for table in step.tables:
            field = table.kind.find(name)
            visible = field is not None and self.records.access.can_read(
                self.user_id, table.kind.name, field
            )
            if field is not None and visible:
                first = first or field
                getters[table.kind.name] = getter(field)
        if first is None:
            entity = step.tables[0].kind.name if len(step.tables) == 1 else "Name"
            raise self._missing(name, entity)
        return first, getters

    def _missing(self, name: str, entity: str) -> SalesforceError:
        message = f"No such column '{name}' on entity '{entity}'.{_ADVICE}"
        return SalesforceError("INVALID_FIELD", message)


def _constant(value: str) -> Getter:
    return lambda _row: value


def _find(records: Records, sobject: str) -> Table:
    for name, table in records.tables.items():
        if name.lower() == sobject.lower():
            return table
    message = (
        f"sObject type '{sobject}' is not supported. If you are attempting to use a custom object,"
        " be sure to append the '__c' after the entity name. Please reference your WSDL or the"
        " describe call for the appropriate names."
    )
    raise SalesforceError("INVALID_TYPE", message)
