"""A year of history in a state, written directly as runs leave it: what reports are measured on.

Of each person two records with every field the shipped mapping reads, their marketing events and a
call; of every tenth an opportunity. All follows from a person's number, so that the same numbers
give the same state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.standing import Move, Standing, Transition
from mappings.fieldmap import EntityKind, PairMapping
from mappings.records import Event, EventKind, Record, RecordRef
from mappings.required_fields import fields_to_read
from state import events, identity, loop, mirror
from state.identity import NewLink
from state.mirror import Mirrored
from state.store import Store
from sync.loop_rows import Kept, contract_key, handoff_row, move_row, standing_row

START = datetime(2025, 3, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
CHUNK = 1_000
REP, ROBOT = "005000000000001AAA", "005000000000002AAA"
KINDS = (EventKind.FORM_FILL, EventKind.EMAIL_CLICK, EventKind.EMAIL_OPEN, EventKind.EMAIL_SENT)
DEAL_EVERY, HANDED_EVERY = 10, 4
FILLED = 0.4
"""The share of a record's fields that hold something."""


@dataclass(frozen=True)
class History:
    """What is written: so many people with so many events each, under the mapping's contract."""

    mapping: PairMapping
    people: int
    events_each: int

    def fill(self, store: Store) -> None:
        """Write all of it."""
        names = {REP: "Dana Whitlock", ROBOT: "Integration"}
        users = [_record("User", one, {"Name": names[one], "IsActive": True}) for one in names]
        with store.begin() as tx:
            mirror.mirror(tx, [Mirrored(user, "User", None, None) for user in users])
        for first in range(0, self.people, CHUNK):
            self._write(store, range(first, min(self.people, first + CHUNK)))

    def _write(self, store: Store, numbers: range) -> None:
        shapes = _shapes(self.mapping)
        key = contract_key(self.mapping)
        with store.begin() as tx:
            identity.create(tx, "fill", {entity_id(n): EntityKind.PERSON for n in numbers})
            links = [NewLink(ref, entity_id(n), "external_id") for n in numbers for ref in _refs(n)]
            identity.link(tx, "fill", links)
            mirror.mirror(tx, [row for n in numbers for row in _records(n, shapes)])
            happened = [event for n in numbers for event in _events(n, self.events_each)]
            events.land(tx, "fill", "email_events", happened)
            waiting = events.unattributed(tx, limit=len(numbers) * self.events_each)
            owners = {one.id: entity_id(int(str(one.event.email).split("@")[0])) for one in waiting}
            events.attribute(tx, owners)
            events.dispose(tx, "fill", list(owners), "delivered")
            if self.mapping.contract:
                moves = {n: _moves(n) for n in numbers}
                rows = [move_row(entity_id(n), move) for n, own in moves.items() for move in own]
                loop.add_moves(tx, "fill", rows)
                handed = [(entity_id(n), _handoff(n)) for n in numbers if n % HANDED_EVERY == 0]
                loop.put_handoffs(tx, "fill", [handoff_row(*one) for one in handed])
                standing = Kept(Standing(), {}, key)
                loop.put_standings(tx, [standing_row(entity_id(n), standing) for n in numbers])


def entity_id(number: int) -> str:
    """A person's golden record."""
    return f"e{number:09}"


def _day(number: int) -> int:
    """The day of the year their history begins."""
    return number % 300


def _at(days: float) -> datetime:
    return START + timedelta(days=days)


def _has_deal(number: int) -> bool:
    return number % DEAL_EVERY == 0


def _ref(object_name: str, number: int) -> RecordRef:
    system = "hubspot" if object_name == "contacts" else "salesforce"
    return RecordRef(system, object_name, f"{object_name[:2]}{number:012}")


def _refs(number: int) -> tuple[RecordRef, RecordRef]:
    """Their contact, and their Lead or Contact."""
    return _ref("contacts", number), _ref("Contact" if _has_deal(number) else "Lead", number)


def _shapes(mapping: PairMapping) -> dict[str, dict[str, Any]]:
    """Each object's fields as they are read, some of them filled."""
    found: dict[str, dict[str, Any]] = {}
    for objects in fields_to_read(mapping).values():
        for name, fields in objects.items():
            full = round(len(fields) * FILLED)
            found[name] = {
                field: "A value of some length" if place < full else None
                for place, field in enumerate(sorted(fields))
            }
    return found


def _record(object_name: str, record_id: str, fields: Mapping[str, Any], days: float = 0) -> Record:
    at = _at(days)
    system = "hubspot" if object_name == "contacts" else "salesforce"
    return Record(
        RecordRef(system, object_name, record_id), fields, "1", at, created_at=at, modified_by=REP
    )


def _records(number: int, shapes: Mapping[str, Mapping[str, Any]]) -> Iterator[Mirrored]:
    """A contact, a Lead or Contact, a call, and every tenth time an opportunity."""
    day, email = _day(number), f"{number}@example.com"
    contact, crm = _refs(number)
    shown = {"email": email, "lifecyclestage": "lead", "leadloop_id": entity_id(number),
             "hs_additional_emails": None, "hs_lead_status": None}  # fmt: skip
    known = _record("contacts", contact.id, {**shapes["contacts"], **shown}, day)
    yield Mirrored(known, "contacts", email, None)
    own = {"Email": email, "OwnerId": REP, "Status": "Working", "CreatedById": ROBOT,
           "IsConverted": False, "Leadloop_Id__c": entity_id(number)}  # fmt: skip
    lead = _record(crm.object, crm.id, {**shapes[crm.object], **own}, day + 5)
    yield Mirrored(lead, crm.object, email, None)
    done = {"WhoId": crm.id, "IsClosed": True, "CreatedById": REP, "OwnerId": REP, "WhatId": None,
            "Leadloop_Event_Id__c": None, "TaskSubtype": "Call", "Subject": "Call",
            "CompletedDateTime": None}  # fmt: skip
    task = _record("Task", f"00T{number:012}", {**shapes["Task"], **done}, day + 5 + number % 14)
    yield Mirrored(task, "Task", crm.id, None)
    if _has_deal(number):
        yield from _deal(number, crm, shapes)


def _deal(
    number: int, crm: RecordRef, shapes: Mapping[str, Mapping[str, Any]]
) -> Iterator[Mirrored]:
    day, deal = _day(number), f"006{number:012}"
    won = number % (2 * DEAL_EVERY) == 0
    fields = {
        "OwnerId": REP, "StageName": "Closed Won" if won else "Qualification", "Amount": "1000",
        "CloseDate": f"{_at(day + 30):%Y-%m-%d}", "IsClosed": won, "IsWon": won, "AccountId": None,
        "CurrencyIsoCode": None,
    }  # fmt: skip
    opportunity = _record("Opportunity", deal, {**shapes["Opportunity"], **fields}, day + 20)
    yield Mirrored(opportunity, "Opportunity", None, None)
    role = _record(
        "OpportunityContactRole", f"00K{number:012}",
        {**shapes["OpportunityContactRole"], "OpportunityId": deal, "ContactId": crm.id}, day + 20,
    )  # fmt: skip
    yield Mirrored(role, "OpportunityContactRole", crm.id, deal)


def _events(number: int, count: int) -> Iterator[Event]:
    for turn in range(count):
        yield Event(
            "hubspot", KINDS[turn % len(KINDS)], f"{number}:{turn}", _at(_day(number) + turn),
            f"{number}@example.com", "Newsletter", {"appId": 113, "emailCampaignId": 7_100_037},
        )  # fmt: skip


def _moves(number: int) -> tuple[Transition, ...]:
    """Lead, every other one MQL, whoever has a deal on to its end."""
    day = _day(number)
    names = ["lead"]
    names += ["mql"] if number % 2 == 0 else []
    names += ["opportunity"] if _has_deal(number) else []
    names += ["customer"] if number % (2 * DEAL_EVERY) == 0 else []
    return tuple(
        Transition(_at(day + 10 * place), "pipeline", before, name, Move.FORWARD)
        for place, (before, name) in enumerate(zip((None, *names), names, strict=False))
    )


def _handoff(number: int) -> Handoff:
    day = _at(_day(number) + 10)
    return Handoff(
        f"{entity_id(number)}:pipeline:mql:1", entity_id(number), "pipeline", "mql", "forward", day,
        Status.ACCEPTED, assignments=(Assignment(REP, day, Chosen.TURN, "inbound"),),
        attempts=(day + timedelta(days=1),), accepted_at=day + timedelta(hours=3),
    )  # fmt: skip
