"""What came of a replay, letter by letter: what its run made of each change that was put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from state import figures, identity, outbox, quarantine, requeue
from state.outbox import DeadLetter
from state.store import Store
from sync.letters import MANY, cause_of, is_aside, letter_as_json
from sync.recover import LEFT, Replayed

Data = Mapping[str, Any]


class Came(StrEnum):
    """What came of a replayed letter."""

    DELIVERED = "delivered"
    REFUSED_AGAIN = "refused_again"
    WAITS = "waits"
    READ_AGAIN = "read_again"
    NOTHING_TO_WRITE = "nothing_to_write"


WORDS: Mapping[Came, str] = {
    Came.DELIVERED: "delivered",
    Came.REFUSED_AGAIN: "refused again: a dead letter again",
    Came.WAITS: "not sent yet: the next run goes on",
    Came.READ_AGAIN: "read again from the vendor",
    Came.NOTHING_TO_WRITE: "nothing left to write: both sides agree, or the mapping says so",
}


def replayed_data(replayed: Replayed, open_before: int) -> dict[str, Any]:
    """What is put back on the road, JSON-able; `open_before` counts the letters open until then.
    What came of each is not known yet.
    """
    return {
        "open_before": open_before,
        "open_after": None,
        "replayed": len(replayed.letters),
        "people": len(replayed.entities),
        "outcomes": {},
        "letters": [
            {**letter_as_json(one), "planned": replayed.planned.get(one.id), "outcome": None}
            for one in replayed.letters
        ],
        "left": [
            {**letter_as_json(one), "reason": reason, "why": LEFT[reason]}
            for one, reason in replayed.left
        ],
    }


def came_of(store: Store, replayed: Data, run_id: str) -> dict[str, Any]:
    """What was replayed, with what the run made of each letter."""
    numbers = {int(one["id"]): one["planned"] for one in replayed["letters"]}
    with store.read() as tx:
        letters = figures.letters(tx, numbers)
    came = outcomes(store, [(one, numbers[one.id]) for one in letters], run_id)
    rows = [{**one, "outcome": came.get(int(one["id"]))} for one in replayed["letters"]]
    counts = Counter(str(row["outcome"]) for row in rows if row["outcome"])
    return {
        **replayed,
        "letters": rows,
        "outcomes": {word.value: counts[word.value] for word in Came if counts[word.value]},
    }


def outcomes(
    store: Store, letters: Sequence[tuple[DeadLetter, str | None]], run_id: str
) -> dict[int, Came]:
    """By letter number, what the run made of it. `letters` come with the golden record that was
    planned for each, None where the vendor was asked again.
    """
    people = {person for _, person in letters if person is not None}
    with store.read() as tx:
        again = outbox.dead_letters(tx, run_id=run_id, limit=MANY)
        own = outbox.results(tx, [one.intent_key for one, _ in letters if one.intent_key])
        wrote = requeue.written_for(tx, run_id, people)
        working = identity.in_work(tx, people)
        aside = {one.revision for one in (*quarantine.open_rows(tx), *quarantine.released(tx))}
    refused = {letter.fingerprint for letter in again}
    same = {(letter.entity_id, *cause_of(letter)) for letter in again}
    found: dict[int, Came] = {}
    for letter, person in letters:
        intent = own.get(letter.intent_key or "")
        if letter.fingerprint in refused or (person, *cause_of(letter)) in same:
            found[letter.id] = Came.REFUSED_AGAIN
        elif is_aside(letter):
            found[letter.id] = Came.WAITS if letter.fingerprint in aside else Came.READ_AGAIN
        else:
            statuses = set(wrote.get(person or "", ())) | ({intent.status} if intent else set())
            found[letter.id] = _came(statuses, working=person in working)
    return found


def _came(statuses: set[str], *, working: bool) -> Came:
    """What is left to do says more than what is done: a person may have several writes."""
    if working or statuses & set(outbox.UNSETTLED):
        return Came.WAITS
    return Came.DELIVERED if "ok" in statuses else Came.NOTHING_TO_WRITE
