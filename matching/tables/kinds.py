"""Kinds of fields: their levels of agreement, strongest first, and how two values reach one.

A value is normalised text, or a tuple of texts where several columns make one field. Level codes
count from 1, the strongest; 0 is "one side says nothing". `m` of each level is what one person's
two records show before anything is learned. Comparing is symmetric and works on pairs of distinct
values, each distinct pair once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler

from matching.tables import reach
from matching.tables.values import Codes, Flags, Index, Texts, Values, ids, listed, pairwise, select


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of field. `m` has one share for each level; `agreed` names, for a level, the part
    whose frequency its weight depends on ("" for the whole value).
    """

    name: str
    levels: tuple[str, ...]
    m: tuple[float, ...]
    compare: Callable[[Values, Index, Index], Codes]
    agreed: Mapping[int, str] = field(default_factory=lambda: {1: ""})
    parts: tuple[str, ...] = ()

    def code(self, level: str) -> int:
        """The code of a level. Raises ValueError for an unknown one."""
        return self.levels.index(level) + 1


# --- names ------------------------------------------------------------------------------------

_DIGITS = re.compile(r"\d+")
_SHORT, _LONG = 4, 8
_ALIKE = 0.88
_TOWNS_ALIKE = 0.87
_EDITS = 2
"""Edits beyond which nobody asks how many."""


def _spelling(values: Values, a: Index, b: Index) -> tuple[Flags, Flags, Flags]:
    """Equal but for spaces and umlauts; a slip apart; alike in sound or letters."""
    edits = pairwise(OSA.distance, values.plain, a, b, _EDITS)
    alike = pairwise(JaroWinkler.similarity, values.plain, a, b, _ALIKE)
    shorter = np.minimum(values.lengths[a], values.lengths[b])
    equal = values.plain_ids[a] == values.plain_ids[b]
    slip = ((edits <= 1) & (shorter >= _SHORT - 1)) | ((edits <= 2) & (shorter >= _LONG))  # noqa: PLR2004
    sound = (values.sounds[a] == values.sounds[b]) & (shorter >= _SHORT)
    near = (edits <= 2) & (shorter >= _SHORT + 1)  # noqa: PLR2004
    counted = values.once(_counted)
    one = counted[a] == counted[b]  # what is numbered is told apart by its number
    return equal, slip & one, ((alike >= _ALIKE) | sound | near) & one


def _numbers(texts: Texts) -> Index:
    """Equal numbers for texts with the same digits in them; -1 for none."""
    return ids([" ".join(_DIGITS.findall(text)) for text in texts], blank=True)


def _counted(values: Values) -> Index:
    return _numbers(values.texts)


def _given(values: Values, a: Index, b: Index) -> Codes:
    equal, slip, alike = _spelling(values, a, b)
    low, high = np.minimum(a, b), np.maximum(a, b)
    short_form = np.isin(low * len(values.all) + high, values.nicknames)
    shorter = np.minimum(values.lengths[a], values.lengths[b])
    initial = (values.initials[a] == values.initials[b]) & (shorter == 1)
    rest = np.flatnonzero(~(equal | slip | short_form | initial))
    part = np.zeros(len(a), dtype=bool)
    starts = rest[(values.initials[a[rest]] == values.initials[b[rest]]) & (shorter[rest] > 1)]
    for row in starts.tolist():
        one, other = values.plain[a[row]], values.plain[b[row]]
        part[row] = one.startswith(other) or other.startswith(one)
    levels = [(equal, 1), (slip, 3), (short_form, 4), (part, 4), (alike, 5), (initial, 6)]
    return select(levels, 7)


def _family(values: Values, a: Index, b: Index) -> Codes:
    equal, slip, alike = _spelling(values, a, b)
    part = np.zeros(len(a), dtype=bool)
    texts, several = values.texts, values.once(_of_words)
    for row in np.flatnonzero((several[a] | several[b]) & ~(equal | slip)).tolist():
        shared = set(texts[a[row]].split()) & set(texts[b[row]].split())
        part[row] = any(len(word) >= _SHORT for word in shared)
    return select([(equal, 1), (slip, 2), (part, 4), (alike, 3)], 5)


def _of_words(values: Values) -> Flags:
    """Which values have several words."""
    return np.array([" " in text for text in values.texts], dtype=bool)


def _middle(values: Values, a: Index, b: Index) -> Codes:
    initial = values.initials[a] == values.initials[b]
    short = values.once(_single)
    return select([(initial & (short[a] | short[b]), 2), (initial, 3)], 4)


def _single(values: Values) -> Flags:
    """Which values are one letter."""
    return np.array([len(text) == 1 for text in values.texts], dtype=bool)


def _word(values: Values, a: Index, b: Index) -> Codes:
    return select(list(zip(_spelling(values, a, b), (1, 2, 3), strict=True)), 4)


# --- dates, numbers, codes ----------------------------------------------------------------------


def _date(values: Values, a: Index, b: Index) -> Codes:
    one, other = values.dates[a], values.dates[b]
    same = (one == other) & (one > 0)
    turned = same[:, 0] & (one[:, 1] == other[:, 2]) & (one[:, 2] == other[:, 1])
    edits = pairwise(OSA.distance, values.texts, a, b, _EDITS)
    two = same.sum(axis=1) >= 2  # noqa: PLR2004
    near = (edits <= 2) | same[:, 0]  # noqa: PLR2004
    return select([(turned | (edits <= 1), 2), (two, 3), (near, 4)], 5)


def _age(values: Values, a: Index, b: Index) -> Codes:
    apart = np.abs(values.numbers[a] - values.numbers[b])
    levels = [(apart == 0, 1), (apart <= 1, 2), (apart <= 3, 3)]  # noqa: PLR2004
    return select(levels, 4)


def _measure(values: Values, a: Index, b: Index) -> Codes:
    one, other = values.numbers[a], values.numbers[b]
    larger = np.maximum(np.maximum(np.abs(one), np.abs(other)), 1e-9)
    apart = np.abs(one - other) / larger
    levels = [(apart == 0, 1), (apart <= 0.01, 2), (apart <= 0.1, 3)]  # noqa: PLR2004
    return select(levels, 4)


def _code(values: Values, a: Index, b: Index) -> Codes:
    edits = pairwise(OSA.distance, values.plain, a, b, _EDITS)
    shorter = np.minimum(values.lengths[a], values.lengths[b])
    equal = values.plain_ids[a] == values.plain_ids[b]
    slip = (edits <= 1) & (shorter >= _SHORT)
    near = (edits <= 2) & (shorter >= _SHORT + 2)  # noqa: PLR2004
    return select([(equal, 1), (slip, 2), (near, 3)], 4)


def _category(values: Values, a: Index, b: Index) -> Codes:
    return select([(values.plain_ids[a] == values.plain_ids[b], 1)], 2)


# --- employer, street, place, text --------------------------------------------------------------


def _both(values: Values, at: int, a: Index, b: Index) -> tuple[Flags, Flags]:
    """Whether a part is known on both sides, and whether it agrees."""
    one, other = values.part(at)[a], values.part(at)[b]
    known = (one >= 0) & (other >= 0)
    return known, known & (one == other)


def _employer(values: Values, a: Index, b: Index) -> Codes:
    named, same_name = _both(values, 0, a, b)
    sites = values.atoms(1)
    sited, same_site = (sites.first[a] >= 0) & (sites.first[b] >= 0), sites.shared(a, b) >= 0
    companies = values.once(_companies)
    alike = named & (pairwise(fuzz.token_sort_ratio, companies, a, b, 86) >= 86)  # noqa: PLR2004
    alike |= named & (pairwise(fuzz.partial_ratio, companies, a, b, 96) >= 96)  # noqa: PLR2004
    counted = values.once(_companies_counted)
    alike &= (counted[a] == counted[b]) | (counted[a] < 0) | (counted[b] < 0)
    levels = [
        (~named & ~sited, 0),
        (same_site & (same_name | alike), 1),
        (same_site, 2),
        (same_name, 3),
        (alike, 4),
    ]
    return select(levels, 5)


def _companies(values: Values) -> Texts:
    return listed(str(v[0]) for v in values.all)


def _companies_counted(values: Values) -> Index:
    return _numbers(values.once(_companies))


def _street(values: Values, a: Index, b: Index) -> Codes:
    texts = values.texts
    whole = pairwise(fuzz.token_sort_ratio, texts, a, b, 70)
    run = pairwise(fuzz.ratio, values.plain, a, b, 70)
    subset = pairwise(fuzz.token_set_ratio, texts, a, b, 75)
    alike = np.maximum(whole, run)
    firsts = values.once(_houses)
    house = (firsts[a] == firsts[b]) | (firsts[a] < 0) | (firsts[b] < 0)
    similar = (alike >= 86) & house  # noqa: PLR2004
    partial = ((alike >= 80) | (subset >= 88)) & house  # noqa: PLR2004
    named = (alike >= 70) | (subset >= 75)  # noqa: PLR2004
    return select([(similar, 2), (partial, 3), (named, 4)], 5)


def _houses(values: Values) -> Index:
    """Equal numbers for equal house numbers; -1 for none."""
    return ids([_house(text) for text in values.texts], blank=True)


def _house(street: str) -> str:
    return next((token for token in street.split() if token[:1].isdigit()), "")


def _place(values: Values, a: Index, b: Index) -> Codes:
    coded, same_code = _both(values, 0, a, b)
    towned, same_town = _both(values, 1, a, b)
    stated, same_state = _both(values, 2, a, b)
    codes, towns = values.once(_codes_and_towns)
    near = coded & (pairwise(OSA.distance, codes, a, b, _EDITS) <= 1)
    alike = pairwise(JaroWinkler.similarity, towns, a, b, _TOWNS_ALIKE)
    near |= towned & (alike >= _TOWNS_ALIKE)
    levels = [
        (~coded & ~towned & ~stated, 0),
        (same_code & same_town, 1),
        (same_code, 2),
        (same_town & (same_state | ~stated), 3),
        (near & (same_state | ~stated), 4),
        (near | same_town, 5),
        (same_state, 6),
    ]
    return select(levels, 7)


def _codes_and_towns(values: Values) -> tuple[Texts, Texts]:
    return listed(str(v[0]) for v in values.all), listed(str(v[1]) for v in values.all)


def _title(values: Values, a: Index, b: Index) -> Codes:
    texts = values.texts
    whole = pairwise(fuzz.token_sort_ratio, texts, a, b, 70)
    subset = pairwise(fuzz.token_set_ratio, texts, a, b, 90)
    equal = values.plain_ids[a] == values.plain_ids[b]
    return select([(equal, 1), (whole >= 85, 2), ((subset >= 90) | (whole >= 70), 3)], 4)  # noqa: PLR2004


def _text(values: Values, a: Index, b: Index) -> Codes:
    grams = values.grams
    alike = np.zeros(len(a))
    for start in range(0, len(a), 50_000):
        piece = slice(start, start + 50_000)
        product = grams[a[piece]].multiply(grams[b[piece]])
        alike[piece] = np.asarray(product.sum(axis=1)).ravel()
    equal = values.plain_ids[a] == values.plain_ids[b]
    bounds = ((0.8, 2), (0.6, 3), (0.4, 4), (0.25, 5))
    return select([(equal, 1), *((alike >= least, code) for least, code in bounds)], 6)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "given",
            ("exact", "swapped", "slip", "short form", "alike", "initial", "different"),
            (0.75, 0.02, 0.06, 0.05, 0.03, 0.03, 0.06),
            _given,
        ),
        Kind(
            "family",
            ("exact", "slip", "alike", "part", "different"),
            (0.84, 0.06, 0.03, 0.02, 0.05),
            _family,
        ),
        Kind("middle", ("exact", "initial", "same letter", "different"), (0.7, 0.15, 0.05, 0.1),
             _middle),
        Kind("word", ("exact", "slip", "alike", "different"), (0.78, 0.08, 0.04, 0.1), _word),
        Kind(
            "date",
            ("exact", "slip", "two parts", "near", "different"),
            (0.82, 0.08, 0.03, 0.03, 0.04),
            _date,
        ),
        Kind("age", ("exact", "one", "three", "different"), (0.75, 0.13, 0.05, 0.07), _age),
        Kind("number", ("exact", "1 %", "10 %", "different"), (0.7, 0.1, 0.1, 0.1), _measure),
        Kind("code", ("exact", "slip", "near", "different"), (0.82, 0.06, 0.03, 0.09), _code),
        Kind("category", ("exact", "different"), (0.93, 0.07), _category),
        Kind(
            "email",
            ("exact", "domain slip", "slip", "near", "same local", "alike", "different"),
            (0.6, 0.04, 0.04, 0.04, 0.04, 0.04, 0.2),
            reach.email,
        ),
        Kind("phone", ("exact", "ending", "slip", "different"), (0.6, 0.03, 0.05, 0.32),
             reach.phone),
        Kind(
            "employer",
            ("domain and name", "domain", "name", "similar name", "different"),
            (0.45, 0.12, 0.17, 0.06, 0.2),
            _employer,
            {1: "site", 2: "site", 3: "name"},
            ("name", "site"),
        ),
        Kind(
            "street",
            ("exact", "similar", "partial", "same street", "different"),
            (0.55, 0.15, 0.08, 0.06, 0.16),
            _street,
        ),
        Kind(
            "place",
            ("postcode and town", "postcode", "town", "near", "near elsewhere", "state",
             "different"),
            (0.58, 0.08, 0.12, 0.06, 0.02, 0.06, 0.08),
            _place,
            {1: "postcode", 2: "postcode", 3: "town", 6: "state"},
            ("postcode", "town", "state"),
        ),
        Kind("title", ("exact", "similar", "partial", "different"), (0.5, 0.1, 0.12, 0.28), _title),
        Kind(
            "text",
            ("exact", "close", "near", "some", "little", "different"),
            (0.4, 0.15, 0.15, 0.12, 0.08, 0.1),
            _text,
        ),
    )
}  # fmt: skip
"""Every kind by its name."""
