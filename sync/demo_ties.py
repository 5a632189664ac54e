"""Who is tied to whom, read off the two vendors alone: the judge's first step. Pure.

A tie is what anybody could see in the accounts: the same link key on a HubSpot contact
(`leadloop_id`) and on a Lead or Contact (`Leadloop_Id__c`), or the CRM record's id in the contact's
`leadloop_crm_id`. A merged-away record counts as the record it went into, a converted Lead as its
Contact. Nothing here knows how Leadloop decides, or what its tables say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """What both vendors hold, and the truth about it: rows as the sandbox's admin endpoint gives
    them (deleted ones too), `deal_contacts` as HubSpot's association API does.

    `in_review` are ids of HubSpot contacts that wait for a person's decision: the one thing no
    vendor can show. `endings` is what Leadloop says became of what it pulled (see `unaccounted`).
    Form fills before `go_live` are counted, not logged as Tasks.
    """

    truth: Row
    contacts: Sequence[Row]
    leads: Sequence[Row] = ()
    crm_contacts: Sequence[Row] = ()
    opportunities: Sequence[Row] = ()
    roles: Sequence[Row] = ()
    tasks: Sequence[Row] = ()
    users: Sequence[Row] = ()
    deals: Sequence[Row] = ()
    deal_contacts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    submissions: Sequence[Row] = ()
    email_events: Sequence[Row] = ()
    subscriptions: Sequence[Row] = ()
    integration_user: str = ""
    in_review: frozenset[str] = frozenset()
    endings: Mapping[str, int] = field(default_factory=dict)
    go_live: datetime | None = None


@dataclass(frozen=True)
class Ties:
    """Live contacts and live CRM people, whose they truly are, and which are tied.

    `records` holds live Leads (unconverted) and Contacts by id. `owner` gives the true person of a
    contact or a CRM record; records Leadloop made belong to the person of the contact that bears
    their link key. `tied` gives each contact's records, the one with its own link key first.
    """

    contacts: Mapping[str, Row]
    records: Mapping[str, Row]
    object_of: Mapping[str, str]
    owner: Mapping[str, str]
    tied: Mapping[str, tuple[str, ...]]
    made: frozenset[str]
    alias: Mapping[str, str]

    def followed(self, record_id: str) -> str:
        """The live record an id stands for now, through merges and conversions."""
        seen = {record_id}
        while (then := self.alias.get(record_id)) is not None and then not in seen:
            seen.add(then)
            record_id = then
        return record_id

    def by_person(self) -> dict[str, list[str]]:
        """Every true person's live CRM records, in order of id."""
        found: dict[str, list[str]] = defaultdict(list)
        for record_id in sorted(self.records):
            if record_id in self.owner:
                found[self.owner[record_id]].append(record_id)
        return found

    def clusters(self) -> list[tuple[frozenset[str], frozenset[str]]]:
        """(contacts, CRM records) that hang together by ties, contacts without a tie alone."""
        leader: dict[str, str] = {}

        def find(key: str) -> str:
            while leader.setdefault(key, key) != key:
                key = leader[key]
            return key

        for contact, records in self.tied.items():
            for record in records:
                leader[find(f"crm:{record}")] = find(f"map:{contact}")
        groups: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
        for contact in self.contacts:
            groups[find(f"map:{contact}")][0].add(contact)
        for record in {r for records in self.tied.values() for r in records}:
            groups[find(f"crm:{record}")][1].add(record)
        return [(frozenset(left), frozenset(right)) for left, right in groups.values()]


def read_ties(snapshot: Snapshot) -> Ties:
    """Read the ties off the vendors' records."""
    contacts = {str(r["id"]): r["properties"] for r in snapshot.contacts if not r["archived"]}
    records, object_of, alias = _people(snapshot)
    owner = _true_owners(snapshot.truth)
    tied = _tied(contacts, records, alias)
    made = frozenset(
        record_id
        for record_id, row in records.items()
        if snapshot.integration_user and row.get("CreatedById") == snapshot.integration_user
    )
    _own_made(owner, contacts, records, tied)
    return Ties(contacts, records, object_of, owner, tied, made, alias)


def _people(snapshot: Snapshot) -> tuple[dict[str, Row], dict[str, str], dict[str, str]]:
    """Live CRM people by id, the object of each, and what other ids have become."""
    records: dict[str, Row] = {}
    object_of: dict[str, str] = {}
    alias: dict[str, str] = {}
    for name, rows in (("Lead", snapshot.leads), ("Contact", snapshot.crm_contacts)):
        for row in rows:
            record_id = str(row["Id"])
            if row.get("MasterRecordId"):
                alias[record_id] = str(row["MasterRecordId"])
            elif row.get("IsConverted") and row.get("ConvertedContactId"):
                alias[record_id] = str(row["ConvertedContactId"])
            elif not row.get("IsDeleted"):
                records[record_id] = row
                object_of[record_id] = name
    return records, object_of, alias


def _true_owners(truth: Row) -> dict[str, str]:
    owner: dict[str, str] = {}
    for person in truth["people"]:
        ids = [*person["hubspot_contact_ids"], *person.get("hubspot_merged_ids", ())]
        for record in person["salesforce_records"]:
            ids += [record["id"], *record["converted_from"], *record["merged_from"]]
        owner.update((str(one), str(person["id"])) for one in ids)
    return owner


def _tied(
    contacts: Mapping[str, Row], records: Mapping[str, Row], alias: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for record_id, row in records.items():
        if row.get("Leadloop_Id__c"):
            by_key[str(row["Leadloop_Id__c"])].append(record_id)
    tied: dict[str, tuple[str, ...]] = {}
    for contact_id, properties in contacts.items():
        found = list(by_key.get(str(properties.get("leadloop_id") or ""), ()))
        named = properties.get("leadloop_crm_id")
        if named:
            target = _followed(str(named), alias)
            if target in records and target not in found:
                found.append(target)
        if found:
            tied[contact_id] = tuple(found)
    return tied


def _followed(record_id: str, alias: Mapping[str, str]) -> str:
    seen: set[str] = set()
    while record_id in alias and record_id not in seen:
        seen.add(record_id)
        record_id = alias[record_id]
    return record_id


def _own_made(
    owner: dict[str, str],
    contacts: Mapping[str, Row],
    records: Mapping[str, Row],
    tied: Mapping[str, Iterable[str]],
) -> None:
    """Records the truth does not know belong to whoever's contact bears their link key, else to
    whose contact names them, else to whoever has that e-mail address.
    """
    holders: dict[str, str] = {}
    for contact_id in sorted(contacts):
        key = contacts[contact_id].get("leadloop_id")
        for record_id in tied.get(contact_id, ()):
            bears = bool(key) and records[record_id].get("Leadloop_Id__c") == key
            if contact_id in owner and (bears or record_id not in holders):
                holders[record_id] = owner[contact_id]
    addresses = {
        str(row.get("email")).lower(): owner[contact_id]
        for contact_id, row in contacts.items()
        if row.get("email") and contact_id in owner
    }
    for record_id, row in records.items():
        if record_id not in owner:
            person = holders.get(record_id) or addresses.get(str(row.get("Email") or "").lower())
            if person is not None:
                owner[record_id] = person
