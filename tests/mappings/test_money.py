"""Money: minor units, exact shares, dated rates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.money import Money, Rates, allocate

WEIGHTS = st.lists(st.fractions(min_value=0, max_value=10_000), max_size=30)


@pytest.mark.parametrize(
    ("value", "currency", "minor"),
    [
        ("12.5", "EUR", 1250),
        (12.5, "EUR", 1250),
        ("0.125", "EUR", 12),
        ("0.135", "EUR", 14),
        ("1500", "JPY", 1500),
        ("1.2345", "KWD", 1234),
        (-3, "USD", -300),
        (" 7 ", "USD", 700),
    ],
)
def test_amounts_become_minor_units(value: object, currency: str, minor: int) -> None:
    """Text and numbers alike, rounded half to even at the currency's own last digit."""
    assert Money.parse(value, currency) == Money(minor, currency)


@pytest.mark.parametrize("value", ["", None, "n/a", "NaN", "Infinity", "1e40", "x"])
def test_what_is_no_amount_is_none(value: object) -> None:
    """Blanks, words, infinities and absurd sizes count as no amount, not as zero."""
    assert Money.parse(value, "EUR") is None


def test_money_reads_as_people_write_it() -> None:
    """With separators for people, plain for vendors, with the currency's own digits."""
    assert str(Money(123456789, "EUR")) == "1,234,567.89 EUR"
    assert str(Money(1500, "JPY")) == "1,500 JPY"
    assert Money(123456789, "EUR").text == "1234567.89"


@given(st.integers(-(10**12), 10**12), WEIGHTS.filter(bool))
def test_shares_add_up_to_the_whole(total: int, weights: list[Fraction]) -> None:
    """Not a cent is lost or made, and nobody is more than one unit off their exact share."""
    shares = allocate(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        exact = Fraction(total) * (weight / whole if whole else Fraction(1, len(weights)))
        assert abs(share - exact) < 1


@given(st.integers(0, 10**9), WEIGHTS.filter(bool))
def test_no_weight_no_share(total: int, weights: list[Fraction]) -> None:
    """Who contributed nothing gets nothing, as long as somebody contributed."""
    if any(weights):
        zero = [s for s, w in zip(allocate(total, weights), weights, strict=True) if not w]
        assert not any(zero)


def test_nothing_to_share_among() -> None:
    """No weights, no shares."""
    assert allocate(100, []) == []


def test_left_over_cents_go_to_the_first_of_equals() -> None:
    """A third each of one euro: the odd cent has a fixed place."""
    assert allocate(100, [Fraction(1)] * 3) == [34, 33, 33]


RATES = Rates(
    "EUR",
    {
        "USD": [(date(2026, 1, 1), Decimal("0.90")), (date(2026, 6, 1), Decimal("0.85"))],
        "JPY": [(date(2026, 1, 1), Decimal("0.0061"))],
    },
)


@pytest.mark.parametrize(
    ("money", "on", "expected"),
    [
        (Money(10_000, "USD"), date(2026, 3, 1), Money(9_000, "EUR")),
        (Money(10_000, "USD"), date(2026, 6, 1), Money(8_500, "EUR")),
        (Money(10_000, "JPY"), date(2026, 6, 1), Money(6_100, "EUR")),
        (Money(1, "EUR"), date(1999, 1, 1), Money(1, "EUR")),
        (Money(10_000, "USD"), date(2025, 12, 31), None),
        (Money(10_000, "CHF"), date(2026, 3, 1), None),
    ],
)
def test_rates_are_those_of_the_day(money: Money, on: date, expected: Money | None) -> None:
    """The latest quote on or before the day; before the first and without one there is none."""
    assert RATES.convert(money, on) == expected
