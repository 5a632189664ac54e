"""What must hold between the parts of a contract, beyond each part being well formed.

Every stage can be reached, no two stages that exclude each other are true of one person, no two
lifecycles claim one person, neither team's fact rests on the other's data (law 5), and nobody but
the contract writes HubSpot's lifecyclestage. What is claimed impossible or possible is found by
`mappings.worlds`; a possible clash is shown with an example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from mappings.contract import Contract, Criterion, Lifecycle, Stage, Team
from mappings.contract_names import Vocabulary
from mappings.criteria import team_of
from mappings.fieldmap import Direction, EntityKind, ObjectMapping
from mappings.positions import Faults
from mappings.worlds import Search, describe, search

PROJECTION = "lifecyclestage"
"""HubSpot's single stage property: derived from the contract's facts, never read as their store."""
_LINES = 30
"""How far below its name the entry of the last stage stands, at most."""


def check_contract(
    contract: Contract,
    objects: Mapping[str, ObjectMapping],
    names: Vocabulary,
    faults: Faults,
    *,
    before: int,
    has_go_live: bool,
) -> None:
    """Record every fault between the parts of a loaded contract. What is possible is asked only
    where its parts are right: where more faults are known than `before` it was read, not.
    """
    for lifecycle in contract.lifecycles:
        if not has_go_live:
            _needs_go_live(lifecycle, faults)
        _facts(lifecycle, names, faults)
        _exits(lifecycle, faults)
        _named_as_target(lifecycle, faults)
    _projection(contract, objects, faults)
    if len(faults.problems) > before:
        return
    for lifecycle in contract.lifecycles:
        _reachable(lifecycle, names, faults)
        _apart(lifecycle, names, faults)
    _segments(contract.lifecycles, names, faults)


def _search(names: Vocabulary, *criteria: Criterion | None) -> Search:
    return search([names.compiled(one) for one in criteria if one is not None])


def _needs_go_live(lifecycle: Lifecycle, faults: Faults) -> None:
    """Without it, everybody who ever qualified would be handed over at once (law 13)."""
    for stage in lifecycle.stages:
        if stage.handoff is not None:
            faults.add(
                stage.handoff.at, f"`{stage.name}` is handed over, but nothing says from when on.",
                "Add `go_live` to the mapping: who qualified before it is history.",
                code="config.missing_key",
            )  # fmt: skip
            return


def _facts(lifecycle: Lifecycle, names: Vocabulary, faults: Faults) -> None:
    first: dict[str, Stage] = {}
    for stage in lifecycle.stages:
        if stage.fact is None:
            continue
        same = first.setdefault(stage.fact, stage)
        if same is not stage:
            faults.add(
                stage.at, f"`{stage.fact}` is already the fact of `{same.name}`.",
                "Keep `fact` at one stage of a lifecycle.", code="config.duplicate_rule",
            )  # fmt: skip
        if stage.team is not stage.fact.team:
            faults.add(
                stage.at, f"`{stage.fact}` is {stage.fact.team}'s fact, `{stage.name}` is not.",
                f"Write `team: {stage.fact.team}`, or remove `fact`.", code="config.wrong_team",
            )  # fmt: skip
        for criterion in stage.entry:
            _own_data(criterion, stage, names, faults)


def _own_data(criterion: Criterion, stage: Stage, names: Vocabulary, faults: Faults) -> None:
    """Marketing's fact rests on marketing's data, sales' on sales' (law 5)."""
    team = stage.fact.team if stage.fact is not None else None
    for name in names.compiled(criterion).names:
        owner = team_of(name, names.sales_fields)
        if owner is team:
            continue
        use = "map.NAME and events of marketing"
        if team is Team.SALES:
            use = "crm.NAME, deals and activities of sales"
        whose = f"{owner}'s" if owner is not None else "both teams'"
        faults.add(
            criterion.at, f"`{name}` is {whose} data and cannot establish `{stage.fact}`.",
            f"Use {use} here, or move the condition to a stage without `fact`.",
            code="config.wrong_team",
        )  # fmt: skip


def _exits(lifecycle: Lifecycle, faults: Faults) -> None:
    for stage in lifecycle.stages:
        before = lifecycle.predecessors(stage.name)
        for rule in stage.exits:
            target = lifecycle.stage(rule.to)
            if rule.to == stage.name or (target.entry and rule.to not in before):
                faults.add(
                    rule.when.at, f"`{rule.to}` is no step back from `{stage.name}`.",
                    "Name an earlier stage, or one without `entry` such as nurture. Forward goes"
                    " by the `entry` of the stage ahead.",
                    code="config.forward_only",
                )  # fmt: skip


def _named_as_target(lifecycle: Lifecycle, faults: Faults) -> None:
    """A stage without entry is reached by recycling; one that nothing leads to, never."""
    targets = {rule.to for stage in lifecycle.stages for rule in stage.exits}
    for number, stage in enumerate(lifecycle.stages):
        if _is_faulty(stage, lifecycle.stages[number + 1 : number + 2], faults):
            continue  # its entry may be there and be what is wrong
        if not stage.entry and stage.name not in targets:
            faults.add(
                stage.at, f"Nobody can reach the stage `{stage.name}`.",
                "Give it `entry` conditions, or name it in another stage's `exit`.",
                code="config.unreachable_stage",
            )  # fmt: skip


def _is_faulty(stage: Stage, following: Sequence[Stage], faults: Faults) -> bool:
    """Whether a fault is known from within a stage's lines."""
    end = following[0].at.line if following else stage.at.line + _LINES
    return any(
        p.at.file == stage.at.file and stage.at.line <= p.at.line < end for p in faults.problems
    )


def _reachable(lifecycle: Lifecycle, names: Vocabulary, faults: Faults) -> None:
    for stage in lifecycle.stages:
        if stage.entry and _search(names, lifecycle.segment, *stage.entry).impossible:
            faults.add(
                stage.entry[0].at, f"Nobody can reach the stage `{stage.name}`: its conditions"
                " never hold together within the lifecycle's segment.",
                "Change or remove one of them.", code="config.unreachable_stage",
            )  # fmt: skip


def _apart(lifecycle: Lifecycle, names: Vocabulary, faults: Faults) -> None:
    """Stages none of which comes before the other must exclude each other."""
    with_entry = [stage for stage in lifecycle.stages if stage.entry]
    for one, two in combinations(with_entry, 2):
        if one.name in lifecycle.predecessors(two.name):
            continue
        found = _search(names, lifecycle.segment, *one.entry, *two.entry)
        if found.world is not None:
            faults.add(
                two.entry[0].at,
                f"`{one.name}` and `{two.name}` can both be true at once, for instance with"
                f" {describe(found.world)}.",
                f"Add a condition that excludes the other, or write `after: {one.name}`.",
                code="config.ambiguous_stages",
            )


def _segments(lifecycles: Sequence[Lifecycle], names: Vocabulary, faults: Faults) -> None:
    for one, two in combinations(lifecycles, 2):
        found = _search(names, one.segment, two.segment)
        if found.world is not None:
            place = two.segment.at if two.segment is not None else two.at
            faults.add(
                place,
                f"The lifecycles `{one.name}` and `{two.name}` can both claim one person, for"
                f" instance with {describe(found.world)}.",
                "Give each a `segment` that excludes the other.",
                code="config.overlapping_segments",
            )


def _projection(contract: Contract, objects: Mapping[str, ObjectMapping], faults: Faults) -> None:
    shown = any(s.shown_as for lc in contract.lifecycles for s in lc.stages)
    people = [o for o in objects.values() if o.kind is EntityKind.PERSON]
    for rule in (rule for entry in people for rule in entry.fields):
        if shown and rule.map == PROJECTION and rule.direction is not Direction.TO_CRM:
            faults.add(
                rule.at, f"`{PROJECTION}` shows the contract's stages and is written by it alone.",
                "Write `direction: to_crm`, or remove the rule.", code="config.own_field",
            )  # fmt: skip
