"""How two values of the ways to reach somebody agree: addresses and telephone numbers.

A value may hold several of them: the best level that any of the one reaches with any of the other
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import OSA, JaroWinkler

from matching.tables.values import Codes, Index, Texts, Values, ids, listed, pairwise, select

_SHORT, _LONG = 4, 8
_ENDING = 7
_SLIPS = 0.12
"""Edits for each letter of an address that may be slips."""
_ALIKE = 0.9
_COUNTER = 2
_FEW = 4
"""Edits within which two addresses of one domain are near."""


@dataclass(frozen=True)
class _Addresses:
    """What comparing needs to know of each address: equal numbers for equal parts, -1 for none;
    `digits` are those of a local part with two of them or more; `stem` and `counter` are what
    stands before and in one or two digits at its end."""

    local: Index
    letters: Index
    domain: Index
    domains: Texts
    digits: Index
    stem: Index
    counter: Index


def email(values: Values, a: Index, b: Index) -> Codes:
    """The best level that any address of the one reaches with any of the other."""
    atoms = values.atoms()
    one, other, starts = atoms.crossed(a, b)
    levels = np.where(one == other, np.int8(1), _address(atoms.values, one, other))
    return np.asarray(np.minimum.reduceat(levels, starts), dtype=np.int8)


def _address(values: Values, a: Index, b: Index) -> Codes:
    of, texts = values.once(_parted), values.texts
    shorter = np.minimum(of.letters[a], of.letters[b])
    whole = np.minimum(values.lengths[a], values.lengths[b])
    most = max(_FEW, int(_SLIPS * int(whole.max(initial=0))) + 1)
    edits = pairwise(OSA.distance, texts, a, b, most)
    alike = pairwise(JaroWinkler.similarity, texts, a, b, _ALIKE)
    local = (of.local[a] == of.local[b]) & (shorter >= _SHORT)
    slips = (edits <= np.maximum(2, _SLIPS * whole)) & (shorter >= _SHORT)
    one_slip = (edits <= 1) & (shorter >= _SHORT - 1)
    same_domain = of.domain[a] == of.domain[b]
    near = (alike >= _ALIKE) | (same_domain & (edits <= _FEW))
    typed = local.copy()
    rows = np.flatnonzero(local)
    typed[rows] = pairwise(OSA.distance, of.domains, of.domain[a[rows]], of.domain[b[rows]], 2) <= 2  # noqa: PLR2004
    numbered = (of.digits[a] == of.digits[b]) & (of.digits[a] >= 0)
    slip = one_slip | slips
    # Who hands out addresses tells namesakes apart by a number: john.smith1 is not john.smith2.
    apart = same_domain & (of.stem[a] == of.stem[b]) & (of.counter[a] != of.counter[b])
    apart &= of.stem[a] >= 0
    levels = [(typed, 2), (apart, 7), (slip & numbered, 3), (slip, 4), (local, 5), (near, 6)]
    return select(levels, 7)


def _parted(values: Values) -> _Addresses:
    locals_, domains = [], []
    for text in values.texts:
        local, _, domain = text.rpartition("@")
        locals_.append(local)
        domains.append(domain)
    digits = ["".join(c for c in text if c.isdigit()) for text in locals_]
    parted = [counted(text) for text in locals_]
    return _Addresses(
        ids(locals_),
        np.array([len(text) for text in locals_], dtype=np.int64),
        ids(domains),
        listed(dict.fromkeys(domains)),
        ids([text if len(text) > 1 else "" for text in digits], blank=True),
        ids([stem for stem, _ in parted], blank=True),
        ids([counter for _, counter in parted]),
    )


def counted(local: str) -> tuple[str, str]:
    """The local part of an address without one or two digits at its end, and these; ("", "") for
    one that ends in more: those are years, and slips in them are slips."""
    stem = local.rstrip("0123456789")
    counter = local[len(stem) :]
    return (stem, counter) if len(counter) <= _COUNTER else ("", "")


@dataclass(frozen=True)
class _Numbers:
    """Numbers without plus and leading noughts, and equal numbers for equal endings."""

    texts: list[str]
    whole: Index
    long_end: Index
    end: Index


def phone(values: Values, a: Index, b: Index) -> Codes:
    """The best level that any number of the one reaches with any of the other."""
    atoms = values.atoms()
    one, other, starts = atoms.crossed(a, b)
    levels = np.where(one == other, np.int8(1), _number(atoms.values, one, other))
    return np.asarray(np.minimum.reduceat(levels, starts), dtype=np.int8)


def _number(values: Values, a: Index, b: Index) -> Codes:
    of, texts = values.once(_stripped), values.texts
    same = of.whole[a] == of.whole[b]
    # One ends in the other: then in the same eight digits, if they are not the same altogether.
    for row in np.flatnonzero((of.long_end[a] == of.long_end[b]) & (of.long_end[a] >= 0)).tolist():
        short, long = sorted((of.texts[a[row]], of.texts[b[row]]), key=len)
        same[row] |= long.endswith(short)
    ending = of.end[a] == of.end[b]
    lengths = values.once(_lengths)
    rows = np.flatnonzero(~same & ~ending & (np.abs(lengths[a] - lengths[b]) <= 1))
    slip = np.zeros(len(a), dtype=bool)
    slip[rows] = pairwise(OSA.distance, texts, a[rows], b[rows], 1) <= 1
    return select([(same, 1), (ending, 2), (slip, 3)], 4)


def _lengths(values: Values) -> Index:
    return np.array([len(text) for text in values.texts], dtype=np.int64)


def _stripped(values: Values) -> _Numbers:
    texts = [text.lstrip("+0") for text in values.texts]
    return _Numbers(
        texts,
        ids(texts),
        ids([text[-_LONG:] if len(text) >= _LONG else "" for text in texts], blank=True),
        ids([text[-_ENDING:] for text in values.texts]),
    )
