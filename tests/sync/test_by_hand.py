"""A month of a small company (`tests.sync.month`): every figure of its report, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle.attribution import Model
from mappings.contract import Contract
from tests.sync.month import agreed, told


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """What both teams have agreed on."""
    return agreed(tmp_path_factory.mktemp("agreed"))


@pytest.fixture(scope="module")
def march(contract: Contract) -> dict[str, Any]:
    """The month's report, with everything in it."""
    return told(contract)


def test_the_funnel_of_march(march: dict[str, Any]) -> None:
    """Who entered each stage in March, went on by now, stood there at its end and how long."""
    keys = ("entered", "converted", "conversion", "standing", "stagnant", "days_in_stage_median",
            "days_in_stage_p90")  # fmt: skip
    assert {line["stage"]: tuple(line[key] for key in keys) for line in march["stages"]} == {
        # entered: Ada, Ben, Dot, Eli and Flo (Cy and Gus came in February); all but Dot went on.
        # At the end Dot and Gus stand there, Gus untouched since 10 February. Stays that ended:
        # Ada 2 days, Ben 6, Cy 2 Feb 10:00 to 30 Mar 08:00 = 55.9167; Flo was never only a lead.
        # 90 %: eight tenths of the way from 6 to 55.9167 (place 0.9 * 2 = 1.8 of 0, 1, 2).
        "lead": (5, 4, 0.8, 2, 1, 6.0, 45.9334),
        # Ada, Ben, Cy, Eli, Flo; Ada and Eli went on; Ben, Cy and Flo stand there; Ada stayed a day
        "mql": (5, 2, 0.4, 3, 0, 1.0, 1.0),
        # Ada (15 days, then a customer) and Eli, who stands there
        "working": (2, 1, 0.5, 1, 0, 15.0, 15.0),
        # Ada; nothing lies beyond
        "customer": (1, 0, None, 1, 0, None, None),
    }


def test_the_sources_of_march(march: dict[str, Any]) -> None:
    """The goal is `working`: Eli at once, without an answer to marketing; Ada from 2 to 5 March."""
    assert [
        (line["source"], line["source_reached"], line["source_days_median"])
        for line in march["sources"]
    ] == [("", 1, 0.0), ("form_fill: Price list", 1, 3.0)]


def test_sales_work_of_march(march: dict[str, Any]) -> None:
    """Four were handed over. Ada was called after 24 hours, Cy after 192: on 7 April, within five
    working days of 30 March since Easter has two that are none (the fifth is 8 April). Ben was
    never called by a human being. Flo's fifth day (9 April) is not over."""
    [desk] = march["working"]
    assert {key: desk[key] for key in desk if key not in {"group", "records", "values"}} == {
        "handed_over": 4, "worked": 2, "not_worked": 1, "pending": 1,
        "worked_rate": 0.6667,  # 2 of 3
        "hours_to_first_touch_median": 108.0,  # between 24 and 192
        "attempts_mean": 0.75,  # Ada's two and Cy's one, of four people
    }  # fmt: skip
    assert desk["records"]["pending"] == ["salesforce:Lead:flo"]


def test_sales_promises_of_march(march: dict[str, Any]) -> None:
    """In business hours of Berlin, 9 to 17."""
    found = {
        (line["level"], line["owner"]): (line["kept"], line["broken"], line["running"])
        for line in march["service_levels"]
    }
    assert found == {
        # 4 hours: Ada given 11:00, accepted 13:00; Cy given 10:00 on 30 March and never accepted
        ("accept", "Dana"): (1, 1, 0),
        # Ben never; Flo within the hour
        ("accept", "Eve"): (1, 1, 0),
        # by the end of the next working day: Ada on it; Cy eight days later
        ("touch", "Dana"): (1, 1, 0),
        # neither Ben (the machine's call is none) nor Flo
        ("touch", "Eve"): (0, 2, 0),
        # two attempts in ten days: Ada has both; Cy one, and time until 15 April
        ("attempts", "Dana"): (1, 0, 1),
        # Ben's time was over on 23 March; Flo's runs until 16 April
        ("attempts", "Eve"): (0, 1, 1),
    }


def test_marketings_promise_of_march(march: dict[str, Any]) -> None:
    """Six MQLs were promised, five came: Ada, Ben, Cy, Eli and Flo."""
    [line] = march["promises"]
    assert (line["promised"], line["delivered"], line["share"]) == (6, 5, 0.8333)


def test_the_money_of_march(march: dict[str, Any]) -> None:
    """d1 1,000 EUR; d2 500 USD, 450.00 when it was opened on the 2nd, 400.00 when it was won on the
    15th; d3 100.01 EUR, opened before; d4 has no rate. Ada's first touch was a form before d1; Hal
    was called before he answered; nobody knows whom d3 came from."""
    assert {
        line["what"]: (line["amount"], line["deals"], line["share"]) for line in march["totals"]
    } == {
        "pipeline": ("1450.00", 2, 1.0),
        "sourced_pipeline": ("1000.00", 1, 0.6897),  # 1000 / 1450
        "influenced_pipeline": ("1450.00", 2, 1.0),
        "revenue": ("1500.01", 3, 1.0),
        "sourced_revenue": ("1000.00", 1, 0.6667),  # 1000 / 1500.01
        "influenced_revenue": ("1400.00", 2, 0.9333),  # 1400 / 1500.01
    }
    assert march["not_converted"] == ["salesforce:Opportunity:d4"]
    [quota] = march["quotas"]
    assert quota["quota_reached"] == 0.75  # 1500.01 of 2000
    assert quota["marketing_quota_reached"] == 1.0  # 1000 of half of it


def test_the_credits_of_march(march: dict[str, Any]) -> None:
    """d1's touches: price list (2nd, made the lead of the 4th), two calls (5th, 6th; the second is
    the last before the deal of the 10th), news (12th). d2's: a call (20 February, before the deal),
    demo (8 March). In the order price list, intro, news, cold, demo, nobody."""
    sources = ("form_fill: Price list", "call: Intro", "email_click: News", "call: Cold",
               "form_fill: Demo", "")  # fmt: skip
    found = {
        model.value: [
            next((line["credited"] for line in march["credits"]
                  if (line["model"], line["source"]) == (model, source)), None)
            for source in sources
        ]
        for model in Model
    }  # fmt: skip
    assert found == {
        "first_touch": ["1000.00", "0.00", "0.00", "400.00", "0.00", "100.01"],
        "last_touch": ["0.00", "0.00", "1000.00", "0.00", "400.00", "100.01"],
        "linear": ["250.00", "500.00", "250.00", "200.00", "200.00", "100.01"],
        # the price list is the first touch and made the lead: 80 %; 200.00 over three others leaves
        # two cents over, which go to the first two of them. The cold call is both as well.
        "u_shaped": ["800.00", "133.34", "66.66", "320.00", "80.00", "100.01"],
        # 30 + 30 % to the price list, 30 % to the second call, 5 % to the first and to the news;
        # the cold call is all three, 90 %
        "w_shaped": ["600.00", "350.00", "50.00", "360.00", "40.00", "100.01"],
        # ages at the close 18, 15, 14 and 8 days: 2 to the power of minus a seventh of each is
        # .16824, .22643, .25, .45286 of 1.09754: 153.287, 206.309, 227.784 and 412.619, and the
        # three cents left over go to all but the third; of d2 23 and 7 days: .10255 and .5 of
        # .60255: 68.073 and 331.927
        "time_decay": ["153.29", "434.09", "412.62", "68.07", "331.93", "100.01"],
    }


def test_what_is_stalled_after_march(march: dict[str, Any]) -> None:
    """d4 was touched by nobody since 3 March; it was Dana's."""
    assert [(one["deal"], one["responsible"]) for one in march["stalled"]] == [
        ("salesforce:Opportunity:d4", "Dana")
    ]
