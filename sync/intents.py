"""Making intents: keys, fingerprints and the note of what changes. Pure.

An intent's `key` is unique to one planned write: it holds the target, the fields and the target's
revision, so that planning the same change twice gives one intent. Its `fingerprint` leaves the
revision out: a refused change stays refused until somebody corrects it or replays it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappings.ports import Lane
from mappings.records import Json, Operation, Record, Side
from state.outbox import Intent

UNDO = "undo"
"""The reason of an intent that takes something back (`sync.undo`)."""
BASE = "base"
"""In an intent's details: the revision of its target that it was planned from."""
ID_OF = "$id_of"
"""A field value `{"$id_of": key}` stands for the vendor id another intent yields."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one write: before, after and the rule that asked for it.

    `before` and `after` are canonical. `image` is the value replaced as the vendor spelled it,
    where that is something else: undo puts back the very same text. `why` is the reason the rule
    gave; `undoes` are the ledger lines that an undo takes back.
    """

    field: str
    before: Json
    after: Json
    rule: str
    image: Json = None
    why: str = ""
    undoes: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Json]:
        """For the intent's details and the field ledger."""
        return {
            "field": self.field,
            "before": self.before,
            "after": self.after,
            "rule": self.rule,
            **({"why": self.why} if self.why else {}),
            **({"image": self.image} if self.image not in (None, "", self.before) else {}),
            **({"undoes": list(self.undoes)} if self.undoes else {}),
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """The changing parts of an intent, before it gets its key."""

    entity_id: str
    side: Side
    system: str
    operation: Operation
    object: str
    fields: Mapping[str, Json]
    lane: Lane
    reason: str
    target: Record | None = None
    target_id: str | None = None
    external_id: tuple[str, str] | None = None
    depends_on: str | None = None
    changes: Sequence[FieldChange] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def digest(*parts: Any) -> str:
    """A 40-character hash of JSON-able parts, the same on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def event_key(system: str, key: str) -> str:
    """The 64-character external id under which an event is logged in the CRM."""
    return hashlib.sha256(f"{system}:{key}".encode()).hexdigest()


def is_undoing(intents: Iterable[Intent]) -> bool:
    """Whether one of these writes takes something back: until it is settled the sides differ
    because of it, and nothing is concluded from what they say."""
    return any(i.operation is Operation.OPT_IN or UNDO in i.details for i in intents)


def make(draft: Draft, *, salt: str = "") -> Intent:
    """The intent of a draft. The same draft gives the same intent.

    `salt` tells apart what would look the same: the second deletion of a record that came back.
    """
    target_id = draft.target.ref.id if draft.target else draft.target_id
    what = (
        draft.side.value,
        draft.operation.value,
        draft.object,
        target_id,
        draft.external_id,
        dict(draft.fields),
    )
    revision = (draft.target.revision if draft.target else "") + salt
    return Intent(
        key=digest(draft.entity_id, revision, *what),
        entity_id=draft.entity_id,
        side=draft.side,
        system=draft.system,
        operation=draft.operation,
        object=draft.object,
        fields=dict(draft.fields),
        lane=draft.lane,
        reason=draft.reason,
        fingerprint=digest(draft.entity_id, *what),
        target_id=target_id,
        external_field=draft.external_id[0] if draft.external_id else None,
        external_value=draft.external_id[1] if draft.external_id else None,
        depends_on=draft.depends_on,
        details={
            **draft.details,
            **({BASE: draft.target.revision} if draft.target else {}),
            "changes": [change.as_json() for change in draft.changes],
        },
    )
