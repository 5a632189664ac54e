"""Salesforce's Bulk API 2.0 for big backfills: creates by external id, thousands of rows a job.

A job is opened, given its CSV, closed, looked at until it is through, and its results are read: a
handful of calls whatever the number of rows, where collections take one for every 200. Below
`BULK_FROM` rows collections need fewer (docs/benchmarks.md has the measurement).

Nothing is guessed about a row. One that succeeded is done; one that failed or was not reached goes
through collections, which tell the reason and a duplicate rule's evidence; one whose job nobody
could follow to its end is UNKNOWN and is looked up by its key. A value the CSV could not carry
unchanged keeps its row out of the job.

Bulk jobs run no assignment rule unless one is named (vendor documentation), so this is for backfill
alone, which wants none (law 13).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Sleep
from connectors.salesforce_soql import name
from connectors.salesforce_wire import SYSTEM, Wire
from mappings.errors import PASSING, AuthenticationError, LeadloopError, OutcomeUnknownError
from mappings.record_ids import id18
from mappings.records import Json, Outcome, OutcomeStatus, Write

BULK_FROM = 3_000
"""Rows from which a job takes fewer calls than collections even in an org that makes it wait for a
minute, every look at it being a call; where it is worked at once, half as many would do. Measured:
`python -m benchmarks --only bulk`, docs/benchmarks.md."""
BULK_BATCH = 10_000
"""Rows of one job: at a few hundred characters each well below the vendor's 150 MB (FACTS section
4), and no more to look up after a lost reply than ten calls' worth."""
MOST_BYTES = 90_000_000
"""FACTS section 3: at most 100 MB of an upload."""
LOOKS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0)
"""Seconds between looks at a job; assumed: one that takes longer than eight minutes is looked up by
its keys later instead."""
_NULL = "#N/A"
_UNCARRIED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters a CSV may lose or turn into others, carriage returns included."""
_ENDED = ("JobComplete", "Failed", "Aborted")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a job came to: outcomes that are sure, and rows for which nothing was applied."""

    outcomes: list[Outcome]
    left: list[Write]


class _NotUploadedError(Exception):
    """The job did not get as far as being worked: nothing was applied."""


class Bulk:
    """Runs jobs in one org, of at least so many rows."""

    def __init__(self, wire: Wire, *, sleep: Sleep, least: int = BULK_FROM) -> None:
        self._wire = wire
        self._sleep = sleep
        self._least = least

    def upsert(self, rows: Sequence[Write]) -> Carried:
        """Create by external id. Every row is in exactly one of the two lists that come back."""
        fits = [row for row in rows if carries(row)]
        left = [row for row in rows if not carries(row)]
        content = table_of(fits)
        if len({row.external_id for row in fits}) < len(fits) or len(content) > MOST_BYTES:
            return Carried([], list(rows))
        if len(fits) < self._least:
            return Carried([], list(rows))
        try:
            job = self._opened(fits[0])
        except _NotUploadedError:
            return Carried([], list(rows))
        try:
            self._uploaded(job, content)
        except _NotUploadedError:
            self._abort(job)
            return Carried([], list(rows))
        carried = self._followed(job, fits)
        return Carried(carried.outcomes, [*left, *carried.left])

    def _opened(self, row: Write) -> str:
        body = {
            "object": name(row.object),
            "operation": "upsert",
            "externalIdFieldName": _key(row)[0],
            "contentType": "CSV",
            "lineEnding": "LF",
        }
        try:
            answer = self._wire.send("POST", "jobs/ingest", body)
        except (OutcomeUnknownError, AuthenticationError):
            raise _NotUploadedError from None  # an empty job does nothing, whoever has it
        found = answer.parsed.get("id") if isinstance(answer.parsed, dict) else None
        known = isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9]{15,18}", found)
        if answer.status >= 300 or not known:
            raise _NotUploadedError
        return str(found)

    def _uploaded(self, job: str, content: bytes) -> None:
        """The CSV, and the word that it is whole. From there on the job may be worked."""
        try:
            answer = self._wire.upload(f"jobs/ingest/{job}/batches", content)
        except LeadloopError:
            raise _NotUploadedError from None
        if answer.status >= 300:
            raise _NotUploadedError
        try:
            answer = self._wire.send("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
        except OutcomeUnknownError:
            return  # whether it was heard, the job itself tells
        except PASSING:
            raise _NotUploadedError from None
        if answer.status >= 300:
            raise _NotUploadedError

    def _abort(self, job: str) -> None:
        """Ask that a job be given up. If that is lost too, it waits for ever and is removed
        by the vendor after a week: without its closing word it is never worked."""
        try:
            self._wire.send("PATCH", f"jobs/ingest/{job}", {"state": "Aborted"})
        except LeadloopError:
            return

    def _followed(self, job: str, rows: Sequence[Write]) -> Carried:
        """Look at the job until it has ended, then account for every row."""
        try:
            state = self._state(job)
            for pause in LOOKS:
                if state in _ENDED or state == "Open":
                    break
                self._sleep(pause)
                state = self._state(job)
            if state == "Open":  # the closing word was lost: the job is worked by nobody
                self._abort(job)
                return Carried([], list(rows))
            if state not in _ENDED:
                self._abort(job)  # what it has done it has done: the keys tell
                return Carried(_unknown(rows), [])
            return self._accounted(job, rows)
        except LeadloopError:
            return Carried(_unknown(rows), [])

    def _state(self, job: str) -> str:
        answer = self._wire.get(f"jobs/ingest/{job}")
        state = answer.parsed.get("state") if isinstance(answer.parsed, dict) else None
        return str(state)

    def _accounted(self, job: str, rows: Sequence[Write]) -> Carried:
        field = _key(rows[0])[0]
        done = {one[field]: one for one in self._results(job, "successfulResults")}
        failed = {one[field] for one in self._results(job, "failedResults")}
        unseen = [row for row in rows if _key(row)[1] not in done and _key(row)[1] not in failed]
        if unseen:
            failed |= {one[field] for one in self._results(job, "unprocessedrecords")}
        outcomes = [_done(row, done[_key(row)[1]]) for row in rows if _key(row)[1] in done]
        lost = [row for row in unseen if _key(row)[1] not in failed]
        left = [r for r in rows if _key(r)[1] in failed and _key(r)[1] not in done]
        return Carried([*outcomes, *_unknown(lost)], left)

    def _results(self, job: str, which: str) -> list[dict[str, str]]:
        text = self._wire.text(f"jobs/ingest/{job}/{which}")
        return list(csv.DictReader(io.StringIO(text, newline="")))


def carries(row: Write) -> bool:
    """Whether the CSV gives every value of a row unchanged."""
    return row.external_id is not None and all(
        _fits(value) for value in (*row.fields.values(), row.external_id[1])
    )


def _fits(value: Json) -> bool:
    if isinstance(value, str):
        return value != _NULL and not _UNCARRIED.search(value)
    return value is None or isinstance(value, bool | int | float)


def table_of(rows: Sequence[Write]) -> bytes:
    """The rows as CSV, every cell quoted: an empty one leaves its field as it is, `#N/A` blanks it
    (FACTS section 4). What a cell begins with means nothing to the vendor, formulas included."""
    if not rows:
        return b""
    field = _key(rows[0])[0]
    columns = list(dict.fromkeys(column for row in rows for column in row.fields))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([field, *columns])
    for row in rows:
        cells = [_cell(row.fields[c]) if c in row.fields else "" for c in columns]
        writer.writerow([_key(row)[1], *cells])
    return text.getvalue().encode()


def _cell(value: Json) -> str:
    if value is None or value == "":
        return _NULL
    return value if isinstance(value, str) else json.dumps(value)


def _key(row: Write) -> tuple[str, str]:
    return row.external_id or ("", "")


def _done(row: Write, result: Mapping[str, Any]) -> Outcome:
    created = result.get("sf__Created") == "true"
    return Outcome(row.key, OutcomeStatus.OK, id18(str(result["sf__Id"])), created=created)


def _unknown(rows: Sequence[Write]) -> list[Outcome]:
    error = OutcomeUnknownError("salesforce has a job whose end is not known", system=SYSTEM)
    return [Outcome(row.key, OutcomeStatus.UNKNOWN, row.id, error=error) for row in rows]
