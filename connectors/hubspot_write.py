"""HubSpot's writes: upserts, updates, associations and consent, row by row accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.base import Answer, BatchRefusedError, rejected, write_batches, write_groups
from connectors.hubspot_consent import address_of, answers, opt_in
from connectors.hubspot_wire import SYSTEM, Paths, Refusal, Wire, problem, refusal
from connectors.payloads import understanding
from connectors.retrying import ReplyLostError
from mappings.errors import (
    InvariantError,
    LeadloopError,
    OutcomeUnknownError,
    RecordRejectedError,
)
from mappings.records import Operation, Outcome, OutcomeStatus, Record, Write

BATCH = 100  # FACTS section 2
CONSENT_BATCH = 100  # assumed: the vendor's pages name no limit for consent batches
OPT_IN_BATCH = 20  # each address is several inputs: one a subscription type
ASSOCIATE_BATCH = 2000  # FACTS section 2: associations v4 batch create

RecordOf = Callable[[str, Mapping[str, Any]], Record]


class Writer:
    """Sends the rows of one operation and one object."""

    def __init__(self, wire: Wire, paths: Paths, record_of: RecordOf) -> None:
        self._wire = wire
        self._paths = paths
        self._record_of = record_of

    def write(self, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row. Raises only when nothing can have been applied."""
        if not rows:
            return []
        operations = {row.operation for row in rows}
        if len(operations) > 1 or len({row.object for row in rows}) > 1:
            raise InvariantError("A write holds rows of one operation and one object.")
        operation = rows[0].operation
        if operation is Operation.CREATE:
            return write_batches(rows, BATCH, self._upsert)
        if operation is Operation.UPDATE:
            return write_batches(rows, BATCH, self._update)
        if operation is Operation.DELETE:
            return write_batches(rows, BATCH, self._archive_batch)
        if operation in (Operation.OPT_OUT, Operation.OPT_IN):
            whole = [row for row in rows if row.fields.get("subscription") is None]
            single = [row for row in rows if row.fields.get("subscription") is not None]
            size, all_mail = (
                (CONSENT_BATCH, self._opt_out_all)
                if operation is Operation.OPT_OUT
                else (OPT_IN_BATCH, self._opt_in)
            )
            return write_groups([(whole, size, all_mail), (single, CONSENT_BATCH, self._answer)])
        others = dict.fromkeys(str(row.fields["to_object"]) for row in rows)
        parts = [[row for row in rows if row.fields["to_object"] == other] for other in others]
        act = self._associate if operation is Operation.ASSOCIATE else self._dissociate
        return write_groups([(part, ASSOCIATE_BATCH, act) for part in parts])

    def archive(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Archive records by id; 204 says nothing about single ones."""
        rows = [Write(i, Operation.DELETE, object_name, {}, id=i) for i in ids]
        return write_batches(rows, BATCH, self._archive_batch)

    def erase(self, object_name: str, ids: Sequence[str]) -> list[Outcome]:
        """Delete contacts for good, one a call: there is no batch of it; archive anything else.

        [POST /crm/v3/objects/contacts/gdpr-delete: `objectId`; 204.]
        """
        if object_name != "contacts":
            return self.archive(object_name, ids)
        rows = [Write(i, Operation.DELETE, object_name, {}, id=i) for i in ids]
        return [
            Outcome(one.key, OutcomeStatus.OK, one.key)
            if one.error is not None and one.error.code == "record.not_found"
            else one
            for one in write_batches(rows, 1, self._erase_one)
        ]

    def _erase_one(self, rows: Sequence[Write]) -> list[Outcome]:
        path = self._paths.objects(rows[0].object, "/gdpr-delete")
        return _all_done(self._wire.send("POST", path, {"objectId": rows[0].id}), rows)

    def _archive_batch(self, rows: Sequence[Write]) -> list[Outcome]:
        body = {"inputs": [{"id": row.id} for row in rows]}
        path = self._paths.objects(rows[0].object, "/batch/archive")
        return _all_done(self._wire.send("POST", path, body), rows)

    def _upsert(self, rows: Sequence[Write]) -> list[Outcome]:
        """Create by unique property: the same key again updates the record it made."""
        inputs = []
        for number, row in enumerate(rows):
            if row.external_id is None:
                raise InvariantError("A create needs the key it is upserted by.")
            name, value = row.external_id
            inputs.append(
                {
                    "idProperty": name,
                    "id": value,
                    "objectWriteTraceId": str(number),
                    "properties": _texts({**row.fields, name: value}),
                }
            )
        path = self._paths.objects(rows[0].object, "/batch/upsert")
        answer = self._wire.send("POST", path, {"inputs": inputs})
        with understanding(_unreadable):
            return self._account(answer, rows)

    def _update(self, rows: Sequence[Write]) -> list[Outcome]:
        inputs = [
            {"id": row.id, "objectWriteTraceId": str(n), "properties": _texts(row.fields)}
            for n, row in enumerate(rows)
        ]
        path = self._paths.objects(rows[0].object, "/batch/update")
        answer = self._wire.send("POST", path, {"inputs": inputs})
        with understanding(_unreadable):
            outcomes = self._account(answer, rows)
        lost = {o.key for o in outcomes if o.error and o.error.code == "record.not_found"}
        kept = [o for o in outcomes if o.key not in lost]
        # Ids that were merged away are known to single calls only (FACTS section 2).
        singles = [row for row in rows if row.key in lost]
        return [*kept, *(write_batches(singles, 1, self._patch) if singles else ())]

    def _patch(self, rows: Sequence[Write]) -> list[Outcome]:
        row = rows[0]
        path = self._paths.objects(row.object, f"/{row.id}")
        answer = self._wire.send("PATCH", path, {"properties": _texts(row.fields)})
        body = _accept(answer, rows)
        with understanding(_unreadable):
            return [self._done(row, body)]

    def _opt_out_all(self, rows: Sequence[Write]) -> list[Outcome]:
        """Unsubscribe addresses from all mail; asking again changes nothing."""
        body = {"inputs": [address_of(row) for row in rows]}
        path = self._paths.consent("/unsubscribe-all")
        answer = _accept(self._wire.send("POST", path, body, channel="EMAIL"), rows)
        with understanding(_unreadable):
            return _consent_outcomes(answer, rows)

    def _answer(self, rows: Sequence[Write]) -> list[Outcome]:
        """Unsubscribe addresses from one subscription type each, or subscribe them again."""
        refuses = rows[0].operation is Operation.OPT_OUT
        inputs = answers(rows, "UNSUBSCRIBED" if refuses else "SUBSCRIBED")
        answer = self._wire.send("POST", self._paths.consent("/write"), {"inputs": inputs})
        body = _accept(answer, rows)
        with understanding(_unreadable):
            return _consent_outcomes(body, rows)

    def _opt_in(self, rows: Sequence[Write]) -> list[Outcome]:
        """Subscribe addresses again that were unsubscribed from all mail in error."""
        return _consent_outcomes(_accept(opt_in(self._wire, self._paths, rows), rows), rows)

    def _dissociate(self, rows: Sequence[Write]) -> list[Outcome]:
        """Take records apart, whatever joins them; 204 says nothing about single ones."""
        inputs = [{"from": {"id": r.id}, "to": [{"id": str(r.fields["to_id"])}]} for r in rows]
        other = str(rows[0].fields["to_object"])
        path = self._paths.associations(rows[0].object, other, "/batch/archive")
        return _all_done(self._wire.send("POST", path, {"inputs": inputs}), rows)

    def _associate(self, rows: Sequence[Write]) -> list[Outcome]:
        """Join records by the default association of their two objects."""
        inputs = [{"from": {"id": r.id}, "to": {"id": str(r.fields["to_id"])}} for r in rows]
        other = str(rows[0].fields["to_object"])
        path = self._paths.associations(rows[0].object, other, "/batch/associate/default")
        body = _accept(self._wire.send("POST", path, {"inputs": inputs}), rows)
        with understanding(_unreadable):
            joined = {_pair(result) for result in body.get("results", ())}
        outcomes = []
        for row in rows:
            ends = frozenset((str(row.id), str(row.fields["to_id"])))
            if ends in joined:
                outcomes.append(Outcome(row.key, OutcomeStatus.OK, row.id))
            else:
                message = "hubspot did not join the records: one of them is not there"
                outcomes.append(rejected(row, _not_found(row, message)))
        return outcomes

    def _account(self, answer: Answer, rows: Sequence[Write]) -> list[Outcome]:
        """One outcome per row from a batch's answer, whose results come in any order."""
        body = _accept(answer, rows)
        outcomes: dict[str, Outcome] = {}
        finder = _Finder(rows)
        for result in body.get("results", ()):
            row = finder.row_of(result)
            if row is not None:
                outcomes[row.key] = self._done(row, result)
        for wrong in body.get("errors") or ():
            named = refusal(wrong, object_name=rows[0].object)
            for row in finder.rows_named(wrong):
                outcomes.setdefault(row.key, _refused(row, named, wrong))
        silent = [row for row in rows if row.key not in outcomes]
        errors = [refusal(e, object_name=rows[0].object) for e in body.get("errors") or ()]
        return [*outcomes.values(), *(_silent(row, errors) for row in silent)]

    def _done(self, row: Write, result: Mapping[str, Any]) -> Outcome:
        record = self._record_of(row.object, result)
        created = result.get("new") if row.operation is Operation.CREATE else None
        return Outcome(row.key, OutcomeStatus.OK, record.ref.id, created=created, record=record)


class _Finder:
    """Which row a result or an error of a batch speaks of."""

    def __init__(self, rows: Sequence[Write]) -> None:
        self._by_trace = {str(n): row for n, row in enumerate(rows)}
        self._by_id = {str(row.id): row for row in rows if row.id}
        self._by_key = {row.external_id: row for row in rows if row.external_id}

    def row_of(self, result: Mapping[str, Any]) -> Write | None:
        """The row of a result: by trace id, unique property, record id."""
        trace = self._by_trace.get(str(result.get("objectWriteTraceId")))
        if trace is not None:
            return trace
        properties = result.get("properties") or {}
        for (name, value), row in self._by_key.items():
            if properties.get(name) == value:
                return row
        return self._by_id.get(str(result.get("id")))

    def rows_named(self, wrong: Mapping[str, Any]) -> list[Write]:
        """The rows an error names in its context: trace ids, record ids or key values."""
        context = wrong.get("context") or {}
        traces = [str(t) for t in context.get("objectWriteTraceId") or ()]
        if traces:
            return [self._by_trace[t] for t in traces if t in self._by_trace]
        ids = {str(i) for name in ("ids", "id") for i in context.get(name) or ()}
        by_key = [row for (_, value), row in self._by_key.items() if value in ids]
        return [self._by_id[i] for i in sorted(ids) if i in self._by_id] or by_key


def _consent_outcomes(body: Mapping[str, Any], rows: Sequence[Write]) -> list[Outcome]:
    """Consent answers name the addresses that failed; all others are done."""
    failed: dict[str, LeadloopError] = {}
    for wrong in body.get("errors") or ():
        error = refusal(wrong, object_name=rows[0].object).error
        for address in (wrong.get("context") or {}).get("subscriberIdString") or ():
            failed[str(address).lower()] = error
    return [
        rejected(row, failed[address_of(row)])
        if address_of(row) in failed
        else Outcome(row.key, OutcomeStatus.OK, row.id)
        for row in rows
    ]


def _refused(row: Write, named: Refusal, wrong: Mapping[str, Any]) -> Outcome:
    """A row's refusal; where HubSpot failed on it by itself, the row may be sent again."""
    if wrong.get("category") == "INTERNAL_ERROR":
        return Outcome(row.key, OutcomeStatus.RETRY, row.id, error=named.error)
    return rejected(row, named.error)


def _silent(row: Write, errors: Sequence[Refusal]) -> Outcome:
    """A row the answer says nothing of: the one error's if there is one, else not found."""
    if len(errors) == 1:
        return rejected(row, errors[0].error)
    return rejected(row, _not_found(row, "hubspot named no result for the row"))


def _not_found(row: Write, message: str) -> LeadloopError:
    return RecordRejectedError(message, code="record.not_found", system=SYSTEM, object=row.object)


def _accept(answer: Answer, rows: Sequence[Write]) -> dict[str, Any]:
    """The body of a success. Raises BatchRefusedError when nothing of the batch was applied."""
    if answer.status < 300:
        try:
            body = answer.json()
        except ReplyLostError:
            raise _unreadable() from None
        if not isinstance(body, dict):
            raise _unreadable()
        return body
    refused = refusal(problem(answer), object_name=rows[0].object)
    if answer.status == 404:
        raise BatchRefusedError(_not_found(rows[0], "hubspot has no such record"))
    guilty: Callable[[Write], bool] | None = None
    if refused.field_wide and any(refused.fields & set(row.fields) for row in rows):
        guilty = lambda row: bool(refused.fields & set(row.fields))  # noqa: E731 - one test
    raise BatchRefusedError(refused.error, guilty=guilty)


def _all_done(answer: Answer, rows: Sequence[Write]) -> list[Outcome]:
    """The outcomes of a batch whose success has no body (204, FACTS section 2)."""
    if answer.status != 204:
        _accept(answer, rows)
    return [Outcome(row.key, OutcomeStatus.OK, row.id) for row in rows]


def _unreadable() -> OutcomeUnknownError:
    """The write was sent, and what came back does not say what became of it."""
    return OutcomeUnknownError("hubspot's answer to a write could not be read", system=SYSTEM)


def _pair(result: Mapping[str, Any]) -> frozenset[str]:
    ends = (result.get("from") or {}, result.get("to") or {})
    return frozenset(str(end.get("id")) for end in ends)


def _texts(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Property values as HubSpot takes them: text; a cleared one is "" (FACTS section 2)."""
    return {name: _text(value) for name, value in fields.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
