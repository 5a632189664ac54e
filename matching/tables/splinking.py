"""A learned model as Splink settings, and in SQL what those cannot say.

Splink adds up a weight for each level reached. Our model has three things more, each a correction
beside that sum: how often an agreed value occurs, people near each other, and what changes together
in one person's life (see `mixture`). They are SQL over Splink's predictions, the same on every
database. Fields are known by their place in the frame: headers need not be names in SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from matching.tables.frame import Feature, Frame, compare_all
from matching.tables.mixture import CHANGED, Floats, Learned, carried, commoner
from matching.tables.values import Codes, Index

LEVEL, RARITY = "leadloop_level_", "leadloop_rarity_"
"""Functions of a field, its place behind: of two records the level they reach, and of two records
and the level the bits that the frequency of the agreed value takes or gives."""

ALONG: Mapping[str, frozenset[str]] = {
    "given": frozenset({"family"}),
    "family": frozenset({"given"}),
    "email": frozenset({"given", "family"}),
    "employer": frozenset({"email"}),
    "age": frozenset({"birth_date"}),
}
"""Fields that say what another one's agreement is worth, and are compared along with it."""


class Levels:
    """What the functions of a frame's fields compute. Can be sent to other processes."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def reached(self, at: int, one: Index, other: Index) -> Codes:
        """The level of each pair of records in the field at that place, as `compare_all` has it."""
        part = self._parts[at]
        return compare_all(part, one, other)[self._frame.features[at].name]

    def rarity(self, at: int, rare: float, one: Index, other: Index, codes: Codes) -> Floats:
        """The bits of the agreed values' frequency; 0 where no frequency counts."""
        feature, found = self._frame.features[at], np.zeros(len(one))
        rows, general = carried(feature, codes, one, other)
        counts = np.flatnonzero(rows > 0)
        found[counts] = -commoner(feature, rare, rows[counts], general[counts])
        return found

    @cached_property
    def _parts(self) -> list[Frame]:
        """For each field a frame of it and of the fields compared along with it."""
        frame = self._frame
        kept = [{one.name, *ALONG.get(one.name, ())} for one in frame.features]
        return [
            Frame(tuple(f for f in frame.features if f.name in names), frame.left, frame.total)
            for names in kept
        ]


def settings(frame: Frame, learned: Learned) -> dict[str, Any]:
    """The model as Splink's settings: records named by `record`, a comparison for each field."""
    comparisons = [_comparison(at, f, learned) for at, f in enumerate(frame.features)]
    return {
        "link_type": "dedupe_only",  # pairs are given; which table a record is from is in them
        "unique_id_column_name": "record",
        # Splink reads a probability; ours are odds, as small as they are.
        "probability_two_random_records_match": learned.match / (1.0 + learned.match),
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": True,
    }


def _comparison(at: int, feature: Feature, learned: Learned) -> dict[str, Any]:
    m, u, names = learned.m[feature.name], learned.u[feature.name], feature.kind.levels
    asked = f"{LEVEL}{at}(record_l, record_r)"
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": "ELSE" if code == _order(feature)[-1] else f"{asked} = {code}",
            "label_for_charts": names[code - 1],
            "m_probability": float(m[code - 1]),
            "u_probability": float(u[code - 1]),
        }
        for code in _order(feature)
    ]
    nothing = {"sql_condition": f"{asked} = 0", "label_for_charts": "unknown",
               "is_null_level": True}  # fmt: skip
    levels.insert(1, nothing)
    return {"output_column_name": f"f{at}", "comparison_levels": levels}


def _order(feature: Feature) -> list[int]:
    """The codes of the levels as they are asked for. Most candidates differ in most fields, so that
    is asked first: each further question is one more call."""
    last = len(feature.kind.levels)
    return [last, *range(1, last)]


# --- what Splink's sum lacks --------------------------------------------------------------------


def corrected(frame: Frame, learned: Learned, predictions: str) -> str:
    """A query for `one`, `other` and `total`, the log2 odds of each pair, over a table of Splink's
    predictions."""
    fields = range(len(frame.features))
    gained = ",\n".join(_gained(at, frame.features[at]) for at in fields)
    bits = " + ".join(f"a{at}" for at in fields)
    return f"""
        select one, other, match_weight + {bits}
          + {_changed(frame, learned)} - {_crowd(frame, learned)} as total
        from (
          select record_l as one, record_r as other, match_weight, {_gammas(frame)},
            {gained}
          from {predictions}
        ) as gained"""  # noqa: S608 - names and numbers of our own


def _gammas(frame: Frame) -> str:
    return ", ".join(f"gamma_f{at}, mw_f{at}" for at in range(len(frame.features)))


def _gained(at: int, feature: Feature) -> str:
    """The frequency's bits of a field as a{at}, beside Splink's weight of its level, mw_f{at}."""
    level = _by_level(at, feature, range(1, len(feature.kind.levels) + 1))
    asked = f"{RARITY}{at}(record_l, record_r, cast({level} as tinyint))"
    counted = ", ".join(str(_gamma(feature, code)) for code in feature.kind.agreed)
    return f"case when gamma_f{at} in ({counted}) then {asked} else {_number(0.0)} end as a{at}"


def _gamma(feature: Feature, code: int) -> int:
    """Splink's number of a level: they count down to 0 in the order of the settings."""
    order = _order(feature)
    return len(order) - 1 - order.index(code)


def _by_level(at: int, feature: Feature, values: Any) -> str:
    """One of the values, by the level that was reached; 0 where a side says nothing."""
    cases = " ".join(
        f"when {_gamma(feature, code)} then {_number(value)}"
        for code, value in enumerate(values, start=1)
    )
    return f"case gamma_f{at} {cases} else {_number(0)} end"


def _number(value: float) -> str:
    """A number in SQL, to the last digit."""
    return str(value) if isinstance(value, int) else f"cast({float(value)!r} as double)"


def _power(exponent: str) -> str:
    return f"power({_number(2.0)}, {exponent})"


def _changed(frame: Frame, learned: Learned) -> str:
    """One person to whom something happened, beside plain agreement field by field."""
    parts = [_number(1.0 - sum(learned.changed.values()))]
    for what, share in learned.changed.items():
        gone = [
            f"mw_f{at} + a{at}" for at, f in enumerate(frame.features) if f.name in CHANGED[what]
        ]
        parts.append(f"{_number(float(share))} * {_power('-(' + ' + '.join(gone) + ')')}")
    return f"log2({' + '.join(parts)})"


def _crowd(frame: Frame, learned: Learned) -> str:
    """Somebody near beside strangers, over all kinds of nearness."""
    parts = [_number(1.0)]
    for who, free in learned.near.items():
        bits = [
            f"{_by_level(at, f, np.log2(free[f.name] / learned.u[f.name]))} + a{at}"
            for at, f in enumerate(frame.features)
            if f.name in free
        ]
        odds = _number(float(learned.odds[who]))
        parts.append(f"{odds} * {_power('(' + ' + '.join(bits) + ')')}")
    return f"log2({' + '.join(parts)})"
