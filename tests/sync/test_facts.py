"""What the CRM knows about a person: one definition, whatever order the records come in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.fieldmap import OutcomeFact
from mappings.records import Json, Record, Side
from sync.facts import choose_order, facts_of
from tests.sync.simulation import AT, record
from tests.sync.world import preset

USERS = {"005A": ("Rita Rep", "rita@example.com")}


def opportunity(number: int, stage: str = "Prospecting", **fields: Json) -> Record:
    """An open opportunity, modified `number` hours after the start."""
    own = record(
        preset(),
        Side.CRM,
        "Opportunity",
        f"006{number}",
        **{"StageName": stage, "IsClosed": False, "IsWon": False, **fields},
    )
    return replace(own, modified_at=AT + timedelta(hours=number))


def won(number: int, day: str, amount: Json) -> Record:
    """A won opportunity."""
    closed = {"IsClosed": True, "IsWon": True, "CloseDate": day, "Amount": amount}
    return opportunity(number, "Closed Won", **closed)


def crm(object_name: str, record_id: str, **fields: Json) -> Record:
    """A CRM person."""
    return record(preset(), Side.CRM, object_name, record_id, **fields)


def known(*opportunities: Record, records: tuple[Record, ...] = ()) -> dict[OutcomeFact, Json]:
    """Facts of a Contact with these opportunities."""
    people = records or (crm("Contact", "0031", OwnerId="005A"),)
    return facts_of(people, (), opportunities, USERS)


def test_nobody_in_the_crm_knows_nothing() -> None:
    """Without a CRM record every fact is blank, and every fact is there."""
    assert facts_of((), (), (opportunity(1),), USERS) == dict.fromkeys(OutcomeFact)


def test_the_open_opportunity_modified_last_is_shown() -> None:
    """An open one goes before any closed one; of several open ones the one modified last."""
    facts = known(
        opportunity(1, "Qualification"),
        opportunity(3, "Prospecting", Amount=10),
        won(9, "2026-01-05", 5),
    )
    assert facts[OutcomeFact.OPPORTUNITY_STAGE] == "Prospecting"
    assert facts[OutcomeFact.OPPORTUNITY_OUTCOME] == "open"
    assert facts[OutcomeFact.OPPORTUNITY_AMOUNT] == "10"


def test_of_closed_ones_the_latest_close_date_is_shown() -> None:
    """Won or lost, the last one to close tells how it ended."""
    lost = opportunity(1, "Closed Lost", IsClosed=True, CloseDate="2026-03-01")
    facts = known(won(9, "2026-02-01", 100), lost)
    assert facts[OutcomeFact.OPPORTUNITY_OUTCOME] == "lost"
    assert facts[OutcomeFact.CLOSE_DATE] == "2026-03-01"


def test_revenue_is_the_sum_of_what_was_won() -> None:
    """Exactly, in decimals; customer since the first one; lost ones count for nothing."""
    lost = opportunity(5, "Closed Lost", IsClosed=True, CloseDate="2025-01-01", Amount=999)
    facts = known(
        won(1, "2026-02-01", 0.1), won(2, "2026-01-15", 0.2), won(3, "2026-03-01", None), lost
    )
    assert facts[OutcomeFact.TOTAL_REVENUE] == "0.3"
    assert facts[OutcomeFact.WON_COUNT] == "3"
    assert facts[OutcomeFact.CUSTOMER_SINCE] == "2026-01-15"


def test_amounts_of_different_currencies_are_not_added() -> None:
    """One currency has a sum, in its own minor units; two have none without rates."""
    yen = [won(n, "2026-02-01", 150) for n in (1, 2)]
    yen = [replace(r, fields={**r.fields, "CurrencyIsoCode": "JPY"}) for r in yen]
    assert known(*yen)[OutcomeFact.TOTAL_REVENUE] == "300"
    euro = won(3, "2026-02-01", 100)
    euro = replace(euro, fields={**euro.fields, "CurrencyIsoCode": "EUR"})
    facts = known(*yen, euro)
    assert (facts[OutcomeFact.TOTAL_REVENUE], facts[OutcomeFact.WON_COUNT]) == (None, "3")


def test_nothing_won_is_blank_not_zero() -> None:
    """A fact nobody knows is blank: marketing segments on "is known"."""
    facts = known(opportunity(1))
    for fact in (OutcomeFact.TOTAL_REVENUE, OutcomeFact.WON_COUNT, OutcomeFact.CUSTOMER_SINCE):
        assert facts[fact] is None
    assert known(won(1, "2026-02-01", None))[OutcomeFact.TOTAL_REVENUE] is None


def test_the_owner_is_named_where_the_user_is_known() -> None:
    """Name and address; an unknown user leaves both blank."""
    assert known()[OutcomeFact.OWNER_NAME] == "Rita Rep"
    facts = known(records=(crm("Contact", "0031", OwnerId="005X"),))
    assert (facts[OutcomeFact.OWNER_NAME], facts[OutcomeFact.OWNER_EMAIL]) == (None, None)


def test_lead_status_comes_from_the_lead_even_after_conversion() -> None:
    """The live Lead's status first; without one, that of the Lead converted last."""
    contact = crm("Contact", "0031")
    lead = crm("Lead", "00Q1", Status="Working")
    converted = crm("Lead", "00Q2", Status="Closed - Converted")
    assert facts_of((contact, lead), (converted,), (), {})[OutcomeFact.LEAD_STATUS] == "Working"
    assert facts_of((contact,), (converted,), (), {})[OutcomeFact.LEAD_STATUS] == (
        "Closed - Converted"
    )
    assert facts_of((contact,), (), (), {})[OutcomeFact.LEAD_STATUS] is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (crm("Contact", "0039"), crm("Lead", "00Q1")),
        (crm("Lead", "00Q9"), crm("Lead", "00Q1", IsConverted=True)),
        (
            crm("Lead", "00Q9", LastActivityDate="2026-02-02"),
            crm("Lead", "00Q1", LastActivityDate="2026-02-01"),
        ),
        (crm("Lead", "00Q9", LastActivityDate="2020-01-01"), crm("Lead", "00Q1")),
        (
            replace(crm("Lead", "00Q9"), created_at=AT - timedelta(days=1)),
            replace(crm("Lead", "00Q1"), created_at=AT),
        ),
        (crm("Lead", "00Q1"), crm("Lead", "00Q2")),
    ],
)
def test_which_record_is_written_first(better: Record, worse: Record) -> None:
    """DESIGN 7: the Contact, the open Lead, the latest activity, the oldest; ids decide last."""
    assert choose_order([worse, better])[0] == better
    assert choose_order([better, worse])[0] == better


def test_an_open_opportunity_makes_a_contact_the_first() -> None:
    """Of two Contacts the one with an open opportunity, before any activity."""
    busy = crm("Contact", "0039")
    idle = crm("Contact", "0031", LastActivityDate="2026-02-02")
    assert choose_order([idle, busy], {"0039": 1})[0] == busy


@given(st.permutations(range(6)), st.permutations(range(5)))
def test_row_order_decides_nothing(people: list[int], deals: list[int]) -> None:
    """Law 14: whatever order records and opportunities come in, order and facts are the same."""
    records = [
        crm("Lead", "00Q1", Status="New"),
        crm("Lead", "00Q2", LastActivityDate="2026-02-02"),
        crm("Lead", "00Q3", IsConverted=True),
        crm("Contact", "0031", OwnerId="005A"),
        crm("Contact", "0032", LastActivityDate="2026-01-01"),
        crm("Contact", "0033", LastActivityDate="2026-01-01"),
    ]
    opportunities: list[Any] = [
        opportunity(1),
        replace(opportunity(2, "Qualification"), modified_at=AT),
        won(3, "2026-02-01", "12.5"),
        won(4, "2026-02-01", 7),
        opportunity(5, "Closed Lost", IsClosed=True, CloseDate="2026-02-01"),
    ]
    ordered = choose_order([records[i] for i in people])
    assert ordered == choose_order(records)
    facts = facts_of(ordered, (), [opportunities[i] for i in deals], USERS)
    assert facts == facts_of(ordered, (), opportunities, USERS)
