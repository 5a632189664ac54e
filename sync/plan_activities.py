"""Planning activities: what each of a person's events becomes in the CRM. Pure.

A Task carries the event's key in an external-id field and is created once; a roll-up is recomputed
from every event, never incremented; a campaign membership exists once per person and Campaign.
Whatever the form, each event counts exactly once (law 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from mappings.fieldmap import ActivityForm
from mappings.ports import Lane
from mappings.records import EventKind, Json, Operation, Record, Side
from mappings.required_fields import EVENT_KEY
from state.events import StoredEvent
from state.outbox import Intent
from sync.intents import ID_OF, Draft, FieldChange, event_key, make
from sync.views import EntityView, Rules, becomes

TASK_SUBJECT = 255
"""Characters of Task.Subject (Salesforce object reference, Task)."""
TASK_DESCRIPTION = 32_000
"""Characters of Task.Description (Salesforce object reference, Task)."""


def rolled_up(view: EntityView, rules: Rules) -> dict[str, list[int]]:
    """Which events the write carries as roll-ups, by the disposition they then have."""
    carried: dict[str, list[int]] = {}
    for stored in view.events:
        word = _rollup_word(stored, rules)
        if word is not None:
            carried.setdefault(word, []).append(stored.id)
    return carried


def _rollup_word(stored: StoredEvent, rules: Rules) -> str | None:
    form = rules.mapping.form_of(stored.event.kind, stored.event.name)
    if form is ActivityForm.ROLLUP:
        return "rolled_up"
    live = rules.mapping.go_live
    if form is not ActivityForm.OFF and live is not None and stored.event.occurred_at < live:
        return "baseline"
    return None


def plan_activities(
    view: EntityView, rules: Rules, target: Record | str | None
) -> tuple[list[Intent], dict[str, tuple[int, ...]]]:
    """Tasks and campaign members for the events that become one, and the others' dispositions."""
    intents: list[Intent] = []
    settled: dict[str, list[int]] = {}
    writes_rollup = isinstance(target, str)
    for stored in view.events:
        form = rules.mapping.form_of(stored.event.kind, stored.event.name)
        word = _rollup_word(stored, rules)
        if form is ActivityForm.OFF:
            settled.setdefault("off", []).append(stored.id)
        elif target is None:
            gone = "no_person" if view.creatable else "crm_deleted"
            settled.setdefault(gone, []).append(stored.id)
        elif word is not None:
            if not writes_rollup:
                settled.setdefault(word, []).append(stored.id)
        elif form is ActivityForm.CAMPAIGN_MEMBER:
            intents.extend(_campaign_member(view, rules, stored, target, settled))
        else:
            intents.append(_task(view, rules, stored, target))
    return intents, {word: tuple(ids) for word, ids in settled.items()}


def nobody(view: EntityView) -> dict[str, tuple[int, ...]]:
    """Events of somebody who has no MAP record any more, or whom the mapping leaves out."""
    ids = tuple(stored.id for stored in view.events)
    word = "no_person" if view.included else "out_of_scope"
    return {word: ids} if ids else {}


def _who(target: Record | str) -> tuple[Json, str | None]:
    """The person's id as a field value, and the key of the creation it waits for."""
    if isinstance(target, str):
        return {ID_OF: target}, target
    return target.ref.id, None


def _task(view: EntityView, rules: Rules, stored: StoredEvent, target: Record | str) -> Intent:
    who, waits_for = _who(target)
    event = stored.event
    key = event_key(event.system, event.key)
    fields: dict[str, Json] = {
        "WhoId": who,
        "Subject": _subject(event.kind, event.name)[:TASK_SUBJECT],
        "Description": describe_event(stored)[:TASK_DESCRIPTION],
        "Status": "Completed",
        "ActivityDate": event.occurred_at.astimezone(UTC).date().isoformat(),
    }
    return make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.CREATE,
            object="Task",
            fields=fields,
            lane=Lane.FRESH if rules.lane is not Lane.BACKFILL else rules.lane,
            reason="activity",
            external_id=(EVENT_KEY, key),
            depends_on=waits_for,
            changes=[FieldChange("Task", None, key, f"activity:{event.kind.value}")],
            details={
                "events": {"delivered": [stored.id]},
                "activity": [event.key, "task"],
                "email": event.email,
            },
        )
    )


def _campaign_member(
    view: EntityView,
    rules: Rules,
    stored: StoredEvent,
    target: Record | str,
    settled: dict[str, list[int]],
) -> Iterator[Intent]:
    """A membership in the event's Campaign: one per person and Campaign, whatever repeats."""
    campaign = rules.mapping.campaigns.get(stored.event.name)
    if campaign is None:
        settled.setdefault("no_campaign", []).append(stored.id)
        return
    who, waits_for = _who(target)
    object_name = target.ref.object if isinstance(target, Record) else becomes(view)
    person_field = "ContactId" if object_name == "Contact" else "LeadId"
    key = event_key(view.entity_id, f"campaign:{campaign}")
    yield make(
        Draft(
            entity_id=view.entity_id,
            side=Side.CRM,
            system=rules.crm_system,
            operation=Operation.CREATE,
            object="CampaignMember",
            fields={"CampaignId": campaign, person_field: who, "Status": "Responded"},
            lane=Lane.FRESH if rules.lane is not Lane.BACKFILL else rules.lane,
            reason="activity",
            external_id=(EVENT_KEY, key),
            depends_on=waits_for,
            changes=[FieldChange("CampaignMember", None, campaign, "activity")],
            details={
                "events": {"delivered": [stored.id]},
                "activity": [stored.event.key, "campaign_member"],
                "email": stored.event.email,
            },
        )
    )


SUBJECTS: Mapping[EventKind, str] = {
    EventKind.FORM_FILL: "Form filled in",
    EventKind.EMAIL_SENT: "E-mail sent",
    EventKind.EMAIL_DELIVERED: "E-mail delivered",
    EventKind.EMAIL_OPEN: "E-mail opened",
    EventKind.EMAIL_CLICK: "E-mail link clicked",
    EventKind.EMAIL_BOUNCE: "E-mail bounced",
    EventKind.EMAIL_UNSUBSCRIBE: "Unsubscribed",
    EventKind.EMAIL_SPAM_REPORT: "E-mail reported as spam",
    EventKind.EMAIL_OTHER: "E-mail event",
    EventKind.CUSTOM: "Event",
}


def _subject(kind: EventKind, name: str) -> str:
    return f"{SUBJECTS[kind]}: {name}" if name else SUBJECTS[kind]


def describe_event(stored: StoredEvent) -> str:
    """What was asked and answered, on which page, when: for a salesperson to read."""
    event = stored.event
    lines = [f"{SUBJECTS[event.kind]} at {event.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"]
    answers: Any = event.details.get("answers")
    lines += [f"{question}: {answer}" for question, answer in _pairs(answers)]
    page = event.details.get("page_url") or event.details.get("url")
    if page:
        lines.append(f"Page: {page}")
    return "\n".join(lines)


def _pairs(answers: Any) -> Sequence[tuple[str, str]]:
    """Answers as (question, answer), whether they came as a list of pairs, dicts or a dict."""
    if isinstance(answers, Mapping):
        return [(str(name), str(value)) for name, value in answers.items()]
    found: list[tuple[str, str]] = []
    for entry in answers or ():
        if isinstance(entry, Mapping):
            found.append((str(entry.get("name", "")), str(entry.get("value", ""))))
        else:
            found.append((str(entry[0]), str(entry[1])))
    return found
