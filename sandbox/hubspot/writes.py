"""Creating, updating, archiving, merging and erasing records, the one road for HTTP and Python.

`Writer` checks values, enforces uniqueness, applies HubSpot's own computations and keeps the
indexes. Every method either does all of its work or raises HubSpotError having done none.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot import computed
from sandbox.hubspot.associations import Associations
from sandbox.hubspot.errors import HubSpotError, conflict, invalid_properties, validation
from sandbox.hubspot.pipelines import STAGE_PROPERTIES, Pipelines
from sandbox.hubspot.store import ObjectStore, Record, Values
from sandbox.hubspot.times import iso
from sandbox.hubspot.values import Problem, RefusedValueError, canonical, canonical_email
from sandbox.hubspot.webhooks import Change

RESTORABLE_MS = 90 * 86_400_000
"""Archived records can be restored for 90 days (FACTS section 2, Merge, delete)."""

REQUIRED = {
    "tasks": ("hs_timestamp",),
    "calls": ("hs_timestamp",),
    "meetings": ("hs_timestamp",),
    "notes": ("hs_timestamp",),
    "emails": ("hs_timestamp",),
    "tickets": ("subject", "hs_pipeline_stage"),
}
"""Properties a create must bring, per HubSpot's documentation of engagements and tickets [D]."""

Now = Callable[[], int]
Lag = Callable[[bool], float]
"""(is it new?) -> milliseconds until searches see the change"""


@dataclass(frozen=True)
class Written:
    """A record as it is after a write, and the properties the reply shows."""

    record: Record
    shown: tuple[str, ...]
    is_new: bool = False


class Writer:
    """All changes to records of every type."""

    def __init__(
        self,
        *,
        associations: Associations,
        pipelines: Pipelines,
        now: Now,
        lag: Lag,
        rng: random.Random,
        known: Callable[[str, str], bool],
    ) -> None:
        self._associations = associations
        self._pipelines = pipelines
        self._now = now
        self._lag = lag
        self._rng = rng
        self._known = known
        self._last_id = 290_200
        self.listener: Callable[[Change], None] = lambda _change: None
        """Told of everything that happens to a record, once it has happened."""
        self.required: dict[str, tuple[str, ...]] = dict(REQUIRED)
        self.merge_mints_new_id: bool | None = None

    def create(
        self,
        store: ObjectStore,
        properties: Mapping[str, object],
        *,
        source: str,
        at: int | None = None,
        inside: bool = False,
    ) -> Written:
        """A new record; `inside` lets HubSpot's own code write read-only properties."""
        when = self._now() if at is None else at
        new = self.check(store, None, properties, inside=inside)
        self.require(store, new)
        record_id = self._mint()
        derived = computed.on_create(store.name, record_id, new, at=when)
        written = computed.on_write(
            store.name, {}, new, at=when, by_hand=source == "CRM_UI", stage=self._pipelines.stage
        )
        stamp = iso(when)
        values: Values = {
            store.created_name: stamp,
            "hs_object_id": str(record_id),
            "hs_object_source_label": source,
            **derived.values,
            **written.values,
            **{name: value for name, value in new.items() if value != ""},
        }
        values[store.modified_name] = stamp
        record = Record(record_id, values, created=when, source=source)
        store.add(record, at=when, visible=when + self._delay(is_new=True), now=self._now())
        shown = (*store.system_names, *new, *derived.shown, *written.shown)
        self._tell(store, record, "creation", when, source)
        self._tell(store, record, "propertyChange", when, source, values=values)
        return Written(record, shown, is_new=True)

    def update(
        self,
        store: ObjectStore,
        record: Record,
        properties: Mapping[str, object],
        *,
        source: str,
        at: int | None = None,
        inside: bool = False,
    ) -> Written:
        """Change a live record; values equal to the stored ones move no date (assumed)."""
        when = self._now() if at is None else at
        new = self.check(store, record, properties, inside=inside)
        derived = computed.on_write(
            store.name,
            record.values,
            new,
            at=when,
            by_hand=source == "CRM_UI",
            stage=self._pipelines.stage,
        )
        shown = _shown_after_update(store, new, derived.shown)
        kept = {name: value for name, value in new.items() if name not in derived.dropped}
        changed = {
            name: value
            for name, value in {**derived.values, **kept}.items()
            if record.values.get(name, "") != value or (value == "" and name in kept)
        }
        if any(record.values.get(name) != value for name, value in changed.items()):
            visible = when + self._delay(is_new=False)
            store.change(record, changed, at=when, source=source, visible=visible, now=self._now())
            self._tell(store, record, "propertyChange", when, source, values=changed)
        return Written(record, shown)

    def archive(self, store: ObjectStore, record: Record, *, at: int | None = None) -> None:
        """Archive a record."""
        when = self._now() if at is None else at
        store.archive(record, at=when, visible=when + self._delay(is_new=False), now=self._now())
        self._tell(store, record, "deletion", when, "CRM_UI")

    def restore(self, store: ObjectStore, record: Record, *, at: int | None = None) -> None:
        """Take a record out of the archive; 400 after 90 days, 409 when its address is taken."""
        when = self._now() if at is None else at
        if when - (record.archived_at or 0) > RESTORABLE_MS:
            raise validation("Records can be restored within 90 days of their deletion.")
        self._check_unique(store, record, dict(record.values))
        visible = when + self._delay(is_new=False)
        store.restore(record, at=when, visible=visible, now=self._now())
        self._tell(store, record, "restore", when, "CRM_UI")

    def erase(self, store: ObjectStore, record: Record) -> None:
        """Remove a record for good (GDPR delete)."""
        store.remove(record)
        self._associations.forget(store.name, record.id)
        self._drop_extra_emails(store, record)
        for event in ("privacyDeletion", "deletion"):
            self._tell(store, record, event, self._now(), "CRM_UI")

    def _tell(
        self,
        store: ObjectStore,
        record: Record,
        event: str,
        at: int,
        source: str,
        **more: Mapping[str, Any],
    ) -> None:
        self.listener(Change(event, store.name, record.id, at, source, **more))

    def check(
        self,
        store: ObjectStore,
        record: Record | None,
        properties: Mapping[str, object],
        *,
        inside: bool = False,
    ) -> Values:
        """The stored form of `properties`, or every problem with them in one error."""
        problems: list[Problem] = []
        new: Values = {}
        for name, value in properties.items():
            prop = store.book.find(name)
            if prop is None:
                problems.append(
                    (name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
                )
                continue
            if prop.read_only_value and not inside:
                problems.append((name, "READ_ONLY_VALUE", f'"{name}" is a read only property'))
                continue
            try:
                current = record.values.get(name) if record else None
                if name == "email" and store.name == "contacts":
                    new[prop.name] = canonical_email(name, value)
                else:  # the definition's own name, so that all records share one string
                    new[prop.name] = canonical(prop, value, current, self._known)
            except RefusedValueError as refused:
                problems.append(refused.problem)
        if store.name in STAGE_PROPERTIES:
            problems += self._check_stage(store.name, record.values if record else {}, new)
        if problems:
            raise invalid_properties(problems)
        self._check_unique(store, record, new)
        return new

    def merge(
        self, store: ObjectStore, primary: Record, other: Record, *, at: int | None = None
    ) -> Record:
        """Merge two live records; the survivor may bear a new id (FACTS section 2, Merge)."""
        when = self._now() if at is None else at
        if primary is other:
            raise validation("Cannot merge a record with itself.")
        mint = self.merge_mints_new_id
        fresh = self._rng.random() < 0.5 if mint is None else mint
        values = _merged_values(store, primary, other, at=when, fresh=fresh)
        survivor_id = self._mint() if fresh else primary.id
        losers = [record for record in (primary, other) if record.id != survivor_id]
        for record in (primary, other):
            store.remove(record)
        for record in losers:
            store.survivors[record.id] = survivor_id
            self._associations.move(store.name, record.id, survivor_id)
        values["hs_object_id"] = str(survivor_id)
        survivor = Record(
            survivor_id,
            values,
            created=min(primary.created, other.created),
            source=primary.source,
        )
        survivor.changes = [*(primary.changes or [])]
        values[store.modified_name] = iso(when)
        now = self._now()
        store.add(survivor, at=when, visible=when + self._delay(is_new=False), now=now)
        for address in filter(None, values.get("hs_additional_emails", "").split(";")):
            store.extra_emails[address] = survivor_id
        merged = {
            "primaryObjectId": primary.id,
            "mergedObjectIds": [other.id],
            "newObjectId": survivor_id,
            "numberOfPropertiesMoved": len(set(other.values) - set(primary.values)),
        }
        self._tell(store, survivor, "merge", when, "CRM_UI", merged=merged)
        for loser in losers:
            self._tell(store, loser, "deletion", when, "CRM_UI")
        return survivor

    # --- inside ----------------------------------------------------------------------------

    def _mint(self) -> int:
        self._last_id += self._rng.randint(1, 50)
        return self._last_id

    def _delay(self, *, is_new: bool) -> int:
        return int(self._lag(is_new))

    def require(self, store: ObjectStore, new: Values) -> None:
        """Refuse a create that lacks what its object type must have."""
        missing = [name for name in self.required.get(store.name, ()) if not new.get(name)]
        if store.name == "companies" and not (new.get("name") or new.get("domain")):
            missing = ["name"]
        if missing:
            raise HubSpotError(
                400,
                "VALIDATION_ERROR",
                f"Error creating {store.singular}. Some required properties were not set.",
                context={"properties": missing},
            )

    def _check_stage(self, kind: str, before: Mapping[str, str], new: Values) -> list[Problem]:
        """A deal or ticket may stand only in a stage of its own pipeline."""
        pipeline_name, stage_name, default = STAGE_PROPERTIES[kind]
        pipeline = {**before, **new}.get(pipeline_name) or default
        if new.get(pipeline_name) and not self._pipelines.has(kind, pipeline):
            return [(pipeline_name, "INVALID_OPTION", f"Pipeline '{pipeline}' does not exist")]
        stage = new.get(stage_name)
        if stage and not self._pipelines.has_stage(kind, pipeline, stage):
            sentence = f"{stage} is not a valid pipeline stage ID in pipeline {pipeline}"
            return [(stage_name, "INVALID_OPTION", sentence)]
        return []

    def _check_unique(self, store: ObjectStore, record: Record | None, new: Values) -> None:
        own = record.id if record else -1
        if store.name == "contacts" and new.get("email"):
            other = self.email_holder(store, new["email"])
            if other is not None and other != own:
                raise conflict(f"Contact already exists. Existing ID: {other}")
        for name, value in new.items():
            prop = store.book.find(name)
            if prop is None or not prop.unique or not value:
                continue
            store.index(name)
            holders = [found for found in store.lookup(name, value) if found != own]
            if holders:
                sentence = f"{value} is already the value of {name} on {holders[0]}"
                raise invalid_properties([(name, "CONFLICTING_UNIQUE_VALUE", sentence)])

    @staticmethod
    def email_holder(store: ObjectStore, email: str) -> int | None:
        """The live contact that has this address, as primary or additional."""
        found = store.lookup("email", email)
        if found:
            return found[0]
        extra = store.extra_emails.get(email.lower())
        return extra if extra in store.live else None

    @staticmethod
    def _drop_extra_emails(store: ObjectStore, record: Record) -> None:
        for address in record.values.get("hs_additional_emails", "").split(";"):
            store.extra_emails.pop(address, None)


def _shown_after_update(
    store: ObjectStore, new: Values, derived: tuple[str, ...]
) -> tuple[str, ...]:
    """Contacts show only what was written and the modified date; others the created date and
    id as well [R].
    """
    system = (store.modified_name,) if store.name == "contacts" else store.system_names
    return (*new, *derived, *system)


def _merged_values(
    store: ObjectStore, primary: Record, other: Record, *, at: int, fresh: bool
) -> Values:
    values: Values = {name: value for name, value in other.values.items() if value != ""}
    values.update({name: value for name, value in primary.values.items() if value != ""})
    values[store.created_name] = min(
        primary.values[store.created_name], other.values[store.created_name]
    )
    own = [str(primary.id)] if fresh else []  # under a new id, the primary is merged away too
    merged = [primary.values.get("hs_merged_object_ids", ""), *own, str(other.id)]
    values["hs_merged_object_ids"] = ";".join(part for part in merged if part)
    if store.name != "contacts":
        return values
    values["hs_calculated_merged_vids"] = f"{primary.id}:{at};{other.id}:{at}"
    values["hs_all_contact_vids"] = f"{primary.id};{other.id}"
    emails = [
        *primary.values.get("hs_additional_emails", "").split(";"),
        other.values.get("email", ""),
        *other.values.get("hs_additional_emails", "").split(";"),
    ]
    extra = dict.fromkeys(each for each in emails if each and each != values.get("email"))
    if extra:
        values["hs_additional_emails"] = ";".join(extra)
    stages = [each.values.get("lifecyclestage") or "" for each in (primary, other)]
    furthest = max(stages, key=lambda stage: computed.RANKS.get(stage, -1))
    if furthest:
        values["lifecyclestage"] = furthest
    for name in ("num_conversion_events", "num_unique_conversion_events"):
        total = sum(int(each.values.get(name) or 0) for each in (primary, other))
        if total:
            values[name] = str(total)
    return values
