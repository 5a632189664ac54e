"""Evaluates a person against the contract: on every change, and at every instant an answer turns.

Pure and repeatable. `advance` goes through what happened since the last evaluation, instant by
instant, and through the turning points in between; however a history is cut into pieces, the
moves are the same, and where evidence arrives late the history is gone through anew (`rewritten`).
Stages move forward only, or back by an exit of the contract with a reason (law 6). A person stands
at the furthest stage whose conditions hold; where two hold of which neither comes before the
other, nobody is moved and both are named.

After a step back what happened before is used up: events count afresh, and conditions that held
then count again only once they have been false.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from lifecycle.evidence import Evidence
from lifecycle.standing import NOWHERE, Met, Move, Standing, Transition
from mappings.contract import Contract, Criterion, ExitRule, Lifecycle, Stage
from mappings.criteria import Compiled, Facts, compile_criterion
from mappings.records import Json


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. `moves` are new, in order; with `rewritten` they are all there are.

    `next_at` is the next instant at which the answer may change though nothing happens. `missing`
    are fields a step back waits for (its reason), `contested` stages that are true at once.
    """

    standing: Standing
    moves: tuple[Transition, ...] = ()
    next_at: datetime | None = None
    missing: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()
    rewritten: bool = False


@dataclass(slots=True)
class _Turn:
    """One instant under evaluation: where the person stands, and what was found meanwhile."""

    standing: Standing
    facts: Facts
    missing: tuple[str, ...] = ()
    contested: tuple[str, ...] = ()


def advance(
    contract: Contract,
    standing: Standing,
    evidence: Evidence,
    until: datetime,
    *,
    go_live: datetime | None = None,
) -> Evaluation:
    """Bring a person's standing up to `until`.

    Where the past up to the last evaluation is no longer what it was (an event pulled late, a
    merge), the whole history is gone through again.
    """
    rewritten = standing.at is not None and evidence.digest(standing.at) != standing.digest
    evaluator = Evaluator(contract, evidence, go_live)
    return evaluator.run(NOWHERE if rewritten else standing, until, rewritten=rewritten)


def replay(
    contract: Contract, evidence: Evidence, until: datetime, *, go_live: datetime | None = None
) -> Evaluation:
    """The whole history from the beginning."""
    return Evaluator(contract, evidence, go_live).run(NOWHERE, until, rewritten=True)


class Evaluator:
    """Evaluates one person. Holds nothing between two runs but what it was given."""

    def __init__(self, contract: Contract, evidence: Evidence, go_live: datetime | None) -> None:
        self._contract = contract
        self._evidence = evidence
        self._go_live = go_live
        self._conditions: dict[str, Compiled] = {}

    def run(self, standing: Standing, until: datetime, *, rewritten: bool) -> Evaluation:
        """From the standing's own instant up to `until`."""
        moves: list[Transition] = []
        turn = _Turn(standing, self._facts(standing, standing.at or until))
        next_at = self._first(standing)
        while next_at is not None and next_at <= until:
            turn = self._at(turn.standing, next_at, moves)
            next_at = self._next(turn, next_at)
        done = turn.standing
        done = replace(done, at=max(done.at or until, until))
        return Evaluation(
            standing=replace(done, digest=self._evidence.digest(done.at or until)),
            moves=tuple(moves),
            next_at=next_at if next_at is None or next_at > until else None,
            missing=turn.missing,
            contested=turn.contested,
            rewritten=rewritten,
        )

    def _first(self, standing: Standing) -> datetime | None:
        if standing.at is None:
            return self._evidence.instants[0] if self._evidence.instants else None
        return self._next(_Turn(standing, self._facts(standing, standing.at)), standing.at)

    def _next(self, turn: _Turn, after: datetime) -> datetime | None:
        """The next instant at which something happens or an answer may turn."""
        instants = self._evidence.instants
        position = bisect_right(instants, after)
        found = [instants[position]] if position < len(instants) else []
        found += [at for at in self._turning_points(turn) if at > after]
        return min(found, default=None)

    def _turning_points(self, turn: _Turn) -> Iterable[datetime]:
        standing = turn.standing
        if standing.recontact is not None:
            yield standing.recontact
        for criterion in self._asked(standing):
            turns = self._compiled(criterion.text).next_turn(turn.facts)
            if turns is not None:
                yield turns

    def _asked(self, standing: Standing) -> Iterable[Criterion]:
        """Every condition whose answer matters where the person stands."""
        for lifecycle in self._contract.lifecycles:
            if lifecycle.segment is not None:
                yield lifecycle.segment
        if standing.lifecycle is None:
            return
        for stage in self._contract.lifecycle(standing.lifecycle).stages:
            yield from stage.entry
            if stage.name == standing.stage:
                yield from (rule.when for rule in stage.exits)

    def _at(self, standing: Standing, at: datetime, moves: list[Transition]) -> _Turn:
        """Evaluate at one instant: as many moves as follow from each other, each at most once."""
        turn = _Turn(standing, self._facts(standing, at))
        self._choose_lifecycle(turn, moves)
        if turn.standing.lifecycle is None:
            turn.standing = replace(turn.standing, at=at)
            return turn
        lifecycle = self._contract.lifecycle(turn.standing.lifecycle)
        self._note_met(turn, lifecycle)
        for _ in range(2 * len(lifecycle.stages)):
            move = self._step(turn, lifecycle)
            if move is None:
                break
            moves.append(move)
            turn.facts = self._facts(turn.standing, at)
            self._note_met(turn, lifecycle)
        turn.standing = replace(turn.standing, at=at)
        return turn

    def _facts(self, standing: Standing, at: datetime) -> Facts:
        return self._evidence.facts(
            at,
            reached=standing.reached_stages(standing.lifecycle or ""),
            stage_since=standing.since,
            fresh_from=standing.fresh_from,
        )

    def _choose_lifecycle(self, turn: _Turn, moves: list[Transition]) -> None:
        """The lifecycle whose segment the person is in; whom no segment fits stays where they are,
        since a value gone blank throws nobody out.
        """
        fitting = [lc for lc in self._contract.lifecycles if self._holds(lc.segment, turn.facts)]
        standing = turn.standing
        if not fitting or standing.lifecycle in {lc.name for lc in fitting}:
            return
        chosen = fitting[0]
        before = standing.stage
        turn.standing = Standing(
            at=standing.at, lifecycle=chosen.name, reached=standing.reached, digest=standing.digest
        )
        turn.facts = self._facts(turn.standing, turn.facts.now)
        stage = self._furthest(turn, chosen)
        if before is not None and stage is not None:
            self._note_met(turn, chosen)
            moves.append(self._moved(turn, chosen, stage, Move.SEGMENT, before=before))
            turn.facts = self._facts(turn.standing, turn.facts.now)

    def _note_met(self, turn: _Turn, lifecycle: Lifecycle) -> None:
        """Remember which conditions hold since when, which stages are reached, and what was held
        back and no longer is.

        Whether a stage is reached is asked of everything that ever happened, used up or not: a
        step back by sales does not take from marketing's fact, nor the reverse (law 5).
        """
        standing, now = turn.standing, turn.facts.now
        everything = self._facts(replace(standing, fresh_from=None), now)
        since = {(m.stage, m.number): m.since for m in standing.met}
        met = tuple(
            Met(stage.name, number, criterion.text, since.get((stage.name, number), now))
            for stage in lifecycle.stages
            for number, criterion in enumerate(stage.entry)
            if self._holds(criterion, turn.facts)
        )
        true_now = {
            f"stage:{stage.name}"
            for stage in lifecycle.stages
            if stage.entry and sum(m.stage == stage.name for m in met) == len(stage.entry)
        }
        for stage in lifecycle.stages:
            true_now |= {
                _exit_key(stage, number)
                for number, rule in enumerate(stage.exits)
                if stage.name == standing.stage and self._holds(rule.when, turn.facts)
            }
        known = standing.reached_stages(lifecycle.name)
        new = tuple(
            (lifecycle.name, stage.name, now)
            for stage in lifecycle.stages
            if stage.entry
            and stage.name not in known
            and all(self._holds(criterion, everything) for criterion in stage.entry)
        )
        turn.standing = replace(
            standing, met=met, held=standing.held & true_now, reached=standing.reached + new
        )

    def _step(self, turn: _Turn, lifecycle: Lifecycle) -> Transition | None:
        """One move from where the person stands, or None where they stay."""
        turn.missing, turn.contested = (), ()
        standing, now = turn.standing, turn.facts.now
        stage = lifecycle.stage(standing.stage) if standing.stage is not None else None
        if stage is not None:
            for number, rule in enumerate(stage.exits):
                is_held = _exit_key(stage, number) in standing.held
                if is_held or not self._holds(rule.when, turn.facts):
                    continue
                move = self._recycle(turn, lifecycle, rule)
                if move is not None:
                    return move
        ahead = self._furthest(turn, lifecycle)
        if ahead is not None:
            return self._moved(turn, lifecycle, ahead, Move.FORWARD)
        if standing.recontact is not None and standing.recontact <= now:
            back = lifecycle.stage(returns_to(lifecycle, standing.recycled_from))
            return self._moved(turn, lifecycle, back, Move.RETURN, reason="recontact")
        return None

    def _furthest(self, turn: _Turn, lifecycle: Lifecycle) -> Stage | None:
        """The furthest stage ahead whose conditions hold."""
        standing = turn.standing
        here = lifecycle.stage(standing.stage) if standing.stage is not None else None
        candidates = [
            stage
            for stage in lifecycle.stages
            if stage.entry
            and f"stage:{stage.name}" not in standing.held
            and (here is None or not here.entry or here.name in lifecycle.predecessors(stage.name))
            and all(self._holds(criterion, turn.facts) for criterion in stage.entry)
        ]
        passed = {name for stage in candidates for name in lifecycle.predecessors(stage.name)}
        furthest = [stage for stage in candidates if stage.name not in passed]
        if len(furthest) > 1:
            turn.contested = tuple(stage.name for stage in furthest)
        return furthest[0] if len(furthest) == 1 else None

    def _recycle(self, turn: _Turn, lifecycle: Lifecycle, rule: ExitRule) -> Transition | None:
        """The step back, unless its reason is not given yet: then it waits for that."""
        reason = rule.reason
        if rule.reason_field is not None:
            value = turn.facts.fields.get(rule.reason_field)
            reason = str(value) if value in lifecycle.recycle_reasons else None
        if reason is None:
            turn.missing = (rule.reason_field or "",)
            return None
        recontact = self._recontact(rule, turn.facts)
        target = lifecycle.stage(rule.to)
        return self._moved(turn, lifecycle, target, Move.RECYCLE, reason, recontact=recontact)

    def _recontact(self, rule: ExitRule, facts: Facts) -> datetime | None:
        if rule.recontact_after is not None:
            return facts.now + rule.recontact_after
        if rule.recontact_field is None:
            return None
        return _start_of(facts.fields.get(rule.recontact_field), facts.zone)

    def _moved(
        self,
        turn: _Turn,
        lifecycle: Lifecycle,
        to: Stage,
        move: Move,
        reason: str = "",
        *,
        before: str | None = None,
        recontact: datetime | None = None,
    ) -> Transition:
        standing, now = turn.standing, turn.facts.now
        back = move is Move.RECYCLE
        held = {f"stage:{m.stage}" for m in standing.met} if back else set()
        if not back:  # an exit that is true on the way in is no reason to leave at once
            facts = replace(turn.facts, stage_since=now)
            held = {
                _exit_key(to, number)
                for number, rule in enumerate(to.exits)
                if self._holds(rule.when, facts)
            }
        turn.standing = replace(
            standing,
            stage=to.name,
            since=now,
            held=frozenset(held) | (standing.held if not back else frozenset()),
            fresh_from=now if back else standing.fresh_from,
        )
        if not (move is Move.FORWARD and _is_awaited(lifecycle, standing, to)):
            turn.standing = replace(
                turn.standing,
                recycled_from=standing.stage if back else None,
                recycle_reason=reason if back else "",
                recontact=recontact,
            )
        met = tuple(m for m in standing.met if m.stage == to.name)
        names = {n for m in met for n in self._names(m.text)}
        return Transition(
            at=now,
            lifecycle=lifecycle.name,
            before=before if before is not None else standing.stage,
            after=to.name,
            move=move,
            reason=reason,
            met=met if move is not Move.RECYCLE else (),
            persona=self._persona(turn.facts),
            recontact=recontact,
            baseline=self._go_live is not None and now < self._go_live,
            certain=self._evidence.is_known(names, now),
        )

    def _persona(self, facts: Facts) -> str | None:
        return next((p.name for p in self._contract.personas if self._holds(p.when, facts)), None)

    def _names(self, text: str) -> Iterable[str]:
        names = self._compiled(text).names
        return (name for name in names if name.startswith(("map.", "crm.")))

    def _holds(self, criterion: Criterion | None, facts: Facts) -> bool:
        return criterion is None or self._compiled(criterion.text).holds(facts)

    def _compiled(self, text: str) -> Compiled:
        if text not in self._conditions:
            found = compile_criterion(text, self._contract.names)
            if found is None:
                message = f"a condition of the contract is no question: {text}"
                raise ValueError(message)
            self._conditions[text] = found
        return self._conditions[text]


def returns_to(lifecycle: Lifecycle, left: str | None) -> str:
    """Where somebody comes back to on the recontact date: the stage they were sent back from, or
    the nearest before it that is handed over, so that they land in a queue.
    """
    if left is None:
        return lifecycle.stages[0].name
    before = lifecycle.predecessors(left)
    ordered = [stage for stage in reversed(lifecycle.stages) if stage.name in before | {left}]
    return next((stage.name for stage in ordered if stage.handoff is not None), left)


def _is_awaited(lifecycle: Lifecycle, standing: Standing, to: Stage) -> bool:
    """Whether somebody who goes forward is still before the stage they come back to on a day: that
    day is then kept."""
    if standing.recontact is None:
        return False
    back = returns_to(lifecycle, standing.recycled_from)
    return to.name in lifecycle.predecessors(back)


def _exit_key(stage: Stage, number: int) -> str:
    return f"exit:{stage.name}:{number}"


def _start_of(value: Json, zone: str) -> datetime | None:
    """The instant a date begins in the reporting zone, or a time itself; None where it is blank."""
    text = str(value or "")
    try:
        if len(text) > len("2026-01-01"):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo is not None else None
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone))
    except ValueError:
        return None
