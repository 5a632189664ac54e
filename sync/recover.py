"""Replay: putting corrected work back at the start of the road.

A replay closes the letters and puts their golden records on the work list in one transaction; the
ordinary run plans them anew, under today's mapping, and sends each change once: a change that was
refused before keeps its idempotency key. Replaying twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mappings.records import RecordRef
from state import figures, identity, outbox, quarantine, requeue, runs
from state.outbox import DeadLetter
from state.store import Store, Tx
from sync.crash import crashpoint
from sync.letters import MANY, is_aside
from sync.story import find_person

REPLAY = "replay"
UNKNOWN, ABSORBED = "unknown", "absorbed"
LEFT: Mapping[str, str] = {
    UNKNOWN: "its person is not known here any more: erased, or put back from an older copy",
    ABSORBED: "its person is one with another, and nothing tells which: the other one is planned "
    "by itself",
}
"""Why a letter stays open."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters: those that fit everything given. Nothing given selects all of them."""

    run_id: str | None = None
    record: str | None = None
    code: str | None = None
    since: datetime | None = None
    letter: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it down."""
        return self == Selection()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was, or in a dry run would be, replayed. `planned` says which golden record is planned
    for a letter, by its number; of `left` the letters stay open, each with the reason.
    """

    letters: tuple[DeadLetter, ...]
    entities: tuple[str, ...]
    dry_run: bool
    planned: Mapping[int, str] = field(default_factory=dict)
    left: tuple[tuple[DeadLetter, str], ...] = ()


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
    if selection.letter is not None:
        letters = [one for one in letters if one.id == selection.letter]
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


def replay(
    store: Store,
    selection: Selection,
    *,
    dry_run: bool = False,
    also: Callable[[Tx, Replayed], None] | None = None,
) -> Replayed:
    """Close the selected letters as replayed and put their golden records on the work list.

    A letter about a payload nobody could use has the vendor asked for it again. One whose person
    cannot be told any more is `left`. `dry_run` changes nothing; `also` is done in the same
    transaction. The caller holds the state (`store.exclusive`) and runs the pair afterwards.
    """
    people = find_person(store, selection.record).entities
    if dry_run:
        with store.read() as tx:
            return _sorted_out(tx, _select(tx, selection, people), dry_run=True)
    with store.begin() as tx:
        chosen = _sorted_out(tx, _select(tx, selection, people), dry_run=False)
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
        quarantine.release(tx, [x.fingerprint for x in chosen.letters if is_aside(x)])
        outbox.close_letters(tx, [letter.id for letter in chosen.letters], "replayed")
        identity.add_work(tx, chosen.entities, REPLAY)
        if also is not None:
            also(tx, chosen)
    crashpoint("after_replay")
    return chosen


def _sorted_out(tx: Tx, letters: Sequence[DeadLetter], *, dry_run: bool) -> Replayed:
    """Whose every letter is now. A golden record that another has absorbed is planned as that one;
    a letter whose person nobody knows any more stays open, and is told of.
    """
    known = identity.entities(tx, {one.entity_id for one in letters if one.entity_id})
    astray = [x for x in letters if not is_aside(x) and not _is_at_home(x, known)]
    heirs, lost = _heirs(tx, astray), {one.id for one in astray}
    chosen: list[DeadLetter] = []
    planned: dict[int, str] = {}
    left: list[tuple[DeadLetter, str]] = []
    for letter in letters:
        if is_aside(letter):
            chosen.append(letter)
            continue
        person = heirs.get(letter.id) if letter.id in lost else letter.entity_id
        if person is None and RecordRef.is_name(letter.entity_id or ""):
            person = letter.entity_id  # nobody's record, planned under its own name
        if person is None:
            left.append((letter, ABSORBED if letter.entity_id in known else UNKNOWN))
        else:
            chosen.append(letter)
            planned[letter.id] = person
    entities = tuple(sorted(set(planned.values())))
    return Replayed(tuple(chosen), entities, dry_run, planned, tuple(left))


def _is_at_home(letter: DeadLetter, known: Mapping[str, identity.Entity]) -> bool:
    entity = known.get(letter.entity_id or "")
    return entity is not None and entity.status != ABSORBED


def _heirs(tx: Tx, letters: Sequence[DeadLetter]) -> dict[int, str]:
    """Whom the record of each letter belongs to now, by the letter's number."""
    found: dict[int, str] = {}
    for letter in letters:
        refs = [identity.follow(tx, ref) for ref in figures.named(tx, letter.subject)]
        people = {link.entity_id for link in identity.links_of(tx, refs).values()}
        if len(people) == 1:
            found[letter.id] = people.pop()
    return found
