"""The levels two people reach, one pair at a time.

`matching.tables.kinds` compares millions of pairs by arrays, which costs milliseconds however few
they are; one person against some dozens is decided here in microseconds a pair. Both come to the
same levels for every pair, and a test holds them to it: a level is changed in both places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler

from matching import names
from matching.normalise import Person
from matching.people import READERS
from matching.tables.kinds import KINDS
from matching.tables.reach import counted
from matching.text import phonetic, squash

FIELDS = tuple(READERS)
"""The fields, in the order in which `levels` gives their codes."""
GIVEN, FAMILY, MIDDLE, BIRTH_DATE, EMAIL, PHONE, EMPLOYER, TITLE, STREET, PLACE = range(len(FIELDS))


def bar(least: float) -> float:
    """From where on a likeness counts as at least so much once it is rounded as arrays round it."""
    wanted = np.float32(least)
    if float(wanted) < least:
        wanted = np.nextafter(wanted, np.float32(np.inf))
    below = np.nextafter(wanted, np.float32(-np.inf))
    return (float(wanted) + float(below)) / 2.0


_ALIKE, _TOWNS_ALIKE, _ADDRESSES_ALIKE = bar(0.88), bar(0.87), bar(0.9)
_ALIKE_70, _ALIKE_75, _ALIKE_80, _ALIKE_85 = bar(70), bar(75), bar(80), bar(85)
_ALIKE_86, _ALIKE_88, _ALIKE_90, _ALIKE_96 = bar(86), bar(88), bar(90), bar(96)
_DIGITS = re.compile(r"\d+")
_SLIPS = 0.12
_NO_SITE = 5
"""The employers' last level: one address makes its domain equal, and that is not counted twice."""


def levels(one: Person, other: Person) -> list[int]:
    """The code of each of `FIELDS`, 1 the strongest, 0 where a side says nothing; symmetric."""
    given = given_level(one.given, other.given) if one.given and other.given else 0
    family = family_level(one.family, other.family) if one.family and other.family else 0
    if given != 1 and family != 1 and _swapped(one, other):
        given, family = KINDS["given"].code("swapped"), 0
    email = email_level(one.emails, other.emails) if one.emails and other.emails else 0
    if 4 <= email <= 6 and (_named(one) or _named(other)):  # noqa: PLR2004 - near, same local, alike
        email = 0  # an address made of a name that agrees: the name once more
    employer = employer_level(one, other)
    if email == 1 and employer < _NO_SITE:
        employer = 0
    return [
        given,
        family,
        middle_level(one.middle, other.middle) if one.middle and other.middle else 0,
        date_level(one.birth_date, other.birth_date) if one.birth_date and other.birth_date else 0,
        email,
        phone_level(numbers_of(one), numbers_of(other)),
        employer,
        title_level(one.title, other.title) if one.title and other.title else 0,
        street_level(one.street, other.street) if one.street and other.street else 0,
        place_level(one, other),
    ]


@lru_cache(maxsize=16_384)
def plain(text: str) -> str:
    """A text without spaces and without the German spelling of umlauts."""
    return squash(text.replace(" ", ""))


def numbers_of(person: Person) -> tuple[str, ...]:
    """Every number of a person, those of a known country first."""
    return person.phones + person.weak_phones if person.weak_phones else person.phones


# --- names ----------------------------------------------------------------------------------------


def given_level(a: str, b: str) -> int:
    """Two first names; that they stand in each other's column is seen by `levels`."""
    if a == b:
        return 1
    one, other = plain(a), plain(b)
    if one == other:
        return 1
    shorter, edits = min(len(one), len(other)), _edits(one, other)
    counted = _digits(a) == _digits(b)
    if counted and _slip(edits, shorter):
        return 3
    same_start = one[:1] == other[:1]
    if a in names.forms(b) or b in names.forms(a):
        return 4
    if same_start and shorter > 1 and (one.startswith(other) or other.startswith(one)):
        return 4
    if counted and _sounds_alike(one, other, edits, shorter):
        return 5
    return 6 if same_start and shorter == 1 else 7


def family_level(a: str, b: str) -> int:
    """Two family names."""
    if a == b:
        return 1
    one, other = plain(a), plain(b)
    if one == other:
        return 1
    shorter, edits = min(len(one), len(other)), _edits(one, other)
    counted = _digits(a) == _digits(b)
    if counted and _slip(edits, shorter):
        return 2
    if " " in a or " " in b:
        shared = set(a.split()) & set(b.split())
        if any(len(word) >= 4 for word in shared):  # noqa: PLR2004 - shorter ones are particles
            return 4
    return 3 if counted and _sounds_alike(one, other, edits, shorter) else 5


def _edits(one: str, other: str) -> int:
    return OSA.distance(one, other, score_cutoff=2)


def _slip(edits: int, shorter: int) -> bool:
    return (edits <= 1 and shorter >= 3) or (edits <= 2 and shorter >= 8)  # noqa: PLR2004


def _sounds_alike(one: str, other: str, edits: int, shorter: int) -> bool:
    if edits <= 2 and shorter >= 5:  # noqa: PLR2004
        return True
    if shorter >= 4 and phonetic(one) == phonetic(other):  # noqa: PLR2004
        return True
    return _jaro_winkler(one, other, _ALIKE)


def _jaro_winkler(one: str, other: str, least: float) -> bool:
    low, high = (one, other) if one <= other else (other, one)
    return JaroWinkler.similarity(low, high, score_cutoff=least) >= least


def _digits(text: str) -> list[str]:
    return _DIGITS.findall(text)


def _swapped(one: Person, other: Person) -> bool:
    """Whether the names stand in each other's column: one of them letter by letter, the other with
    a slip at most, or missing."""
    first, last = plain(one.given), plain(one.family)
    given, family = plain(other.given), plain(other.family)
    if not ((first and first == family) or (last and last == given)):
        return False
    return min(_crossed(first, family), _crossed(last, given)) >= 0


def _crossed(a: str, b: str) -> int:
    """1 for names that are equal or a slip apart, 0 where one is missing, -1 for others."""
    if not a or not b:
        return 0
    edits = _edits(a, b)
    slip = edits <= 1 or (edits == 2 and min(len(a), len(b)) > 4)  # noqa: PLR2004
    return 1 if slip else -1


def middle_level(a: str, b: str) -> int:
    """Two further first names."""
    if a == b:
        return 1
    if plain(a)[:1] != plain(b)[:1]:
        return 4
    return 2 if len(a) == 1 or len(b) == 1 else 3


def date_level(a: str, b: str) -> int:
    """Two dates of birth."""
    if a == b:
        return 1
    edits = OSA.distance(a, b, score_cutoff=2)
    one, other = _parts(a), _parts(b)
    same = (
        one[0] == other[0] and one[0] > 0,
        one[1] == other[1] and one[1] > 0,
        one[2] == other[2] and one[2] > 0,
    )
    if edits <= 1 or (same[0] and one[1] == other[2] and one[2] == other[1]):
        return 2
    if sum(same) >= 2:  # noqa: PLR2004
        return 3
    return 4 if edits <= 2 or same[0] else 5  # noqa: PLR2004


@lru_cache(maxsize=16_384)
def _parts(date: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in (*date.split("-"), "", "")[:3]]


# --- ways to reach somebody -----------------------------------------------------------------------


def email_level(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """The best level that any address of the one reaches with any of the other."""
    if one == other:
        return 1
    return min(_address(a, b) for a in one for b in other)


def _address(a: str, b: str) -> int:
    if a == b:
        return 1
    local_a, _, domain_a = a.rpartition("@")
    local_b, _, domain_b = b.rpartition("@")
    shorter = min(len(local_a), len(local_b))
    local = local_a == local_b and shorter >= 4  # noqa: PLR2004
    if local and OSA.distance(domain_a, domain_b, score_cutoff=2) <= 2:  # noqa: PLR2004
        return 2
    if counted_apart(a, b):
        return 7
    most = max(4, int(_SLIPS * min(len(a), len(b))) + 1)
    edits = OSA.distance(a, b, score_cutoff=most)
    slips = edits <= most and shorter >= 4 and edits <= _slips(a, b)  # noqa: PLR2004
    if slips or (edits <= 1 and shorter >= 3):  # noqa: PLR2004
        return 3 if _numbered_alike(local_a, local_b) else 4
    if local:
        return 5
    near = domain_a == domain_b and edits <= 4  # noqa: PLR2004
    return 6 if near or _jaro_winkler(a, b, _ADDRESSES_ALIKE) else 7


def counted_apart(a: str, b: str) -> bool:
    """Whether two addresses of one domain differ by no more than the number behind the name."""
    local_a, _, domain_a = a.rpartition("@")
    local_b, _, domain_b = b.rpartition("@")
    if domain_a != domain_b or a == b:
        return False
    (one, first), (other, second) = counted(local_a), counted(local_b)
    return one != "" and one == other and first != second


def _slips(a: str, b: str) -> float:
    return max(2.0, _SLIPS * min(len(plain(a)), len(plain(b))))


def _numbered_alike(a: str, b: str) -> bool:
    found = "".join(c for c in a if c.isdigit())
    return len(found) > 1 and found == "".join(c for c in b if c.isdigit())


def _named(person: Person) -> bool:
    """Whether an address is made of its owner's name."""
    for name in filter(None, (person.given, person.family)):
        part = plain(name)
        if len(part) > 2 and any(  # noqa: PLR2004
            part in squash(address.partition("@")[0]) for address in person.emails
        ):
            return True
    return False


def phone_level(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """The best level that any number of the one reaches with any of the other."""
    if not one or not other:
        return 0
    if one == other:
        return 1
    return min(_number(a, b) for a in one for b in other)


def _number(a: str, b: str) -> int:
    if a == b:
        return 1
    ending = a[-7:] == b[-7:]
    if ending or a[:1] != "+" or b[:1] != "+":
        one, other = a.lstrip("+0"), b.lstrip("+0")
        short, long = sorted((one, other), key=len)
        if short == long or (len(short) >= 8 and long.endswith(short)):  # noqa: PLR2004
            return 1
    if ending:
        return 2
    if abs(len(a) - len(b)) <= 1 and OSA.distance(a, b, score_cutoff=1) <= 1:
        return 3
    return 4


# --- employer, title, street, place ---------------------------------------------------------------


def employer_level(one: Person, other: Person) -> int:
    """Company and domains, as one field."""
    named, sited = bool(one.company and other.company), bool(one.domains and other.domains)
    if not named and not sited:
        return 0
    same_site = sited and not set(one.domains).isdisjoint(other.domains)
    same_name = named and one.company == other.company
    alike = named and not same_name and _companies_alike(one.company, other.company)
    if same_site:
        return 1 if same_name or alike else 2
    if same_name:
        return 3
    return 4 if alike else 5


def _companies_alike(a: str, b: str) -> bool:
    low, high = (a, b) if a <= b else (b, a)
    alike = (
        fuzz.token_sort_ratio(low, high, score_cutoff=_ALIKE_86) >= _ALIKE_86
        or fuzz.partial_ratio(low, high, score_cutoff=_ALIKE_96) >= _ALIKE_96
    )
    one, other = _digits(a), _digits(b)
    return alike and (one == other or not one or not other)


def title_level(a: str, b: str) -> int:
    """Two job titles."""
    if a == b or plain(a) == plain(b):
        return 1
    low, high = (a, b) if a <= b else (b, a)
    whole = fuzz.token_sort_ratio(low, high, score_cutoff=_ALIKE_70)
    if whole >= _ALIKE_85:
        return 2
    if whole >= _ALIKE_70 or fuzz.token_set_ratio(low, high, score_cutoff=_ALIKE_90) >= _ALIKE_90:
        return 3
    return 4


def street_level(a: str, b: str) -> int:
    """Two street addresses."""
    if a == b:
        return 1
    low, high = (a, b) if a <= b else (b, a)
    one, other = plain(low), plain(high)
    whole = fuzz.token_sort_ratio(low, high, score_cutoff=_ALIKE_70)
    alike = max(whole, fuzz.ratio(min(one, other), max(one, other), score_cutoff=_ALIKE_70))
    house, number = _house(a), _house(b)
    one_house = house == number or not house or not number
    if one_house and alike >= _ALIKE_86:
        return 2
    subset = fuzz.token_set_ratio(low, high, score_cutoff=_ALIKE_75)
    if one_house and (alike >= _ALIKE_80 or subset >= _ALIKE_88):
        return 3
    return 4 if alike >= _ALIKE_70 or subset >= _ALIKE_75 else 5


@lru_cache(maxsize=16_384)
def _house(street: str) -> str:
    return next((token for token in street.split() if token[:1].isdigit()), "")


def place_level(one: Person, other: Person) -> int:
    """Postcode, town and state, as one field."""
    coded = bool(one.postcode and other.postcode)
    towned = bool(one.city and other.city)
    stated = bool(one.state and other.state)
    if not (coded or towned or stated):
        return 0
    same_code = coded and one.postcode == other.postcode
    same_town = towned and one.city == other.city
    if same_code:
        return 1 if same_town else 2
    same_state = stated and one.state == other.state
    at_odds = stated and not same_state
    if same_town:
        return 5 if at_odds else 3
    near = coded and OSA.distance(one.postcode, other.postcode, score_cutoff=2) <= 1
    if near or (towned and _jaro_winkler(one.city, other.city, _TOWNS_ALIKE)):
        return 5 if at_odds else 4
    return 6 if same_state else 7


# --- what agrees ----------------------------------------------------------------------------------


def held(field: int, part: str, person: Person) -> tuple[str, ...]:
    """What a person has in a field, or in one part of it, whose frequency counts."""
    return _HELD[field, part](person)


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


_HELD: Mapping[tuple[int, str], Callable[[Person], tuple[str, ...]]] = {
    (GIVEN, ""): lambda person: _one(person.given),
    (FAMILY, ""): lambda person: _one(person.family),
    (MIDDLE, ""): lambda person: _one(person.middle),
    (BIRTH_DATE, ""): lambda person: _one(person.birth_date),
    (EMAIL, ""): lambda person: person.emails,
    (PHONE, ""): numbers_of,
    (EMPLOYER, "name"): lambda person: _one(person.company),
    (EMPLOYER, "site"): lambda person: person.domains,
    (TITLE, ""): lambda person: _one(person.title),
    (STREET, ""): lambda person: _one(person.street),
    (PLACE, "postcode"): lambda person: _one(person.postcode),
    (PLACE, "town"): lambda person: _one(person.city),
    (PLACE, "state"): lambda person: _one(person.state),
}
