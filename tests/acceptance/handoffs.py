"""Handoffs held against the CRM's Tasks and against what people were told: after kills, none twice
and none lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.handoff import EffectKind, Status
from mappings.records import RecordRef
from state import effects, identity, loop
from state.store import Tx

PREFIXES = {"00Q": "Lead", "003": "Contact"}
"""How the ids of people begin (FACTS section 4, Objects)."""


@dataclass(frozen=True, slots=True)
class Handoffs:
    """Tasks that handoffs have asked for and count as made, those there are too many or too few of,
    golden record by golden record, those still waiting; and notices that count as given."""

    asked: int = 0
    doubled: int = 0
    lost: int = 0
    waiting: int = 0
    notices: int = 0

    def wrong(self, told: Mapping[str, int]) -> list[str]:
        """What must not be, in words; `told` is what has arrived where people are told."""
        found = [
            f"tasks of handoffs {name}: {number}"
            for name in ("doubled", "lost", "waiting")
            if (number := getattr(self, name))
        ]
        unheard = self.notices - told["notices"]
        found += [f"notices nobody has heard: {unheard}"] if unheard > 0 else []
        found += [f"monthly reports twice: {told['reports']}"] if told["reports"] > 1 else []
        return found


def handoffs_of(tx: Tx, tasks: Sequence[str]) -> Handoffs:
    """`tasks` are the ids of the records that handoffs' Tasks in the CRM are on, one for each."""
    statuses = [status.value for status in Status]
    people = {one.entity_id for one in loop.handoffs_with(tx, statuses)}
    asked: Counter[str] = Counter()
    notices = 0
    for key, own in effects.of_people(tx, people, status=effects.DONE).items():
        asked[key] = sum(one.kind == EffectKind.TASK.value for one in own)
        notices += sum(one.kind == EffectKind.NOTIFY.value for one in own)
    refs = {one: RecordRef("salesforce", PREFIXES[one[:3]], one) for one in tasks}
    links = identity.links_of(tx, refs.values())
    made = Counter(links[refs[one]].entity_id if refs[one] in links else one for one in tasks)
    return Handoffs(
        asked=asked.total(),
        doubled=(made - asked).total(),
        lost=(asked - made).total(),
        waiting=effects.count(tx, EffectKind.TASK.value),
        notices=notices,
    )
