"""A handoff that is added to a contract later: offered by its plan, given once, killed or not."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mappings.fieldmap import PairMapping
from sync.crash import Crash, watched
from tests.sync.agreed import GO_LIVE, HANDED, ONE, filled_before, handed, hire, mapping_with
from tests.sync.test_hand_over import Ears, handoffs, qualifies, tasks
from tests.sync.world import START, World


def without_handoff(folder: Path) -> PairMapping:
    """The same contract before the teams had agreed on a handoff."""
    whole = HANDED.format(go_live=GO_LIVE.isoformat())
    text = re.sub(r"        handoff:\n(?: {10}.*\n)+", "", whole)
    assert "handoff" not in text
    return mapping_with(folder, text)


@pytest.mark.parametrize("point", [None, "after_advance:2", "after_intents", "after_write"])
def test_a_handoff_added_later_is_offered_to_who_stands_there(
    tmp_path: Path, point: str | None
) -> None:
    """Law 13: the plan of the changed contract shows whom it would hand over, and nothing happens
    before it is approved; then each is handed over once, from then on, whatever is killed. Who came
    there before `go_live`, or stands elsewhere, is not."""
    ears, later = Ears(), handed(tmp_path / "after")
    world = World.build(tmp_path, mapping=later)
    world.pair = replace(world.pair, tell=ears, mapping=without_handoff(tmp_path / "before"))
    hire(world)
    for first, last in (("Ada", "Byron"), ("Alan", "Turing"), ("Ivo", "Lem")):
        world.contact(first, last, company=f"{last} Ltd")
    for days in (40, 41):
        filled_before(world, START - timedelta(days=days), "ivo.lem@example-lem.com")
    world.first()
    qualifies(world)
    world.fills("alan.turing@example-turing.com")
    world.run()
    assert handoffs(world) == []
    world.pair = replace(world.pair, mapping=later)
    planned = list(world.planned().planned.intents())
    assert [
        i.fields["OwnerId"] for i in planned if "OwnerId" in i.fields and i.object == "Lead"
    ] == [ONE]
    world.run()
    assert (handoffs(world), ears.heard) == ([], [])
    if point is not None:
        name, _, number = point.partition(":")
        left = itertools.count(int(number or 1), -1)

        def kill(reached: str) -> None:
            if reached == name and next(left) == 1:
                raise Crash(reached)

        with watched(kill), pytest.raises(Crash):
            world.first()
    changed_at = world.time.at
    world.first()
    world.run()  # after a kill it comes to rest within two runs
    [one] = handoffs(world)
    assert (one.status, one.owner) == ("open", ONE)
    assert one.opened_at >= changed_at - timedelta(minutes=5)
    assert len(tasks(world)) == 1
    for other in ("alan.turing@example-turing.com", "ivo.lem@example-lem.com"):
        assert handoffs(world, other) == []
    assert world.settled()
    assert len(handoffs(world)) == 1
    world.close()
