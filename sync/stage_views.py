"""What planning needs to know of where people stand: the fields that show it, with their values.

Reads only. Somebody whose last move is history (before `go_live`) shows nothing that was not shown
before (law 13); who was evaluated under another contract than the mapping's shows nothing either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from lifecycle.handoff import Chosen, EffectKind, Handoff
from lifecycle.standing import Move, Standing, Transition
from mappings.contract import Contract
from mappings.fieldmap import EntityKind, PairMapping
from mappings.record_ids import id18
from mappings.records import Json
from mappings.required_fields import FACT_FIELDS, PROJECTION, STAGE_FIELDS
from state import effects, schemas
from state.store import Tx
from sync.loop_rows import contract_key, handoffs_of, kept_of, moves_of
from sync.views import HandoffTask, Projection, StageField, StageView

STAGES = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
    "evangelist", "other",
)  # fmt: skip
"""HubSpot's lifecycle stages in order, as an account has them before anybody changes them."""


def stage_views(
    tx: Tx, mapping: PairMapping, map_system: str, entity_ids: Sequence[str]
) -> dict[str, StageView]:
    """How each of these golden records is to be shown; who was not evaluated is left out."""
    if not mapping.contract:
        return {}
    kept = kept_of(tx, entity_ids)
    current = contract_key(mapping)
    standings = {key: one.standing for key, one in kept.items() if one.contract == current}
    moves = moves_of(tx, standings)
    order = _order(tx, mapping, map_system)
    views = {
        key: _view(mapping, standing, moves.get(key, ()), order)
        for key, standing in standings.items()
    }
    return _with_handoffs(tx, views)


def _order(tx: Tx, mapping: PairMapping, map_system: str) -> tuple[str, ...]:
    """HubSpot's own stages in its own order, as described last."""
    people = mapping.of_kind(EntityKind.PERSON)
    known = schemas.described(tx).get((map_system, people.map_object)) if people else None
    field = known.fields.get(PROJECTION) if known is not None else None
    return field.options if field is not None and field.options else STAGES


def _with_handoffs(tx: Tx, views: Mapping[str, StageView]) -> dict[str, StageView]:
    """Who was given each person, and the tasks that are still to be made for them."""
    handoffs = handoffs_of(tx, views)
    asked = effects.of_people(tx, handoffs, status=effects.OPEN)
    found = dict(views)
    for key, own in handoffs.items():
        running = next((one for one in own if one.status.is_under_way), None)
        last = running.assignment if running is not None else None
        if running is None or last is None or last.user is None:
            continue
        tasks = tuple(
            HandoffTask(effect.key, id18(effect.user), effect.text, _about(running), effect.at)
            for effect in asked.get(key, ())
            if effect.kind == EffectKind.TASK.value and effect.user is not None
        )
        owner = None if last.chosen is Chosen.TAKEN else id18(last.user)
        found[key] = replace(found[key], owner=owner, tasks=tasks)
    return found


def _about(handoff: Handoff) -> str:
    """What the task says besides its subject: for a salesperson to read."""
    again = " again: the day to contact them has come" if handoff.trigger == Move.RETURN else ""
    return f"Handed over at stage {handoff.stage} ({handoff.lifecycle}){again}."


def _view(
    mapping: PairMapping,
    standing: Standing,
    moves: Sequence[Transition],
    order: tuple[str, ...],
) -> StageView:
    contract, last = mapping.contract, moves[-1] if moves else None
    is_history = last is None or last.baseline
    fields = [
        StageField(map_name, crm_name, value, "stage", history=is_history)
        for (map_name, crm_name, *_), value in zip(
            STAGE_FIELDS, _stage_values(contract, standing), strict=True
        )
    ]
    for fact in sorted(contract.facts()):
        at = standing.fact_at(contract, fact)
        is_old = at is None or (mapping.go_live is not None and at < mapping.go_live)
        map_name, crm_name, *_ = FACT_FIELDS[fact]
        fields.append(StageField(map_name, crm_name, _text(at), "qualification", history=is_old))
    if last is None or is_history:
        return StageView(tuple(fields))
    return StageView(tuple(fields), _projection(contract, standing, last, order))


def _stage_values(contract: Contract, standing: Standing) -> tuple[Json, ...]:
    """Lifecycle, stage, since when, why back, when to contact again: as in `STAGE_FIELDS`."""
    return (
        standing.lifecycle,
        standing.stage,
        _text(standing.since),
        standing.recycle_reason or None,
        _day(standing.recontact, contract.zone),
    )


def _projection(
    contract: Contract, standing: Standing, last: Transition, order: tuple[str, ...]
) -> Projection | None:
    shown = _shown_as(contract, standing.lifecycle, standing.stage)
    if shown is None:
        return None
    left = (
        _shown_as(contract, last.lifecycle, last.before) if last.move is not Move.FORWARD else None
    )
    return Projection(PROJECTION, shown, left, order)


def _shown_as(contract: Contract, lifecycle: str | None, stage: str | None) -> str | None:
    found: Mapping[str, str | None] = {
        one.name: one.shown_as
        for lc in contract.lifecycles
        if lc.name == lifecycle
        for one in lc.stages
    }
    return found.get(stage or "")


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None


def _day(at: datetime | None, zone: str) -> str | None:
    """The day a person is contacted again on, where reports are made."""
    day: date | None = at.astimezone(ZoneInfo(zone)).date() if at is not None else None
    return day.isoformat() if day is not None else None
