"""The stage that advances the lifecycle: who changed, and whose answer time has changed, is
evaluated against the contract.

It stands before planning, so that what follows from a move is planned, shown by `leadloop plan`,
counted by the guard and written like everything else. What it decides is kept in the state alone:
where everybody stands, how they came there, who is responsible, and when to look again. Killed
half-way it is begun again: whoever is decided twice comes to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle import evaluate
from lifecycle.evaluate import Evaluation
from lifecycle.evidence import Evidence
from lifecycle.handing import Decision
from lifecycle.handoff import Handoff
from lifecycle.responsibility import Stretch, ledger, owners_of
from lifecycle.standing import Standing, Transition
from mappings.contract import Contract
from mappings.fieldmap import PairMapping
from state import due, loop
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.deal_duties import keep_deals
from sync.due import PLAN
from sync.hand_over import Case, Office, find_waiting, keep, undone_owners
from sync.loop_rows import (
    NOTHING,
    Kept,
    Seen,
    contract_key,
    duty_row,
    handoffs_of,
    kept_of,
    move_row,
    moves_of,
    standing_row,
)
from sync.pair import Pair
from sync.plan import work_list
from sync.timelines import OWNER, Person, evidences, people_of, watched_names
from sync.watching import look

CHUNK = 200
"""People decided in one transaction."""


@dataclass(slots=True)
class Advanced:
    """What came of it: people evaluated, handoffs begun by how they stand, moves by kind (those of
    history as `baseline`), people whose past was gone through anew, people for whom two stages are
    true at once."""

    evaluated: int = 0
    handoffs: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    rewritten: int = 0
    contested: int = 0

    def as_json(self) -> dict[str, object]:
        """For the run's counts; empty where nobody was evaluated."""
        if not self.evaluated:
            return {}
        return {
            "evaluated": self.evaluated,
            "moves": dict(self.moves),
            "handoffs": dict(self.handoffs),
            "rewritten": self.rewritten,
            "contested": self.contested,
        }


@dataclass(frozen=True, slots=True)
class _Turn:
    """One person as they were, what is known of them, and what the contract says now."""

    person: Person
    before: Kept
    seen: Mapping[str, Seen]
    evidence: Evidence
    evaluation: Evaluation

    @property
    def entity_id(self) -> str:
        return self.person.entity_id

    def newly_handed(self, contract: Contract) -> Transition | None:
        """The move that brought them where they stand, if that was handed over to nobody under the
        contract they were judged by so far and is under this one (ADR 0042)."""
        moves, standing = self.evaluation.moves, self.evaluation.standing
        if self.before.handed or not self.is_rewritten or not moves:
            return None
        stayed = standing.stage == self.before.standing.stage == moves[-1].after
        return moves[-1] if stayed and is_handed(contract, standing) else None

    @property
    def is_rewritten(self) -> bool:
        return self.evaluation.rewritten and self.before.standing.at is not None


def advance(pair: Pair, run_id: str) -> Advanced:
    """Evaluate everybody on the work list; nothing without a contract."""
    told = Advanced()
    if not pair.mapping.contract:
        return told
    with pair.store.begin() as tx:
        find_waiting(tx, pair.mapping)
        office = Office.in_state(tx, pair.mapping)
    crashpoint("after_advance")
    for batch in work_list(pair):
        for part in chunks(batch, CHUNK):
            with pair.store.begin() as tx:
                _advance(pair, tx, run_id, part, office, told)
            crashpoint("after_advance")
        pair.progress.report("advance", told.evaluated, None)
    told.handoffs.update(office.begun)
    return told


def _advance(
    pair: Pair, tx: Tx, run_id: str, entity_ids: Sequence[str], office: Office, told: Advanced
) -> None:
    turns = _turns(pair, tx, run_id, entity_ids)
    ids = [turn.entity_id for turn in turns]
    fresh = _fresh(turns, moves_of(tx, ids))
    handoffs = handoffs_of(tx, ids)
    undone = undone_owners(tx, handoffs)
    decided = {
        turn.entity_id: office.decide(
            Case(
                turn.person,
                turn.evidence,
                turn.evaluation.standing,
                fresh[turn.entity_id],
                handoffs.get(turn.entity_id, ()),
                undone.get(turn.entity_id, frozenset()),
                turn.newly_handed(pair.mapping.contract),
            ),
            tx.now,
        )
        for turn in turns
    }
    _keep(pair.mapping, tx, turns)
    _keep_moves(tx, run_id, turns)
    keep(tx, run_id, {key: own for key, own in decided.items() if own})
    _keep_duties(pair.mapping, tx, turns)
    keep_deals(tx, run_id, pair.mapping, entity_ids)
    _look_again(tx, turns, decided)
    told.evaluated += len(turns)
    told.rewritten += sum(turn.is_rewritten for turn in turns)
    told.contested += sum(bool(turn.evaluation.contested) for turn in turns)
    told.moves.update(
        "baseline" if move.baseline else move.move.value for own in fresh.values() for move in own
    )


def _turns(pair: Pair, tx: Tx, run_id: str, entity_ids: Sequence[str]) -> list[_Turn]:
    """Note what has changed, then ask the contract."""
    people = people_of(tx, pair.mapping, entity_ids)
    kept = kept_of(tx, [person.entity_id for person in people])
    names = watched_names(pair.mapping)
    seen: dict[str, dict[str, Seen]] = {}
    for person in people:
        before = kept.get(person.entity_id, NOTHING)
        last = before.standing.at
        seen[person.entity_id], changes = look(person, names, before.seen, last=last, now=tx.now)
        loop.observe(tx, run_id, changes)
    since = {key: {name: one.since for name, one in own.items()} for key, own in seen.items()}
    return [
        _Turn(
            person,
            before := kept.get(person.entity_id, NOTHING),
            seen[person.entity_id],
            evidence,
            evaluated(pair.mapping, before, evidence, tx.now),
        )
        for person, evidence in evidences(tx, pair.mapping, people, since)
    ]


def evaluated(mapping: PairMapping, before: Kept, evidence: Evidence, now: datetime) -> Evaluation:
    """What the contract says now. Who was evaluated under another contract is judged by this one
    from the beginning."""
    contract, go_live = mapping.contract, mapping.go_live
    if before.standing.at is not None and before.contract != contract_key(mapping):
        return evaluate.replay(contract, evidence, now, go_live=go_live)
    return evaluate.advance(contract, before.standing, evidence, now, go_live=go_live)


def _keep(mapping: PairMapping, tx: Tx, turns: Sequence[_Turn]) -> None:
    key, contract = contract_key(mapping), mapping.contract
    kept = {
        turn.entity_id: Kept(
            turn.evaluation.standing, turn.seen, key, is_handed(contract, turn.evaluation.standing)
        )
        for turn in turns
    }
    loop.put_standings(tx, [standing_row(entity_id, one) for entity_id, one in kept.items()])


def is_handed(contract: Contract, standing: Standing) -> bool:
    """Whether a contract hands over the stage somebody stands at."""
    return any(
        stage.handoff is not None
        for lifecycle in contract.lifecycles
        if lifecycle.name == standing.lifecycle
        for stage in lifecycle.stages
        if stage.name == standing.stage
    )


def _fresh(
    turns: Sequence[_Turn], known: Mapping[str, Sequence[Transition]]
) -> dict[str, list[Transition]]:
    """The moves nobody knew of so far, by person."""
    found: dict[str, list[Transition]] = {}
    for turn in turns:
        before = {(m.at, m.after, m.move) for m in known.get(turn.entity_id, ())}
        moves = turn.evaluation.moves
        found[turn.entity_id] = [m for m in moves if (m.at, m.after, m.move) not in before]
    return found


def _keep_moves(tx: Tx, run_id: str, turns: Sequence[_Turn]) -> None:
    """Moves are added, or, where the past has changed, replaced by those that are true now."""
    fresh = []
    for turn in turns:
        rows = [move_row(turn.entity_id, move) for move in turn.evaluation.moves]
        if turn.evaluation.rewritten:
            loop.rewrite_moves(tx, run_id, turn.entity_id, rows)
        else:
            fresh += rows
    loop.add_moves(tx, run_id, fresh)


def _keep_duties(mapping: PairMapping, tx: Tx, turns: Sequence[_Turn]) -> None:
    """Whose job each person was and is: what has not changed is not written again."""
    ids = [turn.entity_id for turn in turns]
    moves, handoffs, before = moves_of(tx, ids), handoffs_of(tx, ids), loop.duties(tx, ids)
    changed = {}
    for turn in turns:
        key = turn.entity_id
        lines = [
            duty_row(key, line)
            for line in _duties(mapping, tx.now, turn, moves.get(key, ()), handoffs.get(key, ()))
        ]
        if lines != before.get(key, []):
            changed[key] = lines
    loop.put_duties(tx, changed)


def _look_again(tx: Tx, turns: Sequence[_Turn], decided: Mapping[str, Sequence[Decision]]) -> None:
    """Whoever's answer turns by itself is due then; others wait for something to happen."""
    instants = {}
    for turn in turns:
        ahead = [turn.evaluation.next_at, *(one.next_at for one in decided[turn.entity_id])]
        first = min((at for at in ahead if at is not None), default=None)
        if first is not None:
            instants[turn.entity_id] = first
    due.put(tx, PLAN, instants)
    due.withdraw(tx, PLAN, [t.entity_id for t in turns if t.entity_id not in instants])


def _duties(
    mapping: PairMapping,
    now: datetime,
    turn: _Turn,
    moves: Sequence[Transition],
    handoffs: Sequence[Handoff],
) -> tuple[Stretch, ...]:
    timeline = turn.evidence.timeline
    first = min((move.at for move in moves), default=now)
    return ledger(
        mapping.contract,
        min(turn.person.created_at or first, first),
        moves,
        handoffs,
        owners_of(timeline.changes_of(OWNER), turn.person.value(OWNER)),
        owners_known_from=turn.seen[OWNER].since,
    )
