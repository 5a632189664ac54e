"""HubSpot's lists: whether a contact is in one, as a field of the contact.

`list_41` is "true" of the contacts in the list with that number and "false" of all others, as
HubSpot writes its own yes-or-no properties; the vendor's lists must be named in the settings and
their field by a rule or a condition, else nothing is read of them. It cannot be written.

Joining and leaving move no stamp of a contact. So a list has a stream of its own: who is in it,
against whom the landed contacts say to be; those of whom that differs are read anew and tell of it
at their old revision, told again. Nothing is remembered between two readings, so that whatever was
missed meanwhile (a list that was deleted and came back) is noticed by the next one.

[GET /crm/v3/lists/{id}/memberships, dated /crm/lists/2026-03: `recordId` in ascending order,
`paging.next.after`; 404 for a list that is not there. POST .../records/memberships/batch/read:
`inputs` of `objectTypeId` and `recordId`; results with `recordListMemberships[].listId`, a number
or text. GET .../lists?listIds=: the lists that are there. All need the scope crm.lists.read.]
Assumed: 250 members and 100 inputs a call, since the reference names no most; who is left out of an
answer without errors is in no list; a list that is not there is left out by its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.base import Clock
from connectors.hubspot_read import id_of, next_of, slices
from connectors.hubspot_wire import SYSTEM, Paths, Wire, expect
from connectors.payloads import Sifted, object_of, rows_in, sift, understanding, unreadable
from mappings.ports import Cadence, FieldSchema, Landed, Page, StreamSpec
from mappings.records import Json, Record, read_again

KIND = "list"
"""What streams of this kind begin with."""
OBJECT = "contacts"
CONTACT_TYPE = "0-1"  # FACTS section 2, Associations: object types
MEMBERS = 250
INPUTS = 100

Fetch = Callable[[Sequence[str]], Sequence[Record]]
"""Contacts by id as they are now."""


def field_of(list_id: str) -> str:
    """The contact's field that tells of a list."""
    return f"{KIND}_{list_id}"


@dataclass(slots=True)
class Lists:
    """The lists of one account that are named in its settings, by id. `read` are those of which
    contacts are to tell."""

    wire: Wire
    paths: Paths
    named: tuple[str, ...]
    clock: Clock
    read: tuple[str, ...] = ()
    _there: frozenset[str] | None = field(default=None, init=False)

    @property
    def fields(self) -> frozenset[str]:
        """The contact's fields that are lists."""
        return frozenset(map(field_of, self.named))

    def configure(self, names: Sequence[str]) -> tuple[str, ...]:
        """Take the fields that are lists out of the properties to read of contacts."""
        own = {field_of(one): one for one in self.named}
        self.read = tuple(own[name] for name in names if name in own)
        return tuple(name for name in names if name not in own)

    def definitions(self) -> Iterator[FieldSchema]:
        """The field of each named list that is there. Costs a call where any is named."""
        for list_id, name in self._listed().items():
            yield FieldSchema(
                name=field_of(list_id),
                label=f"In the list {name}",
                type="boolean",
                createable=False,
                updateable=False,
                calculated=True,
            )

    def streams(self) -> Iterator[StreamSpec]:
        """One for each list that is read. Costs a call where there is any."""
        if self.read:
            self._listed()
        for list_id in self.read:
            yield StreamSpec(f"{KIND}:{list_id}", None, Cadence.QUARTER)

    def marked(self, records: Sequence[Record]) -> list[Record]:
        """Contacts with what they are in. Of a list that is not there, nothing is told."""
        if not self.read or not records:
            return list(records)
        there = [one for one in self.read if one in self._known()]
        within = self._within([record.ref.id for record in records]) if there else {}
        return [
            replace(record, fields={**record.fields, **_told(there, within[record.ref.id])})
            if record.ref.id in within
            else record
            for record in records
        ]

    def changes(self, list_id: str, landed: Landed, fetch: Fetch) -> Iterator[Page]:
        """The contacts of whom something else has landed than what they are in now. No cursor."""
        found = self._members(list_id)
        if found is None:
            yield Page((), (), {}, last=True)
            return
        members, at = found
        name = field_of(list_id)
        before = landed.holding(OBJECT, name, "true")
        for part in slices(sorted(members ^ before, key=int), INPUTS):
            told = tuple(
                replace(
                    record,
                    fields={**record.fields, name: _word(record.ref.id in members)},
                    revision=read_again(record.revision, at),
                )
                for record in fetch(part)
                if not record.deleted
            )
            yield Page(told, (), {}, last=False)
        yield Page((), (), {}, last=True)

    def _members(self, list_id: str) -> tuple[set[str], datetime] | None:
        """Who is in a list, and when that was begun to be read; None when it is not there."""
        members: set[str] = set()
        after: str | None = None
        began: datetime | None = None
        while True:
            query = {"limit": MEMBERS, "after": after}
            answer = self.wire.get(self.paths.lists(f"/{list_id}/memberships"), query)
            if answer.status == 404:
                return None
            began = began or answer.date(self.clock)
            body = object_of(SYSTEM, expect(answer))
            with understanding(lambda: unreadable(SYSTEM)):
                rows = rows_in(SYSTEM, body, "results")
                members |= {id_of({"id": row["recordId"]}) for row in rows}
            after = next_of(body, after)
            if after is None:
                return members, began

    def _within(self, ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """The lists each of these contacts is in, as far as the vendor tells."""
        path = self.paths.lists("/records/memberships/batch/read")
        found: dict[str, frozenset[str]] = {}
        for part in slices(ids, INPUTS):
            inputs = [{"objectTypeId": CONTACT_TYPE, "recordId": one} for one in part]
            body = object_of(SYSTEM, expect(self.wire.ask(path, {"inputs": inputs})))
            if not body.get("errors"):
                found.update(dict.fromkeys(part, frozenset()))
            found.update(_memberships(body).good)
        return found

    def _known(self) -> frozenset[str]:
        if self._there is None:
            self._listed()
        return self._there or frozenset()

    def _listed(self) -> dict[str, str]:
        """The names of those of the account's lists that are named, of contacts, and there."""
        names: dict[str, str] = {}
        if self.named:
            query = {"listIds": ",".join(self.named)}
            body = object_of(SYSTEM, expect(self.wire.get(self.paths.lists(), query)))
            with understanding(lambda: unreadable(SYSTEM, body)):
                for row in rows_in(SYSTEM, body, "lists"):
                    if str(row.get("objectTypeId") or CONTACT_TYPE) == CONTACT_TYPE:
                        names[id_of({"id": row["listId"]})] = str(row.get("name") or "")
        self._there = frozenset(names)
        return {one: names[one] for one in self.named if one in names}


def _memberships(body: Mapping[str, Any]) -> Sifted[tuple[str, frozenset[str]]]:
    """The contacts of an answer with the lists they are in. A row that makes no sense is left out:
    of its contact nothing is told."""
    return sift(rows_in(SYSTEM, body, "results"), _joined, system=SYSTEM, stream=KIND)


def _joined(raw: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    lists = raw.get("recordListMemberships") or ()
    return id_of({"id": raw["recordId"]}), frozenset(str(one["listId"]) for one in lists)


def _told(there: Sequence[str], within: frozenset[str]) -> dict[str, Json]:
    return {field_of(one): _word(one in within) for one in there}


def _word(is_in: bool) -> str:  # noqa: FBT001 - it is the value itself
    return "true" if is_in else "false"
