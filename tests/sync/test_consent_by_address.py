"""Law 7 by address: who shares a mailbox shares its opt-out, linked or not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.errors import UnavailableError
from mappings.records import Json, Operation, Record
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import ledger, outbox
from sync.recover import Selection, replay
from sync.story import story_of_record
from tests.sync.world import OPT_OUT, Refusal, Vendor, World

FLAG = "HasOptedOutOfEmail"
SHARED = "home@lopez-ltd.com"
OTHER = "office@grant-ltd.com"
PLACEHOLDER = "test@test.com"
NAMES = (("Maria", "Lopez"), ("Peter", "Grant"), ("Olga", "Fuchs"), ("Ada", "Byron"))


@contextmanager
def world() -> Iterator[World]:
    """A world of its own, gone afterwards: hypothesis draws many."""
    with tempfile.TemporaryDirectory() as folder:
        made = World.build(Path(folder))
        try:
            yield made
        finally:
            made.close()


def family(made: World, *, address: str = SHARED) -> tuple[str, str]:
    """Two people of different names with one address, one on each side; nobody links them."""
    return (
        made.contact("Maria", "Lopez", email=address),
        made.lead("Peter", "Grant", Email=address.upper()),
    )


def is_out(record: Record) -> bool:
    """Whether a record takes no mail."""
    return record.fields.get(OPT_OUT) == "true" or record.fields.get(FLAG) is True


def unlinked(made: World, contact: str) -> bool:
    """Whether the contact is linked with nobody in the CRM."""
    return made.map_record(contact).fields[MAP_KEY] is None


def test_an_opt_out_in_the_crm_reaches_a_contact_that_waits_in_review(tmp_path: Path) -> None:
    """The Lead's person opts out: the contact with the same address takes no mail after one run,
    although nobody has said yet whether they are one person."""
    made = World.build(tmp_path)
    contact, lead = family(made)
    made.first()
    assert unlinked(made, contact)
    made.salesforce.edit("Lead", lead, {FLAG: True})
    made.run()
    assert is_out(made.map_record(contact))
    assert unlinked(made, contact)
    assert made.settled()
    made.close()


def test_an_opt_out_in_the_map_reaches_every_lead_of_the_address(tmp_path: Path) -> None:
    """The contact opts out: both Leads with the address do, and the ledger says why."""
    made = World.build(tmp_path)
    contact, lead = family(made)
    second = made.lead("Olga", "Fuchs", Email=SHARED)
    made.first()
    made.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    made.run()
    for record_id in (lead, second):
        record = made.salesforce.get("Lead", record_id)
        assert is_out(record)
        told = story_of_record(made.store, record.ref)
        assert [m.details["operation"] for m in told.moments if m.kind == "wrote"] == ["opt_out"]
        with made.store.read() as tx:
            lines = ledger.of_entities(tx, [str(record.ref)])
        assert [(line.field, line.before, line.after) for line in lines] == [(FLAG, False, True)]
    assert made.settled()
    made.close()


def test_somebody_else_s_linked_record_is_reached_as_well(tmp_path: Path) -> None:
    """Two linked people: one gets the other's address, who has opted out. It is one mailbox."""
    made = World.build(tmp_path)
    contact = made.contact("Ada", "Byron", email=SHARED)
    lead = made.lead("Ada", "Byron", Email=SHARED)
    other = made.contact("Peter", "Grant")
    theirs = made.lead("Peter", "Grant")
    made.first()
    made.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    made.run()
    made.salesforce.edit("Lead", theirs, {"Email": SHARED})
    made.run()
    assert is_out(made.salesforce.get("Lead", lead))
    assert is_out(made.salesforce.get("Lead", theirs))
    assert is_out(made.map_record(other))
    assert made.settled()
    made.close()


def with_a_further_address(made: World, address: str = SHARED) -> tuple[str, str]:
    """A contact that has the address beside its first one, and a Lead of another name with it;
    a second such Lead keeps all three apart, in review or alone."""
    contact = made.contact("Maria", "Lopez", hs_additional_emails=f"maria@old.example;{address}")
    lead = made.lead("Peter", "Grant", Email=address.upper())
    made.lead("Olga", "Fuchs", Email=address)
    return contact, lead


@pytest.mark.parametrize("address", [SHARED, "office@lopez-ltd.com"])
def test_an_opt_out_reaches_who_has_the_address_further_down(tmp_path: Path, address: str) -> None:
    """A contact has the Lead's address as a second one, and nobody has linked the two: the Lead's
    opt-out is the contact's, a role's address or not."""
    made = World.build(tmp_path)
    contact, lead = with_a_further_address(made, address)
    made.first()
    assert made.salesforce.get("Lead", lead).fields[CRM_KEY] is None
    made.salesforce.edit("Lead", lead, {FLAG: True})
    made.run()
    assert is_out(made.map_record(contact))
    assert made.settled()
    made.close()


def test_an_opt_out_goes_from_a_further_address_to_whoever_is_mailed_there(tmp_path: Path) -> None:
    """The contact opts out: both Leads that are mailed at an address of that person do."""
    made = World.build(tmp_path)
    contact, _ = with_a_further_address(made)
    made.first()
    assert unlinked(made, contact)
    made.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    made.run()
    assert all(is_out(lead) for lead in made.salesforce.all("Lead"))
    assert made.settled()
    made.close()


def test_an_address_that_is_gained_brings_its_opt_out(tmp_path: Path) -> None:
    """A contact gets the address of somebody who has opted out long ago, beside its own: after the
    next run it takes no mail."""
    made = World.build(tmp_path)
    lead = made.lead("Peter", "Grant", Email=SHARED, **{FLAG: True})
    made.lead("Olga", "Fuchs", Email=SHARED)
    contact = made.contact("Maria", "Lopez")
    made.first()
    assert is_out(made.salesforce.get("Lead", lead))
    assert not is_out(made.map_record(contact))
    made.hubspot.edit("contacts", contact, {"hs_additional_emails": SHARED})
    made.run()
    assert is_out(made.map_record(contact))
    assert made.settled()
    made.close()


def test_an_address_that_is_given_up_brings_nothing(tmp_path: Path) -> None:
    """What a contact had as a second address once, and has no more, says nothing about it."""
    made = World.build(tmp_path)
    contact, lead = with_a_further_address(made)
    made.first()
    made.hubspot.edit("contacts", contact, {"hs_additional_emails": ""})
    made.run()
    made.salesforce.edit("Lead", lead, {FLAG: True})
    made.run()
    assert not is_out(made.map_record(contact))
    made.close()


def test_an_address_that_stands_for_none_carries_no_consent(tmp_path: Path) -> None:
    """`test@test.com` is nobody's mailbox: strangers who typed it share nothing."""
    made = World.build(tmp_path)
    contact, lead = family(made, address=PLACEHOLDER)
    made.first()
    made.salesforce.edit("Lead", lead, {FLAG: True})
    made.run()
    assert not is_out(made.map_record(contact))
    made.close()


def test_a_stopped_run_carries_it_too(tmp_path: Path) -> None:
    """The CRM cannot be read: what the MAP says about an unlinked contact still reaches the
    Leads of its address as soon as they can be written, and nothing is lost meanwhile."""
    made = World.build(tmp_path)
    contact, lead = family(made)
    made.first()
    made.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    made.salesforce.fail(UnavailableError("down", system="salesforce"), calls=1)
    assert isinstance(made.run().error, UnavailableError)
    made.time.at += timedelta(minutes=16)
    made.run()
    assert is_out(made.salesforce.get("Lead", lead))
    made.close()


def test_a_refused_one_is_a_dead_letter_and_is_replayed(tmp_path: Path) -> None:
    """The vendor refuses the opt-out of an unlinked record: a dead letter under the record's own
    name, and a replay sends it once the cause is mended."""
    made = World.build(tmp_path)
    contact, lead = family(made)
    made.first()
    refusal = Refusal(Operation.OPT_OUT, "Lead")
    made.salesforce.reject(refusal)
    made.hubspot.edit("contacts", contact, {OPT_OUT: "true"})
    made.run()
    with made.store.read() as tx:
        letters = outbox.dead_letters(tx)
    assert [letter.entity_id for letter in letters] == [f"salesforce:Lead:{lead}"]
    assert not is_out(made.salesforce.get("Lead", lead))
    refusal.corrected = True
    replay(made.store, Selection())
    made.run()
    assert is_out(made.salesforce.get("Lead", lead))
    made.close()


@st.composite
def towns(draw: st.DrawFn) -> list[tuple[str, int, str, bool]]:
    """Up to six records: kind, whose name, which address, opted out or not."""
    one = st.tuples(
        st.sampled_from(["contact", "lead", "crm_contact"]),
        st.integers(0, len(NAMES) - 1),
        st.sampled_from([SHARED, OTHER]),
        st.booleans(),
    )
    found = draw(st.lists(one, min_size=2, max_size=6))
    seen: set[str] = set()
    kept = []
    for kind, name, address, out in found:
        if kind == "contact" and address in seen:
            continue  # the MAP has an address once
        if kind == "contact":
            seen.add(address)
        kept.append((kind, name, address, out))
    return kept


@given(town=towns(), later=st.lists(st.integers(0, 5), max_size=2))
@settings(max_examples=25, deadline=None)
def test_no_mailbox_is_opted_out_here_and_not_there(
    town: list[tuple[str, int, str, bool]], later: list[int]
) -> None:
    """Whoever shares an address with an opted-out record of the other side is opted out after one
    run, whoever is linked with whom; nobody is ever opted in, and the next run writes nothing."""
    with world() as made:
        refs = [put(made, *one) for one in town]
        made.first()
        for number in later:
            if number < len(refs):
                opt_out(made, *refs[number])
        made.run()
        records = [vendor_of(made, name).get(name, i) for name, i in refs]
        outs = {address_of(record) for record in records if is_out(record)}
        for record in records:
            assert is_out(record) or address_of(record) not in outs, record
        written = [*made.hubspot.history, *made.salesforce.history]
        assert not [row for row in written if row.fields.get(FLAG) is False]
        assert not [row for row in written if row.operation is Operation.OPT_IN]
        assert made.settled()


def put(made: World, kind: str, name: int, address: str, out: bool) -> tuple[str, str]:
    """One record of the town."""
    first, last = NAMES[name]
    if kind == "contact":
        flag = "true" if out else "false"
        return "contacts", made.contact(first, last, email=address, **{OPT_OUT: flag})
    if kind == "lead":
        return "Lead", made.lead(first, last, Email=address, **{FLAG: out})
    return "Contact", made.crm_contact(first, last, Email=address, **{FLAG: out})


def vendor_of(made: World, object_name: str) -> Vendor:
    """Where records of this object are."""
    return made.hubspot if object_name == "contacts" else made.salesforce


def opt_out(made: World, object_name: str, record_id: str) -> None:
    """The person of this record wants no mail any more."""
    fields: dict[str, Json] = {OPT_OUT: "true"} if object_name == "contacts" else {FLAG: True}
    vendor_of(made, object_name).edit(object_name, record_id, fields)


def address_of(record: Record) -> str:
    """Where a record is mailed."""
    return str(record.fields.get("email") or record.fields.get("Email"))
