"""The object types of an account and the names the wire knows them by."""

from __future__ import annotations

from typing import Any

from sandbox.hubspot import standard_contact, standard_other
from sandbox.hubspot.errors import HubSpotError, integer_in, objects_in, validation
from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.store import ObjectStore
from sandbox.hubspot.times import iso, shown

_STANDARD = (
    ("0-1", "contacts", "contact", standard_contact.CONTACT),
    ("0-2", "companies", "company", standard_other.COMPANY),
    ("0-3", "deals", "deal", standard_other.DEAL),
    ("0-27", "tasks", "task", standard_other.TASK),
    ("0-48", "calls", "call", standard_other.CALL),
    ("0-47", "meetings", "meeting", standard_other.MEETING),
)
_DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate",
                 "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage",
              "hs_lastmodifieddate", "hs_object_id", "pipeline"),
}  # fmt: skip
"""Properties of a read that asks for none [D]."""


class Catalogue:
    """Object types by every name: canonical, singular, upper case, type id, custom full name."""

    def __init__(self, portal_id: int, *, at: int) -> None:
        self._portal_id = portal_id
        self.stores: dict[str, ObjectStore] = {}
        self._aliases: dict[str, str] = {}
        self.schemas: dict[str, dict[str, Any]] = {}
        self._next_custom = 3_604_285
        for type_id, name, singular, table in _STANDARD:
            dated = name in {"contacts", "companies", "deals"}
            store = ObjectStore(
                type_id=type_id,
                name=name,
                singular=singular.upper(),
                book=PropertyBook(singular.upper(), table, at=at),
                created_name="createdate" if dated else "hs_createdate",
                modified_name="lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate",
                defaults=_DEFAULTS.get(
                    name, ("hs_createdate", "hs_lastmodifieddate", "hs_object_id")
                ),
                hashed={"contacts": ("email",), "companies": ("domain",)}.get(name, ()),
            )
            self._enter(store, singular)

    def find(self, alias: str) -> ObjectStore:
        """The store an object type's name means, or 400."""
        name = self._aliases.get(alias.lower())
        if name is None:
            raise HubSpotError(
                400, "VALIDATION_ERROR", f"Unable to infer object type from: {alias}"
            )
        return self.stores[name]

    def add_custom(self, definition: dict[str, Any], *, at: int) -> dict[str, Any]:
        """Define a custom object from its schema JSON and return the schema."""
        name = definition.get("name")
        labels = definition.get("labels")
        if not isinstance(name, str) or not isinstance(labels, dict):
            raise validation("A schema needs name, labels and properties.")
        number = integer_in(definition, "id", self._next_custom)
        self._next_custom = max(self._next_custom, number) + 1
        type_id = f"2-{number}"
        full_name = f"p{self._portal_id}_{name}"
        if name.lower() in self._aliases or type_id in self._aliases:
            raise HubSpotError(409, "OBJECT_ALREADY_EXISTS", f"Object type {name} already exists.")
        group = f"{name}_information"
        book = PropertyBook(name, f"@{group}{standard_other.SYSTEM}", at=at)
        for raw in objects_in(definition, "properties"):
            book.create({"groupName": group, **raw}, at=at)
        store = ObjectStore(
            type_id=type_id,
            name=type_id,
            singular=full_name,
            book=book,
            defaults=("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        )
        self._enter(store, name, full_name)
        self.schemas[type_id] = {
            "labels": labels,
            "requiredProperties": list(definition.get("requiredProperties") or []),
            "searchableProperties": list(definition.get("searchableProperties") or []),
            "primaryDisplayProperty": definition.get("primaryDisplayProperty"),
            "secondaryDisplayProperties": list(definition.get("secondaryDisplayProperties") or []),
            "archived": False,
            "restorable": True,
            "metaType": "PORTAL_SPECIFIC",
            "id": str(number),
            "fullyQualifiedName": full_name,
            "createdAt": shown(iso(at)),
            "updatedAt": shown(iso(at)),
            "objectTypeId": type_id,
            "name": name,
        }
        return self.schema(type_id)

    def schema(self, alias: str) -> dict[str, Any]:
        """The schema of a custom object type with its properties."""
        store = self.find(alias)
        stored = self.schemas.get(store.type_id)
        if stored is None:
            raise HubSpotError(404, "OBJECT_NOT_FOUND", f"No custom object type {alias}")
        return {
            **stored,
            "properties": [_schema_property(prop.v3()) for prop in store.book],
            "associations": _schema_associations(store.type_id),
        }

    def _enter(self, store: ObjectStore, *names: str) -> None:
        self.stores[store.name] = store
        for alias in (store.name, store.type_id, *names):
            self._aliases[alias.lower()] = store.name


def _schema_property(body: dict[str, Any]) -> dict[str, Any]:
    """A property inside a schema lacks `archived` and `createdAt` where HubSpot defined it [R]."""
    if body.get("hubspotDefined"):
        return {
            key: value
            for key, value in body.items()
            if key not in {"archived", "createdAt", "updatedAt", "dataSensitivity"}
        }
    return {key: value for key, value in body.items() if key != "dataSensitivity"}


def _schema_associations(type_id: str) -> list[dict[str, Any]]:
    return [
        {
            "fromObjectTypeId": type_id,
            "toObjectTypeId": other,
            "name": f"{type_id}_to_{word}",
            "cardinality": "ONE_TO_MANY",
            "inverseCardinality": "ONE_TO_MANY",
            "id": str(number),
        }
        for number, (other, word) in enumerate(
            (("0-4", "engagement"), ("0-27", "task"), ("0-48", "call"), ("0-47", "meeting")), 1
        )
    ]
