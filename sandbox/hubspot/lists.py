"""Lists of records: static ones filled by hand, dynamic ones by their filters.

Both API versions see the same lists. Membership follows merges, and ends with archiving, because
it is read through the live records. Of dynamic filters the sandbox evaluates those on properties;
it refuses the rest when the list is made, rather than show a membership that is not the vendor's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.hubspot import search
from sandbox.hubspot.errors import HubSpotError, not_found, validation
from sandbox.hubspot.store import ObjectStore

PROCESSING = ("MANUAL", "SNAPSHOT", "DYNAMIC")
_OPERATORS = {
    "EQ": "EQ", "IS_EQUAL_TO": "EQ", "IS": "EQ", "NEQ": "NEQ", "IS_NOT_EQUAL_TO": "NEQ",
    "IN": "IN", "SET_ANY": "IN", "IS_ANY_OF": "IN", "IS_EXACTLY": "EQ",
    "HAS_PROPERTY": "HAS_PROPERTY", "SET_NOT_EMPTY": "HAS_PROPERTY", "IS_KNOWN": "HAS_PROPERTY",
    "NOT_HAS_PROPERTY": "NOT_HAS_PROPERTY", "IS_UNKNOWN": "NOT_HAS_PROPERTY",
    "CONTAINS": "CONTAINS_TOKEN", "GT": "GT", "GTE": "GTE", "LT": "LT", "LTE": "LTE",
    "IS_GREATER_THAN": "GT", "IS_LESS_THAN": "LT",
}  # fmt: skip
"""Operators of list filters (v1 and v3) in the words of a search."""


@dataclass
class RecordList:
    """One list; `added` holds the instant each record joined a static one, by record id."""

    id: int
    name: str
    object_type: str
    type_id: str
    processing: str
    created: int
    updated: int
    filters: Any
    groups: list[dict[str, Any]]
    added: dict[int, int] = field(default_factory=dict)
    version: int = 1
    deleted_at: int | None = None
    folder: int = 0

    @property
    def dynamic(self) -> bool:
        """Whether filters decide who is in it."""
        return self.processing == "DYNAMIC"


@dataclass
class Folder:
    """A folder of lists; `parent` 0 is the account's root, which is no folder of its own."""

    id: int
    name: str
    parent: int
    created: int
    updated: int


@dataclass(frozen=True)
class Moved:
    """What a membership change did, as record ids."""

    added: list[int]
    removed: list[int]
    unchanged: list[int]
    missing: list[int]


class Lists:
    """All lists of the account. `store` finds the records of an object type."""

    def __init__(self, store: Callable[[str], ObjectStore]) -> None:
        self._store = store
        self._lists: dict[int, RecordList] = {}
        self.folders: dict[int, Folder] = {}

    def all(self) -> list[RecordList]:
        """Every list that was not deleted, by ascending id."""
        return [one for one in self._lists.values() if one.deleted_at is None]

    def read(self, list_id: object) -> RecordList:
        """One list by id (number or digits), or 404."""
        text = str(list_id)
        found = self._lists.get(int(text)) if text.isdigit() else None
        if found is None or found.deleted_at is not None:
            raise not_found(f"List does not exist with ID {list_id}.")
        return found

    def create(
        self, name: object, object_type: str, processing: str, filters: Any, *, at: int
    ) -> RecordList:
        """Make a list; 400 on a taken name or a filter the sandbox cannot evaluate."""
        if not isinstance(name, str) or not name:
            raise validation("A list needs a name.")
        if processing not in PROCESSING:
            raise validation(f"Unknown processing type {processing!r}.")
        if any(one.name == name for one in self.all()):
            raise HubSpotError(
                400, "VALIDATION_ERROR", f"A list with the name {name!r} already exists.",
                sub_category="ILS.DUPLICATE_LIST_NAMES",
            )  # fmt: skip
        store = self._store(object_type)
        groups = self._checked(store, filters) if processing == "DYNAMIC" else []
        made = RecordList(
            len(self._lists) + 1, name, store.name, store.type_id, processing, at, at, filters,
            groups,
        )  # fmt: skip
        self._lists[made.id] = made
        return made

    def rename(self, found: RecordList, name: str, *, at: int) -> None:
        """Give a list another name."""
        found.name, found.updated, found.version = name, at, found.version + 1

    def refilter(self, found: RecordList, filters: Any, *, at: int) -> None:
        """Give a dynamic list other filters; 400 for a static one."""
        if not found.dynamic:
            raise validation(f"List {found.id} is not dynamic: it has no filters.")
        found.groups = self._checked(self._store(found.object_type), filters)
        found.filters, found.updated, found.version = filters, at, found.version + 1

    def restore(self, list_id: str, *, at: int) -> None:
        """Take a list back that was deleted; 404 for one that never was."""
        found = self._lists.get(int(list_id))
        if found is None:
            raise not_found(f"List does not exist with ID {list_id}.")
        found.deleted_at, found.updated = None, at

    @staticmethod
    def _checked(store: ObjectStore, filters: Any) -> list[dict[str, Any]]:
        groups = search_groups(filters)
        search.parse(store, {"filterGroups": groups}, lambda *_: frozenset())
        return groups

    def delete(self, found: RecordList, *, at: int) -> None:
        """Take a list away; its records stay."""
        found.deleted_at = at

    def members(self, found: RecordList) -> list[tuple[int, int]]:
        """(record id, joined at) of the live members, by record id."""
        store = self._store(found.object_type)
        if found.dynamic:
            query = search.parse(store, {"filterGroups": found.groups}, lambda *_: frozenset())
            records = search.matching(store, query)
            return sorted((one.id, max(one.created, found.created)) for one in records)
        joined: dict[int, int] = {}
        for record_id, at in found.added.items():
            record = store.resolve(record_id)
            if record is not None:
                joined[record.id] = min(at, joined.get(record.id, at))
        return sorted(joined.items())

    def of_record(self, object_type: str, record_id: int) -> list[tuple[RecordList, int]]:
        """The lists a record is in, with the instant it joined."""
        return [
            (one, joined)
            for one in self.all()
            if one.object_type == object_type
            for member, joined in self.members(one)
            if member == record_id
        ]

    def move(
        self, found: RecordList, add: Iterable[int], remove: Iterable[int], *, at: int
    ) -> Moved:
        """Put records in and take records out of a static list; 400 for a dynamic one."""
        if found.dynamic:
            raise validation(f"List {found.id} is dynamic: its filters decide who is in it.")
        store = self._store(found.object_type)
        present = dict(self.members(found))
        moved = Moved([], [], [], [])
        for record_id in dict.fromkeys(add):
            record = store.resolve(record_id)
            if record is None:
                moved.missing.append(record_id)
            elif record.id in present:
                moved.unchanged.append(record_id)
            else:
                found.added[record.id] = at
                moved.added.append(record.id)
        for record_id in dict.fromkeys(remove):
            record = store.resolve(record_id)
            if record is None:
                moved.missing.append(record_id)
            elif record.id not in present:
                moved.unchanged.append(record_id)
            else:
                self._drop(found, store, record.id)
                moved.removed.append(record.id)
        if moved.added or moved.removed:
            found.updated = at
        return moved

    @staticmethod
    def _drop(found: RecordList, store: ObjectStore, record_id: int) -> None:
        """Forget a member under every id it has had."""
        for joined in list(found.added):
            record = store.resolve(joined)
            if record is not None and record.id == record_id:
                del found.added[joined]


def search_groups(filters: Any) -> list[dict[str, Any]]:
    """The search groups of v1 `filters` (a list of AND lists) or of a v3 `filterBranch`."""
    if isinstance(filters, Mapping):
        return [{"filters": each} for each in _branches(filters)]
    if not isinstance(filters, list) or not filters:
        raise validation("A dynamic list needs filters.")
    groups = []
    for group in filters:
        listed = group if isinstance(group, list) else [group]
        groups.append({"filters": [_translated(each, each) for each in listed]})
    return groups


def _branches(branch: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """An OR of ANDs of property filters; anything deeper is refused."""
    kind = branch.get("filterBranchType")
    if kind == "OR":
        return [group for inner in branch.get("filterBranches") or [] for group in _branches(inner)]
    if kind != "AND" or branch.get("filterBranches"):
        raise validation("This sandbox evaluates an OR of ANDs of property filters only.")
    found = []
    for each in branch.get("filters") or []:
        if each.get("filterType") != "PROPERTY":
            raise validation("This sandbox evaluates property filters only.")
        found.append(_translated(each, each.get("operation") or {}))
    return [found]


def _translated(named: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Any]:
    operator = _OPERATORS.get(str(operation.get("operator")))
    if operator is None:
        raise validation(f"This sandbox does not evaluate operator {operation.get('operator')!r}.")
    values = operation.get("values") or []
    value = operation.get("value")
    if operator == "IN":
        return {
            "propertyName": str(named.get("property")),
            "operator": "IN",
            "values": values or str(value).split(";"),
        }
    return {
        "propertyName": str(named.get("property")),
        "operator": operator,
        "value": values[0] if values else value,
    }
