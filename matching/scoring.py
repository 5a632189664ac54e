"""Pairs of people scored in one go, and read back one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.comparisons import (
    BIRTH,
    COMPARISONS,
    EMAIL,
    EMPLOYER,
    FAMILY,
    GIVEN,
    ORDER,
    PHONE,
    PLACE,
    STREET,
    Compared,
    compare,
)
from matching.model import Floats, Model, Weighed
from matching.normalise import Person

Truths = NDArray[np.bool_]

# Assumed: an identifier with nothing against it is right in at least 999 of 1,000 cases (10 bits).
_IDENTIFIED = 10.0
_DIGITS = 6


def bits(probability: float) -> float:
    """The log2 odds of a probability strictly between 0 and 1."""
    return log2(probability / (1.0 - probability))


def probability(total: float) -> float:
    """The probability of log2 odds; the inverse of `bits`."""
    return float(1.0 / (1.0 + np.exp2(-total)))


@dataclass(frozen=True)
class Scored:
    """Scores of n pairs. `total` is in bits, `identified` the part of it that an exact identifier
    without contradiction adds to reach its floor; `called` marks a shared number with one name.
    """

    compared: Compared
    weighed: Weighed
    identified: Floats
    total: Floats
    called: Truths
    prior: float

    def level(self, row: int, name: str) -> int:
        """The level code of one pair in one comparison."""
        return int(self.compared.codes[name][row])

    def exact_email(self, row: int) -> bool:
        """Whether the pair shares an address that is a person's."""
        return 0 < self.level(row, EMAIL.name) <= EMAIL.code("exact_free")

    def exact_phone(self, row: int) -> bool:
        """Whether the pair shares a number and the names agree."""
        return bool(self.called[row])

    def born_apart(self, row: int) -> bool:
        """Whether the birth dates clearly contradict."""
        return self.level(row, BIRTH.name) == BIRTH.code("different")

    def names_apart(self, row: int) -> bool:
        """Whether neither given nor family name agrees, both being known."""
        return self.level(row, GIVEN.name) == GIVEN.code("different") and self.level(
            row, FAMILY.name
        ) == FAMILY.code("different")

    def named_alike(self, row: int) -> bool:
        """Whether given and family name agree, slips and nicknames included."""
        given, family = self.level(row, GIVEN.name), self.level(row, FAMILY.name)
        alike = GIVEN.code("similar"), FAMILY.code("similar")
        return 0 < given <= alike[0] and 0 < family <= alike[1]

    def lives_alike(self, row: int) -> bool:
        """Whether the street agrees, slips included."""
        return 0 < self.level(row, STREET.name) <= STREET.code("partial")

    def circumstances_alike(self, row: int) -> bool:
        """Whether one home, or one birth date and place, is shared where neither address, number
        nor employer can be compared: the names alone then say that these are two people.

        Relatives, told by one family name with another given name, are two people.
        """
        if any(self.level(row, other.name) for other in (EMAIL, PHONE, EMPLOYER)):
            return False
        given, family = self.level(row, GIVEN.name), self.level(row, FAMILY.name)
        if given == GIVEN.code("different") and 0 < family <= FAMILY.code("similar"):
            return False
        place = self.level(row, PLACE.name)
        if self.lives_alike(row) and 0 < place <= PLACE.code("postcode"):
            return True
        return self.level(row, BIRTH.name) == BIRTH.code("exact") and 0 < place <= PLACE.code(
            "near"
        )

    def evidence(self, row: int) -> dict[str, Any]:
        """Prior, levels, weights and total of one pair: JSON-able, without anybody's data."""
        fields = []
        for comparison in COMPARISONS:
            code = self.level(row, comparison.name)
            if code:
                weight = float(self.weighed.weights[comparison.name][row])
                adjustment = float(self.weighed.adjustments[comparison.name][row])
                fields.append(
                    {
                        "field": comparison.name,
                        "level": comparison.levels[code - 1],
                        "weight": round(weight, _DIGITS),
                        "frequency": round(adjustment, _DIGITS),
                    }
                )
        return {
            "prior": round(self.prior, _DIGITS),
            "fields": fields,
            "namesakes": round(float(self.weighed.namesakes[row]), _DIGITS),
            "near_people": round(float(self.weighed.correction[row]), _DIGITS),
            "identifier": round(float(self.identified[row]), _DIGITS),
        }


def score(left: Sequence[Person], right: Sequence[Person], model: Model) -> Scored:
    """Scores of left[i] against right[i], symmetric."""
    compared = compare(left, right)
    weighed = model.weigh(compared)
    called = _agreeing_phone(compared)
    floor = _identified(compared, called)
    identified = np.where(floor, np.maximum(_IDENTIFIED - weighed.total, 0.0), 0.0)
    return Scored(compared, weighed, identified, weighed.total + identified, called, model.prior)


def _identified(compared: Compared, called: Truths) -> Truths:
    """Pairs that an exact identifier ties, nothing personal contradicting it."""
    codes = compared.codes
    given, family = codes[GIVEN.name], codes[FAMILY.name]
    named_apart = np.isin(given, [GIVEN.code("initial"), GIVEN.code("different")]) | (
        (given == 0) & (family == FAMILY.code("different"))
    )
    exact = [EMAIL.code("exact"), EMAIL.code("exact_free")]
    mailed = np.isin(codes[EMAIL.name], exact) & ~named_apart
    born_apart = codes[BIRTH.name] == BIRTH.code("different")
    return np.asarray((mailed | called) & ~born_apart)


def _agreeing_phone(compared: Compared) -> Truths:
    codes = compared.codes
    given, family = codes[GIVEN.name], codes[FAMILY.name]
    swapped = (codes[ORDER.name] == ORDER.code("swapped")) & (given > 0)
    straight = (given > 0) & (given <= GIVEN.code("nickname"))
    same = (family > 0) & (family <= FAMILY.code("typo"))
    # Two slips at once are as likely two people of one house: Mandy and Randy.
    same &= (given != GIVEN.code("typo")) | (family == FAMILY.code("exact"))
    called = np.isin(codes[PHONE.name], [PHONE.code("exact"), PHONE.code("national")])
    return np.asarray(called & (swapped | (straight & same)))
