"""Loads `create_crm`: what a MAP record without counterpart becomes in the CRM.

One object for everybody, or a list whose entries are asked from the top: the first whose condition
holds counts, and one without a condition is for everybody else. An entry that nobody can reach is a
fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mappings.errors import Position
from mappings.fieldmap import CreateRule
from mappings.loading import Loading
from mappings.overlaps import covers
from mappings.positions import Node
from mappings.sections import Section

NONE = "none"
"""How a mapping says that nothing is created."""


@dataclass(frozen=True, slots=True)
class Creation:
    """What is created: `rules` under conditions, in order; `otherwise` for everybody else. `asked`
    are the nodes of the conditions, by the place of their rule."""

    rules: tuple[CreateRule, ...]
    otherwise: str | None
    asked: tuple[tuple[CreateRule, Node], ...] = ()


def load_creation(section: Section, objects: Sequence[str], loading: Loading) -> Creation:
    """The policy under `create_crm`, nothing being created where there is none."""
    node = section.node("create_crm")
    if node is None or not isinstance(node.value, list):
        text, at = section.text("create_crm", NONE), section.place("create_crm")
        return Creation((), _object(text, at, objects, loading))
    read = [one for item in node.value if (one := _entry(item, objects, loading)) is not None]
    _reached([rule for rule, _ in read], loading)
    last = read[-1][0] if read and not read[-1][0].when else None
    limited = tuple((rule, asked) for rule, asked in read if asked is not None)
    return Creation(
        tuple(rule for rule, _ in limited), last.object if last is not None else None, limited
    )


def _entry(
    item: Node, objects: Sequence[str], loading: Loading
) -> tuple[CreateRule, Node | None] | None:
    if not isinstance(item.value, dict):
        name = item.text if isinstance(item.value, str) else "Lead"
        loading.faults.add(
            item.at,
            "An entry of `create_crm` says for whom it is.",
            f"Write `{{object: {name}, when: CONDITION}}`; the last may do without `when`.",
            code="config.wrong_type",
        )
        return None
    part = Section(item, loading.faults, "an entry of `create_crm`", ("object", "when"))
    if not part.need("object", "Name the CRM object, or `none`."):
        return None
    made = _object(part.text("object"), part.place("object"), objects, loading)
    when = part.text("when").strip()
    at = part.place("when") if when else item.at
    return CreateRule(made, when, at), part.node("when") if when else None


def _object(name: str, at: Position, objects: Sequence[str], loading: Loading) -> str | None:
    if name == NONE:
        return None
    if objects and name not in objects:
        loading.unknown_object(name, at, [*objects, NONE])
        return None
    return name


def _reached(rules: Sequence[CreateRule], loading: Loading) -> None:
    """Every entry is for somebody: the ones before it leave some."""
    for number, rule in enumerate(rules):
        for before in rules[:number]:
            if not before.when:
                says = f"Nobody is left for this: the entry in line {before.at.line} has no `when`."
            elif rule.when and covers(before.when, rule.when):
                says = f"Nobody is left for this: `when` in line {before.at.line} holds first."
            else:
                continue
            loading.faults.add(
                rule.at, says, "Put it before that one, or correct the conditions: the first that "
                "holds counts.", code="config.duplicate_rule",
            )  # fmt: skip
            break
