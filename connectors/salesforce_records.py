"""What a Salesforce record looks like: which columns it is read with, and a query's row as a
`Record`, whichever call brought it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import instant
from connectors.payloads import RowFaultError, flag, scalars
from connectors.salesforce_wire import SYSTEM
from mappings.record_ids import id18, is_id
from mappings.records import Json, Record, RecordRef

_STAMPS = ("Id", "SystemModstamp", "CreatedDate")
_EDITOR = "LastModifiedById"
_UNSIGNED = frozenset({"EmailMessageRelation"})
"""Objects that do not say who saved them last (object reference)."""
_ALWAYS = {
    "Lead": (
        "IsConverted",
        "ConvertedContactId",
        "ConvertedAccountId",
        "ConvertedOpportunityId",
    ),
    "Contact": ("AccountId",),
    "Opportunity": ("AccountId",),
    "OpportunityContactRole": ("OpportunityId", "ContactId", "Role", "IsPrimary"),
    "User": ("Name", "Email", "IsActive"),
    "Campaign": ("Name",),
    "Task": ("WhoId", "WhatId"),
    "Event": ("WhoId", "WhatId"),
}
_MERGEABLE = frozenset({"Lead", "Contact", "Account"})
NEVER_DELETED = frozenset({"User"})
"""Objects without IsDeleted."""
_LINKS = {
    "Lead": {"Account": "ConvertedAccountId", "Opportunity": "ConvertedOpportunityId"},
    "Contact": {"Account": "AccountId"},
    "Opportunity": {"Account": "AccountId"},
    "OpportunityContactRole": {"Opportunity": "OpportunityId", "Contact": "ContactId"},
}


def columns(object_name: str, more: Sequence[str]) -> list[str]:
    """The fields to ask for of an object: `more`, and those a record is recognised by."""
    own = [*_STAMPS, *_ALWAYS.get(object_name, ())]
    own += [_EDITOR] if object_name not in _UNSIGNED else []
    own += ["IsDeleted"] if object_name not in NEVER_DELETED else []
    own += ["MasterRecordId"] if object_name in _MERGEABLE else []
    return list(dict.fromkeys((*own, *more)))


def record_of(object_name: str, raw: Mapping[str, Any]) -> Record:
    """A record from a query's row; related records' fields are named `Owner.Email`.

    Raises RowFaultError, or what `payloads.sift` takes for one, when the row is no record.
    """
    fields = scalars(_flat(raw))
    stamp = str(fields["SystemModstamp"])
    created = fields.get("CreatedDate")
    master, contact = fields.get("MasterRecordId"), fields.get("ConvertedContactId")
    editor = fields.get(_EDITOR)
    links = _LINKS.get(object_name, {})
    flag(fields, "IsConverted")
    return Record(
        ref=RecordRef(SYSTEM, object_name, record_id(fields["Id"])),
        fields=fields,
        revision=f"{stamp}/{_digest(fields)}",
        modified_at=instant(stamp),
        created_at=instant(str(created)) if created else None,
        deleted=flag(fields, "IsDeleted"),
        merged_into=record_id(master) if master else None,
        converted_to=RecordRef(SYSTEM, "Contact", record_id(contact)) if contact else None,
        modified_by=record_id(editor) if editor else None,
        associations={o: (record_id(fields[f]),) for o, f in links.items() if fields.get(f)},
    )


def record_id(value: Any) -> str:
    """An id in its 18-character form. Raises RowFaultError for another shape."""
    if not isinstance(value, str) or not is_id(value):
        raise RowFaultError("wrong_id", "Id")
    return id18(value)


def _flat(raw: Mapping[str, Any], prefix: str = "") -> dict[str, Json]:
    fields: dict[str, Json] = {}
    for key, value in raw.items():
        if key == "attributes":
            continue
        if isinstance(value, dict) and "attributes" in value:
            fields |= _flat(value, f"{prefix}{key}.")
        else:
            fields[prefix + key] = value
    return fields


def _digest(fields: Mapping[str, Json]) -> str:
    text = json.dumps(fields, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
