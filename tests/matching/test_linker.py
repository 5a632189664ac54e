"""Decisions: evidence that adds up, no order, hard negatives, competition, exact identifiers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from mappings.records import PersonAttributes
from matching.linker import Candidate, Decision, Thresholds, decide
from matching.model import default_model
from matching.normalise import Person, normalise
from tests.matching.worlds import blocked, business

MODEL = default_model()


def _person(given: str, family: str, **known: str) -> Person:
    emails = tuple(known.pop("email", "").split())
    phones = tuple(known.pop("phone", "").split(","))
    return normalise(
        PersonAttributes(
            given_name=given, family_name=family, emails=emails, phones=phones, **known
        ),
        region="US",
    )


def _decide(
    incoming: Mapping[str, Person], crm: Mapping[str, Person | Candidate]
) -> dict[str, Decision]:
    found = [one if isinstance(one, Candidate) else Candidate(k, one) for k, one in crm.items()]
    decisions = decide(incoming, dict.fromkeys(incoming, found), model=MODEL)
    return {decision.incoming: decision for decision in decisions}


ANNA = _person("Anna", "Kowalczyk", email="anna.k@acme.com", phone="212 555 0142", company="Acme")


def test_same_address_links() -> None:
    """One personal address and names that do not contradict it: one person."""
    incoming = _person("Anne", "Kowalczyk-Berg", email="Anna.K+shop@acme.com")
    decision = _decide({"m": incoming}, {"c": ANNA})["m"]
    assert (decision.verdict, decision.reason, decision.targets) == ("link", "exact_email", ("c",))


@pytest.mark.parametrize(
    ("given", "company"), [("Alan", "Turing{0} Ltd"), ("Alan{0}", "Acme"), ("Alan", "Acme")]
)
def test_numbers_tell_people_apart(given: str, company: str) -> None:
    """People who differ by a number in name and address are each their own, however many; whose
    number is not there is nobody's."""
    crowd = {
        n: _person(
            given.format(n),
            f"Turing{n}",
            email=f"alan.turing{n}@example-turing{n}.com",
            company=company.format(n),
        )
        for n in range(10, 40)
    }
    crm = {f"c{n}": person for n, person in crowd.items() if n < 39}
    crm["none"] = _person("Alan", "Turing", email="alan.turing@example-turing.com")
    found = _decide({f"m{n}": person for n, person in crowd.items()}, crm)
    assert {k: d.targets for k, d in found.items() if d.verdict == "link"} == {
        f"m{n}": (f"c{n}",) for n in range(10, 39)
    }


def _smith(email: str = "", **known: str) -> Person:
    return _person("John", "Smith", email=email, company="Acme", city="Boston", **known)


@pytest.mark.parametrize("other", ["john.smith@acme.com", "john.smith2@acme.com"])
def test_a_mail_server_tells_namesakes_apart(other: str) -> None:
    """Two of one name at one employer whose addresses differ by the number behind the name alone
    are for a person to decide; what is as personal as an address still links them."""
    one = "john.smith1@acme.com"
    decision = _decide({"m": _smith(one)}, {"c": _smith(other)})["m"]
    assert (decision.verdict, decision.reason) == ("review", "contradiction")
    [field] = [
        field for field in decision.evidence["candidates"][0]["fields"] if field["field"] == "email"
    ]
    assert (field["level"], field["weight"] < 0) == ("different", True)
    for known in ({"phone": "617 555 0111"}, {"birth_date": "1970-03-05"}):
        found = _decide({"m": _smith(one, **known)}, {"c": _smith(other, **known)})
        assert found["m"].verdict == "link"


def test_numbered_namesakes_are_neither_one_claim_nor_one_person() -> None:
    """Two namesakes who fit one record without an address do not both get it, and two records of
    namesakes are two people for who has no address."""
    one, two = _smith("john.smith1@acme.com"), _smith("john.smith2@acme.com")
    claims = _decide({"m1": one, "m2": two}, {"c": _smith()})
    assert {decision.verdict for decision in claims.values()} == {"review"}
    decision = _decide({"m": _smith()}, {"c1": one, "c2": two})["m"]
    assert (decision.verdict, decision.reason) == ("review", "ambiguous")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("john.smith1984@acme.com", "john.smith1948@acme.com"),  # a slip in a year
        ("john.smith1@acme.com", "john.smith@mail.example"),  # another provider
        ("john.smith1@acme.com", "j.smith2@acme.com"),  # another spelling of the name
    ],
)
def test_other_addresses_with_numbers_speak_for_nobody(one: str, other: str) -> None:
    """Years, other providers and other spellings say no more than the name they are made of."""
    assert _decide({"m": _smith(one)}, {"c": _smith(other)})["m"].verdict == "link"


def test_a_second_numbered_address_beside_a_shared_one_is_no_contradiction() -> None:
    """Who has both addresses is the record that has one of them."""
    both = _smith("john.smith1@acme.com john.smith2@acme.com")
    decision = _decide({"m": both}, {"c": _smith("john.smith2@acme.com")})["m"]
    assert (decision.verdict, decision.reason) == ("link", "exact_email")


def test_an_address_alone_links() -> None:
    """A contact known by nothing but the address is the record that carries it."""
    decision = _decide({"m": Person(emails=("anna.k@acme.com",))}, {"c": ANNA})["m"]
    assert (decision.verdict, decision.reason) == ("link", "exact_email")


def test_two_names_on_one_address_go_to_review() -> None:
    """Totally different names on one address are a contradiction for a person to settle."""
    incoming = _person("Hiroshi", "Watanabe", email="anna.k@acme.com")
    assert _decide({"m": incoming}, {"c": ANNA})["m"].verdict == "review"


def test_same_number_and_name_link() -> None:
    """A number with an agreeing name is an exact identifier, a nickname agrees."""
    one = _person("Robert", "Smithson", phone="+1 212 555 0177")
    other = _person("Bob", "Smithson", phone="(212) 555-0177", email="bob@private.org")
    decision = _decide({"m": one}, {"c": other})["m"]
    assert (decision.verdict, decision.reason) == ("link", "exact_phone")


def test_a_number_of_two_names_that_only_resemble_is_no_identifier() -> None:
    """One number with a slip in both names is as likely two people of one house."""
    one = _person("Mandy", "Stockbourne", phone="+1 212 555 0177")
    other = _person("Randy", "Stockborne", phone="(212) 555-0177")
    assert _decide({"m": one}, {"c": other})["m"].reason != "exact_phone"


def test_nobody_to_compare_with_is_none() -> None:
    """No candidate, no link: the person is new."""
    decision = _decide({"m": ANNA}, {})["m"]
    assert (decision.verdict, decision.reason, decision.targets) == ("none", "no_candidate", ())


def test_a_switchboard_does_not_make_one_person() -> None:
    """Two colleagues of one employer with one shared number are two people."""
    crm = _person("Petra", "Lindqvist", phone="212 555 0142", company="Acme", website="acme.com")
    incoming = replace(ANNA, emails=())
    assert _decide({"m": incoming}, {"c": crm})["m"].verdict == "none"


def test_relatives_in_one_company_are_two() -> None:
    """One family name, employer and switchboard with different first names is never a link."""
    crm = _person("Piotr", "Kowalczyk", phone="212 555 0142", company="Acme", website="acme.com")
    assert _decide({"m": replace(ANNA, emails=())}, {"c": crm})["m"].verdict != "link"


def test_namesakes_elsewhere_are_not_linked() -> None:
    """One name in another company, town and with another address is never a link."""
    crm = _person("Anna", "Kowalczyk", email="ak@other.org", company="Other", city="Perth")
    assert _decide({"m": replace(ANNA, city="berlin")}, {"c": crm})["m"].verdict != "link"


def test_role_addresses_do_not_link() -> None:
    """Two people who gave info@ of one company are not one person."""
    one = _person("Anna", "Kowalczyk", email="info@acme.com")
    other = _person("Sven", "Lindqvist", email="info@acme.com")
    assert _decide({"m": one}, {"c": other})["m"].verdict == "none"


def test_birth_dates_that_contradict_stop_a_link() -> None:
    """One address with two birth dates goes to review."""
    one = replace(ANNA, birth_date="1980-03-04")
    other = replace(ANNA, birth_date="1951-11-29", street="", given="anna")
    assert _decide({"m": one}, {"c": other})["m"].verdict == "review"


def test_a_lead_and_a_contact_of_one_person_are_no_ambiguity() -> None:
    """Several records of one person are all targets, the best first."""
    lead = _person("Anna", "Kowalczyk", email="anna.k@acme.com")
    decision = _decide({"m": ANNA}, {"lead": lead, "contact": ANNA})["m"]
    assert decision.verdict == "link"
    assert decision.targets == ("contact", "lead")


def test_records_of_one_entity_go_together() -> None:
    """A record that already belongs to the person is a target with the one that matched."""
    lead = Candidate("lead", _person("A", "Kowalczyk", company="Acme"), entity="p1")
    contact = Candidate("contact", ANNA, entity="p1")
    assert _decide({"m": ANNA}, {"a": lead, "b": contact})["m"].targets == ("contact", "lead")


def test_a_likeness_does_not_join_two_people() -> None:
    """A record alike to two people known to be different is put with one of them at most."""
    bridge = _person("Anna", "Kowalczyk", company="Acme", phone="212 555 0142")
    crm = {
        "x": Candidate("x", ANNA, entity="p1"),
        "y": Candidate("y", replace(ANNA, emails=("anna2@acme.com",)), entity="p2"),
        "z": Candidate("z", bridge),
    }
    decision = _decide({"m": replace(ANNA, emails=())}, crm)["m"]
    assert decision.verdict == "review"
    assert {"x", "y"} <= set(decision.targets)


def test_a_taken_record_needs_more() -> None:
    """A record another contact is linked to weighs less, unless an identifier is shared."""
    loose = _person("Anna", "Kowalczyk", company="Acme", city="Boston")
    known = _person("Anna", "Kowalczyk", company="Acme", city="Boston")
    free = _decide({"m": loose}, {"c": Candidate("c", known)})["m"]
    taken = _decide({"m": loose}, {"c": Candidate("c", known, taken=True)})["m"]
    assert taken.weight < free.weight
    exact = _decide({"m": ANNA}, {"c": Candidate("c", ANNA, taken=True)})["m"]
    assert exact.verdict == "link"


_HOME = {"street": "220 Hinchcliffe Place", "city": "Malvern", "postcode": "3146"}


def test_one_home_and_nothing_else_to_compare_is_a_question() -> None:
    """Where only name, home and birth date are known, one home under other names is asked about."""
    one = _person("Alysaha", "Hyland", birth_date="1973-12-11", **_HOME)
    other = _person("David", "Candida", birth_date="1978-11-04", **_HOME)
    decision = _decide({"m": one}, {"c": other})["m"]
    assert (decision.verdict, decision.reason, decision.targets) == ("review", "weak", ("c",))


def test_one_home_is_no_question_where_people_can_be_told_apart() -> None:
    """A relative's name, an address or number of each, or a contact the record has answer it."""
    other = _person("David", "Candida", email="d77@acme.com", **_HOME)
    told = _person("Alysaha", "Hyland", email="x31@other.org", **_HOME)
    assert _decide({"m": told}, {"c": other})["m"].verdict == "none"
    bare = replace(other, emails=(), domains=())
    taken = Candidate("c", bare, taken=True)
    assert _decide({"m": replace(told, emails=())}, {"c": taken})["m"].verdict == "none"
    born = replace(bare, birth_date="1978-11-04")
    relative = _person("Zoe", "Candida", birth_date="2001-05-05", **_HOME)
    assert _decide({"m": relative}, {"c": born})["m"].verdict == "none"


def test_a_record_of_somebody_else_is_no_question() -> None:
    """The one who lives there under the record's own name has it: nobody else is asked about."""
    other = _person("David", "Candida", birth_date="1978-11-04", **_HOME)
    incoming = {"m1": _person("Alysaha", "Hyland", birth_date="1973-12-11", **_HOME), "m2": other}
    decisions = _decide(incoming, {"c": other})
    assert (decisions["m1"].verdict, decisions["m2"].verdict) == ("none", "link")


def test_a_twin_without_the_address_is_a_target_too() -> None:
    """A second Lead with the name, the number and a variant of the company joins the person,
    though an e-mail address decided.
    """
    lead = _person("Anna", "Kowalczyk", phone="+1 212 555 0142", company="Acme Europe")
    assert _decide({"m": replace(ANNA, phones=())}, {"twin": lead, "lead": ANNA})["m"].targets == (
        "lead",
        "twin",
    )


def test_two_equally_good_people_go_to_review() -> None:
    """Two namesakes that fit alike, but are two people, are for a person to decide."""
    place = {"company": "Acme", "city": "Boston"}
    one = _person("Anna", "Kowalczyk", email="a1@acme.com", phone="617 555 0111", **place)
    two = _person("Anna", "Kowalczyk", email="a2@acme.com", phone="617 555 0199", **place)
    crm = {"x": Candidate("x", one, entity="p1"), "y": Candidate("y", two, entity="p2")}
    decision = _decide({"m": _person("Anna", "Kowalczyk", **place)}, crm)["m"]
    assert (decision.verdict, decision.reason) == ("review", "ambiguous")
    assert set(decision.targets) == {"x", "y"}


def test_two_contacts_of_one_person_both_link() -> None:
    """Two MAP contacts of one person do not compete for the record."""
    second = replace(ANNA, emails=("anna.kow@private.org",))
    decisions = _decide({"m1": ANNA, "m2": second}, {"c": ANNA})
    assert {d.verdict for d in decisions.values()} == {"link"}


def test_the_clearly_better_claim_wins() -> None:
    """Of two different people who fit one record, the one with the identifier gets it."""
    known = replace(ANNA, title="buyer")
    stranger = _person("Anna", "Kowalczyk", company="Acme", birth_date="1951-11-29")
    assert _decide({"m2": stranger}, {"c": known})["m2"].verdict == "link"
    incoming = {"m1": replace(known, birth_date="1980-03-04"), "m2": stranger}
    decisions = _decide(incoming, {"c": known})
    assert decisions["m1"].verdict == "link"
    assert decisions["m2"].verdict != "link"


@pytest.fixture(scope="module")
def scene() -> tuple[dict[str, Person], dict[str, list[Candidate]]]:
    """A small generated world with its blocked candidates."""
    world = business(300, seed=3)
    blocks = blocked(world.crm, world.incoming)
    return dict(world.incoming), {
        key: [Candidate(c, world.crm[c]) for c in found] for key, found in blocks.items()
    }


def test_evidence_adds_up(scene: tuple[dict[str, Person], dict[str, list[Candidate]]]) -> None:
    """For every candidate shown, prior and parts sum to the total, and with what rivals take to
    the posterior; all of it is JSON."""
    shown = 0
    for decision in decide(*scene, model=MODEL):
        json.dumps(dict(decision.evidence))
        for one in decision.evidence["candidates"]:
            fields = sum(field["weight"] + field["frequency"] for field in one["fields"])
            extra = one["changed"] + one["near_people"] + one["identifier"] + one["taken"]
            assert one["prior"] + fields + extra == pytest.approx(one["total"], abs=1e-4)
            odds = 2.0 ** (one["total"] + one["rivals"])
            assert odds / (1.0 + odds) == pytest.approx(one["posterior"], abs=1e-5)
            shown += 1
    assert shown > 100


def _plain(decisions: Sequence[Decision]) -> dict[str, object]:
    return {d.incoming: (d.verdict, d.targets, d.reason, round(d.weight, 9)) for d in decisions}


def test_order_decides_nothing(
    scene: tuple[dict[str, Person], dict[str, list[Candidate]]],
) -> None:
    """Shuffled people and candidates give the same decisions."""
    incoming, candidates = scene
    expected = _plain(decide(incoming, candidates, model=MODEL))
    keys = list(incoming)
    for seed in range(3):
        rng = random.Random(seed)
        rng.shuffle(keys)
        mixed = {key: rng.sample(found, len(found)) for key, found in candidates.items()}
        again = decide({key: incoming[key] for key in keys}, mixed, model=MODEL)
        assert _plain(again) == expected


def test_ids_are_never_compared() -> None:
    """An incoming key equal to a record's key is no evidence."""
    other = _person("Sven", "Lindqvist", email="sven@other.org")
    assert _decide({"same": ANNA}, {"same": other})["same"].verdict == "none"


@pytest.mark.parametrize(("link", "review"), [(0.5, 0.6), (1.0, 0.1), (0.9, 0.0)])
def test_thresholds_must_be_ordered(link: float, review: float) -> None:
    """Thresholds that cannot mean anything are refused."""
    with pytest.raises(ValueError, match="thresholds"):
        Thresholds(link=link, review=review)
