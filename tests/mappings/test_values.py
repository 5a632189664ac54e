"""Values: one canonical form for both vendors' spellings, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.fieldmap import ValueType
from mappings.records import Json
from mappings.values import canonical, comparable, equal, is_valid, to_vendor

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.text(max_size=30),
    st.dates().map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.integers(-(10**14), 10**14).map(str),
)
TYPES = st.sampled_from(ValueType)

SPELLINGS: list[tuple[ValueType, Json, Json]] = [
    (ValueType.TEXT, " Anna ", "Anna"),
    (ValueType.TEXT, "Main St 1\r\nFloor 2", "Main St 1\nFloor 2"),
    (ValueType.TEXT, "Zoe\u0308", "Zoë"),
    (ValueType.TEXT, "", None),
    (ValueType.TEXT, "   ", None),
    (ValueType.EMAIL, "Anna@Example.COM", "anna@example.com"),
    (ValueType.NUMBER, "1000", 1000.0),
    (ValueType.NUMBER, "1e3", 1000),
    (ValueType.NUMBER, "0.50", 0.5),
    (ValueType.NUMBER, "-0", 0),
    (ValueType.CURRENCY, "12000.10", 12000.1),
    (ValueType.BOOLEAN, "true", True),
    (ValueType.BOOLEAN, "false", False),
    (ValueType.BOOLEAN, None, False),
    (ValueType.DATE, "2026-03-31", "2026-03-31"),
    (ValueType.DATE, "1774915200000", "2026-03-31"),
    (ValueType.DATE, "-315619200000", "1960-01-01"),
    (ValueType.DATE, "2026-03-31T23:59:59.000+0000", "2026-03-31"),
    (ValueType.DATETIME, "2021-12-02T18:23:39.000+0000", "2021-12-02T18:23:39.123Z"),
    (ValueType.DATETIME, "1638469419000", "2021-12-02T18:23:39.000+0000"),
    (ValueType.DATETIME, "2021-12-02T19:23:39+01:00", "2021-12-02T18:23:39Z"),
    (ValueType.MULTIPICKLIST, "b;a;;a", "a;b"),
    (ValueType.MULTIPICKLIST, ["b", "a"], "a;b"),
    (ValueType.PHONE, "+1 (415) 555-2671", "+14155552671"),
    (ValueType.PHONE, "(415) 555-2671", "415.555.2671"),
    (ValueType.URL, "https://Example.com/", "example.com"),
]


@pytest.mark.parametrize(("kind", "one", "other"), SPELLINGS)
def test_two_spellings_of_a_value_are_equal(kind: ValueType, one: Json, other: Json) -> None:
    """Both vendors' spellings of one value compare equal, in either order."""
    assert equal(one, other, kind)
    assert equal(other, one, kind)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (ValueType.TEXT, "anna", "Anna"),
        (ValueType.NUMBER, "1", "1.01"),
        (ValueType.DATE, "2026-03-31T23:59:59Z", "2026-04-01"),
        (ValueType.DATETIME, "2021-12-02T18:23:39Z", "2021-12-02T18:23:40Z"),
        (ValueType.BOOLEAN, None, True),
        (ValueType.PHONE, "+14155552671", "+14155552672"),
        (ValueType.PHONE, "+14155552671 ext. 5", "+14155552671"),
        (ValueType.URL, "example.com/a", "example.com/A"),
        (ValueType.MULTIPICKLIST, "a;b", "a"),
    ],
)
def test_different_values_stay_different(kind: ValueType, one: Json, other: Json) -> None:
    """Canonical forms do not blur values that differ."""
    assert not equal(one, other, kind)


def test_a_region_reads_national_phones() -> None:
    """With the pair's country, a national number equals its international form."""
    assert equal("030 901820", "+4930901820", ValueType.PHONE, region="DE")
    assert not equal("030 901820", "+4930901820", ValueType.PHONE)


@given(ANYTHING, TYPES)
def test_canonical_is_idempotent_and_total(value: Json, kind: ValueType) -> None:
    """Whatever the vendor sends, canonical answers, and a second time changes nothing."""
    once = canonical(value, kind)
    assert canonical(once, kind) == once
    assert once is None or isinstance(once, str | bool)


@given(ANYTHING, TYPES, st.sampled_from(["hubspot", "salesforce"]))
def test_what_is_written_reads_back_equal(value: Json, kind: ValueType, system: str) -> None:
    """A value sent to either vendor and read back is the same value: no echo of our own writes."""
    assert equal(to_vendor(value, kind, system), value, kind)


@given(ANYTHING, TYPES)
def test_a_value_survives_the_round_trip_through_both_vendors(value: Json, kind: ValueType) -> None:
    """MAP to CRM to MAP is no change."""
    there = to_vendor(value, kind, "hubspot")
    back = to_vendor(to_vendor(there, kind, "salesforce"), kind, "hubspot")
    assert equal(back, value, kind)


@given(ANYTHING, ANYTHING, TYPES)
def test_equality_is_symmetric_and_agrees_with_comparable(
    one: Json, other: Json, kind: ValueType
) -> None:
    """Equal is symmetric, and equal values have one comparable form, so hashes can stand in."""
    assert equal(one, other, kind) == equal(other, one, kind)
    assert equal(one, other, kind) == (comparable(one, kind) == comparable(other, kind))


@given(st.text(max_size=20), TYPES)
def test_hubspot_is_sent_nothing_but_strings(value: str, kind: ValueType) -> None:
    """HubSpot values are strings, "" clears (FACTS section 2)."""
    assert isinstance(to_vendor(value, kind, "hubspot"), str)
    assert to_vendor(None, kind, "hubspot") == ""


def test_salesforce_is_sent_natives() -> None:
    """Numbers are numbers, checkboxes booleans, datetimes Salesforce's form, blank is null."""
    assert to_vendor("1000.0", ValueType.NUMBER, "salesforce") == 1000
    assert isinstance(to_vendor("1000.0", ValueType.NUMBER, "salesforce"), int)
    assert to_vendor("0.5", ValueType.CURRENCY, "salesforce") == 0.5
    assert to_vendor("false", ValueType.BOOLEAN, "salesforce") is False
    assert to_vendor("", ValueType.BOOLEAN, "salesforce") is False
    assert to_vendor("", ValueType.TEXT, "salesforce") is None
    sent = to_vendor("1638469419000", ValueType.DATETIME, "salesforce")
    assert sent == "2021-12-02T18:23:39.000+0000"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("many", ValueType.NUMBER),
        ("1e999999", ValueType.NUMBER),
        ("NaN", ValueType.CURRENCY),
        ("perhaps", ValueType.BOOLEAN),
        ("31.03.2026", ValueType.DATE),
        ("2026-02-30", ValueType.DATE),
        ("yesterday", ValueType.DATETIME),
        ("no address", ValueType.EMAIL),
    ],
)
def test_what_is_not_of_its_type_is_kept_and_known(value: str, kind: ValueType) -> None:
    """A value that cannot be read stays as it is, and is_valid says so."""
    assert canonical(value, kind) == value
    assert not is_valid(value, kind)
    assert is_valid(None, kind)
