"""The funnel: how many reach each stage, go on, how long they stay, where they stagnate.

Folded over one person at a time. Parts always sum to the whole: whatever people are grouped by,
each belongs to exactly one group of each stage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lifecycle.metrics import behind, days, middle, ninetieth, rate
from lifecycle.paths import Ladder, Path, ladders, paths
from lifecycle.periods import Span
from lifecycle.subjects import Subject
from mappings.contract import Contract, Team

STAGNANT = timedelta(days=30)
"""How long somebody stands in a stage untouched before they count as stagnant."""
EVERYBODY = ""
"""The group of all people."""

Group = Callable[[Subject, datetime], str]
"""Which group somebody belongs to at an instant."""


@dataclass(slots=True)
class Rung:
    """One stage of one group: the people behind each number, by the name of a record of theirs.
    `is_last` says that no stage lies beyond it, so that nobody can go on.
    """

    is_last: bool = False
    entered: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    standing: list[str] = field(default_factory=list)
    stagnant: list[str] = field(default_factory=list)
    stays: list[tuple[timedelta, str]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """The metrics of the stage."""
        spent = days(length for length, _ in self.stays)
        return {
            "entered": len(self.entered),
            "converted": len(self.converted),
            "conversion": None if self.is_last else rate(len(self.converted), len(self.entered)),
            "standing": len(self.standing),
            "stagnant": len(self.stagnant),
            "days_in_stage_median": middle(spent),
            "days_in_stage_p90": ninetieth(spent),
        }

    def records(self) -> dict[str, list[str]]:
        """The people behind each of them."""
        return {
            "entered": sorted(self.entered),
            "converted": sorted(self.converted),
            "standing": sorted(self.standing),
            "stagnant": sorted(self.stagnant),
        }

    def values(self) -> dict[str, list[dict[str, Any]]]:
        """The stays whose middle and ninetieth percentile are told, in days."""
        lengths = days(length for length, _ in self.stays)
        people = (record for _, record in self.stays)
        return {"days_in_stage": behind(zip(people, lengths, strict=True))}


@dataclass(slots=True)
class Funnel:
    """One pass over people. `group` says which group somebody belongs to; `now` ends what may have
    happened since. `team` leaves out the stages of the other team.
    """

    contract: Contract
    span: Span
    now: datetime
    group: Group = lambda _person, _at: EVERYBODY
    team: Team | None = None
    seen: int = 0
    _rungs: dict[tuple[str, str, str], Rung] = field(default_factory=dict)
    _goals: dict[tuple[str, str], list[tuple[timedelta, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _ladders: Mapping[str, Ladder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ladders = {ladder.lifecycle: ladder for ladder in ladders(self.contract)}

    def add(self, person: Subject) -> None:
        """Count one person."""
        self.seen += 1
        for path in paths(self.contract, person):
            ladder = self._ladders[path.lifecycle]
            self._count(person, path, ladder)
            self._stand(person, path)
            self._source(person, path, ladder)

    def _rung(self, lifecycle: str, stage: str, group: str) -> Rung:
        is_last = not self._ladders[lifecycle].beyond.get(stage)
        return self._rungs.setdefault((lifecycle, stage, group), Rung(is_last))

    def _of(self, path: Path, stage: str, person: Subject, at: datetime) -> Rung:
        return self._rung(path.lifecycle, stage, self.group(person, at))

    def _count(self, person: Subject, path: Path, ladder: Ladder) -> None:
        for stage, at in path.reached.items():
            if stage in ladder.stages and at in self.span and at <= self.now:
                rung = self._of(path, stage, person, at)
                rung.entered.append(person.record)
                beyond = [path.reached[s] for s in ladder.beyond[stage] if s in path.reached]
                if any(other <= self.now for other in beyond):
                    rung.converted.append(person.record)

    def _stand(self, person: Subject, path: Path) -> None:
        end = min(self.now, self.span.end - timedelta(microseconds=1))
        for stay in path.stays:
            if stay.end is not None and stay.end in self.span and stay.end <= self.now:
                rung = self._of(path, stay.stage, person, stay.end)
                rung.stays.append((stay.end - stay.start, person.record))
            if stay.holds(end):
                rung = self._of(path, stay.stage, person, end)
                rung.standing.append(person.record)
                if self._is_stagnant(person, stay.start, end):
                    rung.stagnant.append(person.record)

    def _is_stagnant(self, person: Subject, since: datetime, end: datetime) -> bool:
        touched = [touch.at for touch in person.touches if touch.at <= end]
        return end - max([since, *touched[-1:]]) > STAGNANT

    def _source(self, person: Subject, path: Path, ladder: Ladder) -> None:
        reached = path.reached.get(ladder.goal)
        if reached is None or reached not in self.span or reached > self.now:
            return
        first = min(path.reached.values())
        self._goals[path.lifecycle, person.source].append((reached - first, person.record))

    def stages(self) -> list[tuple[dict[str, Any], Rung]]:
        """Each stage of each group in the order of the contract: where it is, and who."""
        groups = sorted({group for _, _, group in self._rungs}) or [EVERYBODY]
        return [
            (
                {"lifecycle": ladder.lifecycle, "stage": stage, "team": team.value, "group": group},
                self._rung(ladder.lifecycle, stage, group),
            )
            for ladder in self._ladders.values()
            for group in groups
            for stage, team in ladder.stages.items()
            if self.team is None or team in {self.team, Team.SHARED}
        ]

    def sources(self) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Where people came from who reached the goal, the fastest first; who, in how many days."""
        found = []
        for (lifecycle, source), own in self._goals.items():
            line = {
                "lifecycle": lifecycle,
                "goal": self._ladders[lifecycle].goal,
                "source": source,
                "source_reached": len(own),
                "source_days_median": middle(days(length for length, _ in own)),
            }
            lengths = days(length for length, _ in own)
            found.append((line, behind(zip((name for _, name in own), lengths, strict=True))))
        found.sort(key=lambda one: (one[0]["source_days_median"] or 0.0, one[0]["source"]))
        return found
