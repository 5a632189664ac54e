"""Seeded drawing: skewed choices, names, numbers, slips of the pen.

Everything random in the worlds goes through one `Draw`, so that one seed gives one world.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sandbox.world.names import CULTURES, NICKNAMES, Culture
from sandbox.world.places import COUNTRIES, PREFIX_STREETS, STREET_BEFORE_NUMBER, City, Country

_Item = TypeVar("_Item")
_LETTERS = "abcdefghjklmnpqrstuvwxyz"
_KEYS = "qwertyuiop asdfghjkl zxcvbnm"
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae"})
_RARE_SHARE = 0.45


class Draw:
    """A seeded source of everything that varies; the same calls give the same answers."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)
        self._cultures = [culture for culture, _ in CULTURES]
        self._shares = [share for _, share in CULTURES]
        self._numbers: dict[str, int] = {}

    def chance(self, probability: float) -> bool:
        """True in this share of cases."""
        return self.random.random() < probability

    def pick(self, items: Sequence[_Item]) -> _Item:
        """Any item, all alike."""
        return items[int(self.random.random() * len(items))]

    def skewed(self, items: Sequence[_Item], power: float = 1.5) -> _Item:
        """An item, early ones more often."""
        return items[int(len(items) * self.random.random() ** power)]

    def count(self, mean: float, share: float) -> int:
        """`mean` x `share` rounded up or down so that it is right on average."""
        exact = mean * share
        return int(exact) + (1 if self.chance(exact - int(exact)) else 0)

    def between(self, start: datetime, end: datetime) -> datetime:
        """An instant strictly inside, in whole milliseconds."""
        span = (end - start) // timedelta(milliseconds=1)
        return start + timedelta(milliseconds=1 + int(self.random.random() * (span - 2)))

    def culture(self) -> Culture:
        """A culture by its share."""
        return self.random.choices(self._cultures, self._shares)[0]

    def family(self, culture: Culture) -> str:
        """A family name: a common one, or one of the long tail."""
        if culture.rare_starts and self.chance(_RARE_SHARE):
            return self.pick(culture.rare_starts) + self.pick(culture.rare_ends)
        return self.skewed(culture.family)

    def nickname(self, given: str) -> str | None:
        """What a person of that name is called, or None where no nickname is usual."""
        usual = NICKNAMES.get(given)
        return None if usual is None else self.skewed(usual)

    def typo(self, word: str) -> str:
        """`word` with one slip: letters swapped, lost, doubled or hit beside."""
        if len(word) < 4:
            return word
        at = 1 + int(self.random.random() * (len(word) - 2))
        kind = int(self.random.random() * 4)
        if kind == 0 and word[at] != word[at + 1]:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] + word[at:]
        return word[:at] + _neighbour(word[at]) + word[at + 1 :]

    def phone(self, prefix: str, digits: int) -> str:
        """The next unused number behind `prefix`, in E.164; overflows into its neighbours."""
        index = self._numbers.get(prefix, 0)
        self._numbers[prefix] = index + 1
        return _number(prefix, digits + 1 - len(prefix), index)

    def mobile(self, country: Country, city: City) -> str:
        """A mobile number of that country."""
        return self.phone(country.mobile or city.line, country.digits)

    def place(self, country: Country) -> City:
        """A town, big ones more often."""
        return self.skewed(country.cities)

    def postcode(self, country: Country, city: City) -> str:
        """A postcode of that town."""
        tail = (
            str(int(self.random.random() * 10)) if mark == "#"
            else self.pick(_LETTERS).upper() if mark == "@"
            else mark
            for mark in country.pattern
        )  # fmt: skip
        return city.postcode + "".join(tail)

    def street(self, country: Country) -> str:
        """A street with its number, in the country's order."""
        number = 1 + int(200 * self.random.random() ** 2)
        name, kind = self.pick(country.streets).replace("_", " "), self.pick(country.suffixes)
        street = kind + name if country.code in PREFIX_STREETS else name + kind
        if country.code in STREET_BEFORE_NUMBER:
            return f"{street} {number}"
        return f"{number} {street}"

    def written(self, phone: str, country: str) -> str:
        """An E.164 number as somebody would write it there."""
        national = _national(phone, country)
        style = int(self.random.random() * 5)
        if style == 0 or national is None:
            return phone
        if style == 1:
            return f"{phone[: len(phone) - len(national) + 1]} {' '.join(_groups(national[1:]))}"
        if country == "US":
            area, exchange, line = national[1:4], national[4:7], national[7:]
            return (
                f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}",
                f"{area}.{exchange}.{line}",
            )[style - 2]  # fmt: skip
        return (national, "/".join((national[:4], national[4:])), " ".join(_groups(national)))[
            style - 2
        ]


def plain(text: str, *, german: bool = False) -> str:
    """Text without marks on its letters; with `german`, ü becomes ue instead of u."""
    if text.isascii():
        return text
    text = (text.translate(_GERMAN) if german else text).translate(_PLAIN)
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def country_of(code: str) -> Country:
    """The country of a code."""
    return COUNTRIES[code]


def _neighbour(letter: str) -> str:
    at = _KEYS.find(letter)
    if at < 0:
        return "e"
    return _KEYS[at + 1] if at + 1 < len(_KEYS) and _KEYS[at + 1] != " " else _KEYS[at - 1]


def _number(block: str, free: int, index: int) -> str:
    """The number at `index` of a block, of its nine sisters after it, of the wider block then."""
    size = 10**free
    if index < size:
        return block + _scatter(index, free)
    if index < 10 * size:
        sister = (int(block[-1]) + index // size) % 10
        return f"{block[:-1]}{sister}{_scatter(index % size, free)}"
    return _number(block[:-1], free + 1, index)


def _scatter(index: int, digits: int) -> str:
    # 7 and 10 share no factor, and neither do 3331 and a power of ten: every number once.
    space = 10**digits
    return str((index * 3331 + 7) % space).zfill(digits)


def _national(phone: str, country: str) -> str | None:
    codes = {"US": "+1", "GB": "+44", "DE": "+49", "FR": "+33", "AU": "+61", "ES": "+34",
             "SE": "+46"}  # fmt: skip
    code = codes.get(country)
    if code is None or not phone.startswith(code):
        return None
    trunk = "1" if country == "US" else "0"
    return trunk + phone[len(code) :]


def _groups(number: str) -> list[str]:
    return [number[at : at + 3] for at in range(0, len(number), 3)]
