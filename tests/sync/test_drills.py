"""Every metric can be drilled, and parts sum to the whole, on a month reckoned by hand elsewhere.

What `--records` names, taken alone, gives each figure again; a metric of docs/metrics.md without
such a drill fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from statistics import median, quantiles
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attribution import Model
from lifecycle.metrics import METRICS, rate
from lifecycle.subjects import Subject
from mappings.contract import Contract
from sync.reporting_words import By, Kind
from tests.sync.month import DANA, DEALS, EVE, PEOPLE, agreed, at, deal, told

Pairs = Iterable[tuple[Any, Any]]
"""Figures beside what their records give."""


def _named(part: str, metric: str) -> Callable[[dict[str, Any]], Pairs]:
    """A count: as many as are named."""
    return lambda found: ((one[metric], len(one["records"][metric])) for one in found[part])


def _of_values(
    part: str, metric: str, key: str, reckon: Callable[[list[Any]], Any]
) -> Callable[[dict[str, Any]], Pairs]:
    """A figure of a line with several: reckoned from the values under `key`."""
    return lambda found: (
        (one[metric], reckon([v["value"] for v in one["values"][key]])) for one in found[part]
    )


def _share(part: str, metric: str, of: str, *among: str) -> Callable[[dict[str, Any]], Pairs]:
    """A share of those named under `of` among those named under all of `among`; blank where
    nothing lies beyond."""
    return lambda found: (
        (
            one[metric],
            rate(len(one["records"][of]), sum(len(one["records"][name]) for name in among)),
        )
        for one in found[part]
        if one.get("stage") != "customer"
    )


def _sum(values: Iterable[dict[str, Any]]) -> Decimal:
    return sum((Decimal(one["value"]) for one in values), Decimal())


def _money(prefix: str, *ends: str) -> Callable[[dict[str, Any]], Pairs]:
    """An amount: what each deal adds to it."""
    return lambda found: (
        (Decimal(one["amount"]), _sum(one["values"]))
        for one in found["totals"]
        if one["what"] in {f"{prefix}{end}" for end in ends}
    )


def _credits(*, nobody: bool) -> Callable[[dict[str, Any]], Pairs]:
    return lambda found: (
        (Decimal(one["credited"]), _sum(one["values"]))
        for one in found["credits"]
        if bool(one["source"]) is not nobody
    )


def _won(found: dict[str, Any], what: str) -> Decimal:
    return _sum(v for one in found["totals"] if one["what"] == what for v in one["values"])


def _ninetieth(values: list[float]) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return round(quantiles(values, n=10, method="inclusive")[8], 4)


def _middle(values: list[float]) -> float | None:
    return round(median(values), 4) if values else None


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _shares_of_revenue(found: dict[str, Any]) -> Pairs:
    [line] = [one for one in found["totals"] if one["what"] == "sourced_revenue"]
    yield line["share"], round(float(_sum(line["values"]) / _won(found, "revenue")), 4)


def _in_no_sum(found: dict[str, Any]) -> set[str]:
    return {one.deal.key for one in DEALS} - {r for one in found["totals"] for r in one["records"]}


DRILLS: dict[str, Callable[[dict[str, Any]], Pairs]] = {
    "entered": _named("stages", "entered"),
    "converted": _named("stages", "converted"),
    "conversion": _share("stages", "conversion", "converted", "entered"),
    "standing": _named("stages", "standing"),
    "stagnant": _named("stages", "stagnant"),
    "days_in_stage_median": _of_values("stages", "days_in_stage_median", "days_in_stage", _middle),
    "days_in_stage_p90": _of_values("stages", "days_in_stage_p90", "days_in_stage", _ninetieth),
    "source_reached": lambda found: (
        (one["source_reached"], len(one["values"])) for one in found["sources"]
    ),
    "source_days_median": lambda found: (
        (one["source_days_median"], _middle([v["value"] for v in one["values"]]))
        for one in found["sources"]
    ),
    "handed_over": _named("working", "handed_over"),
    "worked": _named("working", "worked"),
    "not_worked": _named("working", "not_worked"),
    "pending": _named("working", "pending"),
    "worked_rate": _share("working", "worked_rate", "worked", "worked", "not_worked"),
    "hours_to_first_touch_median": _of_values(
        "working", "hours_to_first_touch_median", "hours_to_first_touch", _middle
    ),
    "attempts_mean": _of_values("working", "attempts_mean", "attempts", _mean),
    "kept": _named("service_levels", "kept"),
    "broken": _named("service_levels", "broken"),
    "running": _named("service_levels", "running"),
    "promised": lambda found: ((one["promised"], 6) for one in found["promises"]),  # agreed on
    "delivered": lambda found: (
        (one["delivered"], len(one["records"])) for one in found["promises"]
    ),
    "revenue": _money("", "revenue"),
    "pipeline": _money("", "pipeline"),
    "sourced": _money("sourced_", "revenue", "pipeline"),
    "influenced": _money("influenced_", "revenue", "pipeline"),
    "credited": _credits(nobody=False),
    "unattributed": _credits(nobody=True),
    "not_converted": lambda found: [(len(found["not_converted"]), len(_in_no_sum(found)))],
    "revenue_share": _shares_of_revenue,
    "quota_reached": lambda found: (
        (one["quota_reached"], round(float(_won(found, "revenue") / Decimal(one["quota"])), 4))
        for one in found["quotas"]
    ),
    "marketing_quota_reached": lambda found: (
        (
            one["marketing_quota_reached"],
            round(
                float(
                    _won(found, "sourced_revenue")
                    / (Decimal(one["quota"]) * Decimal(one["marketing"]))
                ),
                4,
            ),
        )
        for one in found["quotas"]
    ),
}  # fmt: skip
"""Each metric's figures beside what its records, taken alone, come to."""


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """What both teams have agreed on."""
    return agreed(tmp_path_factory.mktemp("agreed"))


@pytest.fixture(scope="module")
def march(contract: Contract) -> dict[str, Any]:
    """The month's report, with everything in it."""
    return told(contract)


@pytest.mark.parametrize("metric", [one.name for one in METRICS])
def test_every_metric_can_be_drilled(march: dict[str, Any], metric: str) -> None:
    """What a report names behind a figure gives that figure again; every metric is in a report, and
    is something in this world."""
    pairs = list(DRILLS[metric](march))
    assert [figure for figure, _ in pairs] == [reckoned for _, reckoned in pairs]
    assert any(figure for figure, _ in pairs)


# --- parts sum to the whole ----------------------------------------------------------------------

COUNTS = {
    "stages": ("entered", "converted", "standing", "stagnant"),
    "working": ("handed_over", "worked", "not_worked", "pending"),
    "service_levels": ("kept", "broken", "running"),
    "totals": ("amount", "deals"),
    "credits": ("credited",),
}
PLACES = ("lifecycle", "stage", "level", "owner", "what", "model", "source")


def added_up(found: dict[str, Any]) -> dict[tuple[Any, ...], Decimal]:
    """Every figure that can be added, over all groups."""
    sums: dict[tuple[Any, ...], Decimal] = {}
    for part, metrics in COUNTS.items():
        for line in found.get(part, ()):
            for metric in metrics:
                where = (part, metric, *(line.get(place) for place in PLACES))
                sums[where] = sums.get(where, Decimal()) + Decimal(line[metric])
    return {where: own for where, own in sums.items() if own}


@pytest.mark.parametrize("by", list(By))
def test_parts_sum_to_the_whole(contract: Contract, march: dict[str, Any], by: By) -> None:
    """By source, segment, persona, owner or period: every figure of every part of the report, over
    all groups, is that of everybody, money to the cent."""
    found = told(contract, by=by)
    assert added_up(found) == added_up(march)
    assert found["quotas"] == march["quotas"]
    if by in {By.OWNER, By.SOURCE}:
        assert len({line["group"] for line in found["totals"]}) > 1
    if by is By.OWNER:
        eves = [line for line in found["totals"] if line["group"] == "Eve"]
        assert {line["what"]: line["amount"] for line in eves}["revenue"] == "400.00"


AMOUNTS = st.tuples(st.integers(0, 10**7), st.sampled_from(["EUR", "USD", "GBP"]))


@given(
    st.lists(
        st.tuples(AMOUNTS, st.sampled_from([*PEOPLE, None]), st.integers(1, 31), st.booleans(),
                  st.sampled_from([DANA, EVE])),
        max_size=6,
    ),
    st.sampled_from(list(By)),
)  # fmt: skip
def test_any_cut_of_any_deals_keeps_every_cent(
    contract: Contract, drawn: list[tuple[Any, Subject | None, int, bool, str]], by: By
) -> None:
    """Whatever was won or opened, in several currencies with rates that changed in between: by any
    cut and in every model the credits are the revenue, and the groups the whole."""
    deals = [
        deal(f"r{n}", f"{minor / 100:.2f}", currency, at(3, day, 1),
             at(3, day, 20) if won else None, who, owner)
        for n, ((minor, currency), who, day, won, owner) in enumerate(drawn)
    ]  # fmt: skip
    whole, parts = (
        told(contract, Kind.ATTRIBUTION, cut, people=(), deals=deals) for cut in (None, by)
    )
    assert added_up(parts) == added_up(whole)
    revenue = next(Decimal(one["amount"]) for one in whole["totals"] if one["what"] == "revenue")
    for model in Model:
        credited = [Decimal(c["credited"]) for c in parts["credits"] if c["model"] == model]
        assert sum(credited) == revenue


def test_nobody_and_nothing_gives_every_part_of_every_report(contract: Contract) -> None:
    """Without people and deals each report has its parts, and no figure but zeros and blanks."""
    for kind in Kind:
        found = told(contract, kind, people=(), deals=())
        assert not added_up(found)


def test_records_are_named_only_where_they_are_asked_for(
    contract: Contract, march: dict[str, Any]
) -> None:
    """The same figures without `--records`, and nobody's name."""
    bare = told(contract, records=False)
    assert added_up(bare) == added_up(march)
    for part in COUNTS:
        assert not any({"records", "values"} & line.keys() for line in bare[part])
