"""Pairs of people scored in one go, and read back one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from matching.model import Model
from matching.normalise import Person
from matching.tables.evidence import DIGITS, pair_as_json
from matching.tables.frame import Frame
from matching.tables.kinds import KINDS
from matching.tables.mixture import Compared, Floats, Weighed, compared, weigh
from matching.tables.values import Flags, Index

# Assumed: an identifier with nothing against it is right in at least 999 of 1,000 cases (10 bits).
_IDENTIFIED = 10.0


def bits(probability: float) -> float:
    """The log2 odds of a probability strictly between 0 and 1."""
    return log2(probability / (1.0 - probability))


def probability(total: float) -> float:
    """The probability of log2 odds; the inverse of `bits`."""
    return float(1.0 / (1.0 + np.exp2(-total)))


GIVEN, FAMILY = KINDS["given"], KINDS["family"]
PHONE, STREET, PLACE, DATE = KINDS["phone"], KINDS["street"], KINDS["place"], KINDS["date"]


@dataclass(frozen=True)
class Scored:
    """Scores of n pairs. `total` is in bits, `identified` the part of it that an exact identifier
    without contradiction adds to reach its floor; `called` marks a shared number with one name,
    `reachable` pairs with an address, a number or an employer known on both sides.
    """

    compared: Compared
    weighed: Weighed
    identified: Floats
    total: Floats
    called: Flags
    reachable: Flags

    def level(self, row: int, name: str) -> int:
        """The level code of one pair in one field, 1 the strongest; 0 says nothing."""
        return int(self.compared.codes[name][row])

    def exact_email(self, row: int) -> bool:
        """Whether the pair shares an address that is a person's."""
        return self.level(row, "email") == 1

    def exact_phone(self, row: int) -> bool:
        """Whether the pair shares a number and the names agree."""
        return bool(self.called[row])

    def born_apart(self, row: int) -> bool:
        """Whether the birth dates clearly contradict."""
        return self.level(row, "birth_date") == DATE.code("different")

    def names_apart(self, row: int) -> bool:
        """Whether neither given nor family name agrees, both being known."""
        given, family = self.level(row, "given"), self.level(row, "family")
        return given == GIVEN.code("different") and family == FAMILY.code("different")

    def named_alike(self, row: int) -> bool:
        """Whether given and family name agree, slips and nicknames included."""
        given, family = self.level(row, "given"), self.level(row, "family")
        if given == GIVEN.code("swapped"):
            return True
        return 0 < given <= GIVEN.code("alike") and 0 < family <= FAMILY.code("alike")

    def lives_alike(self, row: int) -> bool:
        """Whether the street agrees, slips included."""
        return 0 < self.level(row, "street") <= STREET.code("partial")

    def circumstances_alike(self, row: int) -> bool:
        """Whether one home, or one birth date and place, is shared where neither address, number
        nor employer can be compared: the names alone then say that these are two people.

        Relatives, told by one family name with another given name, are two people.
        """
        if self.reachable[row]:
            return False
        given, family = self.level(row, "given"), self.level(row, "family")
        if given == GIVEN.code("different") and 0 < family <= FAMILY.code("alike"):
            return False
        place = self.level(row, "place")
        if self.lives_alike(row) and 0 < place <= PLACE.code("postcode"):
            return True
        born = self.level(row, "birth_date") == DATE.code("exact")
        return born and 0 < place <= PLACE.code("near elsewhere")

    def evidence(self, row: int) -> dict[str, Any]:
        """Prior, levels, weights and total of one pair: JSON-able, without anybody's data."""
        identified = round(float(self.identified[row]), DIGITS)
        return {**pair_as_json(self.compared, self.weighed, row), "identifier": identified}


def score(left: Sequence[Person], right: Sequence[Person], model: Model) -> Scored:
    """Scores of left[i] against right[i], symmetric."""
    people, numbers = _numbered([*left, *right])
    frame = model.frame(people)
    one, other = numbers[: len(left)], numbers[len(left) :]
    found = compared(frame, one, other)
    weighed = weigh(frame, model.learned, found)
    called = _agreeing_phone(found)
    floor = _identified(found, called)
    identified = np.where(floor, np.maximum(_IDENTIFIED - weighed.total, 0.0), 0.0)
    return Scored(
        compared=found,
        weighed=weighed,
        identified=identified,
        total=weighed.total + identified,
        called=called,
        reachable=_reachable(frame, one, other),
    )


def _numbered(people: Sequence[Person]) -> tuple[list[Person], Index]:
    """Everybody once, and for each of `people` their place among them."""
    at: dict[int, int] = {}
    numbers = [at.setdefault(id(person), len(at)) for person in people]
    once = {id(person): person for person in people}
    return [once[key] for key in at], np.array(numbers, dtype=np.int64)


def _reachable(frame: Frame, one: Index, other: Index) -> Flags:
    found = np.zeros(len(one), dtype=bool)
    for feature in frame.features:
        if feature.name in {"email", "phone", "employer"}:
            found |= (feature.rows[one] >= 0) & (feature.rows[other] >= 0)
    return found


def _identified(found: Compared, called: Flags) -> Flags:
    """Pairs that an exact identifier ties, nothing personal contradicting it."""
    given, family = found.codes["given"], found.codes["family"]
    named_apart = (given == GIVEN.code("different")) | (
        (given == 0) & (family == FAMILY.code("different"))
    )
    mailed = (found.codes["email"] == 1) & ~named_apart
    born_apart = found.codes["birth_date"] == DATE.code("different")
    return np.asarray((mailed | called) & ~born_apart)


def _agreeing_phone(found: Compared) -> Flags:
    given, family = found.codes["given"], found.codes["family"]
    swapped = given == GIVEN.code("swapped")
    straight = (given > 0) & (given <= GIVEN.code("short form"))
    same = (family > 0) & (family <= FAMILY.code("slip"))
    # Two slips at once are as likely two people of one house: Mandy and Randy.
    same &= (given != GIVEN.code("slip")) | (family == FAMILY.code("exact"))
    called = found.codes["phone"] == PHONE.code("exact")
    return np.asarray(called & (swapped | (straight & same)))
