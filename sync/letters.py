"""Dead letters for people: by root cause, with what waited for each; and one of them whole.

A root cause is one code at one field of one object. Writes that were dropped because they waited
for a refused one have no letter: they stand under its cause, and come back with it. Lists hold no
values; one letter, asked for by its number, shows the refused field's value alone, as `explain`
shows a person's: no more of them than the fault is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mappings.records import Json
from state import figures, identity, outbox, quarantine, requeue
from state.outbox import DISCARDED, DeadLetter, StoredIntent
from state.store import Store, Tx

MANY = 100_000
"""More open dead letters than any state should ever hold; the brake stops a pair long before."""
EXAMPLES = 5
Waiting = Mapping[tuple[str, str], int]
"""Dropped writes by (operation, object)."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Dead letters with one root cause: one code at one field of one object. `waiting` are the
    writes that were dropped because they waited for a refused one.
    """

    code: str
    object: str
    field: str | None
    count: int
    examples: tuple[str, ...]
    message: str
    remedy: str
    first_at: datetime
    last_at: datetime
    waiting: Waiting

    @property
    def cascade(self) -> int:
        """How many writes wait for the cause to be corrected."""
        return sum(self.waiting.values())

    def as_json(self) -> dict[str, Any]:
        """The cause, JSON-able."""
        return {
            "code": self.code,
            "object": self.object,
            "field": self.field,
            "count": self.count,
            "cascade": self.cascade,
            "waiting": waiting_as_json(self.waiting),
            "examples": list(self.examples),
            "message": self.message,
            "remedy": self.remedy,
            "first_at": self.first_at.isoformat(),
            "last_at": self.last_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Whole:
    """One letter with everything about it.

    `intent` is the refused write where the vendor refused it, else None: the plan did. `value` is
    what was to be written to the field. `alike` counts the open letters of its root cause, itself
    too; `before` how often the same change had been refused before.
    """

    letter: DeadLetter
    system: str | None
    records: tuple[str, ...]
    intent: StoredIntent | None
    value: Json
    waiting: Waiting
    alike: int
    before: int

    @property
    def commands(self) -> tuple[str, ...]:
        """What goes on from here, most to the point first."""
        letter = self.letter
        known = [f"leadloop explain {letter.entity_id}"] if letter.entity_id else []
        if letter.status == DISCARDED:
            return (f"leadloop deadletters reopen {letter.id}", *known)
        if letter.status != "open":
            return tuple(known)
        again = [f"leadloop replay --letter {letter.id}"]
        if self.alike > 1:
            again.append(f"leadloop replay --error {letter.code}")
        return (*again, *known)

    def as_json(self) -> dict[str, Any]:
        """The letter, JSON-able, with the value of its field."""
        sent = self.intent
        return {
            **letter_as_json(self.letter),
            "status": self.letter.status,
            "closed_at": self.letter.closed_at.isoformat() if self.letter.closed_at else None,
            "closing": dict(self.letter.closing) if self.letter.closing else None,
            "system": self.system,
            "records": list(self.records),
            "value": self.value,
            "operation": sent.intent.operation.value if sent else None,
            "fields": sorted(sent.intent.fields) if sent else [],
            "intent": sent.intent.key if sent else None,
            "attempts": sent.attempts if sent else 0,
            "refused_before": self.before,
            "alike": self.alike,
            "waiting": waiting_as_json(self.waiting),
            "next": list(self.commands),
        }


def object_of(letter: DeadLetter) -> str:
    """The vendor's object a letter is about."""
    return letter.subject.partition(":")[0]


def cause_of(letter: DeadLetter) -> tuple[str, str, str]:
    """Its root cause: code, object, field."""
    return letter.code, object_of(letter), letter.field or ""


def causes_of(store: Store, letters: Sequence[DeadLetter]) -> list[Cause]:
    """These letters by root cause, the most frequent first, with what waited for them."""
    with store.read() as tx:
        return groups_of(letters, requeue.waited_for(tx, _keys(letters)))


def groups_of(
    letters: Sequence[DeadLetter], waited: Mapping[str, Waiting] | None = None
) -> list[Cause]:
    """Dead letters by root cause, the most frequent first. Pure; `waited` has the writes that
    waited for each refused intent.
    """
    grouped: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for letter in letters:
        grouped.setdefault(cause_of(letter), []).append(letter)
    found = [_cause(own, waited or {}) for own in grouped.values()]
    return sorted(found, key=lambda one: (-one.count, one.code, one.object, one.field or ""))


def _cause(letters: Sequence[DeadLetter], waited: Mapping[str, Waiting]) -> Cause:
    newest = max(letters, key=lambda letter: letter.id)
    waiting: Counter[tuple[str, str]] = Counter()
    for letter in letters:
        waiting.update(waited.get(letter.intent_key or "", {}))
    return Cause(
        code=newest.code,
        object=object_of(newest),
        field=newest.field,
        count=len(letters),
        examples=tuple(sorted({letter.subject for letter in letters})[:EXAMPLES]),
        message=newest.message,
        remedy=newest.remedy,
        first_at=min(letter.at for letter in letters),
        last_at=max(letter.at for letter in letters),
        waiting=dict(sorted(waiting.items())),
    )


def whole(store: Store, number: int) -> Whole | None:
    """One letter with everything about it, open or closed; None where there is none."""
    with store.read() as tx:
        found = figures.letters(tx, [number])
        return _whole(tx, found[0]) if found else None


def _whole(tx: Tx, letter: DeadLetter) -> Whole:
    key = letter.intent_key or ""
    sent = outbox.results(tx, [key]).get(key) if key else None
    links = identity.members(tx, [letter.entity_id]) if letter.entity_id else {}
    alike = outbox.dead_letters(tx, code=letter.code, limit=MANY)
    same = [x for x in figures.letters_of(tx, letter.fingerprint) if x.id < letter.id]
    system = letter.payload.get("system")
    return Whole(
        letter,
        sent.intent.system if sent else str(system) if system else None,
        tuple(str(link.ref) for link in links.get(letter.entity_id or "", ())),
        sent,
        sent.intent.fields.get(letter.field) if sent and letter.field else None,
        requeue.waited_for(tx, [key]).get(key, {}) if key else {},
        sum(cause_of(one) == cause_of(letter) for one in alike),
        len(same),
    )


def is_aside(letter: DeadLetter) -> bool:
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


def waiting_as_json(waiting: Waiting) -> list[dict[str, Any]]:
    """Writes that wait, JSON-able."""
    return [
        {"operation": operation, "object": name, "count": count}
        for (operation, name), count in waiting.items()
    ]


def _keys(letters: Sequence[DeadLetter]) -> list[str]:
    return [one.intent_key for one in letters if one.intent_key]
