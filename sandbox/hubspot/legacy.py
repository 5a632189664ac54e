"""Records in the shapes of the first API generation (contacts v1, companies v2, deals v1...).

Every property is an object with its versions, times are milliseconds, ids are numbers. The shapes
are those of HubSpot's archived documentation of these APIs [D]; tap-hubspot reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError, objects_in, validation
from sandbox.hubspot.history import Version, history
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.times import parse_ms

_SOURCES = {"INTEGRATION": "API", "EMAIL": "EMAIL_UNSUBSCRIBE"}
"""Sources that the older APIs call by another name (assumed where HubSpot's list has no equal)."""
ENGAGEMENTS = {
    "calls": "CALL",
    "emails": "EMAIL",
    "meetings": "MEETING",
    "notes": "NOTE",
    "tasks": "TASK",
}
"""Object types that were engagements, with the engagement's type."""
_METADATA = {
    "CALL": {"body": "hs_call_body", "status": "hs_call_status", "title": "hs_call_title",
             "durationMilliseconds": "hs_call_duration", "toNumber": "hs_call_to_number",
             "fromNumber": "hs_call_from_number", "disposition": "hs_call_disposition"},
    "EMAIL": {"subject": "hs_email_subject", "html": "hs_email_html", "text": "hs_email_text",
              "status": "hs_email_status"},
    "MEETING": {"body": "hs_meeting_body", "title": "hs_meeting_title",
                "startTime": "hs_meeting_start_time", "endTime": "hs_meeting_end_time"},
    "NOTE": {"body": "hs_note_body"},
    "TASK": {"body": "hs_task_body", "subject": "hs_task_subject", "status": "hs_task_status",
             "taskType": "hs_task_type"},
}  # fmt: skip
_TIMES = frozenset({"startTime", "endTime"})
_MEASURES = frozenset({"durationMilliseconds"})


def clock_ms(record: Record, name: str) -> int:
    """A time property in milliseconds."""
    return parse_ms(record.values[name])


def value_shown(value: str, kind: str) -> str:
    """A property value as these APIs write it: times are digits, everything a string."""
    if kind in {"datetime", "date"} and value:
        return str(parse_ms(value))
    return value


def wanted_names(store: ObjectStore, record: Record, asked: Iterable[str]) -> list[str]:
    """The properties to show: those asked for that are set, or all that are set."""
    names = list(asked)
    return [
        name
        for name in (names or sorted(record.values))
        if record.values.get(name) and name in store.book
    ]


# --- contacts ------------------------------------------------------------------------------


def contact_profile(
    account: HubSpotAccount, store: ObjectStore, record: Record, names: Iterable[str]
) -> dict[str, Any]:
    """One contact whole, as a profile call shows it."""
    lists = account.lists.of_record(store.name, record.id)
    return {
        **_contact(account, record),
        "properties": {
            name: {
                "value": _text(store, record, name),
                "versions": [_contact_version(store, name, each) for each in history(record, name)],
            }
            for name in wanted_names(store, record, names)
        },
        "form-submissions": [],
        "list-memberships": [
            {
                "static-list-id": one.id,
                "internal-list-id": one.id,
                "timestamp": joined,
                "vid": record.id,
                "is-member": True,
            }
            for one, joined in lists
        ],
        "identity-profiles": _identities(record),
        "merge-audits": _merge_audits(record),
    }


def contact_row(
    account: HubSpotAccount, store: ObjectStore, record: Record, names: Iterable[str]
) -> dict[str, Any]:
    """One contact of a page: bare values of few properties."""
    return {
        "addedAt": record.created,
        **_contact(account, record),
        "properties": {
            name: {"value": _text(store, record, name)}
            for name in wanted_names(store, record, names)
        },
        "form-submissions": [],
        "identity-profiles": _identities(record),
        "merge-audits": [],
    }


def _contact(account: HubSpotAccount, record: Record) -> dict[str, Any]:
    return {
        "vid": record.id,
        "canonical-vid": record.id,
        "merged-vids": [int(one) for one in _merged(record) if one != str(record.id)],
        "portal-id": account.portal_id,
        "is-contact": True,
        "profile-url": f"https://app.hubspot.com/contacts/{account.portal_id}/contact/{record.id}",
    }


def _contact_version(store: ObjectStore, name: str, version: Version) -> dict[str, Any]:
    prop = store.book.find(name)
    return {
        "value": value_shown(version.value, prop.type if prop else "string"),
        "source-type": _SOURCES.get(version.source, version.source),
        "source-id": None,
        "source-label": None,
        "timestamp": version.at,
        "selected": False,
    }


def _identities(record: Record) -> list[dict[str, Any]]:
    emails = [record.values.get("email", "")]
    emails += record.values.get("hs_additional_emails", "").split(";")
    identities: list[dict[str, Any]] = [
        {
            "type": "EMAIL",
            "value": email,
            "timestamp": record.created,
            **({"is-primary": True} if place == 0 else {"is-secondary": True}),
        }
        for place, email in enumerate(emails)
        if email
    ]
    return [
        {
            "vid": record.id,
            "saved-at-timestamp": record.created,
            "deleted-changed-timestamp": 0,
            "identities": identities,
        }
    ]


def _merge_audits(record: Record) -> list[dict[str, Any]]:
    pairs = record.values.get("hs_calculated_merged_vids", "").split(";")
    return [
        {
            "canonical-vid": record.id,
            "vid-to-merge": int(vid),
            "timestamp": int(at),
            "entity-id": f"vid: {vid}",
            "user-id": 40_000_001,
            "num-properties-moved": 0,
        }
        for vid, _, at in (pair.partition(":") for pair in pairs if pair)
    ]


def _merged(record: Record) -> list[str]:
    return [one for one in record.values.get("hs_merged_object_ids", "").split(";") if one]


# --- companies and deals -------------------------------------------------------------------


def company_body(
    account: HubSpotAccount, store: ObjectStore, record: Record, names: Iterable[str] = ()
) -> dict[str, Any]:
    """A company as v2 shows it."""
    domains = record.values.get("hs_additional_domains", "").split(";")
    return {
        "portalId": account.portal_id,
        "companyId": record.id,
        "isDeleted": record.archived_at is not None,
        "properties": _sourced(store, record, names),
        "additionalDomains": [{"domain": one} for one in domains if one],
        "mergeAudits": [],
        "stateChanges": [],
    }


def deal_body(
    account: HubSpotAccount, store: ObjectStore, record: Record, names: Iterable[str] = ()
) -> dict[str, Any]:
    """A deal as v1 shows it."""

    def linked(kind: str) -> list[int]:
        return sorted(account.associations.of(store.name, record.id, kind))

    return {
        "portalId": account.portal_id,
        "dealId": record.id,
        "isDeleted": record.archived_at is not None,
        "associations": {
            "associatedVids": linked("contacts"),
            "associatedCompanyIds": linked("companies"),
            "associatedDealIds": linked("deals"),
            "associatedTicketIds": linked("tickets"),
        },
        "properties": _sourced(store, record, names),
        "imports": [],
        "stateChanges": [],
    }


def _sourced(store: ObjectStore, record: Record, names: Iterable[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name in wanted_names(store, record, names):
        prop = store.book.find(name)
        kind = prop.type if prop else "string"
        versions = [_version(name, each, kind) for each in history(record, name)]
        newest = versions[0] if versions else _version(name, _now(store, record, name), kind)
        shown[name] = {
            "value": _text(store, record, name),
            "timestamp": newest["timestamp"],
            "source": newest["source"],
            "sourceId": None,
            "versions": versions or [newest],
        }
    # The time a record was changed is the time of that change, not of an earlier one.
    stamp = shown.get(store.modified_name)
    if stamp is not None:
        stamp["timestamp"] = clock_ms(record, store.modified_name)
    return shown


def _now(store: ObjectStore, record: Record, name: str) -> Version:
    return Version(record.values[name], clock_ms(record, store.modified_name), record.source)


def _version(name: str, version: Version, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": value_shown(version.value, kind),
        "timestamp": version.at,
        "source": _SOURCES.get(version.source, version.source),
        "sourceVid": [],
    }


# --- engagements ---------------------------------------------------------------------------


def engagement_body(account: HubSpotAccount, store: ObjectStore, record: Record) -> dict[str, Any]:
    """A call, e-mail, meeting, note or task as an engagement."""
    values = record.values
    owner = values.get("hubspot_owner_id") or ""
    kind = ENGAGEMENTS[store.name]
    at = values.get("hs_timestamp") or values[store.created_name]

    def linked(other: str) -> list[int]:
        return sorted(account.associations.of(store.name, record.id, other))

    return {
        "engagement": {
            "id": record.id,
            "portalId": account.portal_id,
            "active": record.archived_at is None,
            "createdAt": record.created,
            "lastUpdated": clock_ms(record, store.modified_name),
            **({"ownerId": int(owner)} if owner else {}),
            "type": kind,
            "timestamp": parse_ms(at),
        },
        "associations": {
            "contactIds": linked("contacts"),
            "companyIds": linked("companies"),
            "dealIds": linked("deals"),
            "ownerIds": [],
            "workflowIds": [],
            "ticketIds": linked("tickets"),
        },
        "attachments": [],
        "scheduledTasks": [],
        "metadata": {
            key: _measured(key, values[name])
            for key, name in _METADATA[kind].items()
            if values.get(name)
        },
    }


def engagement_properties(kind: str, body: Mapping[str, Any]) -> dict[str, object]:
    """The record properties of a posted engagement's `engagement` and `metadata` objects."""
    head, metadata = body.get("engagement") or {}, body.get("metadata") or {}
    names = _METADATA[kind]
    properties: dict[str, object] = {
        names[key]: str(value) for key, value in metadata.items() if key in names
    }
    if head.get("ownerId"):
        properties["hubspot_owner_id"] = str(head["ownerId"])
    if head.get("timestamp"):
        properties["hs_timestamp"] = str(head["timestamp"])
    return properties


def _measured(key: str, value: str) -> object:
    if key in _TIMES:
        return parse_ms(value)
    return int(float(value)) if key in _MEASURES else value


# --- writing -------------------------------------------------------------------------------


def properties_in(body: Mapping[str, Any], key: str) -> dict[str, object]:
    """The properties of a write: a list of `{key: name, "value": ...}`."""
    listed = objects_in(body, "properties")
    if not listed or any(key not in each for each in listed):
        raise validation(f"properties must be a list of objects with {key} and value.")
    return {str(each[key]): each.get("value") for each in listed}


def as_legacy(error: HubSpotError) -> HubSpotError:
    """A refusal of values in the older words: `validationResults`, no category [D]."""
    if error.category != "VALIDATION_ERROR" or not error.errors:
        return HubSpotError(error.status, None, error.message, extra=error.extra)
    results = [
        {
            "isValid": False,
            "message": each["message"],
            "error": each.get("code"),
            "name": each.get("context", {}).get("propertyName", [""])[0],
        }
        for each in error.errors
    ]
    return HubSpotError(
        400, None, "Property values were not valid", extra={"validationResults": results}
    )


def _text(store: ObjectStore, record: Record, name: str) -> str:
    prop = store.book.find(name)
    return value_shown(record.values.get(name, ""), prop.type if prop else "string")
