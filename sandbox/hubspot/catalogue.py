"""The object types of an account and the names the wire knows them by."""

from __future__ import annotations

from typing import Any

from sandbox.hubspot import (
    standard_contact,
    standard_contact_rare,
    standard_more,
    standard_other,
)
from sandbox.hubspot.errors import HubSpotError, integer_in, objects_in, validation
from sandbox.hubspot.properties import PropertyBook
from sandbox.hubspot.store import ObjectStore
from sandbox.hubspot.times import iso, shown

_STANDARD = (
    ("0-1", "contacts", "contact", standard_contact.CONTACT + standard_contact_rare.CONTACT_RARE),
    ("0-2", "companies", "company", standard_other.COMPANY),
    ("0-3", "deals", "deal", standard_other.DEAL),
    ("0-27", "tasks", "task", standard_other.TASK),
    ("0-48", "calls", "call", standard_other.CALL),
    ("0-47", "meetings", "meeting", standard_other.MEETING),
    ("0-46", "notes", "note", standard_more.NOTE),
    ("0-49", "emails", "email", standard_more.EMAIL),
    ("0-5", "tickets", "ticket", standard_more.TICKET),
    ("0-7", "products", "product", standard_more.PRODUCT),
    ("0-8", "line_items", "line_item", standard_more.LINE_ITEM),
)
_CHANGEABLE = (
    "labels", "requiredProperties", "searchableProperties", "primaryDisplayProperty",
    "secondaryDisplayProperties",
)  # fmt: skip
_CREATEDATE = frozenset({"contacts", "companies", "deals", "tickets", "products", "line_items"})
"""Object types whose creation time is `createdate`; the others say `hs_createdate`."""
_DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate",
                 "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage",
              "hs_lastmodifieddate", "hs_object_id", "pipeline"),
    "tickets": ("content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline",
                "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject"),
    "products": ("createdate", "description", "hs_lastmodifieddate", "hs_object_id", "name",
                 "price"),
    "line_items": ("amount", "createdate", "hs_lastmodifieddate", "hs_object_id",
                   "hs_product_id", "quantity"),
}  # fmt: skip
"""Properties of a read that asks for none [D]."""


class Catalogue:
    """Object types by every name: canonical, singular, upper case, type id, custom full name."""

    def __init__(self, portal_id: int, *, at: int) -> None:
        self._portal_id = portal_id
        self.stores: dict[str, ObjectStore] = {}
        self._aliases: dict[str, str] = {}
        self.schemas: dict[str, dict[str, Any]] = {}
        self._associated: dict[str, list[tuple[str, str]]] = {}
        self._next_custom = 3_604_285
        for type_id, name, singular, table in _STANDARD:
            store = ObjectStore(
                type_id=type_id,
                name=name,
                singular=singular.upper(),
                book=PropertyBook(singular.upper(), table, at=at),
                created_name="createdate" if name in _CREATEDATE else "hs_createdate",
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
        self._enter(store, name, full_name, f"p_{name}")
        others = [self.find(str(one)) for one in definition.get("associatedObjects") or []]
        self._associated[type_id] = [(one.type_id, one.singular.lower()) for one in others]
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
            "associations": _schema_associations(
                store.type_id, stored["name"], self._associated[store.type_id]
            ),
        }

    def change_schema(self, alias: str, changes: dict[str, Any], *, at: int) -> dict[str, Any]:
        """Write over labels and display properties of a custom object type."""
        stored = self.schemas[self.schema(alias)["objectTypeId"]]
        stored |= {key: changes[key] for key in _CHANGEABLE if key in changes}
        stored["updatedAt"] = shown(iso(at))
        return self.schema(alias)

    def remove_custom(self, alias: str) -> None:
        """Take a custom object type away; 400 while it has records, as in life."""
        type_id = self.schema(alias)["objectTypeId"]
        if self.stores[type_id].live:
            raise validation(f"Unable to delete object type {alias}: it still has objects.")
        del self.stores[type_id], self.schemas[type_id]
        self._aliases = {key: name for key, name in self._aliases.items() if name != type_id}

    def add_association(self, alias: str, body: dict[str, Any]) -> dict[str, Any]:
        """Let a custom object type be associated with a further one."""
        schema = self.schema(alias)
        other = self.find(str(body.get("toObjectTypeId", "")))
        self._associated[schema["objectTypeId"]].append((other.type_id, other.singular.lower()))
        found = self.schema(alias)["associations"][-2]
        return {**found, "name": str(body.get("name") or found["name"])}

    def remove_association(self, alias: str, association_id: str) -> None:
        """Take an association added later away again; 404 for any other."""
        schema = self.schema(alias)
        pairs = self._associated[schema["objectTypeId"]]
        ids = [one["id"] for one in schema["associations"][2 * len(_ASSOCIATED) :]]
        if association_id not in ids:
            raise HubSpotError(404, "OBJECT_NOT_FOUND", f"No association {association_id}")
        del pairs[ids.index(association_id) // 2]

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


_ASSOCIATED = (
    ("0-49", "email"),
    ("0-27", "task"),
    ("0-51", "conversation_session"),
    ("0-47", "meeting"),
    ("0-46", "note"),
    ("0-48", "call"),
)
"""What every custom object may be associated with, by type id and word [R]."""


def _schema_associations(
    type_id: str, name: str, others: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Both directions of every association, numbered in pairs."""
    ends = [
        (start, end, word)
        for other, word in (*_ASSOCIATED, *others)
        for start, end in ((type_id, other), (other, type_id))
    ]
    return [
        {
            "fromObjectTypeId": start,
            "toObjectTypeId": end,
            "name": f"{name}_to_{word}",
            "cardinality": "ONE_TO_MANY",
            "inverseCardinality": "ONE_TO_MANY",
            "id": str(number),
            "createdAt": None,
            "updatedAt": None,
        }
        for number, (start, end, word) in enumerate(ends, 1)
    ]
