"""The five-check audit: what records, events and activities alone say about how two teams work.

One pass over people and one over opportunities; each check finds what is wrong (`Finding`, with the
records behind it), shows what it looked at (`rows`), and says what it could not tell (`Unknown`).
On data without defects it finds nothing. Nothing here needs a contract; where there is one, the
stages and the data it requires are held against it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lifecycle.calendars import WORKING_DAYS
from mappings.contract import Contract

CHECKS: tuple[tuple[str, str], ...] = (
    ("first_entries", "Where did the last won deals come from; does a name mean two things?"),
    ("handoffs", "Which leads were handed over without trigger, notice or required data?"),
    ("activities", "Who is working the open deals, people or machines, and on the right records?"),
    ("stages", "Which stages does nobody own, or do both teams?"),
    ("stalled", "Which deals have gone quiet, and whose job was it then?"),
)  # fmt: skip
"""The checks in order: name, and the question it answers."""


FINDINGS: Mapping[str, str] = {
    "stage_name_conflict": "Both sides have a stage of this name, and of this person only one"
    " says it: the name stands for two things.",
    "no_trigger": "Somebody marketing had came to sales although no form, click or campaign"
    " response came before.",
    "silent_handoff": "Somebody came to sales, and within five working days there was no task, no"
    " meeting, no call, and no edit by a person.",
    "missing_data": "Somebody came to sales with neither an e-mail address nor a telephone number.",
    "activity_on_duplicate": "Automated entries stand on a second record of a person, not on the"
    " one to work with.",
    "only_synced_activity": "An open deal has activity by machines and none by a person.",
    "unowned_lead": "An open lead has no owner, one who left, or a queue.",
    "stage_of_both": "The contract gives a stage to both teams although people go on from it.",
    "stalled_deal": "An open deal has seen nothing by a person for thirty days.",
}
"""What can be found, by code: what it means (also in docs/metrics.md)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `code` is a stable word (docs/metrics.md), `record` the record it
    is about, `records` what else shows it; `who` is the user it concerns, `at` since when.
    """

    code: str
    record: str
    what: str
    records: tuple[str, ...] = ()
    who: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """What a check could not tell of how many records, and why; the records by name."""

    why: str
    count: int
    records: tuple[str, ...] = ()


@dataclass(slots=True)
class Check:
    """One check as it fills up. `rows` are what was looked at, as a table's lines."""

    name: str
    question: str
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _unknown: dict[str, list[str]] = field(default_factory=dict)
    _general: list[str] = field(default_factory=list)

    def found(self, finding: Finding) -> None:
        """Something is wrong."""
        self.findings.append(finding)

    def cannot_tell(self, why: str, record: str) -> None:
        """Of this record it could not be told, for this reason."""
        self._unknown.setdefault(why, []).append(record)

    def cannot_tell_at_all(self, why: str) -> None:
        """What this data never shows, whatever the record."""
        if why not in self._general:
            self._general.append(why)

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """What could not be told, the most frequent reason first."""
        own = [Unknown(why, len(r), tuple(sorted(r))) for why, r in self._unknown.items()]
        own.sort(key=lambda one: (-one.count, one.why))
        return (*own, *(Unknown(why, 0) for why in self._general))

    def counts(self) -> dict[str, int]:
        """How many findings of each kind."""
        return dict(sorted(Counter(one.code for one in self.findings).items()))

    def ordered(self) -> tuple[Finding, ...]:
        """The findings in an order that does not depend on how records were read."""
        return tuple(sorted(self.findings, key=lambda one: (one.code, one.record, one.what)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What an audit goes by.

    `now` is its moment, `window` how far back handoffs and silence are looked for, `quiet` how long
    a deal may be silent, `notice` how many working days sales has to be told or to act (those of
    the owner's calendar), `events_since` from when on marketing events are known.
    """

    now: datetime
    contract: Contract = field(default_factory=Contract)
    window: timedelta = timedelta(days=90)
    quiet: timedelta = timedelta(days=30)
    notice: int = WORKING_DAYS
    won: int = 20
    events_since: datetime | None = None

    @property
    def since(self) -> datetime:
        """Where the window begins."""
        return self.now - self.window


def new_checks() -> dict[str, Check]:
    """The five checks, empty, by name."""
    return {name: Check(name, question) for name, question in CHECKS}


def records_of(parts: Iterable[str | None]) -> tuple[str, ...]:
    """Names of records, without blanks, each once, in order."""
    return tuple(dict.fromkeys(part for part in parts if part))
