"""Field by field, how a person stands: both sides' values, whose holds and why, what it replaced.

Decided again from the mirror and the agreed values by the rules a run plans with, so that it says
what the next run would do; what was replaced is the newest ledger line's. Reads only. Beside that:
what each pulled revision of a record changed, and whether it only said back what Leadloop wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.fieldmap import ObjectMapping, PairMapping, ValueType
from mappings.records import Json, Record, RecordRef, Side
from mappings.survivorship import decide_field
from mappings.values import equal
from state import figures
from state.ledger import Line
from state.store import Tx
from sync.bonds import states_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """One field rule of one pair of records. `winner` is the side whose value holds, or is about to
    be carried over; None where the sides agreed by themselves or are left apart. `lost` is what the
    other side had. `last` is the newest write of it, if Leadloop ever made one.
    """

    rule: str
    fields: Mapping[Side, str]
    values: Mapping[Side, Json]
    agreed: tuple[Json, Json] | None
    reason: str
    winner: Side | None
    lost: Json
    last: Line | None

    def as_json(self) -> dict[str, Any]:
        """JSON-able, with values."""
        last = self.last
        return {
            "rule": self.rule,
            "map_field": self.fields[Side.MAP],
            "map_value": self.values[Side.MAP],
            "crm_field": self.fields[Side.CRM],
            "crm_value": self.values[Side.CRM],
            "agreed": list(self.agreed) if self.agreed else None,
            "reason": self.reason,
            "winner": self.winner.value if self.winner else None,
            "lost": self.lost,
            "written_at": last.at.isoformat() if last else None,
            "run_id": last.run_id if last else None,
        }


def verdicts(
    mapping: PairMapping,
    records: Mapping[str, Record],
    shadows: Mapping[str, Mapping[str, Any]],
    lines: Sequence[Line],
) -> list[Verdict]:
    """Every field of every bond whose two records are known. Pure."""
    newest: dict[tuple[str, str], Line] = {}
    for line in lines:
        if line.undone_by is None:
            newest[str(line.ref), line.field] = line
    found: list[Verdict] = []
    for bond, shadow in sorted(shadows.items()):
        left, _, right = bond.partition("|")
        pair = records.get(left), records.get(right)
        own = _mapping_of(mapping, *pair)
        if own is not None and pair[0] is not None and pair[1] is not None:
            agreed = {key: (value[0], value[1]) for key, value in shadow.items() if len(value) > 1}
            found += _of_bond(own, pair[0], pair[1], agreed, newest)
    return found


def _mapping_of(
    mapping: PairMapping, left: Record | None, right: Record | None
) -> ObjectMapping | None:
    if left is None or right is None or left.deleted or right.deleted:
        return None
    return next(
        (
            one
            for one in mapping.objects
            if one.map_object == left.ref.object and right.ref.object in one.crm_objects
        ),
        None,
    )


def _of_bond(
    mapping: ObjectMapping,
    left: Record,
    right: Record,
    shadow: Mapping[str, tuple[Json, Json]],
    newest: Mapping[tuple[str, str], Line],
) -> Iterable[Verdict]:
    for rule, state in states_of(mapping, left, right, shadow):
        decision = decide_field(rule, state)
        fields = {Side.MAP: rule.map, Side.CRM: rule.crm[right.ref.object]}
        values = {Side.MAP: state.map_value, Side.CRM: state.crm_value}
        wrote = {
            side: newest.get((str(ref), fields[side]))
            for side, ref in ((Side.MAP, left.ref), (Side.CRM, right.ref))
        }
        last = max((x for x in wrote.values() if x is not None), key=lambda x: x.id, default=None)
        winner, lost, reason = None, None, decision.reason
        if decision.write_to is not None:
            winner, lost = decision.write_to.other, values[decision.write_to]
        elif decision.reason == "agreed" and last is not None:
            winner = (Side.MAP if last is wrote[Side.MAP] else Side.CRM).other
            lost, reason = last.before, last.why or "agreed"
        yield Verdict(rule.key, fields, values, state.base, reason, winner, lost, last)


@dataclass(frozen=True, slots=True)
class Came:
    """One pulled revision of a record: what somebody changed, field by field from what to what, and
    the names of fields that only said back what Leadloop had written (echoes).
    """

    ref: RecordRef
    at: datetime
    by: str | None
    run_id: str
    changes: Mapping[str, tuple[Json, Json]]
    echoed: tuple[str, ...]


def came(tx: Tx, refs: Iterable[RecordRef], lines: Sequence[Line]) -> list[Came]:
    """What came in about these records, oldest first, as long as payloads are kept."""
    found: list[Came] = []
    before: dict[RecordRef, figures.Landed] = {}
    for row in figures.landed(tx, refs):
        ref = row.record.ref
        known = before.get(ref)
        before[ref] = row
        if known is None:
            continue
        ours = {
            line.field: line.after if line.kept is None else line.kept
            for line in lines
            if line.ref == ref and known.at <= line.at <= row.at
        }
        theirs, echoed = _apart(known.record.fields, ours, row.record.fields)
        if theirs or echoed:
            by = row.record.modified_by
            found.append(Came(ref, row.at, by, row.run_id, theirs, echoed))
    return found


def _apart(
    known: Mapping[str, Json], ours: Mapping[str, Json], now: Mapping[str, Json]
) -> tuple[dict[str, tuple[Json, Json]], tuple[str, ...]]:
    """What somebody else changed, and what only says what Leadloop wrote since it was last seen."""
    theirs: dict[str, tuple[Json, Json]] = {}
    echoed: list[str] = []
    for name, value in sorted(now.items()):
        base = ours.get(name, known.get(name))
        if not equal(base, value, ValueType.TEXT):
            theirs[name] = (base, value)
        elif name in ours and not equal(known.get(name), value, ValueType.TEXT):
            echoed.append(name)
    return theirs, tuple(echoed)
