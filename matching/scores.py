"""Scores of pairs, read back one by one, however they were worked out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import log2
from typing import Any

import numpy as np

from matching import levels
from matching.normalise import Person
from matching.tables.kinds import KINDS
from matching.tables.mixture import Floats

GIVEN, FAMILY, EMAIL = KINDS["given"], KINDS["family"], KINDS["email"]
PHONE, STREET, PLACE, DATE = KINDS["phone"], KINDS["street"], KINDS["place"], KINDS["date"]

IDENTIFIED = 10.0
"""Bits. Assumed: an identifier with nothing against it is right in at least 999 of 1,000 cases."""


def bits(probability: float) -> float:
    """The log2 odds of a probability strictly between 0 and 1."""
    return log2(probability / (1.0 - probability))


def probability(total: float) -> float:
    """The probability of log2 odds; the inverse of `bits`."""
    return float(1.0 / (1.0 + np.exp2(-total)))


class Scores(ABC):
    """Scores of n pairs, left[i] against right[i]. `total` is in bits, `identified` the part of it
    that an exact identifier without contradiction adds to reach its floor.
    """

    left: Sequence[Person]
    right: Sequence[Person]
    total: Floats
    identified: Floats

    @abstractmethod
    def exact_phone(self, row: int) -> bool:
        """Whether the pair shares a number and the names agree."""

    @abstractmethod
    def level(self, row: int, name: str) -> int:
        """The level code of one pair in one field, 1 the strongest; 0 says nothing."""

    @abstractmethod
    def evidence(self, row: int) -> dict[str, Any]:
        """Prior, levels, weights and total of one pair: JSON-able, without anybody's data."""

    def exact_email(self, row: int) -> bool:
        """Whether the pair shares an address that is a person's."""
        return self.level(row, "email") == 1

    def born_apart(self, row: int) -> bool:
        """Whether the birth dates clearly contradict."""
        return self.level(row, "birth_date") == DATE.code("different")

    def counted_apart(self, row: int) -> bool:
        """Whether addresses of one domain differ by nothing but the number behind the name, and
        none is shared: so a mail server tells namesakes apart."""
        if self.level(row, "email") != EMAIL.code("different"):
            return False
        one, other = self.left[row].emails, self.right[row].emails
        return any(levels.counted_apart(a, b) for a in one for b in other)

    def reachable(self, row: int) -> bool:
        """Whether an address, a number or an employer is known on both sides."""
        one, other = self.left[row], self.right[row]
        if one.emails and other.emails:
            return True
        if levels.numbers_of(one) and levels.numbers_of(other):
            return True
        return bool((one.company or one.domains) and (other.company or other.domains))

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
        if self.reachable(row):
            return False
        given, family = self.level(row, "given"), self.level(row, "family")
        if given == GIVEN.code("different") and 0 < family <= FAMILY.code("alike"):
            return False
        place = self.level(row, "place")
        if self.lives_alike(row) and 0 < place <= PLACE.code("postcode"):
            return True
        born = self.level(row, "birth_date") == DATE.code("exact")
        return born and 0 < place <= PLACE.code("near elsewhere")
