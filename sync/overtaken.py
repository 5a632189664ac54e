"""Dead letters that a later version of their record has overtaken.

A refused change waits as a dead letter until somebody replays it. Where the record was corrected
at the vendor meanwhile, the ordinary run writes the corrected version, and what the letter asks for
is wanted no more: nobody should have to replay it, or read it among what is still to be done. It is
closed as `resolved`, with the run and the reason: the later version was written, or nothing of the
change is left to be written.

Only changes that planning makes anew are judged: updates, opt-outs, joins and people's creations.
What an undo takes back, an event or a handoff that was to become a Task, and what nobody could read
stay open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mappings.records import JOINS, Operation
from state import letters, outbox
from state.outbox import RESOLVED, DeadLetter, Intent, StoredIntent
from state.store import Tx
from sync.closings import NOTHING_LEFT, WRITTEN
from sync.intents import UNDO
from sync.letters import is_aside
from sync.pair import Pair
from sync.plan_people import EntityPlan

RESOLVES = "resolves"
"""In an intent's details: the dead letters that are resolved once it is written."""
TASKS = frozenset({"activity", "effect"})
"""What the details of an intent have that makes a Task."""
PLANNED_ANEW = frozenset({Operation.CREATE, Operation.UPDATE, Operation.OPT_OUT, *JOINS})


@dataclass(frozen=True, slots=True)
class Refused:
    """An open letter about a change that planning would make anew: what it is about (`subject` is
    `object:id`), and the change itself."""

    letter: int
    subject: str
    fingerprint: str


def refused_of(pair: Pair, tx: Tx, entity_ids: Iterable[str]) -> dict[str, list[Refused]]:
    """What was refused of these golden records and waits. Nothing while a field is not as the
    mapping needs it: what rests for that is not given up."""
    if _rests(pair):
        return {}
    waiting = letters.open_of(tx, entity_ids)
    sent = outbox.results(tx, [one.intent_key for one in waiting if one.intent_key])
    found: dict[str, list[Refused]] = {}
    for one in waiting:
        if one.entity_id is not None and _is_planned_anew(one, sent):
            refused = Refused(one.id, one.subject, one.fingerprint)
            found.setdefault(one.entity_id, []).append(refused)
    return found


def _rests(pair: Pair) -> bool:
    parked = any(rule.parked for entry in pair.mapping.objects for rule in entry.fields)
    return parked or bool(pair.unfit.missing or pair.unfit.demanded)


def _is_planned_anew(letter: DeadLetter, sent: Mapping[str, StoredIntent]) -> bool:
    if is_aside(letter):
        return False
    if letter.intent_key is None:
        return True  # a value the plan itself could not carry
    stored = sent.get(letter.intent_key)
    if stored is None:
        return False
    intent = stored.intent
    task = not TASKS.isdisjoint(intent.details)  # of several nothing tells which one is meant
    again = intent.operation in PLANNED_ANEW and not task
    return again and intent.reason != UNDO and UNDO not in intent.details


def overtaking(plan: EntityPlan, wanted: EntityPlan, refused: Sequence[Refused]) -> EntityPlan:
    """The plan, told which letters are resolved by it: `wanted` is all that planning asks for, what
    is known to be refused included. Pure."""
    asked = {intent.fingerprint for intent in wanted.intents} | {
        rejection.fingerprint(plan.entity_id) for rejection in wanted.rejections
    }
    past = [one for one in refused if one.fingerprint not in asked]
    if not past or plan.stays:
        return plan
    about = {_subject(intent) for intent in wanted.intents}
    carried = {
        key: [one.letter for one in past if one.subject == subject]
        for subject, key in {_subject(i): i.key for i in plan.intents}.items()
    }
    return replace(
        plan,
        intents=tuple(_with_letters(i, carried.get(i.key, ())) for i in plan.intents),
        resolved=tuple(one.letter for one in past if one.subject not in about),
    )


def _subject(intent: Intent) -> str:
    return f"{intent.object}:{intent.target_id or 'new'}"


def _with_letters(intent: Intent, numbers: Sequence[int]) -> Intent:
    if not numbers:
        return intent
    return replace(intent, details={**intent.details, RESOLVES: list(numbers)})


def close_written(tx: Tx, run_id: str, intents: Iterable[Intent]) -> None:
    """These were written: the letters they overtake are resolved."""
    numbers = [number for intent in intents for number in intent.details.get(RESOLVES, ())]
    _close(tx, run_id, numbers, WRITTEN)


def close_left(tx: Tx, run_id: str, plans: Iterable[EntityPlan]) -> None:
    """These are planned, and nothing of what the letters ask for is among it."""
    _close(tx, run_id, [number for plan in plans for number in plan.resolved], NOTHING_LEFT)


def _close(tx: Tx, run_id: str, numbers: Sequence[int], why: str) -> None:
    outbox.close_letters(tx, numbers, RESOLVED, closing={"why": why, "run": run_id})
