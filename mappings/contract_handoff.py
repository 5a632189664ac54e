"""Loads a stage's handoff: to whom, how sales answers, and what is promised about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from mappings.contract import BusinessSpan, Criterion, HandoffRule, Routing, ServiceLevel
from mappings.contract_names import Vocabulary
from mappings.contract_parts import Parts, known, user_id
from mappings.positions import Faults, Node
from mappings.sections import Section

HANDOFF_KEYS = ("queues", "accept", "reject", "reason", "task", "notify", "service_level")
ROUTING_KEYS = ("when", "queue")
LEVEL_KEYS = (
    "accept_within", "touch_within", "attempts", "attempts_within", "warn_at", "escalate_to",
    "calendar",
)  # fmt: skip
TASK = "Follow up"
WARN_AT = 0.75

_SPAN = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1)}


def load_handoff(
    node: Node, stage: str, stages: Sequence[str], parts: Parts, names: Vocabulary, faults: Faults
) -> HandoffRule:
    """The `handoff` of a stage."""
    section = Section(node, faults, f"the handoff of `{stage}`", HANDOFF_KEYS)
    section.need("queues", "Name the queues that take the leads.")
    routing = tuple(
        _routing(item, stages, parts, names, faults) for item in section.items("queues")
    )
    level = section.node("service_level")
    reason = [(section.text("reason"), section.place("reason"))] if section.has("reason") else []
    if routing and routing[-1].when is not None:
        faults.add(
            section.place("queues"), "Leads for whom no condition holds would find no queue.",
            "End the list with a queue without `when`.", code="config.missing_key",
        )  # fmt: skip
    return HandoffRule(
        routing=routing,
        accept=_criterion(section, "accept", stages, names),
        reject=_criterion(section, "reject", stages, names),
        reason=next(iter(names.fields(reason)), None),
        task=section.text("task", TASK),
        notify=section.flag("notify", default=True),
        level=_level(level, routing, parts, faults) if level is not None else None,
        at=node.at,
    )


def _criterion(
    section: Section, key: str, stages: Sequence[str], names: Vocabulary
) -> Criterion | None:
    node = section.node(key)
    return names.criterion(node, stages) if node is not None else None


def _routing(
    node: Node, stages: Sequence[str], parts: Parts, names: Vocabulary, faults: Faults
) -> Routing:
    """One line of the distribution; a queue's bare name is one without condition."""
    if isinstance(node.value, str):
        known(node.text, parts.queues, "queue", node.at, faults)
        return Routing(None, node.text)
    section = Section(node, faults, "a line of `queues`", ROUTING_KEYS)
    if section.need("queue", "Name the queue."):
        known(section.text("queue"), parts.queues, "queue", section.place("queue"), faults)
    return Routing(_criterion(section, "when", stages, names), section.text("queue"))


def _level(node: Node, routing: Sequence[Routing], parts: Parts, faults: Faults) -> ServiceLevel:
    section = Section(node, faults, "a service level", LEVEL_KEYS)
    calendar = section.text("calendar") or None
    if calendar is not None:
        known(calendar, parts.calendars, "calendar", section.place("calendar"), faults)
    without = [
        line.queue
        for line in routing
        if line.queue in parts.queues and parts.queues[line.queue].calendar is None
    ]
    if calendar is None and without:
        faults.add(
            node.at,
            f"This service level has no calendar for the queue `{without[0]}`.",
            "Add `calendar:` here or to the queue, and the calendar under `calendars`: business"
            " hours are counted by it.",
            code="config.no_calendar",
        )
    users = [user_id(text, at, faults) for text, at in section.names("escalate_to")]
    attempts = section.whole("attempts", 1, low=1, high=100)
    if section.has("attempts") != section.has("attempts_within"):
        section.need("attempts", "Say how many attempts, or leave `attempts_within` out.")
        section.need("attempts_within", "Say by when, as in 5d: a number alone promises nothing.")
    return ServiceLevel(
        accept_within=_span(section, "accept_within", faults),
        touch_within=_span(section, "touch_within", faults),
        attempts=attempts if section.has("attempts") else None,
        attempts_within=_span(section, "attempts_within", faults),
        warn=section.number("warn_at", WARN_AT, low=0.1, high=1),
        escalate_to=tuple(user for user in users if user is not None),
        calendar=calendar,
        at=node.at,
    )


def _span(section: Section, key: str, faults: Faults) -> BusinessSpan | None:
    if not section.has(key):
        return None
    text = section.text(key)
    found = _SPAN.fullmatch(text)
    if not found or not int(found[1]):
        faults.add(
            section.place(key), f"`{text}` is no length of business time.",
            "Write minutes, hours or business days, as in 30m, 4h or 5d.",
            code="config.wrong_type",
        )  # fmt: skip
        return None
    count, unit = int(found[1]), found[2]
    return BusinessSpan(days=count) if unit == "d" else BusinessSpan(count * _UNITS[unit])
