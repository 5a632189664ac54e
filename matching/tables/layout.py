"""Which fields are compared, and from which columns each is made.

Columns with one meaning become one field (house number, street and unit; postcode, town and
state; day, month and year of birth), so that one fact is counted once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from matching.tables.kinds import KINDS
from matching.tables.repeated import said_again
from matching.tables.roles import profile, role_of
from matching.text import address, vague_date, words
from matching.vocabulary import COMPANY_TAILS

Columns = Mapping[str, Sequence[str]]
"""A table by column; all columns of one length, "" where nothing stands."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field to compare: its name, its kind, and for each part the columns left and right."""

    name: str
    kind: str
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    right: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


COMPOSED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "given": ("given", ("given", "family", "name")),
    "family": ("family", ("given", "family", "second family", "name")),
    "middle": ("middle", ("middle", "given", "family", "name")),
    "birth_family": ("family", ("birth family",)),
    "birth_date": ("date", ("birth_date", "birth_year", "birth_month", "birth_day")),
    "age": ("age", ("age",)),
    "sex": ("category", ("sex", "salutation")),
    "email": ("email", ("email",)),
    "phone": ("phone", ("phone", "country", "state")),
    "employer": ("employer", ("company", "website", "email")),
    "title": ("title", ("title",)),
    "label": ("text", ("label",)),
    "street": ("street", ("house", "street", "unit", "address")),
    "place": ("place", ("postcode", "city", "state", "country", "address")),
}
"""Fields of people and companies: the kind, and the roles that make them."""

ESSENTIAL: Mapping[str, tuple[str, ...]] = {
    "given": ("given", "name"),
    "family": ("family", "name"),
    "middle": ("middle", "given", "name"),
    "phone": ("phone",),
    "employer": ("company", "website"),
    "street": ("street", "house", "address"),
    "place": ("postcode", "city", "address"),
}
"""Roles without one of which a field is not made (default: its first, or any of them)."""

CONTEXT: Mapping[str, tuple[str, ...]] = {"phone": ("country", "state")}
"""Roles that only help to read a field, and are compared elsewhere."""

SAID = "said already"
"""The role of columns that other columns say, too; they are not compared."""
_LOOKED_AT = 500
_MOST = 0.6
_SAME = 0.9
_NOT_NAMES = COMPANY_TAILS | frozenset("the of and und et for with hotel restaurant cafe".split())

_WORDED = ("text", "word")
"""Kinds of columns that may say again what others say."""

FREE_KINDS = ("text", "number", "date", "code", "category", "word")
"""Kinds for columns whose meaning nobody knows, as `--compare` names them."""


def lay_out(
    left: Columns,
    right: Columns | None,
    *,
    skip: frozenset[str] = frozenset(),
    roles: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
) -> tuple[Field, ...]:
    """The fields two tables (or one, against itself) have in common.

    `skip` names columns that are never compared, `roles` gives columns a role by name, `kinds` a
    kind of comparison. An unknown column is compared where both sides have it.
    """
    told, how = roles or {}, kinds or {}
    other = left if right is None else right
    ours, theirs = (_roles(one, skip, told, how) for one in (left, other))
    found = [made for name in COMPOSED if (made := _composed(name, ours, theirs)) is not None]
    found += _codes(ours, theirs)
    used = (_used(found, "left") | set(ours.get(SAID, ())),
            _used(found, "right") | set(theirs.get(SAID, ())))  # fmt: skip
    found += _others(left, other, used, skip, how)
    return tuple(_one_date((left, other), found))


def _used(found: Sequence[Field], side: str) -> set[str]:
    """The columns of a side that some field is made of."""
    return {
        column
        for one in found
        for role, columns in getattr(one, side).items()
        for column in columns
        if role not in CONTEXT.get(one.name, ())
    }


def _roles(
    table: Columns, skip: frozenset[str], told: Mapping[str, str], how: Mapping[str, str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for column in table:
        if column in skip or column in how:
            continue
        role = told.get(column) or role_of(column)
        if role:
            found[role].append(column)
    _settle_name(table, found)
    _settle_address(table, found)
    return dict(found)


def _settle_name(table: Columns, found: dict[str, list[str]]) -> None:
    """A whole name beside its parts says nothing more, one beside a single part is or has the
    other; one that is no person's is a text."""
    people = [column for column in found.pop("person", []) if _like_a_person(table[column])]
    if not {"given", "family", "name"} & set(found) and people:
        found["name"] = people
    else:
        found[SAID] += people
    if "given" in found and "family" in found:
        found[SAID] += found.pop("name", [])
    elif "given" in found or "family" in found:
        _complete_name(table, found)
    persons = [column for column in found.get("name", ()) if _like_a_person(table[column])]
    for column in reversed(found.pop("name", [])):
        if column not in persons:
            found["company" if _like_companies(table[column]) else "label"].insert(0, column)
    if persons:
        found["name"] = persons
    if "title" in found and not {"given", "family", "name"} & set(found):
        # Where nobody is named, a title is what a thing is called and not somebody's job.
        found["label"] += found.pop("title")


def _complete_name(table: Columns, found: dict[str, list[str]]) -> None:
    """`Name` beside `Vorname` is the family name, `name` beside `surname` the given name, unless
    it has the whole name; then that says all."""
    known, missing = ("given", "family") if "given" in found else ("family", "given")
    columns = found.pop("name", [])
    whole = [column for column in columns if _like_a_person(table[column])]
    parts = [column for column in columns if column not in whole]
    if whole:
        found["name"] = whole[:1]
        found[SAID] += [*found.pop(known), *whole[1:], *parts]
    elif parts:
        found[missing] = parts


def _settle_address(table: Columns, found: dict[str, list[str]]) -> None:
    """A column that has street, postcode and town in one cell, where no other has the town."""
    if {"postcode", "city"} & set(found):
        return
    whole = [column for column in found.get("street", ()) if _like_addresses(table[column])]
    if whole:
        found["address"] = whole
        found["street"] = [column for column in found["street"] if column not in whole]
        if not found["street"]:
            del found["street"]


def _like_addresses(values: Sequence[str]) -> bool:
    """Whether most cells have a postcode behind a street."""
    filled = [value for value in values if value.strip()][:_LOOKED_AT]
    whole = sum(bool(address(value).postcode) for value in filled)
    return whole >= _MOST * max(len(filled), 1)


def _like_a_person(values: Sequence[str]) -> bool:
    """Two to four words without digits for most of them, hardly an article among them."""
    worded = _worded(values)
    fit = sum(1 < len(words) <= 4 and not any(w[:1].isdigit() for w in words) for words in worded)  # noqa: PLR2004
    plain = sum(bool(_NOT_NAMES & set(words)) for words in worded)
    return fit >= _MOST * len(worded) and plain <= 0.08 * len(worded)


def _like_companies(values: Sequence[str]) -> bool:
    """Whether more than a few end in a legal form."""
    worded = _worded(values)
    return sum(words[-1] in COMPANY_TAILS for words in worded) > 0.05 * len(worded)


def _worded(values: Sequence[str]) -> list[list[str]]:
    return [found for value in values if (found := words(value).split())][:_LOOKED_AT]


def _composed(
    name: str, ours: Mapping[str, list[str]], theirs: Mapping[str, list[str]]
) -> Field | None:
    kind, roles = COMPOSED[name]
    left, right = ({r: tuple(side[r]) for r in roles if r in side} for side in (ours, theirs))
    needed = ESSENTIAL.get(name, roles)
    if name == "employer" and not (set(left) & set(right) & {"company", "website"}):
        needed = ()
    if not set(left) & set(needed) or not set(right) & set(needed):
        return None
    return Field(name, kind, left, right)


def _codes(ours: Mapping[str, list[str]], theirs: Mapping[str, list[str]]) -> list[Field]:
    """Identifiers, compared with their namesakes, or the only one of a side with the other's."""
    left, right = ours.get("code", []), theirs.get("code", [])
    if len(left) == len(right) == 1:
        return [Field(left[0], "code", {"value": (left[0],)}, {"value": (right[0],)})]
    return [
        Field(column, "code", {"value": (column,)}, {"value": (column,)})
        for column in left
        if column in right
    ]


def _others(
    left: Columns,
    right: Columns,
    used: tuple[set[str], set[str]],
    skip: frozenset[str],
    how: Mapping[str, str],
) -> list[Field]:
    twins = {column.casefold(): column for column in right}
    free: dict[str, tuple[str, str]] = {}
    for column in left:
        twin = twins.get(column.casefold())
        if twin is None or column in skip or twin in skip:
            continue
        if column not in how and (column in used[0] or twin in used[1]):
            continue
        kind = how.get(column) or profile([*left[column][:1000], *right[twin][:1000]])
        if kind in KINDS:
            free[column] = twin, kind
    worded = {
        column: twin
        for column, (twin, kind) in free.items()
        if kind in _WORDED and column not in how
    }
    again = said_again(_without(left, skip), list(worded))
    if right is not left:
        theirs = said_again(_without(right, skip), list(worded.values()))
        again = frozenset(column for column in again if worded[column] in theirs)
    return [
        Field(column, kind, {"value": (column,)}, {"value": (twin,)})
        for column, (twin, kind) in free.items()
        if column not in again
    ]


def _without(table: Columns, skip: frozenset[str]) -> Columns:
    return {column: cells for column, cells in table.items() if column not in skip}


# --- one fact, one field ------------------------------------------------------------------------


def _one_date(tables: tuple[Columns, Columns], found: Sequence[Field]) -> list[Field]:
    """The fields, each column of years joined to the column of days that has the same years: that
    is one fact told twice, and read where the day is missing."""
    made = list(found)
    free = [one for one in found if one.kind == "date" and "value" in one.left]
    days = [one for one in found if one.kind == "date" and {"value", "birth_date"} & set(one.left)]
    for year in free:
        for day in days:
            if year is not day and day in made and _same_years(tables, year, day):
                made.remove(year)
                made[made.index(day)] = _joined(day, year)
                break
    return made


def _joined(day: Field, year: Field) -> Field:
    left, right = ({**getattr(day, side), "birth_year": getattr(year, side)["value"]}
                   for side in ("left", "right"))  # fmt: skip
    return replace(day, left=left, right=right)


def _same_years(tables: tuple[Columns, Columns], year: Field, day: Field) -> bool:
    """Whether one column holds nothing but years, nearly always those of the other's days."""
    same = both = 0
    for table, one, other in zip(tables, (year.left, year.right), (day.left, day.right),
                                 strict=True):  # fmt: skip
        role = "value" if "value" in other else "birth_date"
        if role not in other:
            return False
        rows = zip(table[one["value"][0]], table[other[role][0]], strict=True)
        for alone, whole in islice(rows, _LOOKED_AT):
            years = [vague_date(cell) for cell in (alone, whole)]
            if years[0] and not years[0].endswith("-00-00"):
                return False
            both += all(years)
            same += all(years) and years[0][:4] == years[1][:4]
    return both > 0 and same >= _SAME * both
