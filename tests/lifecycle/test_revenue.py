"""Attribution and revenue: credits are the revenue, to the cent, in every model and currency."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attribution import Model
from lifecycle.periods import Span
from lifecycle.revenue import Revenue
from lifecycle.subjects import Opportunity
from lifecycle.timeline import MomentKind
from mappings.errors import Position
from mappings.money import Money, Rates
from mappings.reporting import Quota, Reporting
from tests.lifecycle.audited import NOW, before, deal, person, touch

RATES = Rates(
    "EUR", {"USD": ((date(2026, 1, 1), Decimal("0.9")), (date(2026, 5, 1), Decimal("0.8")))}
)
EUR = Reporting(zone="Europe/Berlin", currency="EUR", rates=RATES)
SPAN = Span(before(90), NOW, "last-90-days")
FORM, CLICK, CALL = MomentKind.FORM_FILL, MomentKind.EMAIL_CLICK, MomentKind.CALL


def won(name: str, amount: Money | None, *touches: tuple[float, MomentKind, str]) -> Opportunity:
    """A deal opened forty days ago and won yesterday, by these touches."""
    made = tuple(touch(before(ago), name, kind, source) for ago, kind, source in touches)
    one = deal(name, won=True, person_=replace(person(name, came=50), touches=made))
    return replace(one, deal=replace(one.deal, amount=amount))


def counted(*deals: Opportunity, reporting: Reporting = EUR, span: Span = SPAN) -> Revenue:
    """What they come to."""
    revenue = Revenue(reporting, span, NOW)
    for one in deals:
        revenue.add(one)
    return revenue


def credited(revenue: Revenue, model: Model) -> dict[str, str]:
    """What each source is credited with."""
    return {
        str(line["source"]): str(line["credited"])
        for line, _ in revenue.credits()
        if line["model"] == model
    }


THREE = ((60, FORM, "White paper"), (45, CLICK, "News"), (30, CALL, "Demo"))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (Model.FIRST_TOUCH, {"form_fill: White paper": "100.00", "email_click: News": "0.00",
                             "call: Demo": "0.00"}),
        (Model.LAST_TOUCH, {"call: Demo": "100.00", "email_click: News": "0.00",
                            "form_fill: White paper": "0.00"}),
        (Model.LINEAR, {"form_fill: White paper": "33.34", "email_click: News": "33.33",
                        "call: Demo": "33.33"}),
        (Model.U_SHAPED, {"form_fill: White paper": "80.00", "email_click: News": "10.00",
                          "call: Demo": "10.00"}),
        (Model.W_SHAPED, {"form_fill: White paper": "60.00", "email_click: News": "30.00",
                          "call: Demo": "10.00"}),
    ],
)  # fmt: skip
def test_each_model_counted_by_hand(model: Model, expected: dict[str, str]) -> None:
    """A hundred euros over three touches: the paper made the lead, the click the opportunity."""
    assert credited(counted(won("ada", Money(10_000, "EUR"), *THREE)), model) == expected


def test_amounts_are_converted_at_the_rate_of_their_day() -> None:
    """A deal in dollars won in May counts at May's rate; pipeline opened in April at April's."""
    revenue = counted(won("ada", Money(10_000, "USD"), *THREE))
    totals = {line["what"]: line["amount"] for line, _ in revenue.totals()}
    assert (totals["revenue"], totals["pipeline"]) == ("80.00", "90.00")
    assert sum(map(Decimal, credited(revenue, Model.LINEAR).values())) == Decimal(80)


def test_what_cannot_be_converted_is_counted_and_in_no_sum() -> None:
    """A currency without a rate, and a deal without an amount, are named and left out."""
    revenue = counted(won("ada", Money(1, "GBP"), *THREE), won("ben", None, *THREE))
    assert len(revenue.not_converted) == 2
    assert {line["amount"] for line, _ in revenue.totals()} == {"0.00"}


def test_sourced_and_influenced_are_told_apart() -> None:
    """Marketing's first touch sources a deal; a touch before the close influences it; a deal sales
    opened by itself is neither, and credited to nobody."""
    sourced = won("ada", Money(10_000, "EUR"), *THREE)
    influenced = won("ben", Money(5_000, "EUR"), (60, CALL, "Cold"), (20, FORM, "Price list"))
    alone = won("cy", Money(2_500, "EUR"))
    revenue = counted(sourced, influenced, alone)
    lines = {line["what"]: (line["amount"], line["deals"]) for line, _ in revenue.totals()}
    assert lines["revenue"] == ("175.00", 3)
    assert lines["sourced_revenue"] == ("100.00", 1)
    assert lines["influenced_revenue"] == ("150.00", 2)
    assert credited(revenue, Model.FIRST_TOUCH)[""] == "25.00"


def test_quotas_of_the_period_are_held_against_it() -> None:
    """The quota of exactly this month is shown, with marketing's share; another month's is not."""
    at = Position("m.yaml", 1, 1)
    quotas = (
        Quota("2026-05", Money(20_000, "EUR"), Decimal("0.5"), at),
        Quota("2026-04", Money(1, "EUR"), None, at),
    )
    may = Span(before(31, hours=14), before(0, hours=14), "2026-05")
    [line] = counted(
        won("ada", Money(10_000, "EUR"), *THREE), reporting=replace(EUR, quotas=quotas), span=may
    ).quotas()
    assert (line["quota_reached"], line["marketing_quota_reached"]) == (0.5, 1.0)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**9),
            st.sampled_from(["EUR", "USD"]),
            st.lists(
                st.tuples(st.integers(2, 88), st.sampled_from([FORM, CLICK, CALL])), max_size=5
            ),
        ),
        max_size=5,
    )
)
def test_credits_are_the_revenue_to_the_cent(
    deals: list[tuple[int, str, list[tuple[int, MomentKind]]]],
) -> None:
    """Whatever the amounts, currencies and touches: in every model the credits of all sources, with
    what nobody is credited with, are exactly the revenue."""
    revenue = counted(
        *(
            won(f"d{i}", Money(minor, currency), *((ago, kind, f"s{ago % 3}") for ago, kind in own))
            for i, (minor, currency, own) in enumerate(deals)
        )
    )
    whole = next(line["amount"] for line, _ in revenue.totals() if line["what"] == "revenue")
    for model in Model:
        assert sum(map(Decimal, credited(revenue, model).values())) == Decimal(whole)


def test_a_deal_of_tomorrow_is_not_counted_today() -> None:
    """What closes after the moment of the report is in no sum."""
    one = won("ada", Money(10_000, "EUR"), *THREE)
    later = replace(one, deal=replace(one.deal, closed_at=NOW + timedelta(hours=1)))
    assert (
        next(line["deals"] for line, _ in counted(later).totals() if line["what"] == "revenue") == 0
    )
