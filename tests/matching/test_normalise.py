"""Normalisation: total, idempotent, and silent where a value says nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.records import PersonAttributes
from matching import contact_points, names, text
from matching.normalise import Person, normalise

_TEXT = st.text(max_size=40) | st.from_regex(r"[A-Za-z .,&'-]{1,30}", fullmatch=True)
_FUNCTIONS = [
    text.fold,
    text.words,
    text.street,
    text.postcode,
    text.country,
    text.birth_date,
    text.squash,
    names.letters,
    contact_points.company,
    contact_points.domain,
]


@pytest.mark.parametrize("function", _FUNCTIONS, ids=lambda f: f.__name__)
@settings(max_examples=80, deadline=None)
@given(value=_TEXT)
def test_normalisers_are_idempotent(function: Callable[[str], str], value: str) -> None:
    """Normalising what is normal changes nothing, and no text makes a normaliser fail."""
    once = function(value)
    assert function(once) == once


@settings(max_examples=80, deadline=None)
@given(
    local=st.from_regex(r"[a-z0-9.+]{1,12}", fullmatch=True),
    domain=st.sampled_from(["gmail.com", "acme.co.uk", "x.de"]),
)
def test_email_keys_are_idempotent(local: str, domain: str) -> None:
    """The canonical form of an address is its own canonical form."""
    found = contact_points.email(f"{local}@{domain}")
    assert found is None or contact_points.email(found.key) == found


@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        PersonAttributes,
        given_name=st.none() | _TEXT,
        family_name=st.none() | _TEXT,
        emails=st.lists(_TEXT, max_size=2).map(tuple),
        phones=st.lists(_TEXT, max_size=2).map(tuple),
        company=st.none() | _TEXT,
        website=st.none() | _TEXT,
        street=st.none() | _TEXT,
        birth_date=st.none() | _TEXT,
        country=st.none() | _TEXT,
    )
)
def test_normalising_never_fails_and_survives_json(attributes: PersonAttributes) -> None:
    """Any text whatever becomes a person, and a person comes back from JSON as it was."""
    person = normalise(attributes, region="DE")
    assert Person.from_json(person.to_json()) == person


@pytest.mark.parametrize(
    ("given", "family", "expected"),
    [
        ("Dr. Anna-Maria", "van der Berg", ("annamaria", "", "van der berg")),
        ("Mary Ann", "Smith Jones Jr.", ("mary", "ann", "smith jones")),
        ("Seán", "O'Neil", ("sean", "", "oneil")),
        ("", "Smith, John", ("john", "", "smith")),
        ("John Smith", None, ("john", "", "smith")),
        ("N/A", "[not provided]", ("", "", "")),
        ("User12", "Smith 2", ("user12", "", "smith")),
    ],
)
def test_names_are_taken_apart(
    given: str, family: str | None, expected: tuple[str, str, str]
) -> None:
    """Titles, suffixes and placeholders go, and numbers that are no part of a word; one column
    holding all of a name is parsed."""
    name = names.split(given, family)
    assert (name.given, name.middle, name.family) == expected


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("J.Doe+news@GMail.com", "jdoe@gmail.com"),
        ("j.doe@googlemail.com", "jdoe@gmail.com"),
        ("J.Doe+crm@acme.com ", "j.doe@acme.com"),
        ("<jo@acme.de>", "jo@acme.de"),
    ],
)
def test_email_has_one_canonical_form(raw: str, key: str) -> None:
    """Case, plus-tags and Gmail's dots do not make another mailbox."""
    found = contact_points.email(raw)
    assert found is not None
    assert found.key == key


@pytest.mark.parametrize(
    "raw",
    ["", "n/a", "test@test.com", "none@none.com", "noemail@noemail.com", "no at sign", "@", "a@b"],
)
def test_placeholder_addresses_are_no_keys(raw: str) -> None:
    """What people type to get past a required field names nobody."""
    person = normalise(PersonAttributes(emails=(raw,)))
    assert person.emails == ()
    assert person.role_emails == ()


def test_role_addresses_name_a_company_only() -> None:
    """info@acme.com is no evidence of a person, yet of where the person works."""
    person = normalise(PersonAttributes(emails=("info@mail.acme.co.uk",)))
    assert person.emails == ()
    assert person.domains == ("acme.co.uk",)


def test_free_mail_names_no_company() -> None:
    """An address at Gmail is a person's key and no employer's."""
    person = normalise(PersonAttributes(emails=("jo.doe@gmail.com",)))
    assert person.emails == ("jodoe@gmail.com",)
    assert person.domains == ()


@pytest.mark.parametrize("raw", ["000", "1111111", "0000000000", "1234567890", "n/a", "12"])
def test_filler_numbers_are_no_keys(raw: str) -> None:
    """Numbers nobody has are nobody's evidence."""
    person = normalise(PersonAttributes(phones=(raw,)), region="US")
    assert (person.phones, person.weak_phones) == ((), ())


@pytest.mark.parametrize(
    ("attributes", "region"),
    [
        (PersonAttributes(phones=("030 901820",), country="Germany"), None),
        (PersonAttributes(phones=("030/90 18 20",), emails=("a.b@acme.de",)), "US"),
        (PersonAttributes(phones=("0049 30 901820",), country="DE"), "US"),
        (PersonAttributes(phones=("+49 (30) 901820 ext. 5",)), None),
    ],
)
def test_phone_region_comes_from_the_record(
    attributes: PersonAttributes, region: str | None
) -> None:
    """Country, then state, then the employer's top-level domain, then the owner's region."""
    assert normalise(attributes, region=region).phones == ("+4930901820",)


def test_phone_without_country_stays_a_weak_key() -> None:
    """Digits whose country nobody told are kept, and not taken for a full number."""
    person = normalise(PersonAttributes(phones=("030 901820",)))
    assert (person.phones, person.weak_phones) == ((), ("030901820",))


@pytest.mark.parametrize(
    "raw", ["Acme Holdings, Inc.", "ACME HOLDINGS", "The Acme Holding Corp", "acme"]
)
def test_company_forms_are_one_name(raw: str) -> None:
    """Legal forms and case do not make another company."""
    assert contact_points.company(raw) == "acme"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1980-02-01", "1980-02-01"),
        ("19800201", "1980-02-01"),
        ("1980-02-01T00:00:00Z", "1980-02-01"),
        ("13.02.1980", "1980-02-13"),
        ("1.2.80", "1980-02-01"),
        ("1/2/1980 00:00", "1980-02-01"),
        ("1 Feb 1980", "1980-02-01"),
        ("February 1st, 1980", "1980-02-01"),
        ("01-FEB-80", "1980-02-01"),
        ("1. Februar 1980", "1980-02-01"),
        ("1 de febrero de 1980", "1980-02-01"),
        ("15 juillet 1950", "1950-07-15"),
        ("1970-01-01", ""),
        ("yesterday", ""),
    ],
)
def test_birth_dates_are_read(raw: str, expected: str) -> None:
    """Dates in the usual shapes are one date; the ones software fills in are none."""
    assert text.birth_date(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("1980-02-01", "1980-02-01"),
        ("1980", "1980-00-00"),
        ("abt 1790", "1790-00-00"),
        ("c. 1790?", "1790-00-00"),
        ("Mar 1980", "1980-03-00"),
        ("03/1980", "1980-03-00"),
        ("13/1980", ""),
        ("Foo 1980", ""),
        ("1490", ""),
        ("12", ""),
    ],
)
def test_vague_dates_are_read(raw: str, expected: str) -> None:
    """Of a year or a month alone what is missing is nought, whatever is read again stays."""
    assert text.vague_date(raw) == expected
    assert text.vague_date(expected) == expected
    assert text.birth_date(raw) in {expected, ""}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Am Markt 5, 10115 Berlin", ("Am Markt 5", "10115", "Berlin", "")),
        ("12 Main St, Seattle, WA 98101", ("12 Main St", "98101", "Seattle", "WA")),
        ("12 Main St, Apt 4, Seattle WA, 98101", ("12 Main St Apt 4", "98101", "Seattle", "WA")),
        ("1 High St, Leeds LS1 4AP", ("1 High St", "LS1 4AP", "Leeds", "")),
        ("Dorpsstraat 3; 1012 AB Amsterdam", ("Dorpsstraat 3", "1012 AB", "Amsterdam", "")),
        ("Am Markt 5\nD-10115 Berlin\nDeutschland", ("Am Markt 5", "10115", "Berlin", "")),
        ("12 High Street, Flat 2", ("12 High Street Flat 2", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_addresses_in_one_line_are_taken_apart(raw: str, expected: tuple[str, ...]) -> None:
    """Street, postcode, town and state, in the order of several countries; without a postcode
    behind a comma all of it is street."""
    found = text.address(raw)
    assert (found.street, found.postcode, found.town, found.state) == expected


def test_nicknames_are_tied_to_full_names() -> None:
    """Bob may be Robert; an initial may be anybody and is tied to nothing."""
    assert "robert" in names.forms("bob")
    assert "francisco" in names.forms("paco")
    assert names.forms("r") == ()
