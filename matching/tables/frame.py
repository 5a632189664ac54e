"""Tables made comparable, once: every value normalised, every distinct value numbered.

A frame holds the rows of both tables, left first. A feature numbers its distinct values, so that
comparing works on numbers and looks at each distinct pair of values once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from matching import contact_points, names, text
from matching.normalise import emails, phones, short_title
from matching.tables.kinds import KINDS, Kind
from matching.tables.layout import Columns, Field
from matching.tables.values import SEVERAL, Atoms, Index, Value, Values
from matching.text import squash

Numbers = NDArray[np.int32]
Parts = Mapping[str, Sequence[str]]


ALONE = 2
"""Rows that carry a value when only the two of a pair do; a tally leaves such values out."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How a population's values are spread in one part of a field: `rows` know the field,
    `shared` is the share of pairs that agree, `counts` how many rows carry each common value."""

    rows: int
    shared: float
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Feature:
    """One field of a frame: `rows[i]` is the number of row i's value, -1 where there is none.

    `tallies` are counts of a larger population by part, and then count instead of the frame's own.
    """

    name: str
    kind: Kind
    values: Values
    rows: Numbers
    tallies: Mapping[str, Tally] | None = None

    def atoms(self, part: str) -> Atoms:
        """What the values hold in a part ("" for a field without parts)."""
        return self.values.atoms(self.kind.parts.index(part) if part else None)

    def counts(self, part: str) -> Index:
        """How many rows carry each of the things that values hold in a part."""
        return self._counts[part]

    def tally(self, part: str) -> Tally:
        """How the values are spread in a part, in the population or the frame itself."""
        return self._tallies[part]

    def carried(self, part: str, a: Index, b: Index) -> Index:
        """How many rows carry what each two values agree on; where they agree without being
        equal, the commoner of both counts. 0 where a value lacks the part."""
        atoms, counts = self.atoms(part), np.append(self.counts(part), 0)
        shared = atoms.shared(a, b, counts)
        commoner = np.maximum(counts[atoms.first[a]], counts[atoms.first[b]])
        return np.where(shared >= 0, counts[shared], commoner)

    @cached_property
    def _counts(self) -> dict[str, Index]:
        return {part: self._count(part) for part in self.kind.parts or ("",)}

    def _count(self, part: str) -> Index:
        atoms = self.atoms(part)
        if self.tallies is not None:
            known = self.tallies[part].counts if part in self.tallies else None
            counted = [known.get(one, ALONE) if known is not None else 0 for one in atoms.names]
            return np.array(counted, dtype=np.int64)
        rows = np.bincount(self.rows[self.rows >= 0], minlength=len(self.values.all))
        single = ~atoms.several & (atoms.first >= 0)
        found = np.bincount(
            atoms.first[single], weights=rows[single], minlength=len(atoms.names)
        ).astype(np.int64)
        for value, held in atoms.more.items():
            found[list(held)] += rows[value]
        return found

    @cached_property
    def _tallies(self) -> dict[str, Tally]:
        if self.tallies is not None:
            return {part: self.tallies.get(part, Tally(1, 1.0, {})) for part in self._counts}
        return {part: self._spread(part) for part in self._counts}

    def _spread(self, part: str) -> Tally:
        counts = self.counts(part)
        known = int((self.rows >= 0).sum())
        rows = max(known, 2)
        shared = max(float((counts * (counts - 1)).sum()), 1.0) / (rows * (rows - 1))
        names_ = self.atoms(part).names
        common = {names_[at]: int(counts[at]) for at in np.flatnonzero(counts > ALONE).tolist()}
        return Tally(max(known, 1), shared, common)


@dataclass(frozen=True)
class Frame:
    """Features of n rows, of which the first `left` are the left table's; for a dedupe all are."""

    features: tuple[Feature, ...]
    left: int
    total: int

    @property
    def dedupes(self) -> bool:
        """Whether it is one table against itself."""
        return self.left == self.total

    @property
    def pairs(self) -> int:
        """How many pairs there are altogether."""
        if self.dedupes:
            return self.total * (self.total - 1) // 2
        return self.left * (self.total - self.left)

    @cached_property
    def named(self) -> NDArray[np.bool_]:
        """Whether a row's address is made of its own name."""
        email, found = self.feature("email"), np.zeros(self.total, dtype=bool)
        names_ = [one for name in ("given", "family") if (one := self.feature(name)) is not None]
        if email is None:
            return found
        locals_ = [
            " ".join(squash(address.partition("@")[0]) for address in held)
            for held in email.values.all
        ]
        for one in names_:
            for row in np.flatnonzero((email.rows >= 0) & (one.rows >= 0)).tolist():
                name = one.values.plain[one.rows[row]]
                found[row] |= len(name) > 2 and name in locals_[email.rows[row]]  # noqa: PLR2004
        return found

    def feature(self, name: str) -> Feature | None:
        """The feature of that name, None where the tables have none."""
        return next((one for one in self.features if one.name == name), None)


def build(left: Columns, right: Columns | None, fields: Sequence[Field]) -> Frame:
    """The frame of two tables, or of one against itself. A field that says nothing in either
    table is left out."""
    size = _height(left)
    features = []
    for one in fields:
        raw = _raw(left, one.left, size)
        if right is not None:
            raw += _raw(right, one.right, _height(right))
        feature = _feature(one, raw)
        if feature is not None:
            features.append(feature)
    total = size + (_height(right) if right is not None else 0)
    return Frame(tuple(features), size, total)


def _height(table: Columns) -> int:
    return len(next(iter(table.values()), ()))


Raw = tuple[tuple[str, tuple[str, ...]], ...]


def _raw(table: Columns, sources: Mapping[str, Sequence[str]], size: int) -> list[Raw]:
    """For each row its values by part, hashable."""
    parts = [(part, [table[c] for c in columns]) for part, columns in sources.items()]
    return [
        tuple((part, tuple([column[row] for column in columns])) for part, columns in parts)
        for row in range(size)
    ]


def _feature(one: Field, raw: Sequence[Raw]) -> Feature | None:
    numbers: dict[Raw, int] = {}
    rows = np.array([numbers.setdefault(row, len(numbers)) for row in raw], dtype=np.int32)
    normal = _normaliser(one, numbers)
    found = numbered(one.name, KINDS[one.kind], [normal(dict(row)) for row in numbers])
    return replace(found, rows=found.rows[rows]) if len(found.values.all) else None


def numbered(
    name: str, kind: Kind, made: Sequence[Value], tallies: Mapping[str, Tally] | None = None
) -> Feature:
    """The feature whose row i has the i-th value; an empty one is none."""
    at: dict[Value, int] = {}
    rows = [at.setdefault(value, len(at)) if any(value) else -1 for value in made]
    return Feature(name, kind, Values(list(at)), np.array(rows, dtype=np.int32), tallies)


def _normaliser(one: Field, raw: Mapping[Raw, int]) -> Callable[[Parts], Value]:
    if one.name == "phone":
        usual = _usual_region(raw)
        return lambda parts: _phone(parts, usual)
    if one.kind == "date":
        month_first = _month_first(chain.from_iterable(c for row in raw for _, c in row))
        return lambda parts: _born(parts, month_first=month_first)
    return NORMALISERS.get(one.name, _BY_KIND.get(one.kind, _plain))


def _month_first(values: chain[str]) -> bool:
    """Whether dates with slashes put the month first: told by those that can be read one way."""
    first = second = 0
    for value in values:
        parts = value.replace("-", "/").replace(".", "/").split("/")
        if len(parts) == 3 and parts[0].isdigit() and parts[1].isdigit():  # noqa: PLR2004
            first += 12 < int(parts[0]) <= 31  # noqa: PLR2004
            second += 12 < int(parts[1]) <= 31  # noqa: PLR2004
    return second > first


# --- normalisers --------------------------------------------------------------------------------


def _one(parts: Parts, role: str) -> str:
    return next((v for v in parts.get(role, ()) if v.strip()), "")


def _all(parts: Parts, *roles: str) -> str:
    return " ".join(v.strip() for role in roles for v in parts.get(role, ()) if v.strip())


def _plain(parts: Parts) -> str:
    return text.words(text.present(" ".join(chain.from_iterable(parts.values()))))


def _name(parts: Parts) -> names.Name:
    whole = _one(parts, "name")
    if whole:
        return names.split(whole, None)
    if "given" not in parts:  # a family name of two words is no given and a family name
        return names.Name(family=names.letters(text.present(_one(parts, "family"))))
    return names.split(_one(parts, "given") or None, _one(parts, "family") or None)


def _family(parts: Parts) -> str:
    second = names.letters(text.present(_all(parts, "second family", "birth family")))
    return f"{_name(parts).family} {second}".strip()


def _middle(parts: Parts) -> str:
    return names.letters(text.present(_all(parts, "middle"))) or _name(parts).middle


def _born(parts: Parts, *, month_first: bool) -> str:
    whole = _one(parts, "birth_date") or _one(parts, "value")
    if whole:
        return text.birth_date(whole, month_first=month_first)
    year, month, day = (_digits(_one(parts, f"birth_{part}")) for part in ("year", "month", "day"))
    return f"{year:04d}-{month:02d}-{day:02d}" if year or (month and day) else ""


def _digits(value: str) -> int:
    """A year, month or day; 0 for none ("1980.0" is how some tools write one)."""
    text_ = value.strip().removesuffix(".0")
    return int(text_) if text_.isascii() and text_.isdigit() and len(text_) <= _YEAR else 0


def _amount(parts: Parts) -> str:
    raw = "".join(chain.from_iterable(parts.values())).strip().replace(" ", "")
    if "," in raw:
        raw = raw.replace(",", "") if "." in raw else raw.replace(",", ".")
    try:
        number = float(raw)
    except ValueError:
        return ""
    return f"{number:.10g}" if np.isfinite(number) else ""


def _code(parts: Parts) -> str:
    raw = text.present("".join(chain.from_iterable(parts.values())))
    return text.words(raw).replace(" ", "")


_YEAR = 4
_SEXES = {"m": "m", "male": "m", "man": "m", "mann": "m", "mannlich": "m", "maennlich": "m",
          "h": "m", "homme": "m", "masculin": "m", "herr": "m", "mr": "m", "f": "f", "female": "f",
          "w": "f", "weiblich": "f", "frau": "f", "woman": "f", "femme": "f", "mrs": "f",
          "ms": "f", "miss": "f", "feminin": "f"}  # fmt: skip


def _sex(parts: Parts) -> str:
    raw = text.words(_one(parts, "sex") or _one(parts, "salutation"))
    return _SEXES.get(raw, raw)


def _email(parts: Parts) -> tuple[str, ...]:
    values = [v for v in parts.get("email", ()) if v.strip()]
    found, roles, _ = emails(values)
    if found or roles:
        return found
    # No address by the rules, yet like one: what is mistyped alike is alike.
    folded = [text.fold(value) for value in values]
    return tuple(v for v in folded if v.count("@") == 1 and not text.is_placeholder(v))


def _usual_region(raw: Iterable[Raw]) -> str | None:
    """The country most numbers of a column name themselves; None where none does."""
    told = (
        contact_points.region(v) for row in raw for role, c in row if role == "phone" for v in c
    )
    found = Counter(region for region in told if region)
    return min(found, key=lambda one: (-found[one], one)) if found else None


def _phone(parts: Parts, usual: str | None) -> tuple[str, ...]:
    country = text.country(text.present(_one(parts, "country")))
    state = text.words(text.present(_one(parts, "state")))
    e164, digits = phones(parts.get("phone", ()), text.region_of(country, state, usual))
    return (*e164, *digits)


def _employer(parts: Parts) -> tuple[str, str]:
    _, _, found = emails(parts.get("email", ()))
    sites = [*found, *map(contact_points.domain, parts.get("website", ()))]
    named = contact_points.company(_one(parts, "company"))
    return named, SEVERAL.join(dict.fromkeys(site for site in sites if site))


def _street(parts: Parts) -> str:
    return text.street(text.present(_all(parts, "house", "street", "unit")))


def _place(parts: Parts) -> tuple[str, str, str]:
    return (
        text.postcode(text.present(_one(parts, "postcode"))),
        text.words(text.present(_one(parts, "city"))),
        text.words(text.present(_one(parts, "state"))),
    )


NORMALISERS: Mapping[str, Callable[[Parts], Value]] = {
    "given": lambda parts: _name(parts).given,
    "family": _family,
    "birth_family": _family,
    "middle": _middle,
    "sex": _sex,
    "email": _email,
    "title": lambda parts: short_title(_one(parts, "title")),
    "employer": _employer,
    "street": _street,
    "place": _place,
}
_BY_KIND: Mapping[str, Callable[[Parts], Value]] = {
    "number": _amount,
    "age": _amount,
    "code": _code,
}


_EMAIL_NAMED = [KINDS["email"].code(level) for level in ("near", "same local", "alike")]


# --- comparing ----------------------------------------------------------------------------------


def compare(feature: Feature, one: Index, other: Index) -> NDArray[np.int8]:
    """The level code of each pair of rows in one field; 0 where a side says nothing."""
    a, b = feature.rows[one].astype(np.int64), feature.rows[other].astype(np.int64)
    codes = np.zeros(len(a), dtype=np.int8)
    known = (a >= 0) & (b >= 0)
    composed = bool(feature.kind.parts)
    codes[known & (a == b)] = 1
    open_ = np.flatnonzero(known & ((a != b) | composed))
    if len(open_):
        size = len(feature.values.all)
        low, high = np.minimum(a[open_], b[open_]), np.maximum(a[open_], b[open_])
        distinct, back = np.unique(low * size + high, return_inverse=True)
        levels = feature.kind.compare(feature.values, distinct // size, distinct % size)
        codes[open_] = levels[back]
    return codes


def compare_all(frame: Frame, one: Index, other: Index) -> dict[str, NDArray[np.int8]]:
    """Level codes of pairs of rows in every field, names in each other's column included."""
    codes = {feature.name: compare(feature, one, other) for feature in frame.features}
    given, family = frame.feature("given"), frame.feature("family")
    if given is not None and family is not None:
        _swapped(codes, (given, family), one, other)
    email, employer = codes.get("email"), codes.get("employer")
    if email is not None:
        # An address made of a name that agrees, at another provider: the name once more.
        said = np.isin(email, _EMAIL_NAMED)
        email[said & (frame.named[one] | frame.named[other])] = 0
    if email is not None and employer is not None:
        # The domain of an equal address is equal too: counted once, as the address.
        employer[(email == 1) & (employer < len(KINDS["employer"].levels))] = 0
    return codes


def _swapped(
    codes: dict[str, NDArray[np.int8]], names_: tuple[Feature, Feature], one: Index, other: Index
) -> None:
    """Given and family name filled into each other's column are one level of the given name."""
    given, family = names_
    odd = (codes["given"] != 1) & (codes["family"] != 1)
    rows = np.flatnonzero(odd)
    firsts = _Words(given), _Words(family)
    cross_one = _crossed(firsts[0].of(one[rows]), firsts[1].of(other[rows]))
    cross_two = _crossed(firsts[1].of(one[rows]), firsts[0].of(other[rows]))
    # One of the two must be equal letter by letter; the other may have a slip or be missing.
    swapped = (np.maximum(cross_one, cross_two) > 1) & (np.minimum(cross_one, cross_two) >= 0)
    if swapped.any():
        codes["given"][rows[swapped]] = KINDS["given"].code("swapped")
        codes["family"][rows[swapped]] = 0


@dataclass(frozen=True)
class _Words:
    """The plain names of a feature, by row; "" where there is none."""

    feature: Feature

    def of(self, rows: Index) -> list[str]:
        plain = [*self.feature.values.plain, ""]
        return [plain[at] for at in self.feature.rows[rows].tolist()]


def _crossed(one: Sequence[str], other: Sequence[str]) -> Index:
    """2 where two names are equal, 1 where they are a slip apart, 0 where one is missing, -1 where
    they differ."""
    alike = np.zeros(len(one), dtype=np.int64)
    for at, (a, b) in enumerate(zip(one, other, strict=True)):
        if a and b:
            far = OSA.distance(a, b, score_cutoff=2)
            slip = far == 1 or (far == 2 and min(len(a), len(b)) > 4)  # noqa: PLR2004
            alike[at] = 2 if a == b else 1 if slip else -1
    return alike
