"""Comparisons as ordered levels: pairs to levels, symmetric, nothing counted twice."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.comparisons import COMPARISONS, compare
from matching.normalise import Person

_WORD = st.sampled_from(
    ["", "anna", "ana", "bob", "robert", "smith", "smyth", "van der berg", "li"]
)
_PEOPLE = st.builds(
    Person,
    given=_WORD,
    family=_WORD,
    forms=st.lists(_WORD.filter(bool), max_size=2).map(tuple),
    emails=st.lists(
        st.sampled_from(["a.smith@acme.com", "asmith@acme.com", "asmith@gmail.com", "bob77@x.de"]),
        max_size=2,
    ).map(tuple),
    phones=st.lists(
        st.sampled_from(["+4930901820", "+4930901821", "+12125550101"]), max_size=2
    ).map(tuple),
    weak_phones=st.lists(st.sampled_from(["030901820", "2125550101"]), max_size=1).map(tuple),
    company=st.sampled_from(["", "acme", "acme europe", "other"]),
    domains=st.lists(st.sampled_from(["acme.com", "x.de"]), max_size=1).map(tuple),
    title=st.sampled_from(["", "buyer", "senior buyer", "cto"]),
    street=st.sampled_from(["", "1 main st", "main st 1", "2 oak ave"]),
    city=st.sampled_from(["", "berlin", "berlim", "perth"]),
    postcode=st.sampled_from(["", "10115", "10151", "6000"]),
    birth_date=st.sampled_from(["", "1980-02-01", "1980-01-02", "1980-02-11", "1955-05-05"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_PEOPLE, _PEOPLE), min_size=1, max_size=5))
def test_comparisons_are_symmetric(pairs: list[tuple[Person, Person]]) -> None:
    """Which of two people comes first changes no level and no agreed value."""
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    there, back = compare(left, right), compare(right, left)
    for comparison in COMPARISONS:
        assert there.codes[comparison.name].tolist() == back.codes[comparison.name].tolist()
    assert there.values == back.values


@settings(max_examples=60, deadline=None)
@given(_PEOPLE)
def test_a_person_agrees_with_themselves(person: Person) -> None:
    """No field of one record ever disagrees with itself."""
    codes = compare([person], [person]).codes
    for comparison in COMPARISONS:
        assert codes[comparison.name][0] < len(comparison.levels)


_LEVELS = [
    ("given", Person(given="anna"), Person(given="anna"), "exact"),
    ("given", Person(given="anna"), Person(given="anne"), "typo"),
    ("given", Person(given="bob", forms=("bob", "robert")), Person(given="robert"), "nickname"),
    ("given", Person(given="a"), Person(given="anna"), "partial"),
    ("given", Person(given="kasia"), Person(given="katarzyna"), "initial"),
    ("given", Person(given="anna"), Person(given="peter"), "different"),
    ("given", Person(given="mary", middle="ann"), Person(given="maryann"), "exact"),
    ("family", Person(family="koehler"), Person(family="kohler"), "exact"),
    ("family", Person(family="smith jones"), Person(family="jones"), "part"),
    ("family", Person(family="meier"), Person(family=""), None),
    ("phone", Person(phones=("+4930901820",)), Person(weak_phones=("030901820",)), "national"),
    ("phone", Person(phones=("+4930901820",)), Person(phones=("+4930901829",)), "near"),
    ("email", Person(emails=("k77@a.com",)), Person(emails=("k77@a.com",)), "exact"),
    ("email", Person(emails=("k77@gmail.com",)), Person(emails=("k77@gmail.com",)), "exact_free"),
    ("email", Person(emails=("skater@a.com",)), Person(emails=("skater@b.com",)), "same_local"),
    (
        "email",
        Person(given="jo", family="doe", emails=("jo.doe@a.com",)),
        Person(given="jo", family="doe", emails=("jo.doe@b.com",)),
        "local_from_name",
    ),
    ("birth_date", Person(birth_date="1980-02-01"), Person(birth_date="1980-01-02"), "typo"),
    ("birth_date", Person(birth_date="1980-02-01"), Person(birth_date="1955-05-05"), "different"),
    ("employer", Person(company="acme"), Person(company="acme europe"), "similar_name"),
    ("place", Person(postcode="10115", city="berlin"), Person(city="berlin"), "city"),
    ("street", Person(street="1 main st"), Person(street="main st 1"), "similar"),
]


@pytest.mark.parametrize(("name", "one", "other", "level"), _LEVELS)
def test_pairs_reach_their_level(name: str, one: Person, other: Person, level: str | None) -> None:
    """Each kind of agreement reaches the level named for it; silence reaches none."""
    comparison = next(c for c in COMPARISONS if c.name == name)
    code = int(compare([one], [other]).codes[name][0])
    assert (comparison.levels[code - 1] if code else None) == level


def test_swapped_names_are_compared_crosswise() -> None:
    """Names in each other's column agree, at the price of the swap."""
    codes = compare(
        [Person(given="bianca", family="cobbett")], [Person(given="cobbett", family="bianca")]
    ).codes
    assert (codes["given"][0], codes["family"][0], codes["name_order"][0]) == (1, 1, 2)


def test_swapped_names_may_be_mistyped() -> None:
    """Crosswise, one name may be mistyped and the other cut short."""
    codes = compare(
        [Person(given="erin", family="matthews")], [Person(given="matthe", family="erin")]
    ).codes
    assert (codes["given"][0], codes["family"][0], codes["name_order"][0]) == (4, 1, 2)


def test_one_name_in_the_other_column_is_a_part() -> None:
    """A family name that stands as the other's given name is seen; an initial is not enough."""
    one = [Person(given="lodge", family="adele"), Person(given="li", family="wang")]
    other = [Person(given="gillian", family="lodge"), Person(given="bo", family="li")]
    family = compare(one, other).codes["family"].tolist()
    assert family == [4, 5]


def test_one_address_is_not_also_one_employer() -> None:
    """An equal address at work implies the employer, which is not counted again."""
    person = Person(emails=("k77@acme.com",), domains=("acme.com",), company="acme")
    assert compare([person], [person]).codes["employer"][0] == 0
