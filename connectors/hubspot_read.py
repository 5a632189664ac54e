"""Reading HubSpot's records: lists, searches, batches, single calls, and what a record looks like.

Every reader answers with full records, associations included, whichever call they came by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.base import Answer, instant
from connectors.hubspot_events import parse_instant, to_ms
from connectors.hubspot_wire import SEARCH_BUCKET, SYSTEM, Paths, Wire, expect
from connectors.payloads import (
    RowFaultError,
    Sifted,
    flag,
    narrowed,
    object_of,
    rows_in,
    scalars,
    sift,
    understanding,
    unreadable,
)
from mappings.errors import UnreadableAnswerError
from mappings.records import Malformed, Record, RecordRef, Version

READ_BATCH = 100  # FACTS section 2
HISTORY_BATCH = 50  # FACTS section 2: with history, half as many
ID_DIGITS = 20  # as many as a 64-bit number can have
SEARCH_PAGE = 200  # FACTS section 2
LIST_PAGE = 100  # FACTS section 2
SEARCH_ROOM = 800
"""Characters of that body kept for everything that is no property to read."""
ASSOCIATIONS_READ = 1000  # FACTS section 2
SEARCH_BODY = 3000  # characters, FACTS section 2

OBJECTS = ("contacts", "companies", "deals")
MODIFIED = {"contacts": "lastmodifieddate"}  # the others: hs_lastmodifieddate, FACTS section 2
ALWAYS = {
    "contacts": (
        "email",
        "hs_additional_emails",
        "hs_email_optout",
        "hs_merged_object_ids",
        "recent_conversion_date",
        "createdate",
        "salesforceleadid",  # of HubSpot's own integration; not there without it [K]
        "salesforcecontactid",
    ),
    "companies": ("name", "domain", "hs_merged_object_ids", "createdate"),
    "deals": ("dealname", "dealstage", "pipeline", "hs_merged_object_ids", "createdate"),
}
RELATED = {
    "contacts": ("companies",),
    "companies": (),
    "deals": ("contacts", "companies"),
    "calls": ("contacts",),
    "meetings": ("contacts",),
}
WHERE_WANTED = ("calls", "meetings")
"""Read where `configure` names them: each is a call every quarter of an hour."""
OWN_ID = "hs_object_id"
"""The property that holds a record's own id."""
UNIQUE = frozenset({"leadloop_id", "email"})
"""Properties batch/read takes as `idProperty`: at once consistent, which search is not."""


def modified_property(object_name: str) -> str:
    """The property that moves with every change of a record."""
    return MODIFIED.get(object_name, "hs_lastmodifieddate")


def record_of(object_name: str, raw: Mapping[str, Any]) -> Record:
    """A record from the wire's object; one that is archived is `deleted`.

    Raises RowFaultError, or what `payloads.sift` takes for one, when the object is no record.
    """
    fields = scalars(raw.get("properties") or {})
    archived = flag(raw, "archived")
    stamp = fields.get(modified_property(object_name)) or raw.get("updatedAt")
    revision = str(raw.get("archivedAt") if archived and raw.get("archivedAt") else stamp)
    created = raw.get("createdAt")
    return Record(
        ref=RecordRef(SYSTEM, object_name, id_of(raw)),
        fields=fields,
        revision=revision,
        modified_at=parse_instant(revision),
        created_at=instant(created) if created else None,
        deleted=archived,
        associations={
            name: tuple(dict.fromkeys(str(r["id"]) for r in found.get("results", ())))
            for name, found in (raw.get("associations") or {}).items()
        },
    )


def id_of(raw: Mapping[str, Any]) -> str:
    """A record's id: digits, as text or as a number. Raises RowFaultError for another shape."""
    text = str(raw["id"])
    if not (text.isascii() and text.isdigit() and len(text) <= ID_DIGITS):
        raise RowFaultError("wrong_id", "id")
    return text


def losers_of(record: Record) -> list[Record]:
    """The records that were merged into this one, as deleted ones which name it."""
    text = str(record.fields.get("hs_merged_object_ids") or "")
    ids = [part.strip() for part in text.split(";") if part.strip()]
    return [loser_of(record, other) for other in ids if other != record.ref.id]


def loser_of(winner: Record, other: str) -> Record:
    """The record that was merged away into `winner`."""
    return Record(
        ref=RecordRef(SYSTEM, winner.ref.object, other),
        fields={},
        revision=f"merged:{winner.ref.id}",
        modified_at=winner.modified_at,
        deleted=True,
        merged_into=winner.ref.id,
    )


class Reader:
    """Reads records of one account. `mark` adds to contacts what no property tells."""

    def __init__(
        self, wire: Wire, paths: Paths, mark: Callable[[Sequence[Record]], list[Record]] = list
    ) -> None:
        self._wire = wire
        self._paths = paths
        self._mark = mark
        self._fields: dict[str, tuple[str, ...]] = {}
        self.wanted: tuple[str, ...] = ()
        self.configure({})

    def configure(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Which properties to read of which object, beside those the connector needs."""
        for name in OBJECTS:
            own = (*ALWAYS[name], modified_property(name), "leadloop_id")
            self._fields[name] = tuple(dict.fromkeys((*own, *fields.get(name, ()))))
        self.wanted = tuple(name for name in WHERE_WANTED if name in fields)
        for name in self.wanted:
            self._fields[name] = tuple(dict.fromkeys((modified_property(name), *fields[name])))

    def page(
        self,
        object_name: str,
        after: str | None,
        *,
        associations: str | None = None,
        archived: bool = False,
        bare: bool = False,
    ) -> Answer:
        """A page of all live (or all archived) records, in the order of their ids; a `bare` one
        has their stamps alone."""
        wanted = [modified_property(object_name)] if bare else self._fields[object_name]
        query = {
            "limit": LIST_PAGE,
            "after": after,
            "properties": ",".join(wanted),
            "associations": associations,
            "archived": "true" if archived else "false",
        }
        return self._wire.get(self._paths.objects(object_name), query)

    def _searched(self, object_name: str) -> list[str]:
        """The properties to ask search for: all of them, or where those do not fit into its short
        body only the stamp; `complete` then reads the rest.
        """
        fields = list(self._fields[object_name])
        return [modified_property(object_name)] if self._slim(object_name) else fields

    def _slim(self, object_name: str) -> bool:
        used = sum(len(name) + 4 for name in self._fields[object_name])
        return used > SEARCH_BODY - SEARCH_ROOM

    def complete(self, object_name: str, records: Sequence[Record]) -> Sifted[Record]:
        """Records of a search with all their properties and associations."""
        if not self._slim(object_name):
            return self.related(object_name, records)
        return self.whole(object_name, [r.ref.id for r in records])

    def whole(self, object_name: str, ids: Sequence[str]) -> Sifted[Record]:
        """Records by id with everything; those that make the answer unreadable are singled out."""
        aside: list[Malformed] = []

        def read(part: Sequence[str]) -> list[Record]:
            found = self.batch_read(object_name, part, None)
            aside.extend(found.malformed)
            return found.good

        read_back = narrowed(ids, read, system=SYSTEM, stream=object_name)
        full = self.related(object_name, read_back.good)
        return Sifted(full.good, (*aside, *read_back.malformed, *full.malformed))

    def sifted(self, object_name: str, answer: Answer, latest: datetime | None) -> Sifted[Record]:
        """The records of a page, and its rows that are none."""
        return sift(
            rows_in(SYSTEM, expect(answer), "results"),
            lambda raw: record_of(object_name, raw),
            system=SYSTEM,
            stream=object_name,
            latest=latest,
        )

    def search(
        self,
        stream: str,
        at: datetime,
        *,
        newest: bool = False,
        after_id: str = "",
        bare: bool = False,
    ) -> Answer:
        """A page of what changed since `at`: newest first, or by id behind `after_id`."""
        stamp = modified_property(stream)
        filters = [{"propertyName": stamp, "operator": "GTE", "value": str(to_ms(at))}]
        if after_id:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": after_id})
        order = (stamp, "DESCENDING") if newest else ("hs_object_id", "ASCENDING")
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": order[0], "direction": order[1]}],
            "properties": [stamp] if bare else self._searched(stream),
            "limit": SEARCH_PAGE,
        }
        path = self._paths.objects(stream, "/search")
        return self._wire.ask(path, body, bucket=SEARCH_BUCKET)

    def batch_read(
        self,
        object_name: str,
        values: Sequence[str],
        id_property: str | None,
        *,
        archived: bool = False,
    ) -> Sifted[Record]:
        """Records by id or by a unique property, without associations; unknown ones left out."""
        found: list[Record] = []
        aside: list[Malformed] = []
        path = self._paths.objects(object_name, "/batch/read")
        for part in slices(values, READ_BATCH):
            body: dict[str, Any] = {
                "inputs": [{"id": value} for value in part],
                "properties": list(self._fields[object_name]),
            }
            if id_property:
                body["idProperty"] = id_property
            answer = self._wire.ask(path, body, archived="true" if archived else "false")
            part_found = self.sifted(object_name, answer, None)
            found += part_found.good
            aside += part_found.malformed
        return Sifted(found, tuple(aside))

    def addresses(self, ids: Sequence[str]) -> dict[str, str]:
        """The e-mail address of each of these contacts that has one, by id; merges followed."""
        found: dict[str, str] = {}
        path = self._paths.objects("contacts", "/batch/read")
        for part in slices(ids, READ_BATCH):
            body = {"inputs": [{"id": one} for one in part], "properties": ["email"]}
            rows = rows_in(SYSTEM, expect(self._wire.ask(path, body)), "results")
            read = sift(rows, _address, system=SYSTEM, stream="contacts").good
            found.update((one, email) for one, email in read if email)
        for one in ids:
            if one not in found and (record := self.single("contacts", one)) is not None:
                email = str(record.fields.get("email") or "").strip().lower()
                found |= {one: email} if email else {}
        return found

    def versions(
        self, object_name: str, fields: Mapping[str, Sequence[str]]
    ) -> dict[tuple[str, str], tuple[Version, ...]]:
        """The values that properties have had, by (id, property), newest first."""
        found: dict[tuple[str, str], tuple[Version, ...]] = {}
        path = self._paths.objects(object_name, "/batch/read")
        for part in slices(sorted(fields), HISTORY_BATCH):
            names = sorted({name for record_id in part for name in fields[record_id]})
            body = {
                "inputs": [{"id": record_id} for record_id in part],
                "properties": [],
                "propertiesWithHistory": names,
            }
            rows = rows_in(SYSTEM, expect(self._wire.ask(path, body)), "results")
            for told in sift(rows, _histories, system=SYSTEM, stream=object_name).good:
                found.update(told)
        wanted = {(record_id, name) for record_id, names in fields.items() for name in names}
        return {key: own for key, own in found.items() if key in wanted}

    def single(self, object_name: str, record_id: str) -> Record | None:
        """One record by id, merges followed, without associations; None when it is not there."""
        query = {"properties": ",".join(self._fields[object_name])}
        answer = self._wire.get(self._paths.objects(object_name, f"/{record_id}"), query)
        if answer.status == 404:
            return None
        with understanding(lambda: unreadable(SYSTEM)):
            return record_of(object_name, object_of(SYSTEM, expect(answer)))

    def search_values(
        self, object_name: str, field_name: str, values: Sequence[str]
    ) -> list[Record]:
        """Records by any property, through search; without associations."""
        found: dict[str, Record] = {}
        fields = list(dict.fromkeys((*self._searched(object_name), field_name)))
        asked = list(dict.fromkeys(v for value in values for v in (value, value.lower())))
        room = SEARCH_BODY - sum(len(f) + 4 for f in fields) - 300
        # IN takes strings in lower case, enumerations as they are (FACTS section 2): ask for both,
        # and compare the answer exactly.
        for part in _by_length(asked, room):
            condition = {"propertyName": field_name, "operator": "IN", "values": part}
            after: str | None = None
            while True:
                body = {
                    "filterGroups": [{"filters": [condition]}],
                    "properties": fields,
                    "limit": SEARCH_PAGE,
                    **({"after": after} if after else {}),
                }
                path = self._paths.objects(object_name, "/search")
                answer = self._wire.ask(path, body, bucket=SEARCH_BUCKET)
                for record in certain(self.sifted(object_name, answer, None)):
                    found[record.ref.id] = record
                after = next_of(answer.json(), after)
                if after is None:
                    break
        wanted = set(values)
        return [r for r in found.values() if r.fields.get(field_name) in wanted]

    def related(self, object_name: str, records: Sequence[Record]) -> Sifted[Record]:
        """The records with their associations, read 1000 a call. An association that makes no
        sense is set aside, its record goes on without it."""
        linked: dict[str, dict[str, tuple[str, ...]]] = {r.ref.id: {} for r in records}
        aside: list[Malformed] = []
        for other in RELATED.get(object_name, ()):
            path = self._paths.associations(object_name, other, "/batch/read")
            for part in slices(list(linked), ASSOCIATIONS_READ):
                body = {"inputs": [{"id": record_id} for record_id in part]}
                answer = object_of(SYSTEM, expect(self._wire.ask(path, body)))
                rows = rows_in(SYSTEM, {"results": [], **answer}, "results")
                joins = sift(rows, _joined, system=SYSTEM, stream=f"{object_name}>{other}")
                aside += joins.malformed
                for record_id, ids in joins.good:
                    if record_id in linked:
                        linked[record_id][other] = ids
        full = [replace(r, associations=linked[r.ref.id]) for r in records]
        return Sifted(self.marked(object_name, full), tuple(aside))

    def marked(self, object_name: str, records: Sequence[Record]) -> list[Record]:
        """Contacts with what no property tells; other records as they are."""
        return self._mark(records) if object_name == "contacts" else list(records)


def _address(raw: Mapping[str, Any]) -> tuple[str, str]:
    """A contact's id and address."""
    return id_of(raw), str((raw.get("properties") or {}).get("email") or "").strip().lower()


def _histories(raw: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Version, ...]]:
    """The versions of each property of a record, by (id, property), newest first."""
    record_id = id_of(raw)
    return {
        (record_id, name): tuple(sorted(map(_version, versions), key=lambda v: v.at, reverse=True))
        for name, versions in (raw.get("propertiesWithHistory") or {}).items()
        if versions
    }


def _version(raw: Mapping[str, Any]) -> Version:
    at = parse_instant(raw["timestamp"])
    return Version(raw.get("value"), at, str(raw.get("sourceType") or ""))


def _joined(raw: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """A record's id and the ids of what it is associated with."""
    others = [id_of({"id": to["toObjectId"]}) for to in raw.get("to") or ()]
    return id_of(raw["from"]), tuple(dict.fromkeys(others))


def values_of(record: Record, field_name: str) -> list[str]:
    """What a record is found by under a unique property, in lower case."""
    if field_name == OWN_ID:
        return [record.ref.id]
    text = str(record.fields.get(field_name) or "")
    if field_name == "email":
        text += f";{record.fields.get('hs_additional_emails') or ''}"
    return [part.strip().lower() for part in text.split(";") if part.strip()]


def certain(found: Sifted[Record]) -> list[Record]:
    """All of a look-up's records. Raises UnreadableAnswerError when one of them is none: "not
    there" would be a wrong answer, and something might be created twice because of it."""
    if found.malformed:
        raise UnreadableAnswerError(
            "a record that was looked up could not be read",
            payload=found.malformed[0].payload,
            system=SYSTEM,
        )
    return found.good


def next_of(body: Mapping[str, Any], before: str | None = None) -> str | None:
    """Where the next page begins; None on the last. Raises UnreadableAnswerError for something
    else, and for the place (`before`) the page itself began at: that would never end."""
    with understanding(lambda: unreadable(SYSTEM, body)):
        after = ((body.get("paging") or {}).get("next") or {}).get("after")
    if isinstance(after, dict | list | bool) or (before is not None and str(after) == before):
        raise unreadable(SYSTEM, body)
    return None if after is None else str(after)


def total_of(body: Mapping[str, Any]) -> int:
    """How many rows a search has found. Raises UnreadableAnswerError when it does not say."""
    total = body.get("total")
    if isinstance(total, bool) or not isinstance(total, int):
        raise unreadable(SYSTEM, body)
    return total


def slices(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The values in order, so many at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _by_length(values: Sequence[str], room: int) -> Iterator[list[str]]:
    """Values in groups whose JSON stays within `room` characters; at most 100 a group."""
    group: list[str] = []
    used = 0
    for value in values:
        size = len(value) + 4
        if group and (used + size > room or len(group) >= 100):
            yield group
            group, used = [], 0
        group.append(value)
        used += size
    if group:
        yield group
