"""Salesforce's writes: collections of 200 rows, each row accounted for by the vendor's code."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.base import (
    Answer,
    BatchRefusedError,
    DuplicateFoundError,
    Sleep,
    rejected,
    write_batches,
    write_groups,
)
from connectors.payloads import understanding
from connectors.retrying import lock_pauses
from connectors.salesforce_bulk import BULK_FROM, Bulk
from connectors.salesforce_members import MEMBER, adopted
from connectors.salesforce_soql import name
from connectors.salesforce_wire import SYSTEM, Wire
from mappings.errors import (
    AmbiguousIdentityError,
    InvariantError,
    LeadloopError,
    OutcomeUnknownError,
    RecordRejectedError,
)
from mappings.record_ids import id18
from mappings.records import JOINS, Operation, Outcome, OutcomeStatus, RecordRef, Write

BATCH = 200  # FACTS section 4, Collections

_CODES = {
    "ENTITY_IS_DELETED": "record.deleted",
    "CANNOT_UPDATE_CONVERTED_LEAD": "record.converted",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "record.validation_rule",
    "STRING_TOO_LONG": "value.too_long",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "value.invalid_option",
    "REQUIRED_FIELD_MISSING": "field.required",
    "INVALID_EMAIL_ADDRESS": "value.invalid_email",
    "INSUFFICIENT_ACCESS_OR_READONLY": "record.no_access",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "record.no_access",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "field.read_only",
    "INVALID_FIELD": "field.unknown",
    "INVALID_CROSS_REFERENCE_KEY": "record.not_found",
    "MALFORMED_ID": "record.not_found",
    "NOT_FOUND": "record.not_found",
    "INVALID_TYPE_ON_FIELD_IN_RECORD": "value.invalid",
    "JSON_PARSER_ERROR": "value.invalid",
    "NUMBER_OUTSIDE_VALID_RANGE": "value.out_of_range",
    "DUPLICATE_VALUE": "record.duplicate_value",
    "STORAGE_LIMIT_EXCEEDED": "remote.storage_full",
}
_PASSING = frozenset(
    {"UNABLE_TO_LOCK_ROW", "ALL_OR_NONE_OPERATION_ROLLED_BACK", "PROCESSING_HALTED"}
)


class Writer:
    """Sends the rows of one operation and one object."""

    def __init__(
        self,
        wire: Wire,
        *,
        sleep: Sleep,
        backfill: bool,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._wire = wire
        self._sleep = sleep
        self._jitter = jitter
        self._backfill = backfill

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row. Raises only when nothing can have been applied."""
        if not rows:
            return []
        if len({(row.operation, row.object) for row in rows}) > 1:
            raise InvariantError("A write holds rows of one operation and one object.")
        if rows[0].operation is Operation.DELETE:
            return write_batches(rows, BATCH, self._patient(self._delete))
        if rows[0].operation is not Operation.CREATE:
            return write_batches(rows, BATCH, self._patient(self._update))
        keys = dict.fromkeys(row.external_id[0] if row.external_id else "" for row in rows)
        groups = []
        done: list[Outcome] = []
        for key in keys:
            part = [r for r in rows if (r.external_id[0] if r.external_id else "") == key]
            # A job says too late, and too little, which members are there already.
            bulky = self._backfill and len(part) >= BULK_FROM and part[0].object != MEMBER
            if key and bulky:
                carried = Bulk(self._wire, sleep=self._sleep).upsert(part)
                done, part = [*done, *carried.outcomes], carried.left
            groups.append((part, BATCH, self._patient(self._upsert if key else self._insert)))
        return write_groups(groups, done)

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete to the recycle bin; what is deleted already counts as done."""
        rows = [Write(i, Operation.DELETE, object_name, {}, id=i) for i in ids]
        return write_batches(rows, BATCH, self._patient(self._delete))

    def _patient(self, send: Any) -> Any:
        """`send`, with rows that met a lock or a concurrent upsert sent again after a pause."""

        def sending(rows: Sequence[Write]) -> list[Outcome]:
            outcomes: list[Outcome] = send(rows)
            for pause in lock_pauses(self._jitter):
                again = {o.key for o in outcomes if o.status is OutcomeStatus.RETRY}
                if not again:
                    break
                self._sleep(pause)
                kept = [o for o in outcomes if o.key not in again]
                left = [row for row in rows if row.key in again]
                try:
                    outcomes = [*kept, *send(left)]
                except OutcomeUnknownError as error:
                    unknown = OutcomeStatus.UNKNOWN
                    return [*kept, *(Outcome(r.key, unknown, r.id, error=error) for r in left)]
                except LeadloopError:
                    break  # nothing of `left` was applied: they stay RETRY
            return outcomes

        return sending

    def _upsert(self, rows: Sequence[Write]) -> list[Outcome]:
        """Create by external id: the same key again updates the record it made."""
        object_name = rows[0].object
        keys = [row.external_id for row in rows if row.external_id]
        field_name = keys[0][0]
        records = [
            {"attributes": {"type": object_name}, **row.fields, field_name: value}
            for row, (_, value) in zip(rows, keys, strict=True)
        ]
        path = f"composite/sobjects/{name(object_name)}/{name(field_name)}"
        outcomes = self._collection("PATCH", path, rows, records, allow_save=False)
        return adopted(self._wire, rows, outcomes) if object_name == MEMBER else outcomes

    def _insert(self, rows: Sequence[Write]) -> list[Outcome]:
        """Create where the object has no key of ours: never sent twice by itself."""
        object_name = rows[0].object
        records = [{"attributes": {"type": object_name}, **row.fields} for row in rows]
        return self._collection("POST", "composite/sobjects", rows, records, allow_save=False)

    def _update(self, rows: Sequence[Write]) -> list[Outcome]:
        records = [
            {
                "attributes": {"type": row.object},
                **_update_fields(row),
                "id": id18(str(row.id)),
            }
            for row in rows
        ]
        return self._collection("PATCH", "composite/sobjects", rows, records, allow_save=True)

    def _delete(self, rows: Sequence[Write]) -> list[Outcome]:
        query = {"ids": ",".join(id18(str(r.id)) for r in rows), "allOrNone": "false"}
        answer = self._wire.send("DELETE", "composite/sobjects", query=query)
        done = []
        for outcome in _outcomes(answer, rows):
            gone = outcome.error is not None and outcome.error.code == "record.deleted"
            fine = Outcome(outcome.key, OutcomeStatus.OK, outcome.id)
            done.append(fine if gone else outcome)
        return done

    def _collection(
        self,
        method: str,
        path: str,
        rows: Sequence[Write],
        records: Sequence[Mapping[str, Any]],
        *,
        allow_save: bool,
    ) -> list[Outcome]:
        save = "true" if allow_save else "false"
        headers = {"Sforce-Duplicate-Rule-Header": f"allowSave={save}; includeRecordDetails=true"}
        if self._backfill:
            headers["Sforce-Auto-Assign"] = "FALSE"
        body = {"allOrNone": False, "records": list(records)}
        answer = self._wire.send(method, path, body, headers=headers)
        return _outcomes(answer, rows)


def _update_fields(row: Write) -> dict[str, Any]:
    """The fields an operation sets on the record it names."""
    if row.operation in JOINS:
        joined = row.operation is Operation.ASSOCIATE
        return {f"{row.fields['to_object']}Id": row.fields["to_id"] if joined else None}
    fields = dict(row.fields)
    if row.operation in (Operation.OPT_OUT, Operation.OPT_IN):
        fields.pop("explanation", None)
        fields.pop("email", None)
        fields.pop("subscription", None)
        return fields or {"HasOptedOutOfEmail": row.operation is Operation.OPT_OUT}
    return fields


def _outcomes(answer: Answer, rows: Sequence[Write]) -> list[Outcome]:
    """One outcome per row: results come in the order of the rows (FACTS section 4)."""
    if answer.status >= 300:
        raise _whole_refusal(answer, rows)
    results = answer.parsed
    if not isinstance(results, list) or len(results) != len(rows):
        raise OutcomeUnknownError("salesforce did not answer for every row", system=SYSTEM)
    with understanding(_unreadable):
        return [outcome_of(row, result) for row, result in zip(rows, results, strict=True)]


def _unreadable() -> OutcomeUnknownError:
    """The write was sent, and what came back does not say what became of it."""
    return OutcomeUnknownError("salesforce's answer to a write could not be read", system=SYSTEM)


def outcome_of(row: Write, result: Mapping[str, Any]) -> Outcome:
    """What the answer for one row means: done, refused for good, or worth sending again."""
    if result.get("success"):
        created = bool(result.get("created", True)) if row.operation is Operation.CREATE else None
        return Outcome(row.key, OutcomeStatus.OK, id18(str(result["id"])), created=created)
    errors = result.get("errors") or [{}]
    code = str(errors[0].get("statusCode") or errors[0].get("errorCode") or "")
    error = row_error(code, errors[0], row.object)
    # Two upserts of one new key at once: the loser may be sent again (FACTS section 4, CRUD). A
    # campaign's member, though, may be one already that somebody else has added (section 4,
    # Objects): sending it again would never end.
    upserted = row.operation is Operation.CREATE and row.external_id is not None
    upserted = upserted and row.object != MEMBER
    if code in _PASSING or (code == "DUPLICATE_VALUE" and upserted):
        return Outcome(row.key, OutcomeStatus.RETRY, row.id, error=error)
    return rejected(row, error)


def row_error(code: str, raw: Mapping[str, Any], object_name: str) -> LeadloopError:
    """A row's error in neutral words; the vendor's message is left behind."""
    if code == "DUPLICATES_DETECTED":
        message = "salesforce's duplicate rule found such records"
        return DuplicateFoundError(message, found=_found(raw), system=SYSTEM, object=object_name)
    if code == "DUPLICATE_EXTERNAL_ID":
        message = "salesforce has several records with one external id"
        return AmbiguousIdentityError(message, system=SYSTEM, object=object_name)
    names = [str(f) for f in raw.get("fields") or ()]
    shown = code if re.fullmatch(r"[A-Z_]{1,60}", code) else "no code"
    return RecordRejectedError(
        f"salesforce refused the row ({shown})",
        code="record.locked" if code in _PASSING else _CODES.get(code),
        system=SYSTEM,
        object=object_name,
        field=names[0] if names else None,
    )


def _found(raw: Mapping[str, Any]) -> tuple[RecordRef, ...]:
    """The records a duplicate rule names. The vendor misspells the key (FACTS section 4)."""
    result = raw.get("duplicateResut") or raw.get("duplicateResult") or {}
    found = []
    for match in result.get("matchResults") or ():
        for one in match.get("matchRecords") or ():
            record = one.get("record") or {}
            kind = (record.get("attributes") or {}).get("type") or match.get("entityType")
            if record.get("Id") and kind:
                found.append(RecordRef(SYSTEM, str(kind), id18(str(record["Id"]))))
    return tuple(dict.fromkeys(found))


def _whole_refusal(answer: Answer, rows: Sequence[Write]) -> BatchRefusedError:
    """A 4xx: nothing was applied. A column that is not there convicts the rows that name it."""
    errors = answer.parsed if isinstance(answer.parsed, list) else []
    first = errors[0] if errors and isinstance(errors[0], dict) else {}
    code = str(first.get("errorCode", ""))
    column = re.search(r"No such column '(\w+)'", str(first.get("message", "")))
    error = row_error(code, first, rows[0].object)
    if column is None:
        return BatchRefusedError(error)
    error.field = column[1]
    return BatchRefusedError(error, guilty=lambda row: column[1] in row.fields)
