"""The people of the generated world before any vendor knows them: defects, and no more."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.world.draw import Draw, plain
from sandbox.world.generated import Generated, sizes
from sandbox.world.holdings import Holding, evidence
from sandbox.world.people import Person

PEOPLE = 2000


@pytest.fixture(scope="module")
def holdings() -> list[Holding]:
    """The default world's holdings."""
    return list(Generated(Draw("test"), PEOPLE, PEOPLE).holdings())


def _both(holdings: list[Holding]) -> list[Holding]:
    return [one for one in holdings if one.map_entry is not None and one.crm_entries]


def test_sizes_are_what_was_asked_for(holdings: list[Holding]) -> None:
    """So many MAP contacts, so many CRM records, two thirds of the people on both sides."""
    assert sum(one.map_entry is not None for one in holdings) == PEOPLE
    assert sum(len(one.crm_entries) for one in holdings) == PEOPLE
    assert 0.6 <= len(_both(holdings)) / PEOPLE <= 0.7
    assert sizes(100, 0).both == 0


def test_defects_are_as_frequent_as_in_life(holdings: list[Holding]) -> None:
    """At least 12 % without e-mail on each side, 10 % changed jobs, 6 % doubles, 5 % namesakes."""
    in_map = [one.map_entry for one in holdings if one.map_entry is not None]
    in_crm = [entry for one in holdings for entry in one.crm_entries]
    known = [one for one in holdings if one.crm_entries]
    found = Counter(defect for one in holdings for defect in one.defects)
    assert sum(entry.email is None for entry in in_map) >= 0.12 * len(in_map)
    assert sum(entry.email is None for entry in in_crm) >= 0.10 * len(in_crm)
    assert found["no_email_map"] + found["no_email_crm"] >= 0.12 * len(holdings)
    assert found["changed_job"] >= 0.10 * len(holdings)
    assert sum(len(one.crm_entries) > 1 for one in known) >= 0.06 * len(known)
    assert found["namesake"] >= 0.05 * len(holdings)
    for rare in ("nickname", "typo", "private_email", "role_email", "email_variant"):
        assert found[rare] > 0, rare
    assert found["placeholder_email"] > 0


def test_a_lead_stands_beside_a_contact(holdings: list[Holding]) -> None:
    """Among the doubles there are Leads beside Contacts, and two of a kind."""
    kinds = Counter(
        tuple(sorted(entry.record for entry in one.crm_entries))
        for one in holdings
        if len(one.crm_entries) > 1
    )
    assert kinds[("Contact", "Lead")] > 0
    assert kinds[("Lead", "Lead")] > 0


def test_nearly_everybody_stays_knowable(holdings: list[Holding]) -> None:
    """For 98 % of those on both sides enough agrees for a careful human to link them."""
    pairs = [
        evidence(one.map_entry, one.crm_entries[0])
        for one in _both(holdings)
        if one.map_entry is not None
    ]
    assert sum(weight >= 8 for weight in pairs) >= 0.98 * len(pairs)


def test_namesakes_can_be_told_apart(holdings: list[Holding]) -> None:
    """A namesake shares the name and no company, address, number or mailbox."""
    people = {one.person.id: one.person for one in holdings}
    twins = [one for one in people.values() if one.namesake is not None]
    assert twins
    for person in twins:
        other = people[person.namesake or ""]
        assert person.name == other.name
        assert not _numbers(person) & _numbers(other)
        assert not {job.company.number for job in person.jobs} & {
            job.company.number for job in other.jobs
        }


def test_no_two_of_one_name_in_one_company(holdings: list[Holding]) -> None:
    """Nobody shares their whole name with a colleague, though some share the family name."""
    desks = Counter(
        (job.company.number, plain(one.person.name).lower())
        for one in holdings
        for job in one.person.jobs[:1]
    )
    assert max(desks.values()) == 1
    families = Counter(
        (one.person.jobs[0].company.number, plain(one.person.family).lower()) for one in holdings
    )
    assert max(families.values()) > 1


def test_addresses_and_numbers_belong_to_one_person(holdings: list[Holding]) -> None:
    """Mailboxes and mobile numbers are never shared; switchboards are."""
    people = [one.person for one in holdings]
    mobiles = Counter(person.mobile for person in people)
    mailboxes = Counter(
        email
        for person in people
        for email in {person.private_email, *(job.email for job in person.jobs)}
    )
    assert max(mobiles.values()) == 1
    assert max(mailboxes.values()) == 1
    phones = Counter(
        entry.phone for one in holdings for entry in one.crm_entries if entry.phone is not None
    )
    assert max(phones.values()) > 2


def test_map_takes_an_address_once(holdings: list[Holding]) -> None:
    """No two MAP entries bear one address, role addresses included."""
    emails = Counter(
        one.map_entry.email for one in holdings if one.map_entry and one.map_entry.email
    )
    assert max(emails.values()) == 1


def test_opt_outs_may_stand_on_one_side_only(holdings: list[Holding]) -> None:
    """Some opted out on the MAP side alone, some in the CRM alone, some on both."""
    sides = Counter(
        (one.map_entry.opted_out, one.crm_entries[0].opted_out)
        for one in _both(holdings)
        if one.map_entry is not None
    )
    for side in ((True, False), (False, True), (True, True)):
        assert sides[side] > 0, side


def test_one_seed_gives_one_world() -> None:
    """The same seed makes the same people with the same defects; another seed makes others."""
    first, again = (list(Generated(Draw("a"), 200, 200).holdings()) for _ in range(2))
    other = list(Generated(Draw("b"), 200, 200).holdings())
    assert first == again
    assert first != other


def test_numbers_never_run_out() -> None:
    """A block of numbers that is full goes on in its neighbours without repeating one."""
    draw = Draw("x")
    numbers = [draw.phone("+4917139200", 12) for _ in range(5000)]
    assert len(set(numbers)) == 5000
    assert {len(number) for number in numbers} == {13}


def _numbers(person: Person) -> set[str]:
    return {
        person.mobile,
        person.private_email,
        *(job.email for job in person.jobs),
        *(job.direct for job in person.jobs if job.direct is not None),
        *(job.company.phone for job in person.jobs),
    }
