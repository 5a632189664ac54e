"""What a plan comes to, for people: counts by kind and object, what is left out and why, what the
guard would say, a few samples. Pure; samples hold records' values and are for the terminal only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.errors import MassChangeRefusedError
from mappings.records import Side
from mappings.required_fields import STAGE_FIELDS
from state.outbox import Intent
from sync.config import GuardConfig
from sync.guard import LIMITED
from sync.plan_people import EntityPlan
from sync.run import Prepared

NAMED = 20
"""Records named of each change of stage."""
STAGE_NAMES = STAGE_FIELDS[1][:2]
"""The field that shows the stage, on both sides."""
BARS = (
    "creates", "updates", "overwrites", "clears", "consent", "activities", "joins", "moves",
    "assignments", "notices",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """The guard's word over a plan: whether it is approved, and what it would refuse."""

    approved: bool
    refusal: MassChangeRefusedError | None
    population: int
    limits: GuardConfig


def summarise(prepared: Prepared, said: Said, *, samples: int) -> dict[str, Any]:
    """The plan as JSON-able data. `samples` records of each operation are shown with values."""
    planned = prepared.planned
    kinds = planned.kinds() + Counter(notices=prepared.notices)
    return {
        "writes": planned.writes(),
        "kinds": {name: kinds[name] for name in BARS},
        "by_object": dict(sorted(planned.counts().items())),
        "people": {
            "linked": prepared.resolved.linked,
            "created": prepared.resolved.created,
            "to_review": prepared.resolved.review,
            "known": said.population,
        },
        "pulled": {
            "records": prepared.pulled.total_records,
            "events": prepared.pulled.total_events,
            "streams_failed": {k: e.code for k, e in sorted(prepared.pulled.failed.items())},
        },
        "events": dict(sorted(_events(planned.plans).items())),
        "skipped": skipped(planned.plans),
        "waiting": {k: n for k, n in sorted(planned.waiting.items()) if n},
        "guard": {
            "approved": said.approved,
            "risks": risks(kinds, said),
            "refusal": said.refusal.as_dict() if said.refusal else None,
        },
        "stages": stage_changes(planned.intents()),
        "samples": list(_samples(planned.intents(), samples)),
    }


def stage_changes(intents: Iterable[Intent]) -> list[dict[str, Any]]:
    """Who would be shown at another stage of the contract, by where from and where to, most first;
    of each the first records.
    """
    found: dict[tuple[str | None, str | None], dict[str, str]] = {}
    for intent in intents:
        for change in intent.details.get("changes", ()):
            if change["field"] in STAGE_NAMES:
                record = f"{intent.object} {intent.target_id or '(new)'}"
                own = found.setdefault((change["before"] or None, change["after"]), {})
                if intent.entity_id not in own or intent.side is Side.CRM:
                    own[intent.entity_id] = record
    return [
        {
            "before": before,
            "after": after,
            "count": len(people),
            "records": sorted(people.values())[:NAMED],
        }
        for (before, after), people in sorted(
            found.items(), key=lambda item: (-len(item[1]), str(item[0]))
        )
    ]


def skipped(plans: Iterable[EntityPlan]) -> list[dict[str, Any]]:
    """What is left out, by object, field and reason, most first: refused values, and fields whose
    rule keeps them from being written although the sides differ.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    for plan in plans:
        for rejection in plan.rejections:
            counts[rejection.object, rejection.error.field or "", rejection.error.code] += 1
        for key, reason in plan.reasons.items():
            agreed = plan.agreed.get(key)
            if agreed is not None and agreed[0] != agreed[1] and reason != "agreed":
                counts[_object_of(plan), key, reason] += 1
    return [
        {"object": name, "field": field, "reason": reason, "count": count}
        for (name, field, reason), count in sorted(counts.items(), key=lambda i: (-i[1], i[0]))
    ]


def risks(kinds: Mapping[str, int], said: Said) -> list[dict[str, Any]]:
    """Each kind of write the guard limits: how many, how many pass unseen, whether that is
    exceeded.
    """
    found = []
    for kind in (*LIMITED, "consent"):
        limit = getattr(said.limits, kind)
        number = kinds.get(kind, 0)
        allowed = max(said.limits.floor, min(limit.count, int(limit.share * said.population)))
        exceeded = limit.is_exceeded(number, said.population, said.limits.floor)
        found.append({"kind": kind, "count": number, "allowed": allowed, "exceeded": exceeded})
    return found


def _object_of(plan: EntityPlan) -> str:
    """The objects of the two records of a plan, as in `contacts/Lead`."""
    names = [ref.split(":")[1] for ref in plan.bond.split("|") if ":" in ref]
    return "/".join(names) or "?"


def _events(plans: Iterable[EntityPlan]) -> Counter[str]:
    """Events by what becomes of them without a write of their own."""
    counts: Counter[str] = Counter()
    for plan in plans:
        counts.update({word: len(ids) for word, ids in plan.events.items()})
    return counts


def _samples(intents: Iterable[Intent], number: int) -> Iterable[dict[str, Any]]:
    """The first few intents of each operation and object, field by field."""
    shown: Counter[tuple[str, str, str]] = Counter()
    for intent in intents:
        group = (intent.side.value, intent.operation.value, intent.object)
        if shown[group] >= number:
            continue
        shown[group] += 1
        yield {
            "side": intent.side.value,
            "operation": intent.operation.value,
            "object": intent.object,
            "id": intent.target_id,
            "reason": intent.reason,
            "changes": [
                {key: change[key] for key in ("field", "before", "after", "rule")}
                for change in intent.details.get("changes", ())
            ],
        }
