"""What the conditions of a contract may name, and of what type each name is.

Fields are checked like a mapping's (`mappings.loading`): against the vendors' describe where there
is one, else against their standard fields. A field of the account's own is text unless a field
rule or `terms` says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from mappings.conditions import value_type
from mappings.contract import Criterion, Fact
from mappings.criteria import (
    DEALS,
    MARKETING_EVENTS,
    SALES_EVENTS,
    Compiled,
    check_criterion,
    names_in,
    place_in,
)
from mappings.errors import Position
from mappings.fieldmap import Direction, EntityKind, ObjectMapping, ValueType
from mappings.loading import Loading
from mappings.positions import Node
from mappings.records import Side
from mappings.required_fields import FACT_FIELDS, OUTCOME_PROPERTIES
from mappings.sections import Section, choose, wrong

_SIDES = {"map": Side.MAP, "crm": Side.CRM}


class Vocabulary:
    """The names of one contract. `used` gathers those that are in use, with their types."""

    def __init__(
        self, people: ObjectMapping | None, terms: Mapping[str, ValueType], loading: Loading
    ) -> None:
        self._people = people
        self._terms = terms
        self._loading = loading
        self._compiled: dict[Criterion, Compiled] = {}
        self.used: dict[str, ValueType] = {}

    @classmethod
    def of(
        cls, tops: Sequence[Section], objects: Mapping[str, ObjectMapping], loading: Loading
    ) -> Self:
        """The vocabulary of a mapping's people and the types that `terms` declare."""
        people = next((o for o in objects.values() if o.kind is EntityKind.PERSON), None)
        terms = {}
        for name, at, node in (entry for top in tops for entry in top.entries("terms")):
            if name.partition(".")[0] not in _SIDES or not name.partition(".")[2]:
                loading.faults.add(
                    at, f"`{name}` is no field.", "Name fields as map.NAME or crm.NAME.",
                    code="config.unknown_field",
                )  # fmt: skip
                continue
            type_ = choose(loading.faults, node, f"`{name}`", ValueType)
            if type_ is not None:
                terms[name] = type_
        return cls(people, terms, loading)

    @property
    def sales_fields(self) -> frozenset[str]:
        """MAP properties that only hold what the CRM says: outcomes, and rules to the MAP."""
        outcomes = {f"map.{name}" for name, _, _ in OUTCOME_PROPERTIES.values()}
        outcomes.add(f"map.{FACT_FIELDS[Fact.SALES_QUALIFIED][0]}")
        rules = self._people.fields if self._people is not None else ()
        return frozenset(outcomes | {f"map.{r.map}" for r in rules if _is_sales(r.direction)})

    def criterion(self, node: Node, stages: Sequence[str]) -> Criterion | None:
        """The condition a node holds; None with its faults recorded."""
        if not isinstance(node.value, str):
            wrong(self._loading.faults, node, "a condition", "text")
            return None
        at = node.text_at or node.at
        names = self._names_of(node.text, at, stages)
        if names is None:
            return None
        found = check_criterion(node.text, at, names, self._loading.faults)
        if found is None:
            return None
        self.used.update(found.names)
        criterion = Criterion(node.text, at)
        self._compiled[criterion] = found
        return criterion

    def compiled(self, criterion: Criterion) -> Compiled:
        """A condition that `criterion` has answered, ready to ask."""
        return self._compiled[criterion]

    def fields(self, names: Iterable[tuple[str, Position]]) -> Iterable[str]:
        """Field names (`map.email`, `crm.Reason__c`) that are right, the others as faults."""
        for name, at in names:
            group, _, field = name.partition(".")
            if group not in _SIDES or not field:
                self._loading.faults.add(
                    at, f"`{name}` is no field.", "Name fields as map.NAME or crm.NAME.",
                    code="config.unknown_field",
                )  # fmt: skip
                continue
            type_ = self._field(name, at)
            if type_ is not None:
                self.used[name] = type_
                yield name

    def _names_of(
        self, text: str, at: Position, stages: Sequence[str]
    ) -> dict[str, ValueType] | None:
        """Everything the condition may name, None where a field of it is wrong."""
        fields: dict[str, ValueType] = {}
        right = True
        for name in names_in(text):
            if name.partition(".")[0] in _SIDES:
                type_ = self._field(name, place_in(text, name, at))
                right = right and type_ is not None
                if type_ is not None:
                    fields[name] = type_
        happened = [f"events.{kind}" for kind in (*MARKETING_EVENTS, *SALES_EVENTS)]
        happened += [f"deals.{kind}" for kind in DEALS]
        fields |= dict.fromkeys(happened, ValueType.TEXT)
        fields |= dict.fromkeys((f"reached.{s}" for s in stages), ValueType.BOOLEAN)
        return fields if right else None

    def _field(self, name: str, at: Position) -> ValueType | None:
        """A field's type: as declared, mapped or described; text for what nobody describes."""
        group, _, field = name.partition(".")
        side = _SIDES[group]
        if name in self._terms:
            return self._terms[name]
        if self._people is None:
            self._loading.faults.add(
                at, "A contract is about people, and the mapping has none.",
                "Add an object mapping with `kind: person`.", code="config.missing_key",
            )  # fmt: skip
            return None
        for rule in self._people.fields:
            if field in ((rule.map,) if side is Side.MAP else rule.crm.values()):
                return rule.type
        objects = [self._people.map_object] if side is Side.MAP else self._people.crm_objects
        schemas = [s for o in objects if (s := self._loading.schema(side, o)) is not None]
        for schema in schemas:
            if field in schema.fields:
                return value_type(schema.fields[field].type)
        return None if self._is_wrong(side, objects, field, at) else ValueType.TEXT

    def _is_wrong(self, side: Side, objects: Sequence[str], field: str, at: Position) -> bool:
        """Whether the name is certainly or very likely wrong; recorded then, once."""
        before = len(self._loading.faults.problems)
        for object_name in objects:
            self._loading.field(side, object_name, field, at)
            if len(self._loading.faults.problems) > before:
                return True
        return False


def _is_sales(direction: Direction) -> bool:
    return direction is Direction.TO_MAP
