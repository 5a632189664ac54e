"""Laws 1 and 2 while a create is under way: two contacts become one before anybody knows whether
the CRM has made a Lead of either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mappings.errors import UnavailableError
from mappings.records import RecordRef
from state import identity
from sync.crash import Crash, watched
from tests.laws.laws import comes_to_rest
from tests.laws.town import Person, Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town in which somebody has been synced already."""
    built = Town.build(tmp_path)
    built.newcomer(on_map=True, on_crm="Lead")
    built.approved_run()
    yield built
    built.world.close()


def merged_while_out_of_order(town: Town, one: Person, other: Person) -> None:
    """The CRM stops answering, marketing merges the two contacts, a run sees that alone."""
    town.salesforce.weather(lambda: UnavailableError("out of order"))
    town.merge_contacts(one, other)
    town.run()
    town.salesforce.weather(None)


def killed_once_journaled(town: Town) -> None:
    """A run that dies when its first plans are in the journal; then Leadloop starts anew."""

    def kill(name: str) -> None:
        if name == "after_intents":
            raise Crash

    with watched(kill), pytest.raises(Crash):
        town.run()
    town.reopen()


def their_leads(town: Town, *people: Person) -> list[RecordRef]:
    """Live Leads with the address of one of them."""
    return [
        lead.ref for person in people for lead in town.salesforce.by("Lead", "Email", person.email)
    ]


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("swapped", [True, False])
def test_a_create_without_an_answer_belongs_to_who_absorbed_its_person(
    town: Town, *, applied: bool, swapped: bool
) -> None:
    """Laws 1 and 2: nobody knows whether two Leads were made, then their contacts are merged. What
    the CRM has made belongs to the one person they are now, and no other is made for them."""
    one, other = (town.newcomer(on_map=True, on_crm=None) for _ in range(2))
    town.salesforce.lose_reply(applied=applied)
    town.run()
    merged_while_out_of_order(town, *((other, one) if swapped else (one, other)))
    comes_to_rest(town)
    made = their_leads(town, one, other)
    assert len(made) == 2 if applied else len(made) == 1
    belongs_to_a_live_person(town, made)


@pytest.mark.parametrize("swapped", [True, False])
def test_a_create_that_was_never_sent_is_not_sent_for_who_is_no_more(
    town: Town, *, swapped: bool
) -> None:
    """Law 1: two creates wait for a CRM that is out of order while their contacts become one: when
    it works again, one Lead is made."""
    one, other = (town.newcomer(on_map=True, on_crm=None) for _ in range(2))
    killed_once_journaled(town)
    merged_while_out_of_order(town, *((other, one) if swapped else (one, other)))
    comes_to_rest(town)
    made = their_leads(town, one, other)
    assert len(made) == 1
    belongs_to_a_live_person(town, made)


def belongs_to_a_live_person(town: Town, refs: list[RecordRef]) -> None:
    """All of them are linked, with the merged contact, to one golden record that is live."""
    contact = next(p.contact for p in reversed(town.people) if p.contact)
    with town.store.read() as tx:
        links = identity.links_of(tx, [*refs, RecordRef("hubspot", "contacts", contact)])
        owners = {link.entity_id for link in links.values()}
        status = {entity.status for entity in identity.entities(tx, owners).values()}
    assert len(links) == len(refs) + 1
    assert len(owners) == 1
    assert status == {"live"}
