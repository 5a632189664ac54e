"""The guard: law 13. Stops what a person should see first. Pure.

A first connection and a changed mapping apply only from an approved plan. Any other run is held
to the configured limits, kind by kind; consent alone pauses when it alone is too much, the rest
goes on. What the vendors' people deleted or merged is held to limits too, before it is acted on.
A refusal says what it `asked` for: `leadloop sync --approve RUN` lets that through, and no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mappings.errors import MassChangeRefusedError
from mappings.records import Operation, RecordRef, Side
from state.outbox import Intent
from sync.config import GuardConfig
from sync.plan import change_kinds, fingerprints

GROWTH = 1.1
"""How much more than was approved an approved run may find: records change while people read."""


MOVED_AT_MOST = 5
MOVED_SHARE = 0.02
"""How much of an approved plan may have moved by the time it is applied: five changes, or 2 %.
Those are left out, never applied otherwise than approved."""


LIMITED = (
    "creates", "updates", "overwrites", "clears", "activities", "deletes", "moves", "assignments",
    "notices",
)  # fmt: skip
"""Kinds of writes that stop a run where they are too many, each with its limit in GuardConfig."""
PLURALS = {"person": "people", "company": "companies", "deal": "deals"}
EMPTY_FROM = 10
"""Linked records of one kind a side must have had for their being all gone to be an alarm, however
few changes the floor lets through: the last contact of a trial account is no emptied side."""


@dataclass(frozen=True, slots=True)
class Gone:
    """Linked records of one kind that are gone on one side: deleted ones, those that were merged
    away, out of how many that were linked.
    """

    side: Side
    kind: str
    deleted: frozenset[RecordRef]
    merged: frozenset[RecordRef]
    linked: int


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word: for one exact plan (`fingerprints`), or for a refused run's `counts`. What
    of the plan a run that did not end has journaled (`done`) may come again, but need not."""

    fingerprints: frozenset[str] | None = None
    counts: Mapping[str, int] | None = None
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says: intents may be journaled, but those of the keys in `held`, which wait
    with the reason."""

    held: frozenset[str] = frozenset()
    held_reason: str = ""


def examine(
    intents: Iterable[Intent],
    *,
    population: int,
    mapping_approved: bool,
    approval: Approval | None,
    limits: GuardConfig,
    notices: int = 0,
) -> Verdict:
    """Let the intents, and the `notices` that go with them, pass; hold consent back; or raise
    MassChangeRefusedError. The intents are gone through more than once."""
    if approval is not None and approval.fingerprints is not None:
        return _exactly(intents, approval.fingerprints, approval.done)
    if not mapping_approved:
        number = sum(1 for _ in intents)
        if not number:
            return Verdict()
        raise MassChangeRefusedError(
            f"this mapping has not been approved yet; it would make {number} writes",
            code="guard.approval_required",
            remedy="Run `leadloop plan --out plan.json`, read it, then `leadloop sync --plan "
            "plan.json`.",
        )
    kinds = change_kinds(intents) + Counter(notices=notices)
    consent_pauses = _exceeds(kinds, "consent", limits, population, approval)
    _refuse_beyond(kinds, limits, population, approval)
    if not consent_pauses:
        return Verdict()
    return Verdict(
        frozenset(i.key for i in intents if i.operation is Operation.OPT_OUT),
        "guard.consent_paused",
    )


def _exactly(intents: Iterable[Intent], approved: frozenset[str], done: frozenset[str]) -> Verdict:
    """Apply exactly what was approved and is still true; the rest waits for the next run.

    People work while a plan is read: a change whose record has moved since is held, in its new
    form too. Where more has moved than a few, the plan itself is stale and nothing is applied.
    """
    missing = approved - done - frozenset(fingerprints(intents))
    if len(missing) > max(MOVED_AT_MOST, int(len(approved) * MOVED_SHARE)):
        raise MassChangeRefusedError(
            f"{len(missing)} of the {len(approved)} planned changes no longer apply as planned: "
            "the records have moved since",
            code="guard.plan_stale",
            remedy="Make a new plan with `leadloop plan --out plan.json` and approve that.",
        )
    return Verdict(
        frozenset(
            i.key
            for i in intents
            if i.fingerprint not in approved and not i.details.get("follow_up")
        ),
        "guard.not_in_plan",
    )


def _refuse_beyond(
    kinds: Counter[str], limits: GuardConfig, population: int, approval: Approval | None
) -> None:
    asked = {
        kind: kinds[kind] for kind in LIMITED if _exceeds(kinds, kind, limits, population, approval)
    }
    if asked:
        over = [f"{count} {kind}" for kind, count in asked.items()]
        raise MassChangeRefusedError(
            f"this run would make {' and '.join(over)} among {population} people: more than the "
            "guard lets through unseen",
            asked=asked,
            remedy="Look at `leadloop plan`; if it is right, `leadloop sync --approve RUN`.",
        )


def _exceeds(
    kinds: Counter[str],
    kind: str,
    limits: GuardConfig,
    population: int,
    approval: Approval | None,
) -> bool:
    limit = getattr(limits, kind)
    if not limit.is_exceeded(kinds[kind], population, limits.floor):
        return False
    return not _approved(approval, kind, kinds[kind])


def _approved(approval: Approval | None, kind: str, number: int) -> bool:
    approved = (approval.counts or {}).get(kind, 0) if approval else 0
    return number <= approved * GROWTH


def examine_gone(
    gone: Sequence[Gone], *, approval: Approval | None, limits: GuardConfig
) -> MassChangeRefusedError | None:
    """What a person must see before deletions and merges that were pulled are acted on."""
    asked: Counter[str] = Counter()
    told: list[str] = []
    emptied = False
    for one in gone:
        where = f"of {one.linked} linked {PLURALS.get(one.kind, one.kind)} on the {one.side} side"
        number = len(one.deleted)
        empty = number >= one.linked and number >= EMPTY_FROM
        if empty or limits.deletes.is_exceeded(number, one.linked, limits.floor):
            emptied = emptied or empty
            asked["deletes"] += number
            told.append(f"{number} {where} were deleted")
        lost = len(one.merged)
        if limits.merges.is_exceeded(lost, one.linked, limits.floor):
            asked["merges"] += lost
            told.append(f"{lost} {where} were merged away")
    refused = {k: n for k, n in asked.items() if not _approved(approval, k, n)}
    if not refused:
        return None
    return MassChangeRefusedError(
        f"{' and '.join(told)} at once; nothing was done about it yet",
        code="guard.side_emptied" if emptied else "guard.mass_deletion",
        asked=refused,
        remedy="Look there whether that was meant. If it was, `leadloop sync --approve RUN`; "
        "if not, restore the records and run `leadloop sync`.",
    )
