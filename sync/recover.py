"""Dead letters by root cause, and replay: putting corrected work back at the start of the road.

A replay closes the letters and puts their golden records on the work list in one transaction; the
ordinary run plans them anew, under today's mapping, and sends each change once: a change that was
refused before keeps its idempotency key. Replaying twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from state import identity, outbox, quarantine, requeue, runs
from state.outbox import DeadLetter
from state.store import Store, Tx
from sync.crash import crashpoint
from sync.story import find_person

MANY = 100_000
"""More open dead letters than any state should ever hold; the brake stops a pair long before."""
EXAMPLES = 5
REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Cause:
    """Dead letters with one root cause: one code at one field. `cascade` counts writes that were
    dropped because they waited for a refused one.
    """

    code: str
    field: str | None
    count: int
    examples: tuple[str, ...]
    message: str
    remedy: str
    first_at: datetime
    last_at: datetime
    cascade: int = 0

    def as_json(self) -> dict[str, Any]:
        """The cause, JSON-able."""
        return {
            "code": self.code,
            "field": self.field,
            "count": self.count,
            "cascade": self.cascade,
            "examples": list(self.examples),
            "message": self.message,
            "remedy": self.remedy,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: those that fit everything given. Nothing given selects all of them."""

    run_id: str | None = None
    record: str | None = None
    code: str | None = None
    since: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selection()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was, or in a dry run would be, replayed."""

    letters: tuple[DeadLetter, ...]
    entities: tuple[str, ...]
    dry_run: bool


def select(store: Store, selection: Selection) -> list[DeadLetter]:
    """The open dead letters that fit, newest first."""
    with store.read() as tx:
        return _select(tx, selection, find_person(store, selection.record).entities)


def _select(tx: Tx, selection: Selection, people: Sequence[str]) -> list[DeadLetter]:
    run_id = selection.run_id
    if run_id is not None:
        run = runs.get(tx, run_id)
        run_id = run.id if run else run_id
    letters = outbox.dead_letters(
        tx, run_id=run_id, code=selection.code, since=selection.since, limit=MANY
    )
    if selection.record is None:
        return letters
    subject = ":".join(selection.record.split(":")[-2:])
    return [
        letter
        for letter in letters
        if letter.entity_id in people
        or letter.subject == subject
        or selection.record in (letter.entity_id, letter.subject)
    ]


def causes(store: Store, selection: Selection) -> list[Cause]:
    """The dead letters that fit, by root cause, the most frequent first."""
    letters = select(store, selection)
    with store.read() as tx:
        dropped = requeue.cascades(tx, [str(one.intent_key) for one in letters if one.intent_key])
    return groups_of(letters, dropped)


def groups_of(
    letters: Sequence[DeadLetter], dropped: Mapping[str, int] | None = None
) -> list[Cause]:
    """Dead letters by root cause, the most frequent first. Pure; `dropped` counts the writes that
    waited for each refused intent.
    """
    grouped: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        grouped.setdefault((letter.code, letter.field or ""), []).append(letter)
    found = [_cause(own, dropped or {}) for own in grouped.values()]
    return sorted(found, key=lambda cause: (-cause.count, cause.code, cause.field or ""))


def _cause(letters: Sequence[DeadLetter], dropped: Mapping[str, int]) -> Cause:
    newest = max(letters, key=lambda letter: letter.id)
    return Cause(
        code=newest.code,
        field=newest.field,
        count=len(letters),
        examples=tuple(sorted({letter.subject for letter in letters})[:EXAMPLES]),
        message=newest.message,
        remedy=newest.remedy,
        first_at=min(letter.at for letter in letters),
        last_at=max(letter.at for letter in letters),
        cascade=sum(dropped.get(letter.intent_key or "", 0) for letter in letters),
    )


def replay(
    store: Store,
    selection: Selection,
    *,
    dry_run: bool = False,
    also: Callable[[Tx, Replayed], None] | None = None,
) -> Replayed:
    """Close the selected letters as replayed and put their golden records on the work list.

    A letter about a payload nobody could use has the vendor asked for it again. One that names
    neither stays open. `dry_run` changes nothing; `also` is done in the same transaction. The
    caller holds the state (`store.exclusive`) and runs the pair afterwards.
    """
    people = find_person(store, selection.record).entities
    if dry_run:
        with store.read() as tx:
            return _replayed(_select(tx, selection, people), dry_run=True)
    with store.begin() as tx:
        chosen = _replayed(_select(tx, selection, people), dry_run=False)
        intents = outbox.results(tx, [str(x.intent_key) for x in chosen.letters if x.intent_key])
        carried = [
            event_id
            for stored in intents.values()
            for ids in stored.intent.details.get("events", {}).values()
            for event_id in ids
        ]
        undos = [key for key, stored in intents.items() if "undo" in stored.intent.details]
        outbox.reopen(tx, undos, afresh=True)
        requeue.revive_events(tx, REPLAY, carried)
        quarantine.release(tx, [x.fingerprint for x in chosen.letters if _aside(x)])
        outbox.close_letters(tx, [letter.id for letter in chosen.letters], "replayed")
        identity.add_work(tx, chosen.entities, REPLAY)
        if also is not None:
            also(tx, chosen)
    crashpoint("after_replay")
    return chosen


def _replayed(letters: Sequence[DeadLetter], *, dry_run: bool) -> Replayed:
    known = tuple(one for one in letters if one.entity_id is not None or _aside(one))
    entities = sorted({one.entity_id for one in known if one.entity_id is not None})
    return Replayed(known, tuple(entities), dry_run)


def _aside(letter: DeadLetter) -> bool:
    """Whether the letter is about something a vendor sent that could not be used: it is asked for
    again instead of planned again."""
    return letter.code.startswith(quarantine.CODES)


def letter_as_json(letter: DeadLetter) -> dict[str, Any]:
    """One dead letter, JSON-able, without the values it carried."""
    return {
        "id": letter.id,
        "entity_id": letter.entity_id,
        "subject": letter.subject,
        "code": letter.code,
        "field": letter.field,
        "message": letter.message,
        "remedy": letter.remedy,
        "run_id": letter.run_id,
        "at": letter.at.isoformat(),
    }
