"""Whether values could go round in a circle between the two sides. Pure.

One rule that carries both ways is no circle: it keeps what both sides agreed on. Two rules are, one
of which writes what the other reads: each takes the other's write for news of somebody's, and where
the two do not say exactly the same, every run writes again (law 4). Found for each pair of a MAP
object and a CRM object, for a person is one of each at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mappings.fieldmap import FieldRule, ObjectMapping
from mappings.loading import Loading
from mappings.records import Side
from mappings.transforms import template_names

Place = tuple[Side, str]
"""A field of one side's object."""
Flow = tuple[Place, Place, FieldRule]
"""A rule carries from one field to another."""


def check_flows(entry: ObjectMapping, loading: Loading) -> None:
    """Record every circle two or more rules make, at the rule that closes it.

    Rules that all say `when` they apply are left to whoever wrote them: the CRM may own what the
    MAP owns of other records.
    """
    told: set[frozenset[str]] = set()
    for object_name in entry.crm_objects:
        flows = list(_flows(entry, object_name))
        for circle in _circles(flows):
            rules = {flow[2].at: flow[2] for flow in circle}
            known = frozenset(str(at) for at in rules)
            if all(rule.when for rule in rules.values()) or known in told:
                continue
            told.add(known)
            _tell(circle, object_name, entry, loading)


def _flows(entry: ObjectMapping, object_name: str) -> Iterator[Flow]:
    for rule in entry.fields:
        if object_name not in rule.crm:
            continue
        ends: Mapping[Side, str] = {Side.MAP: rule.map, Side.CRM: rule.crm[object_name]}
        for to in (Side.CRM, Side.MAP):
            if rule.writes(to):
                read = template_names(rule.template) if rule.template else (ends[to.other],)
                for name in read:
                    yield (to.other, name), (to, ends[to]), rule


def _circles(flows: Sequence[Flow]) -> Iterator[list[Flow]]:
    """The shortest way back from each flow through other rules, where there is one."""
    leaving: dict[Place, list[Flow]] = {}
    for flow in flows:
        leaving.setdefault(flow[0], []).append(flow)
    for flow in flows:
        way = _way(flow, leaving)
        if way is not None and max((flow, *way), key=_line) is flow:
            yield [flow, *way]


def _way(first: Flow, leaving: Mapping[Place, Sequence[Flow]]) -> list[Flow] | None:
    """The fewest flows of other rules that lead back to where one began; None where none do."""
    ways: dict[Place, list[Flow]] = {first[1]: []}
    ends = [first[1]]
    for end in ends:
        for flow in leaving.get(end, ()):
            if flow[2] is not first[2] and flow[1] not in ways:
                ways[flow[1]] = [*ways[end], flow]
                ends.append(flow[1])
    return ways.get(first[0])


def _line(flow: Flow) -> tuple[str, int, int]:
    at = flow[2].at
    return at.file, at.line, at.column


def _tell(circle: Sequence[Flow], object_name: str, entry: ObjectMapping, loading: Loading) -> None:
    names = {Side.MAP: entry.map_object, Side.CRM: object_name}
    stops = [f"{names[side]}.{name}" for side, name in (flow[0] for flow in circle)]
    others = dict.fromkeys(flow[2].at.line for flow in circle[1:] if flow[2] is not circle[0][2])
    lines = " and ".join(str(line) for line in others)
    loading.faults.add(
        circle[0][2].at,
        f"Together with line {lines} this rule carries values in a circle:"
        f" {' -> '.join([*stops, stops[0]])}. Each would take the other's writes for news.",
        "Write one rule with `direction: both` and an `owner`, or remove one of them.",
        code="config.ownership_loop",
    )
