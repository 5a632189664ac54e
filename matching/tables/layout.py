"""Which fields are compared, and from which columns each is made.

Columns with one meaning become one field (house number, street and unit; postcode, town and
state; day, month and year of birth), so that one fact is counted once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matching.tables.kinds import KINDS
from matching.tables.roles import profile, role_of
from matching.text import words
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
    "street": ("street", ("house", "street", "unit")),
    "place": ("place", ("postcode", "city", "state", "country")),
}
"""Fields of people and companies: the kind, and the roles that make them."""

ESSENTIAL: Mapping[str, tuple[str, ...]] = {
    "given": ("given", "name"),
    "family": ("family", "name"),
    "middle": ("middle", "given", "name"),
    "phone": ("phone",),
    "employer": ("company", "website"),
    "street": ("street", "house"),
    "place": ("postcode", "city"),
}
"""Roles without one of which a field is not made (default: its first, or any of them)."""

CONTEXT: Mapping[str, tuple[str, ...]] = {"phone": ("country", "state")}
"""Roles that only help to read a field, and are compared elsewhere."""

_LOOKED_AT = 500
_NOT_NAMES = COMPANY_TAILS | frozenset("the of and und et for with hotel restaurant cafe".split())

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
    used = {
        side: {
            column
            for one in found
            for role, columns in getattr(one, side).items()
            for column in columns
            if role not in CONTEXT.get(one.name, ())
        }
        for side in ("left", "right")
    }
    found += _others(left, other, (used["left"], used["right"]), skip, how)
    return tuple(found)


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
    return dict(found)


def _settle_name(table: Columns, found: dict[str, list[str]]) -> None:
    """A whole name beside its parts says nothing more; one that is no person's is a text."""
    if "given" in found or "family" in found:
        for column in found.pop("name", []):
            found["said already"].append(column)
    persons = [column for column in found.get("name", ()) if _like_a_person(table[column])]
    for column in reversed(found.pop("name", [])):
        if column not in persons:
            found["company" if _like_companies(table[column]) else "label"].insert(0, column)
    if persons:
        found["name"] = persons
    if "title" in found and not {"given", "family", "name"} & set(found):
        # Where nobody is named, a title is what a thing is called and not somebody's job.
        found["label"] += found.pop("title")
    parts = {"birth_year", "birth_month", "birth_day"} & set(found)
    if "birth_date" in found:
        for part in parts:
            found["said already"] += found.pop(part)


def _like_a_person(values: Sequence[str]) -> bool:
    """Two to four words without digits for most of them, hardly an article among them."""
    worded = _worded(values)
    fit = sum(1 < len(words) <= 4 and not any(w[:1].isdigit() for w in words) for words in worded)  # noqa: PLR2004
    plain = sum(bool(_NOT_NAMES & set(words)) for words in worded)
    return fit >= 0.6 * len(worded) and plain <= 0.08 * len(worded)


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
    found = []
    for column in left:
        twin = twins.get(column.casefold())
        if twin is None or column in skip or twin in skip:
            continue
        if column not in how and (
            column in used[0] or twin in used[1] or role_of(column) == "name"
        ):
            continue
        kind = how.get(column) or profile([*left[column][:1000], *right[twin][:1000]])
        if kind in KINDS:
            found.append(Field(column, kind, {"value": (column,)}, {"value": (twin,)}))
    return found
