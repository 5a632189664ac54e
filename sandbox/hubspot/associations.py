"""Associations between records, with HubSpot's type ids (FACTS section 2, Associations v4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.errors import conflict, validation

DEFAULT_TYPES: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("deals", "contacts"): 3,
    ("contacts", "deals"): 4,
    ("deals", "companies"): 341,
    ("companies", "deals"): 342,
    ("contacts", "tasks"): 203,
    ("tasks", "contacts"): 204,
    ("companies", "tasks"): 191,
    ("tasks", "companies"): 192,
    ("deals", "tasks"): 215,
    ("tasks", "deals"): 216,
    ("contacts", "calls"): 193,
    ("calls", "contacts"): 194,
    ("companies", "calls"): 181,
    ("calls", "companies"): 182,
    ("deals", "calls"): 205,
    ("calls", "deals"): 206,
    ("contacts", "meetings"): 199,
    ("meetings", "contacts"): 200,
    ("companies", "meetings"): 187,
    ("meetings", "companies"): 188,
    ("deals", "meetings"): 211,
    ("meetings", "deals"): 212,
    ("contacts", "contacts"): 449,
    ("companies", "companies"): 450,
}
"""Unlabelled type ids. The first eight lines are FACTS section 2; the rest HubSpot's list [D]."""

PRIMARY_TYPES: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}
"""The labelled "Primary" types that stand beside the unlabelled ones."""

_REVERSE = {279: 280, 280: 279, 1: 2, 2: 1, 341: 342, 342: 341, 5: 6, 6: 5, 3: 4, 4: 3} | {
    number: DEFAULT_TYPES[(to, source)]
    for (source, to), number in DEFAULT_TYPES.items()
    if (to, source) in DEFAULT_TYPES
}
_CUSTOM_BASE = 10_000
_LABEL_BASE = 20_001

Kind = tuple[str, int]
"""(association category, type id)"""


@dataclass
class Label:
    """A label somebody defined from one object type to another, with its id the other way round."""

    type_id: int
    inverse_id: int
    source: str
    to: str
    name: str
    label: str | None


class Associations:
    """Every association of the account, kept in both directions."""

    def __init__(self) -> None:
        self.labels: dict[int, Label] = {}
        """Labels by type id: an entry for each direction."""
        self._ends: dict[tuple[str, int], dict[str, dict[int, set[Kind]]]] = {}
        self._custom: dict[tuple[str, str], int] = {}

    def default_type(self, source: str, to: str) -> int:
        """The unlabelled type id from one object type to another."""
        known = DEFAULT_TYPES.get((source, to))
        if known is not None:
            return known
        return self._custom.setdefault((source, to), _CUSTOM_BASE + len(self._custom))

    def primary_types(self, source: str, to: str) -> set[int]:
        """The labelled primary type from one object type to another, if there is one."""
        found = PRIMARY_TYPES.get((source, to))
        return set() if found is None else {found}

    def check(self, source: str, to: str, kinds: list[Kind]) -> None:
        """Refuse a type that does not lead from one object type to the other (words assumed)."""
        known = {self.default_type(source, to), *self.primary_types(source, to)}
        known |= {e.type_id for e in self.labels.values() if (e.source, e.to) == (source, to)}
        wrong = sorted({number for _, number in kinds} - known)
        if wrong:
            raise validation(f"Association types {wrong} do not lead from {source} to {to}.")

    def link(self, source: tuple[str, int], to: tuple[str, int], kinds: list[Kind]) -> None:
        """Associate two records by `kinds`; [] means the default (and primary, if the first)."""
        if not kinds:
            kinds = [("HUBSPOT_DEFINED", self.default_type(source[0], to[0]))]
            pair = (source[0], to[0])
            if pair in PRIMARY_TYPES and not self.of(source[0], source[1], to[0]):
                kinds.append(("HUBSPOT_DEFINED", PRIMARY_TYPES[pair]))
        for category, number in kinds:
            self._side(source, to).add((category, number))
            back = self._reverse(number, source[0], to[0])
            self._side(to, source).add((category, back))

    def unlink(self, source: tuple[str, int], to: tuple[str, int]) -> None:
        """Remove every association between two records."""
        for one, other in ((source, to), (to, source)):
            self._ends.get(one, {}).get(other[0], {}).pop(other[1], None)

    def of(self, source: str, record_id: int, to: str) -> dict[int, set[Kind]]:
        """{associated id: kinds} of one record towards one object type."""
        return self._ends.get((source, record_id), {}).get(to, {})

    def forget(self, source: str, record_id: int) -> None:
        """Remove every association of a record."""
        for to, ends in self._ends.pop((source, record_id), {}).items():
            for other in ends:
                self._ends.get((to, other), {}).get(source, {}).pop(record_id, None)

    def move(self, source: str, old: int, new: int) -> None:
        """Give the associations of a merged-away record to the survivor."""
        for to, ends in dict(self._ends.get((source, old), {})).items():
            for other, kinds in dict(ends).items():
                if (to, other) != (source, new):
                    self.link((source, new), (to, other), sorted(kinds))
        self.forget(source, old)

    def define(self, pair: tuple[str, str], name: str, label: str, inverse: str | None) -> Label:
        """A new label from one object type to another, and its inverse; 409 for a taken name."""
        if any((one.source, one.to, one.name) == (*pair, name) for one in self.labels.values()):
            raise conflict(f"An association definition named {name} already exists.")
        number = _LABEL_BASE + len(self.labels)
        made = Label(number, number + 1, *pair, name, label)
        self.labels[number] = made
        self.labels[number + 1] = Label(
            number + 1, number, pair[1], pair[0], name, label if inverse is None else inverse
        )
        return made

    def undefine(self, found: Label) -> None:
        """Take a label away in both directions, off every pair of records that bears it."""
        gone = {found.type_id, found.inverse_id}
        self.labels = {key: one for key, one in self.labels.items() if key not in gone}
        for ends in self._ends.values():
            for others in ends.values():
                for kinds in others.values():
                    kinds.difference_update({kind for kind in kinds if kind[1] in gone})

    def drop(self, source: tuple[str, int], to: tuple[str, int], kinds: list[Kind]) -> None:
        """Take single types off two records; the others stay."""
        for category, number in kinds:
            self._side(source, to).discard((category, number))
            self._side(to, source).discard((category, self._reverse(number, source[0], to[0])))

    def shown(self, kinds: set[Kind]) -> list[dict[str, Any]]:
        """`[{category, typeId, label}]` as v4 shows them."""
        return [
            {"category": category, "typeId": number, "label": self._label(number)}
            for category, number in sorted(kinds)
        ]

    def _label(self, number: int) -> str | None:
        found = self.labels.get(number)
        if found is not None:
            return found.label
        return "Primary" if number in PRIMARY_TYPES.values() else None

    def _reverse(self, number: int, source: str, to: str) -> int:
        """The type id an association bears seen from the other end."""
        found = self.labels.get(number)
        if found is not None:
            return found.inverse_id
        return _REVERSE.get(number, self.default_type(to, source))

    def _side(self, source: tuple[str, int], to: tuple[str, int]) -> set[Kind]:
        return self._ends.setdefault(source, {}).setdefault(to[0], {}).setdefault(to[1], set())


def kinds_from(types: list[dict[str, Any]]) -> list[Kind]:
    """The kinds of a request's `[{associationCategory, associationTypeId}]`."""
    try:
        return [(str(raw["associationCategory"]), int(raw["associationTypeId"])) for raw in types]
    except (KeyError, TypeError, ValueError):
        raise validation("associationCategory and associationTypeId are required.") from None
