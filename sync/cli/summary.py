"""What a plan comes to, for people: counts by kind and object, what is left out and why, what the
guard would say, a few samples. Pure; samples hold records' values and are for the terminal only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.errors import MassChangeRefusedError
from mappings.records import Json, Side
from mappings.required_fields import STAGE_FIELDS
from state.outbox import Intent
from sync.config import GuardConfig
from sync.guard import LIMITED, Gone
from sync.plan import Planned, fingerprints
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


class Overview:
    """What is told of a plan beside its counts, gathered in one going through it: everybody's plan
    lies in a file. `samples` records of each operation are shown with values; `joined` are the
    golden records whose records were merged.
    """

    def __init__(self, *, samples: int, joined: frozenset[str] = frozenset()) -> None:
        self.events: Counter[str] = Counter()
        self.skipped = Skipped()
        self.stages = StageChanges()
        self.fields = FieldCounts(joined)
        self.samples = Samples(samples)
        self._marks: set[str] = set()

    @classmethod
    def of(
        cls, planned: Planned, *, samples: int, joined: frozenset[str] = frozenset()
    ) -> Overview:
        """The overview of everything that is planned."""
        overview = cls(samples=samples, joined=joined)
        for plan, intents in planned.each():
            overview.add(plan, intents)
        return overview

    def add(self, plan: EntityPlan, intents: Sequence[Intent]) -> None:
        """Take in one plan, and those of its intents that no plan before it has asked for."""
        for word, ids in plan.events.items():
            self.events[word] += len(ids)
        self.skipped.add(plan)
        for intent in intents:
            self.stages.add(intent)
            self.fields.add(intent)
            self.samples.add(intent)
        self._marks.update(fingerprints(intents))

    @property
    def marks(self) -> frozenset[str]:
        """The fingerprints of all intents, as an approved plan is compared by."""
        return frozenset(self._marks)


def summarise(prepared: Prepared, overview: Overview, said: Said) -> dict[str, Any]:
    """The plan as JSON-able data."""
    planned = prepared.planned
    kinds = planned.kinds() + Counter(notices=prepared.notices)
    return {
        "writes": planned.writes(),
        "kinds": {name: kinds[name] for name in BARS},
        "by_object": dict(sorted(planned.counts().items())),
        "by_field": overview.fields.as_json(),
        "conflicts": planned.conflicts,
        "gone": {
            "deleted": sum(len(one.deleted) for one in prepared.gone),
            "merged": sum(len(one.merged) for one in prepared.gone),
            "by_object": gone_by_object(prepared.gone),
        },
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
        "events": dict(sorted(overview.events.items())),
        "skipped": overview.skipped.as_json(),
        "under_way": dict(sorted(prepared.under_way.items())),
        "waiting": {k: n for k, n in sorted(planned.waiting.items()) if n},
        "guard": {
            "approved": said.approved,
            "risks": risks(kinds, said),
            "refusal": said.refusal.as_dict() if said.refusal else None,
        },
        "stages": overview.stages.as_json(),
        "samples": overview.samples.shown,
    }


class StageChanges:
    """Who would be shown at another stage of the contract, by where from and where to."""

    def __init__(self, intents: Iterable[Intent] = ()) -> None:
        self._people: dict[tuple[str | None, str | None], dict[str, str]] = {}
        for intent in intents:
            self.add(intent)

    def add(self, intent: Intent) -> None:
        """Take in what this intent shows."""
        for change in intent.details.get("changes", ()):
            if change["field"] in STAGE_NAMES:
                record = f"{intent.object} {intent.target_id or '(new)'}"
                own = self._people.setdefault((change["before"] or None, change["after"]), {})
                if intent.entity_id not in own or intent.side is Side.CRM:
                    own[intent.entity_id] = record

    def as_json(self) -> list[dict[str, Any]]:
        """Each change with its number of people and the first records, most first."""
        return [
            {
                "before": before,
                "after": after,
                "count": len(people),
                "records": sorted(people.values())[:NAMED],
            }
            for (before, after), people in sorted(
                self._people.items(), key=lambda item: (-len(item[1]), str(item[0]))
            )
        ]


def gone_by_object(gone: Iterable[Gone]) -> list[dict[str, Any]]:
    """How many records were deleted and how many merged, by side and object."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one in gone:
        for word, refs in (("deleted", one.deleted), ("merged", one.merged)):
            for ref in refs:
                counts.setdefault((one.side.value, ref.object), Counter())[word] += 1
    return [
        {"side": side, "object": name, "deleted": own["deleted"], "merged": own["merged"]}
        for (side, name), own in sorted(counts.items())
    ]


class FieldCounts:
    """What becomes of each field: how often it is filled, gets another value, becomes blank; and
    how many of these are of golden records that a merge has joined."""

    def __init__(self, joined: frozenset[str] = frozenset()) -> None:
        self._joined = joined
        self._counts: dict[tuple[str, str, str], Counter[str]] = {}

    def add(self, intent: Intent) -> None:
        """Take in the changes of this write; that a Task is made is no field's."""
        for change in intent.details.get("changes", ()):
            if change["field"] == intent.object:
                continue
            place = (intent.side.value, intent.object, change["field"])
            own = self._counts.setdefault(place, Counter())
            own[_becomes(change["before"], change["after"])] += 1
            own[MERGED] += intent.entity_id in self._joined

    def as_json(self) -> list[dict[str, Any]]:
        """Each field with its numbers, by side, object and name."""
        return [
            {
                "side": side,
                "object": name,
                "field": field,
                **{word: own[word] for word in (*BECOMES, MERGED)},
            }
            for (side, name, field), own in sorted(self._counts.items())
        ]


BECOMES = ("filled", "overwritten", "cleared")
MERGED = "merged"
"""How many of them follow from a merge at a vendor."""


def _becomes(before: Json, after: Json) -> str:
    if after in (None, ""):
        return "cleared"
    return "filled" if before in (None, "") else "overwritten"


class Skipped:
    """What is left out, by object, field and reason: refused values, and fields whose rule keeps
    them from being written although the sides differ."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, plan: EntityPlan) -> None:
        """Take in what this plan leaves out."""
        for rejection in plan.rejections:
            error = rejection.error
            self._counts[rejection.object, error.field or "", error.code] += 1
        for key, reason in plan.reasons.items():
            agreed = plan.agreed.get(key) if reason != "agreed" else None
            if agreed is not None and agreed[0] != agreed[1]:
                self._counts[_object_of(plan), key, reason] += 1

    def as_json(self) -> list[dict[str, Any]]:
        """Each with its number, most first."""
        return [
            {"object": name, "field": field, "reason": reason, "count": count}
            for (name, field, reason), count in sorted(
                self._counts.items(), key=lambda item: (-item[1], item[0])
            )
        ]


class Samples:
    """The first few intents of each operation and object, field by field."""

    def __init__(self, number: int) -> None:
        self.shown: list[dict[str, Any]] = []
        self._number = number
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, intent: Intent) -> None:
        """Show this intent if it is one of the first."""
        group = (intent.side.value, intent.operation.value, intent.object)
        if self._counts[group] >= self._number:
            return
        self._counts[group] += 1
        self.shown.append(
            {
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
        )


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
