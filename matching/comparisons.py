"""How far two people agree, field by field, as ordered levels.

A comparison is an ordered list of levels, strongest first, the last one being disagreement; code
0 means that one side says nothing, which is no evidence either way. `compare` works on whole
arrays of pairs, is symmetric, and never looks at ids.

Dependence is settled here where one fact would be counted twice: an equal address already says
that the domain is equal, and a local part made of a name says nothing beyond the name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, JaroWinkler

from matching.normalise import Person
from matching.text import phonetic, squash
from matching.vocabulary import FREE_MAIL

Codes = NDArray[np.int8]
"""One level code per pair; 0 is unknown, 1 the strongest level."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field or a group of dependent fields, with its levels in order of strength.

    `frequent` names the levels whose weight depends on how common the agreed value is.
    """

    name: str
    levels: tuple[str, ...]
    frequent: tuple[str, ...] = ()

    def code(self, level: str) -> int:
        """The code `compare` uses for a level. Raises ValueError for an unknown one."""
        return self.levels.index(level) + 1


EMAIL = Comparison(
    "email", ("exact", "exact_free", "same_local", "typo", "local_from_name", "different")
)
PHONE = Comparison("phone", ("exact", "national", "near", "different"), ("exact",))
GIVEN = Comparison(
    "given",
    ("exact", "typo", "nickname", "similar", "partial", "initial", "different"),
    ("exact",),
)
FAMILY = Comparison("family", ("exact", "typo", "similar", "part", "different"), ("exact",))
ORDER = Comparison("name_order", ("straight", "swapped"))
BIRTH = Comparison("birth_date", ("exact", "typo", "year", "different"))
EMPLOYER = Comparison(
    "employer",
    ("domain_and_name", "domain", "name", "similar_name", "different"),
    ("domain_and_name", "domain", "name"),
)
TITLE = Comparison("title", ("exact", "similar", "different"))
STREET = Comparison("street", ("exact", "similar", "partial", "different"))
PLACE = Comparison(
    "place",
    ("postcode_and_city", "postcode", "city", "near", "different"),
    ("postcode_and_city", "postcode", "city"),
)
COMPARISONS = (EMAIL, PHONE, GIVEN, FAMILY, ORDER, BIRTH, EMPLOYER, TITLE, STREET, PLACE)

_NEAR_PHONE = 7
_NATIONAL = 8
_TITLE = 85.0
_MIN_LOCAL = 4
_MIN_TYPO = 4
_LONG = 9
_SIMILAR = 0.86
_EMPLOYER = 88.0
_STREET_SIMILAR = 86.0
_STREET_PARTIAL = 62.0


@dataclass(frozen=True, slots=True)
class Compared:
    """The outcome for n pairs: `codes[name]` has n level codes, `values[name]` the agreed value
    of each pair where the level is a frequent one, else "".
    """

    codes: dict[str, Codes]
    values: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.codes[GIVEN.name])


def compare(left: Sequence[Person], right: Sequence[Person]) -> Compared:
    """Levels of left[i] against right[i] for all i. Symmetric; both must be of one length."""
    given, family, order = _names(left, right)
    codes = {
        EMAIL.name: _each(left, right, _email),
        PHONE.name: _each(left, right, _phone),
        GIVEN.name: given,
        FAMILY.name: family,
        ORDER.name: order,
        BIRTH.name: _each(left, right, _birth),
        EMPLOYER.name: _employer(left, right),
        TITLE.name: _title(left, right),
        STREET.name: _street(left, right),
        PLACE.name: _each(left, right, _place),
    }
    # The domain of an equal (or mistyped) address is equal too: count it once, as the address.
    implied = (codes[EMAIL.name] == EMAIL.code("exact")) | (codes[EMAIL.name] == EMAIL.code("typo"))
    employer = codes[EMPLOYER.name]
    employer[implied & (employer != EMPLOYER.code("different"))] = 0
    return Compared(codes, _agreed(left, right, codes))


def _each(
    left: Sequence[Person], right: Sequence[Person], level: Callable[[Person, Person], int]
) -> Codes:
    return np.fromiter(map(level, left, right), dtype=np.int8, count=len(left))


def _scores(
    left: Sequence[str], right: Sequence[str], scorer: Callable[..., Any]
) -> NDArray[np.float64]:
    """Row-wise scores; each pair is put in one order first, since Jaro is not quite symmetric."""
    if not left:
        return np.zeros(0)
    first = [min(pair) for pair in zip(left, right, strict=True)]
    second = [max(pair) for pair in zip(left, right, strict=True)]
    return np.asarray(
        process.cpdist(first, second, scorer=scorer, dtype=np.float32), dtype=np.float64
    ).ravel()


def _column(people: Sequence[Person], name: str) -> list[str]:
    return [getattr(person, name) for person in people]


# --- names ------------------------------------------------------------------------------------


def _names(left: Sequence[Person], right: Sequence[Person]) -> tuple[Codes, Codes, Codes]:
    given_left, given_right = _column(left, "given"), _column(right, "given")
    family_left = [name.replace(" ", "") for name in _column(left, "family")]
    family_right = [name.replace(" ", "") for name in _column(right, "family")]
    given = _word(given_left, given_right, GIVEN)
    family = _word(family_left, family_right, FAMILY)
    _refine_given(given, left, right)
    _refine_family(family, left, right)
    order = np.zeros(len(left), dtype=np.int8)
    _try_swapped((given, family, order), (given_left, family_left), (given_right, family_right))
    return given, family, order


def _word(left: Sequence[str], right: Sequence[str], comparison: Comparison) -> Codes:
    """Levels of one-word names by equality, edits, Jaro-Winkler and sound."""
    codes = np.zeros(len(left), dtype=np.int8)
    known = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if a and b]
    if not known:
        return codes
    first, second = [squash(left[i]) for i in known], [squash(right[i]) for i in known]
    edits = _scores(first, second, OSA.distance)
    alike = _scores(first, second, JaroWinkler.similarity)
    length = np.array([min(len(a), len(b)) for a, b in zip(first, second, strict=True)])
    sound = np.array(
        [phonetic(a) == phonetic(b) for a, b in zip(first, second, strict=True)], dtype=bool
    )
    typo = ((edits <= 1) & (length >= _MIN_TYPO)) | ((edits == 2) & (length >= _LONG))  # noqa: PLR2004
    similar = (alike >= _SIMILAR) | (sound & (length >= _MIN_TYPO))
    codes[known] = np.select(
        [edits == 0, typo, similar],
        [comparison.code("exact"), comparison.code("typo"), comparison.code("similar")],
        comparison.code("different"),
    )
    return codes


def _refine_given(codes: Codes, left: Sequence[Person], right: Sequence[Person]) -> None:
    weak = np.isin(codes, [GIVEN.code("similar"), GIVEN.code("different"), GIVEN.code("typo")])
    for i in np.flatnonzero(weak).tolist():
        codes[i] = min(codes[i], _given_beyond(left[i], right[i]))


def _given_beyond(a: Person, b: Person) -> int:
    whole_a, whole_b = (p.given + p.middle.replace(" ", "") for p in (a, b))
    if whole_a in {b.given, whole_b} or whole_b == a.given:
        return GIVEN.code("exact")
    if a.given in b.forms or b.given in a.forms:
        return GIVEN.code("nickname")
    if set(a.forms) & set(b.forms):
        return GIVEN.code("similar")
    short, long = sorted((a.given, b.given), key=len)
    if long.startswith(short) or {a.given, b.given} & {*a.middle.split(), *b.middle.split()}:
        return GIVEN.code("partial")
    if a.given[:1] == b.given[:1]:
        return GIVEN.code("initial")
    return GIVEN.code("different")


def _refine_family(codes: Codes, left: Sequence[Person], right: Sequence[Person]) -> None:
    for i in np.flatnonzero(codes == FAMILY.code("different")).tolist():
        parts, others = left[i].family.split(), right[i].family.split()
        shared = {part for part in parts if len(part) >= _MIN_TYPO} & set(others)
        if shared and (len(parts) > 1 or len(others) > 1):
            codes[i] = FAMILY.code("part")


def _try_swapped(
    codes: tuple[Codes, Codes, Codes],
    left: tuple[Sequence[str], Sequence[str]],
    right: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Where neither column agrees, compare them crosswise (forms filled in the wrong order)."""
    given, family, order = codes
    odd = np.isin(
        given, [0, GIVEN.code("partial"), GIVEN.code("initial"), GIVEN.code("different")]
    ) & np.isin(family, [0, FAMILY.code("different"), FAMILY.code("part")])
    rows = np.flatnonzero(odd)
    if not len(rows):
        return
    picked = rows.tolist()
    one = _word([left[0][i] for i in picked], [right[1][i] for i in picked], GIVEN)
    two = _word([left[1][i] for i in picked], [right[0][i] for i in picked], FAMILY)
    sure = ((one > 0) & (one <= GIVEN.code("typo"))) | ((two > 0) & (two <= FAMILY.code("typo")))
    alike_one = (one == 0) | (one <= GIVEN.code("similar"))
    alike_two = (two == 0) | (two <= FAMILY.code("similar"))
    both = sure & alike_one & alike_two
    # Which of the two crosswise comparisons is called given must not depend on the side.
    ranks = _rank(one, GIVEN), _rank(two, FAMILY)
    strong, weak = np.minimum(*ranks), np.maximum(*ranks)
    mixed = (one == 0) | (two == 0)
    given[rows[both]] = np.where(mixed, 0, _GIVEN_RANKS[weak])[both]
    family[rows[both]] = np.where(mixed, _FAMILY_RANKS[weak], _FAMILY_RANKS[strong])[both]
    order[rows[both]] = ORDER.code("swapped")
    # One name that stands in the other column, the rest being somebody else's or another name.
    single = np.array([_long_enough(i, left, right) for i in picked], dtype=bool)
    half = ~both & ((one == GIVEN.code("exact")) | (two == FAMILY.code("exact"))) & single
    family[rows[half]] = FAMILY.code("part")


_RANKED = ("exact", "typo", "similar", "different")
_GIVEN_RANKS = np.array([0, *(GIVEN.code(level) for level in _RANKED)], dtype=np.int8)
_FAMILY_RANKS = np.array([0, *(FAMILY.code(level) for level in _RANKED)], dtype=np.int8)


def _rank(codes: Codes, comparison: Comparison) -> Codes:
    """Codes of `_word` as ranks that mean the same for given and family names; 0 unknown."""
    ranks = np.zeros(len(comparison.levels) + 1, dtype=np.int8)
    for rank, level in enumerate(_RANKED, start=1):
        ranks[comparison.code(level)] = rank
    return np.asarray(ranks[codes], dtype=np.int8)


def _long_enough(
    row: int,
    left: tuple[Sequence[str], Sequence[str]],
    right: tuple[Sequence[str], Sequence[str]],
) -> bool:
    """Whether the names that are equal crosswise are more than an initial."""
    shared = {left[0][row], left[1][row]} & {right[0][row], right[1][row]}
    return max(map(len, shared), default=0) >= _MIN_TYPO


# --- identifiers --------------------------------------------------------------------------------


def _email(a: Person, b: Person) -> int:
    if not a.emails or not b.emails:
        return 0
    shared = set(a.emails) & set(b.emails)
    if shared:
        at_work = any(address.rpartition("@")[2] not in FREE_MAIL for address in shared)
        return EMAIL.code("exact" if at_work else "exact_free")
    named = [squash(name) for p in (a, b) for name in (p.given, *p.family.split())]
    return min(_address(x, y, named) for x in a.emails for y in b.emails)


def _address(one: str, other: str, named: Sequence[str]) -> int:
    (local_one, _, domain_one) = one.rpartition("@")
    (local_other, _, domain_other) = other.rpartition("@")
    shorter = min(len(local_one), len(local_other))
    if local_one == local_other and shorter >= _MIN_LOCAL:
        return EMAIL.code("local_from_name" if _made_of(local_one, named) else "same_local")
    if (
        domain_one == domain_other
        and shorter > _MIN_LOCAL
        and OSA.distance(local_one, local_other) == 1
        and local_one[-1].isdigit() == local_other[-1].isdigit()
    ):
        # One letter apart and made of a name: a relative's or a colleague's, as likely as a slip.
        return EMAIL.code("different" if _made_of(local_one, named) else "typo")
    return EMAIL.code("different")


def _made_of(local: str, named: Sequence[str]) -> bool:
    """Whether a name accounts for most of the local part (then it is no second piece of news)."""
    local = rest = squash(local)
    for name in named:
        if len(name) > 1:
            rest = rest.replace(name, "")
    return sum(c.isalnum() for c in rest) <= 2 or len(rest) < len(local) // 2  # noqa: PLR2004


def _phone(a: Person, b: Person) -> int:
    ours, theirs = (*a.phones, *a.weak_phones), (*b.phones, *b.weak_phones)
    if not ours or not theirs:
        return 0
    if not set(a.phones).isdisjoint(b.phones) or not set(a.weak_phones).isdisjoint(b.weak_phones):
        return PHONE.code("exact")
    if any(_national(x, y) for x in ours for y in theirs):
        return PHONE.code("national")
    if {number[-_NEAR_PHONE:] for number in ours} & {number[-_NEAR_PHONE:] for number in theirs}:
        return PHONE.code("near")
    if any(_slip(x, y) for x in ours for y in theirs):
        return PHONE.code("near")
    return PHONE.code("different")


def _national(one: str, other: str) -> bool:
    """Whether one is the other without its country code."""
    short, long = sorted((one.lstrip("+0"), other.lstrip("+0")), key=len)
    return len(short) >= _NATIONAL and long.endswith(short)


def _slip(one: str, other: str) -> bool:
    return len(one) == len(other) >= _LONG and OSA.distance(one, other) == 1


# --- birth, employer, address -------------------------------------------------------------------


def _birth(a: Person, b: Person) -> int:
    one, other = a.birth_date, b.birth_date
    if not one or not other:
        return 0
    if one == other:
        return BIRTH.code("exact")
    swapped = one[:5] + one[8:] + "-" + one[5:7]
    if swapped == other or OSA.distance(one, other) == 1 or one[2:] == other[2:]:
        return BIRTH.code("typo")
    if one[:4] == other[:4] or one[5:] == other[5:]:
        return BIRTH.code("year")
    return BIRTH.code("different")


def _employer(left: Sequence[Person], right: Sequence[Person]) -> Codes:
    alike = _scores(_column(left, "company"), _column(right, "company"), fuzz.token_sort_ratio)
    return np.fromiter(
        map(_employer_level, left, right, alike.tolist()), dtype=np.int8, count=len(left)
    )


def _employer_level(a: Person, b: Person, alike: float) -> int:
    names, domains = bool(a.company and b.company), bool(a.domains and b.domains)
    if not names and not domains:
        return 0
    same_domain = domains and not set(a.domains).isdisjoint(b.domains)
    same_name = names and a.company == b.company
    if same_domain:
        near = names and (same_name or alike >= _EMPLOYER)
        return EMPLOYER.code("domain_and_name" if near else "domain")
    if same_name:
        return EMPLOYER.code("name")
    if names and (alike >= _EMPLOYER or _begins(a.company, b.company)):
        return EMPLOYER.code("similar_name")
    return EMPLOYER.code("different")


def _begins(one: str, other: str) -> bool:
    """Whether one name is the beginning of the other, in whole words ("Acme", "Acme Europe")."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _MIN_TYPO and long.startswith(short + " ")


def _title(left: Sequence[Person], right: Sequence[Person]) -> Codes:
    ours, theirs = _column(left, "title"), _column(right, "title")
    alike = _scores(ours, theirs, fuzz.token_sort_ratio)
    codes = np.select(
        [alike >= 100.0, alike >= _TITLE],  # noqa: PLR2004 - the same words
        [TITLE.code("exact"), TITLE.code("similar")],
        TITLE.code("different"),
    ).astype(np.int8)
    codes[[not a or not b for a, b in zip(ours, theirs, strict=True)]] = 0
    return codes


def _street(left: Sequence[Person], right: Sequence[Person]) -> Codes:
    ours, theirs = _column(left, "street"), _column(right, "street")
    codes = np.zeros(len(left), dtype=np.int8)
    known = [i for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a and b]
    if not known:
        return codes
    first, second = [ours[i] for i in known], [theirs[i] for i in known]
    alike = np.maximum(
        _scores(first, second, fuzz.token_sort_ratio), _scores(first, second, fuzz.ratio)
    )
    partial = np.maximum(alike, 0.9 * _scores(first, second, fuzz.token_set_ratio))
    exact = np.array([a == b for a, b in zip(first, second, strict=True)])
    codes[known] = np.select(
        [exact, alike >= _STREET_SIMILAR, partial >= _STREET_PARTIAL],
        [STREET.code("exact"), STREET.code("similar"), STREET.code("partial")],
        STREET.code("different"),
    )
    return codes


def _place(a: Person, b: Person) -> int:
    codes, cities = bool(a.postcode and b.postcode), bool(a.city and b.city)
    if not codes and not cities:
        return 0
    same_code, same_city = codes and a.postcode == b.postcode, cities and a.city == b.city
    if same_code:
        return PLACE.code("postcode_and_city" if same_city else "postcode")
    if same_city:
        return PLACE.code("city")
    near = codes and OSA.distance(a.postcode, b.postcode) == 1
    near = near or (cities and JaroWinkler.similarity(*sorted((a.city, b.city))) >= _SIMILAR)
    return PLACE.code("near" if near else "different")


# --- agreed values ------------------------------------------------------------------------------


def _agreed(
    left: Sequence[Person], right: Sequence[Person], codes: dict[str, Codes]
) -> dict[str, list[str]]:
    """The value agreed on, for the levels whose weight depends on its frequency."""
    values: dict[str, list[str]] = {}
    for comparison in COMPARISONS:
        found = [""] * len(left)
        wanted = [comparison.code(level) for level in comparison.frequent]
        plain = np.isin(codes[comparison.name], wanted)
        if comparison in (GIVEN, FAMILY):  # crosswise agreement is on another column's value
            plain &= codes[ORDER.name] == 0
        for i in np.flatnonzero(plain).tolist():
            level = comparison.levels[codes[comparison.name][i] - 1]
            found[i] = agreed_value(comparison.name, level, left[i], right[i])
        values[comparison.name] = found
    return values


def agreed_value(name: str, level: str, a: Person, b: Person) -> str:
    """What two people agree on at a frequent level, the same whichever comes first."""
    if name == GIVEN.name:
        return min(a.given, b.given)
    if name == FAMILY.name:
        return min(a.family, b.family)
    if name == PHONE.name:
        return min({*a.phones, *a.weak_phones} & {*b.phones, *b.weak_phones}, default="")
    if name == EMPLOYER.name:
        return min(set(a.domains) & set(b.domains)) if level != "name" else a.company
    if name == PLACE.name:
        return a.city if level == "city" else a.postcode
    return ""
