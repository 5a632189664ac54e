"""From tables to a frame: what the columns of a field hold, made comparable, each distinct once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain

import numpy as np

from matching import contact_points, names, text
from matching.normalise import emails, phones, short_title
from matching.tables.frame import Feature, Frame, Numbers, numbered
from matching.tables.kinds import KINDS
from matching.tables.layout import Columns, Field
from matching.tables.values import SEVERAL, Index, Value

Parts = Mapping[str, Sequence[str]]
Raw = tuple[tuple[str, tuple[str, ...]], ...]
"""A row's values by part, hashable."""


def build(left: Columns, right: Columns | None, fields: Sequence[Field]) -> Frame:
    """The frame of two tables, or of one against itself. A field that says nothing in either
    table is left out."""
    sides = [_Side(left)] if right is None else [_Side(left), _Side(right)]
    features = []
    for one in fields:
        sources = (one.left, one.right)
        found = [side.distinct(own) for side, own in zip(sides, sources, strict=False)]
        feature = _feature(one, found)
        if feature is not None:
            features.append(feature)
    return Frame(tuple(features), sides[0].size, sum(side.size for side in sides))


class _Side:
    """A table whose columns are numbered, each the first time a field needs it."""

    def __init__(self, table: Columns) -> None:
        self.table = table
        self.size = len(next(iter(table.values()), ()))
        self._columns: dict[str, tuple[list[str], Index]] = {}

    def _numbered(self, column: str) -> tuple[list[str], Index]:
        """The distinct cells of a column, and for each row the number of its own."""
        if column not in self._columns:
            seen: dict[str, int] = {}
            rows = [seen.setdefault(cell, len(seen)) for cell in self.table[column]]
            self._columns[column] = list(seen), np.array(rows, dtype=np.int64)
        return self._columns[column]

    def distinct(self, sources: Mapping[str, Sequence[str]]) -> tuple[list[Raw], Numbers]:
        """The distinct rows in some columns, in their order, and for each row its number."""
        columns = [self._numbered(column) for own in sources.values() for column in own]
        joint = np.zeros(self.size, dtype=np.int64)
        for cells, rows in columns:
            joint = np.unique(joint * len(cells) + rows, return_inverse=True)[1]
        _, first, back = np.unique(joint, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(order), dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        chosen = first[order]
        held = [[cells[at] for at in rows[chosen].tolist()] for cells, rows in columns]
        ends = np.cumsum([len(own) for own in sources.values()]).tolist()
        spans = list(zip(sources, [0, *ends[:-1]], ends, strict=True))
        raw = [
            tuple((part, cells[start:end]) for part, start, end in spans)
            for cells in zip(*held, strict=True)
        ]
        return raw or [()] * len(chosen), place[back]


def _feature(one: Field, sides: Sequence[tuple[list[Raw], Numbers]]) -> Feature | None:
    seen: dict[Raw, int] = {}
    places = [
        np.array([seen.setdefault(row, len(seen)) for row in raw], dtype=np.int32)
        for raw, _ in sides
    ]
    rows = np.concatenate([at[own] for at, (_, own) in zip(places, sides, strict=True)])
    normal = _normaliser(one, seen)
    found = numbered(one.name, KINDS[one.kind], [normal(dict(row)) for row in seen])
    return replace(found, rows=found.rows[rows]) if len(found.values.all) else None


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
    if read := text.vague_date(whole, month_first=month_first):
        return read
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
_ASKED = 5_000
"""Telephone numbers that are asked for their country."""
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
    """The country most numbers of a column name themselves; None where none does. Of very many
    numbers some thousands, picked evenly from all of them in order, have the say."""
    numbers = sorted(v for row in raw for role, c in row if role == "phone" for v in c)
    step = 1 + len(numbers) // _ASKED
    found = Counter(region for v in numbers[::step] if (region := contact_points.region(v)))
    return min(found, key=lambda one: (-found[one], one)) if found else None


def _phone(parts: Parts, usual: str | None) -> tuple[str, ...]:
    region = _region(_one(parts, "country"), _one(parts, "state"), usual)
    e164, digits = phones(parts.get("phone", ()), region)
    return (*e164, *digits)


@lru_cache(maxsize=4_096)
def _region(country: str, state: str, usual: str | None) -> str | None:
    """Where a row's numbers are read."""
    code, within = text.country(text.present(country)), text.words(text.present(state))
    return text.region_of(code, within, usual)


def _employer(parts: Parts) -> tuple[str, str]:
    _, _, found = emails(parts.get("email", ()))
    sites = [*found, *map(contact_points.domain, parts.get("website", ()))]
    named = contact_points.company(_one(parts, "company"))
    return named, SEVERAL.join(dict.fromkeys(site for site in sites if site))


def _street(parts: Parts) -> str:
    street = _all(parts, "house", "street", "unit") or text.address(_one(parts, "address")).street
    return text.street(text.present(street))


def _place(parts: Parts) -> tuple[str, str, str]:
    whole = text.address(_one(parts, "address"))
    return (
        text.postcode(text.present(_one(parts, "postcode") or whole.postcode)),
        text.words(text.present(_one(parts, "city") or whole.town)),
        text.words(text.present(_one(parts, "state") or whole.state)),
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
