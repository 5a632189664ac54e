"""People who stand at both vendors already, each with the link key and everything else a first sync
leaves: what is left to Leadloop's own first sync is to read them, to link them and to agree.

Everybody is made through the vendors' public APIs. That first sync is the product's, all of it; it
takes minutes where one that has to write everybody would take an hour, and leaves the same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import requests

from benchmarks.backfill import SAY, Bench, BenchmarkError
from mappings.records import Json, Operation, OutcomeStatus, RecordRef, Write
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import identity
from state.store import chunks
from sync.guard import Approval
from sync.pair import Pair
from sync.run import run_once

BATCH = 100
"""Contacts in one call: the most HubSpot takes."""
PART = 20_000
TIMEOUT = 120.0
FIRMS = 9_973
ALIKE = {
    "firstname": "FirstName",
    "lastname": "LastName",
    "email": "Email",
    "phone": "Phone",
    "jobtitle": "Title",
    "company": "Company",
    "city": "City",
    "zip": "PostalCode",
    "address": "Street",
    "country": "Country",
}
"""What both sides say of everybody, by the shipped mapping's rules."""


def link(made: Bench, people: int, say: SAY) -> None:
    """So many people at both vendors, linked in the state by a first sync that is let write
    nothing. Raises BenchmarkError where it wanted to, or did not link everybody."""
    with made.store.exclusive(), made.pair() as (pair, _):
        contacts = create_contacts(made, (person(n) for n in range(people)))
        say(f"{len(contacts):,} contacts are there")
        keys = [_key(pair, contact) for contact in contacts]
        leads = _create_leads(pair, keys)
        say(f"{len(leads):,} Leads are there")
        update_contacts(made, zip(contacts, map(_known, keys, leads), strict=True))
        say("each knows the other; first sync")
        report = run_once(pair, approval=Approval(frozenset()))
    if report.error is not None or report.status != "ok":
        raise BenchmarkError(f"the first sync ended {report.status}: {report.error}")
    if (linked := report.counts["linked"]) != people:
        raise BenchmarkError(f"{linked} of {people} are linked")
    say(f"{linked:,} people are linked")


def person(n: int) -> dict[str, str]:
    """The n-th person, as HubSpot has them."""
    return {
        "firstname": f"Given{n % 997}",
        "lastname": f"Family{n}",
        "email": f"person{n}@firm{n % FIRMS}.example",
        "phone": f"+4930{n:08d}",
        "jobtitle": "Head of Pumps",
        "company": f"Firm {n % FIRMS}",
        "address": f"Hauptstrasse {n % 300}",
        "zip": f"{10_000 + n % 80_000}",
        "city": "Bonn",
        "country": "Germany",
    }


def create_contacts(made: Bench, people: Iterable[Mapping[str, str]]) -> list[str]:
    """The ids of contacts with these properties, in their order (HubSpot answers in any)."""
    rows = [{"properties": properties} for properties in people]
    made_as = (one for answer in _sent(made, "create", rows) for one in answer["results"])
    ids = {one["properties"]["email"]: one["id"] for one in made_as}
    return [ids[row["properties"]["email"]] for row in rows]


def update_contacts(made: Bench, rows: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Give contacts these properties, by id."""
    inputs = [{"id": one, "properties": properties} for one, properties in rows]
    for _ in _sent(made, "update", inputs):
        continue


def _sent(made: Bench, verb: str, rows: Sequence[object]) -> Iterator[dict[str, Any]]:
    info = made.sandbox.info["hubspot"]
    url = f"{info['url']}/crm/v3/objects/contacts/batch/{verb}"
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {info['token']}"
        for inputs in chunks(rows, BATCH):
            answer = session.post(url, json={"inputs": inputs}, timeout=TIMEOUT)
            answer.raise_for_status()
            yield answer.json()


def _key(pair: Pair, contact: str) -> str:
    return identity.mint(pair.namespace, RecordRef("hubspot", "contacts", contact))


def _create_leads(pair: Pair, keys: Sequence[str]) -> list[str]:
    """A Lead for the n-th person under the n-th key; their ids, in that order."""
    ids: list[str] = []
    for numbers in chunks(range(len(keys)), PART):
        outcomes = pair.crm_side.write([_lead(n, keys[n]) for n in numbers])
        if bad := [one for one in outcomes if one.status is not OutcomeStatus.OK]:
            raise BenchmarkError(f"{len(bad)} Leads were refused: {bad[0].error}")
        found = {one.key: str(one.id) for one in outcomes}
        ids += [found[keys[n]] for n in numbers]
    return ids


def _lead(n: int, key: str) -> Write:
    values = person(n)
    fields: dict[str, Json] = {ALIKE[name]: value for name, value in values.items()}
    return Write(key, Operation.CREATE, "Lead", fields, external_id=(CRM_KEY, key))


def _known(key: str, lead: str) -> dict[str, str]:
    """What a contact learns of its Lead."""
    return {
        MAP_KEY: key,
        "leadloop_crm_id": lead,
        "leadloop_crm_object": "Lead",
        "leadloop_lead_status": "Open - Not Contacted",
        "leadloop_owner": "Integration User",
        "leadloop_owner_email": "integration@leadloop-sandbox.example",
    }
