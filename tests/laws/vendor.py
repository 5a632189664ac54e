"""A vendor of the town: what it does to its records, and what it remembers of what we did."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mappings.errors import LeadloopError, QuotaExhaustedError
from mappings.ports import Limiter
from mappings.records import (
    Event,
    EventKind,
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Write,
)
from tests.sync.world import Ticking, Vendor

STAGE = "lifecyclestage"
LIFECYCLE = (
    *("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead"),
    *("opportunity", "customer", "evangelist"),
)
"""HubSpot's default stages in their order (FACTS section 2)."""


def rank(stage: Json) -> int:
    """How far a stage is; none, or an unknown one, is before all."""
    return LIFECYCLE.index(str(stage)) if stage in LIFECYCLE else -1


class TownVendor(Vendor):
    """A vendor that remembers who made what, and tells its own opt-outs as events."""

    def __init__(
        self,
        system: str,
        fields: Mapping[str, tuple[str, ...]],
        time: Ticking,
        log: Path | None,
        limiter: Limiter | None = None,
    ) -> None:
        if system == "hubspot":
            fields = {**fields, "contacts": (*fields["contacts"], STAGE)}
        super().__init__(system, fields, time, log, limiter)
        self.made: list[tuple[str, str, str]] = []
        self.duplicates: list[str] = []
        self.erased: dict[str, list[str]] = {}
        self.taken_back: list[str] = []
        self.used_up = False
        self.after_quota = 0
        self._weather: Callable[[], LeadloopError | None] | None = None
        self._loses: tuple[random.Random, Counter[bool]] | None = None

    def merge(self, object_name: str, ids: Sequence[str], fields: Mapping[str, Json]) -> str:
        """A person merges records into one with a new id, as HubSpot does; returns that id."""
        for record_id in ids:
            self.remove(object_name, record_id)
        survivor = self.put(object_name, fields)
        for record_id in ids:
            self.remove(object_name, record_id, merged_into=survivor)
        return survivor

    def drop_field(self, object_name: str, name: str) -> Callable[[], None]:
        """An administrator removes a field, with what was in it; call the result to bring back
        both, which changes every record of the object."""
        definition = self._schema[object_name].pop(name)
        held = {
            r.ref.id: r.fields[name]
            for r in list(self._records[object_name].values())
            if name in r.fields
        }
        for record in list(self._records[object_name].values()):
            left = {key: value for key, value in record.fields.items() if key != name}
            self._records[object_name][record.ref.id] = replace(record, fields=left)

        def bring_back() -> None:
            self._schema[object_name][name] = definition
            for record in list(self._records[object_name].values()):
                fields = {**record.fields, name: held.get(record.ref.id)}
                self._store(replace(record, fields=fields, modified_at=self._now()))

        return bring_back

    def weather(self, forecast: Callable[[], LeadloopError | None] | None) -> None:
        """From now on every call is refused with the error the forecast names, if it names one."""
        self._weather = forecast

    def _failure(self, *, reading: bool = False) -> Any:
        error = self._weather() if self._weather is not None else None
        if error is not None:
            self.fail(error, 1, wait=getattr(error, "retry_after", None))
            self._failures.insert(0, self._failures.pop())
        self.after_quota += self.used_up and not reading
        failure = super()._failure(reading=reading)
        refusal = failure.error if failure is not None else None
        if refusal is not None and isinstance(refusal.error, QuotaExhaustedError):
            self.used_up = True
        return failure

    def pace(self, limiter: Limiter, sleep: Callable[[float], None]) -> None:
        """From now on calls are paced as in earnest, and waiting takes the time it takes."""
        self._caller.limiter, self._caller.sleep = limiter, sleep

    def lose_randomly(self, rng: random.Random, lost: Counter[bool]) -> None:
        """From now until `calm`, half of the writing calls get no answer; most of those were
        carried out. `lost` counts them by whether they were."""
        self._loses = (rng, lost)

    def _send(self, rows: Sequence[Write]) -> list[Outcome]:
        if self._loses is not None:
            rng, lost = self._loses
            if rng.random() < 0.5:
                applied = rng.random() < 0.8
                self.lose_reply(applied=applied)
                lost[applied] += 1
        return super()._send(rows)

    def told(self) -> list[Event]:
        """Every event there is to tell."""
        return list(self._events)

    def calm(self) -> None:
        """Whatever was to fail does not."""
        self._failures.clear()
        self.weather(None)
        self._loses = None
        self._rejections.clear()

    def _apply(self, row: Write) -> Outcome:
        """One row of ours: what it does that no write of ours may do is kept for the laws."""
        before = self._records.get(row.object, {}).get(str(row.id))
        objects = [name for name in ("Lead", "Contact") if name in self._schema]
        people = [r for name in objects for r in self.all(name) if r.converted_to is None]
        outcome = super()._apply(row)
        if outcome.status is not OutcomeStatus.OK:
            return outcome
        if STAGE in row.fields and before is not None:
            was, becomes = before.fields.get(STAGE), row.fields[STAGE]
            if rank(becomes) < rank(was):
                self.taken_back.append(f"{before.ref}: {was} to {becomes}")
        if row.operation is Operation.CREATE and outcome.created and row.external_id:
            self.made.append((row.object, row.external_id[1], str(outcome.id)))
            email = row.fields.get("Email")
            if row.object == "Lead" and email:
                self.duplicates += [
                    f"{email}: {r.ref}" for r in people if r.fields.get("Email") == email
                ]
        if row.operation is Operation.UPDATE and before is not None:
            blanked = [
                f"{before.ref} {name}"
                for name, value in row.fields.items()
                if value in (None, "")
                and before.fields.get(name) not in (None, "")
                and not name.lower().startswith("leadloop_")
            ]
            if blanked:
                self.erased.setdefault(row.key, []).extend(blanked)
        if row.operation is Operation.OPT_OUT and self.system == "hubspot":
            self.emit(
                Event(
                    "hubspot",
                    EventKind.EMAIL_UNSUBSCRIBE,
                    f"own:{len(self._events)}",
                    self._now(),
                    str(row.fields["email"]).lower(),
                )
            )
        return outcome
