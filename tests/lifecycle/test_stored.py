"""What is kept between two runs is given back unchanged, and a replayed history is the same."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.evaluate import advance, replay
from lifecycle.evidence import Evidence
from lifecycle.handoff import Assignment, Chosen, Handoff, Status
from lifecycle.standing import NOWHERE, Standing, Transition
from lifecycle.stored import (
    handoff_json,
    handoff_of,
    move_json,
    move_of,
    standing_json,
    standing_of,
)
from mappings.contract import Contract
from state import loop
from state.open import open_store
from state.store import Store
from tests.lifecycle.people import RULES, day, fill, stories
from tests.mappings.contracts import contract_of

END = day(240)
CUTS = st.lists(st.integers(0, 200), max_size=4)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract of the mapping tests."""
    return contract_of(Path(tmp_path_factory.mktemp("contract")))


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A state in memory."""
    opened = open_store("sqlite://", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC), pair="main")
    yield opened
    opened.close()


def row(subject: str, move: Transition) -> loop.Move:
    """A move as the state keeps it."""
    return loop.Move(
        subject, move.at, move.lifecycle, move.before, move.after, move.move.value, move.reason,
        move.baseline, move_json(move),
    )  # fmt: skip


def run(store: Store, contract: Contract, subject: str, story: Evidence, until: datetime) -> None:
    """What a run does for one person: read, advance, write, all in one transaction."""
    with store.begin() as tx:
        known = loop.standings(tx, [subject]).get(subject)
        standing = standing_of(known.body) if known is not None else NOWHERE
        done = advance(contract, standing, story, until)
        moves = [row(subject, move) for move in done.moves]
        if done.rewritten:
            loop.rewrite_moves(tx, "r", subject, moves)
        else:
            loop.add_moves(tx, "r", moves)
        now = done.standing
        loop.put_standings(
            tx, [loop.Standing(subject, now.lifecycle, now.stage, now.since, standing_json(now))]
        )


def kept(store: Store, subject: str) -> tuple[Standing, tuple[Transition, ...]]:
    """What the state holds of a person."""
    with store.read() as tx:
        standing = standing_of(loop.standings(tx, [subject])[subject].body)
        return standing, tuple(map(move_of, loop.moves(tx, [subject]).get(subject, ())))


@settings(deadline=None, max_examples=30)
@given(story=stories(), cuts=CUTS, late=st.none() | st.integers(0, 150))
def test_replaying_the_history_gives_what_runs_have_kept(
    contract: Contract,
    store: Store,
    story: Evidence,
    cuts: list[int],
    late: int | None,
) -> None:
    """Run by run over a state, with an event that is pulled late, killed runs repeated: what is
    kept in the end is what one replay of everything answers."""
    subject = uuid.uuid4().hex  # somebody new every time: the store is the examples' own
    for cut in sorted(cuts):
        run(store, contract, subject, story, day(cut))
        run(store, contract, subject, story, day(cut))
    if late is not None:
        moments = (*story.timeline.moments, fill(late + 0.5, "late"))
        story = Evidence(replace(story.timeline, moments=moments), RULES, zone=story.zone)
    run(store, contract, subject, story, END)
    whole = replay(contract, story, END)
    assert kept(store, subject) == (whole.standing, whole.moves)


def test_a_handoff_is_given_back_unchanged() -> None:
    """Through JSON and back, with everything set and with nothing set."""
    bare = Handoff("k", "p", "main", "mql", "forward", day(1), Status.HELD)
    full = replace(
        bare, status=Status.REJECTED, missing=("map.company",),
        assignments=(Assignment(None, day(2), Chosen.NOBODY, "dach"),
                     Assignment("u", day(3), Chosen.FALLBACK, "dach")),
        attempts=(day(4), day(5)), accepted_at=day(4), ended_at=day(6), reason="not_ready",
        told=frozenset({"accept:breach"}),
    )  # fmt: skip
    for handoff in (bare, full):
        assert handoff_of(json.loads(json.dumps(handoff_json(handoff)))) == handoff


def test_nowhere_is_given_back_unchanged() -> None:
    """Who was never evaluated, and what an older version did not write yet."""
    assert standing_of(json.loads(json.dumps(standing_json(NOWHERE)))) == NOWHERE
    assert standing_of({}) == NOWHERE
