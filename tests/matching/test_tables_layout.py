"""Which columns are compared as what: headers in many fashions, then the values."""

from __future__ import annotations

import pytest

from matching.tables.layout import lay_out
from matching.tables.roles import profile, role_of


@pytest.mark.parametrize(
    ("role", "headers"),
    [
        ("given", "first_name GivenName Vorname prénom fname_c1 applicant_first_name PERNAME1"),
        ("family", "surname Last-Name Nachname Kunde_Nachname lname_c1 apellidos cognome"),
        ("postcode", "postcode zip ZipCode PLZ Kunde_PLZ mailing_address_zipcode postcode_fake"),
        ("city", "city suburb Ort ville mailing_address_city"),
        ("birth_date", "dob date_of_birth Geburtsdatum patient_dob DateOfBirth"),
        ("code", "soc_sec_id ssn"),
        ("given", "Vornamen Person:_First_Name_(required)"),
        ("family", "person.name.last Familienname"),
        ("street", "Q7_ADDRESS_TXT Dwelling"),
        ("email", "E-Mail-Adresse_[geschäftlich]"),
        ("birth_date", "geb._am D.O.B."),
        ("", "employer_city mother_name last_modified old_address wages birth_place file_name"),
    ],
)
def test_headers_are_recognised(role: str, headers: str) -> None:
    """The usual names in several languages and spellings; what is somebody else's is not taken."""
    assert {header: role_of(header) for header in headers.split()} == dict.fromkeys(
        headers.split(), role
    )


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("date", ["1980-02-01", "1.3.1990", "2001-12-24"]),
        ("date", ["1790", "abt 1801", "12 Mar 1812"]),
        ("number", ["12.5", "7", "1800", "3.25"]),
        ("code", ["10293847", "56473829", "11223344"]),
        ("code", ["AB-1234", "XK-9921", "QT-0007"]),
        ("word", ["London", "Leeds", "York", "Bath"]),
        ("text", ["red wool scarf", "blue linen shirt", "green hat with feather"]),
        ("category", ["a", "b"] * 60),
        ("", ["", " "]),
    ],
)
def test_values_tell_the_kind(kind: str, values: list[str]) -> None:
    """A column nobody knows is compared by what its values look like."""
    assert profile(values) == kind


def test_one_fact_is_one_field() -> None:
    """A birth date in pieces, a street in pieces and a whole name beside its parts are one field
    each."""
    headers = "full_name first_name surname by bm bd street_number street_name unit zip city state"
    table = {name: ["x y"] for name in headers.split()}
    assert [one.name for one in lay_out(table, None)] == [
        "given", "family", "middle", "birth_date", "street", "place",
    ]  # fmt: skip


def test_columns_meet_by_meaning() -> None:
    """Two tables with other headers share fields; what one of them lacks is not compared."""
    left = {"first_name": ["a"], "zip": ["1"], "sex": ["f"], "shoe": ["42"]}
    right = {"Vorname": ["a"], "PLZ": ["1"], "Shoe": ["42"], "employer_city": ["b"]}
    found = {one.name: one for one in lay_out(left, right)}
    assert {"given", "place", "shoe"} <= set(found)
    assert "sex" not in found
    assert found["given"].right["given"] == ("Vorname",)


def test_the_user_is_believed() -> None:
    """A role or a kind that is told goes before what a header or values say."""
    table = {"nick": ["ann", "bob"], "born": ["x", "y"]}
    found = {
        one.name: one.kind
        for one in lay_out(table, None, roles={"nick": "given"}, kinds={"born": "text"})
    }
    assert found["given"] == "given"
    assert found["born"] == "text"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (["Ada Ash", "Ben Oak", "Cleo Elm"], "given"),
        (["Ash Ltd", "Oak & Sons Inc", "Elm GmbH"], "employer"),
        (["the old mill house of ash", "a blue door 7", "elm"], "label"),
    ],
)
def test_a_name_is_whose_it_looks(values: list[str], field: str) -> None:
    """`name` holds people, companies or things, by its values."""
    assert field in {one.name for one in lay_out({"name": values}, None)}


def test_a_name_beside_other_names_is_kept() -> None:
    """Of several columns called `name` those that hold people stay names; the others are texts."""
    table = {"name": ["Ada Ash", "Ben Oak"], "name_2": ["x", "y"]}
    found = {one.name: one for one in lay_out(table, None)}
    assert found["given"].left == {"name": ("name",)}
    assert found["label"].left == {"label": ("name_2",)}


@pytest.mark.parametrize(
    ("headers", "row", "given", "family"),
    [
        ("Vorname Name", "Ada Ash", {"given": ("Vorname",)}, {"family": ("Name",)}),
        ("name surname", "Ada Ash", {"given": ("name",)}, {"family": ("surname",)}),
        ("name surname", "Ada_Ash Ash", {"name": ("name",)}, {"name": ("name",)}),
        ("Mitglied Ort", "Ada_Ash Ulm", {"name": ("Mitglied",)}, {"name": ("Mitglied",)}),
    ],
)
def test_a_name_completes_what_is_beside_it(
    headers: str, row: str, given: dict[str, tuple[str]], family: dict[str, tuple[str]]
) -> None:
    """`Name` beside a given name is the family name, beside a family name the given name, unless it
    holds both; members are people where their cells are."""
    cells = [cell.replace("_", " ") for cell in row.split()]
    table = {name: [cell] for name, cell in zip(headers.split(), cells, strict=True)}
    found = {one.name: one for one in lay_out(table, None)}
    assert given.items() <= found["given"].left.items()
    assert family.items() <= found["family"].left.items()


def test_customers_by_number_are_no_names() -> None:
    """A column that could hold people holds what it holds."""
    (found,) = lay_out({"customer": ["K-1001", "K-1002", "K-1003"]}, None)
    assert (found.name, found.kind) == ("customer", "code")


def test_years_beside_days_are_one_fact() -> None:
    """A column of years that are those of another column's days is read where the day is missing;
    other years are a fact of their own."""
    days = ["3 Mar 1790", "4 May 1801", "5 Jul 1802", ""]
    table = {"date": days, "year": ["1790", "", "1802", "1812"]}
    (found,) = lay_out(table, None)
    assert found.left == {"value": ("date",), "birth_year": ("year",)}
    table = {"date": days, "year": ["1840", "1850", "1860", "1870"]}
    assert [one.name for one in lay_out(table, None)] == ["date", "year"]


def test_an_address_in_one_cell_is_street_and_place() -> None:
    """Where no column has the town, cells with street, postcode and town make both fields; a street
    with commas makes none of it."""
    found = {f.name: f for f in lay_out({"Anschrift": ["Am Markt 5, 10115 Berlin"]}, None)}
    assert found["place"].left == found["street"].left == {"address": ("Anschrift",)}
    plain = {f.name: f for f in lay_out({"address": ["12 High Street, Flat 2"]}, None)}
    assert plain["street"].left == {"street": ("address",)}
    assert "place" not in plain
