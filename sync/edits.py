"""Telling somebody's edit from our own write, by what the vendor's field history tells. Pure.

A value that is read back and is not the one we sent is either the vendor's spelling of ours or
somebody's edit in the second between; a value that is not there after a lost reply was either
never written or edited since. The history of the field decides; where it says nothing, neither do
these functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from mappings.fieldmap import ObjectMapping, ValueType
from mappings.records import Json, Record, Version
from mappings.values import canonical, equal
from state.outbox import Intent

PROGRAMS = frozenset({"API", "INTEGRATION"})
"""What HubSpot calls writes through its API, ours among them (FACTS section 2, History)."""

Change = Mapping[str, Any]
"""One field of one write, as the intent's details keep it: field, before, after, rule."""


def changes_of(mapping: ObjectMapping, intent: Intent) -> dict[str, tuple[Change, ValueType]]:
    """What an intent changes by field rules: the change and what its values are, by field."""
    types = {rule.key: rule.type for rule in mapping.fields}
    return {
        change["field"]: (change, types[change["rule"]])
        for change in intent.details.get("changes", ())
        if change["rule"] in types
    }


def differing(mapping: ObjectMapping, intent: Intent, record: Record) -> list[str]:
    """Fields of the record that are not what the intent has sent."""
    return [
        name
        for name, (change, kind) in changes_of(mapping, intent).items()
        if name in record.fields and not _says(record.fields[name], change["after"], kind)
    ]


def is_edit(change: Change, kind: ValueType, versions: Sequence[Version]) -> bool:
    """Whether the newest value, which is not the one sent, is somebody's edit of ours.

    It is when ours stands before it in the history. Where the vendor spells values in its own way
    ours cannot be known by its value: then a newest one that no program wrote is an edit if the
    one before it is not what was there before our write.
    """
    if not versions[1:]:
        return False
    newest, earlier = versions[0], versions[1].value
    if _says(earlier, change["after"], kind):
        return True
    return newest.by not in PROGRAMS and not _says(earlier, change["before"], kind)


def edited_since(
    mapping: ObjectMapping,
    intent: Intent,
    record: Record,
    told: Mapping[tuple[str, str], Sequence[Version]],
) -> frozenset[str] | None:
    """Fields that somebody has changed since an update was written that does not show; None where
    nothing says that it was written at all.

    It was where the history of one of its fields says so; and where some of its fields show it and
    none is as it was before, for a record is written as a whole.
    """
    changes = changes_of(mapping, intent)
    others = differing(mapping, intent, record)
    told_so = any(_was_written(*changes[n], told.get((record.ref.id, n), ())) for n in others)
    as_before = any(_says(record.fields[n], changes[n][0]["before"], changes[n][1]) for n in others)
    return frozenset(others) if told_so or (len(others) < len(changes) and not as_before) else None


def _was_written(change: Change, kind: ValueType, versions: Sequence[Version]) -> bool:
    """Whether the value sent has been there since the one that it replaced."""
    since = takewhile(lambda v: not _says(v.value, change["before"], kind), versions[1:])
    return any(_says(version.value, change["after"], kind) for version in since)


def _says(raw: Json, value: Json, kind: ValueType) -> bool:
    return equal(canonical(raw, kind), value, kind)
