"""Reading everything of a large object by a Bulk 2.0 query job instead of 2,000 rows a call.

A job is opened with the query, looked at until it is through, and its result is fetched 10,000
rows a call; a place in it (locator) survives restarts for the week the vendor keeps it. Below
`READ_FROM` rows the ordinary query needs fewer calls (docs/benchmarks.md has the measurement), and
nobody has to ask how many there are: the first page of that query says so.

Whatever goes wrong with a job (refused, failed, aborted, forgotten, not through in time, a row that
spoils its table) ends it for this reading: the ordinary query then reads everything, and what has
landed by the job is not landed again.

[POST jobs/query `{operation: queryAll, query}`; GET jobs/query/ID; GET jobs/query/ID/results with
`maxRecords` and `locator`, header `Sforce-Locator`, "null" at the end; PATCH `{state: Aborted}`. An
order would keep the vendor from splitting the work. The table holds text alone: an empty cell is
null, instants end in Z.] Assumed: numbers are written as in JSON; where they are not, a record's
revision differs from the one a query gives, and it lands a second time without any consequence.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Answer, Sleep
from connectors.payloads import RowFaultError, sift
from connectors.salesforce_bulk import LOOKS
from connectors.salesforce_records import record_of
from connectors.salesforce_wire import SYSTEM, Wire
from mappings.errors import (
    AuthenticationError,
    LeadloopError,
    OutcomeUnknownError,
    UnreadableAnswerError,
)
from mappings.ports import FieldSchema, Page
from mappings.records import Json, Record

READ_FROM = 30_000
"""Rows from which a job takes fewer calls even in an org that makes it wait for a minute. Measured:
`python -m benchmarks --only bulk`, docs/benchmarks.md."""
ROWS = 10_000
"""Rows fetched at a time: a few megabytes of text, and never more than that in memory."""
SLICE = 2_000
"""Rows given on at a time, as an ordinary page has them."""
_NUMBERS = frozenset({"number", "currency"})
_NAMES = re.compile(r"[A-Za-z0-9]{15,18}")


class JobLostError(Exception):
    """A job that cannot be read to its end."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a job's result, all their cells text; `place` is where the next ones begin, None
    where that is still within what was fetched, "" behind the last."""

    rows: list[Any]
    place: str | None


class Jobs:
    """Query jobs of one org. `fields` describes an object's fields by name."""

    def __init__(
        self, wire: Wire, *, sleep: Sleep, fields: Callable[[str], Mapping[str, FieldSchema]]
    ) -> None:
        self._wire = wire
        self._sleep = sleep
        self._fields = fields

    def open(self, query: str) -> str | None:
        """The id of a job for that query, deleted and merged records included; None where the org
        takes none. One whose reply is lost is left to itself: it changes nothing."""
        try:
            answer = self._wire.send(
                "POST", "jobs/query", {"operation": "queryAll", "query": query}
            )
        except (OutcomeUnknownError, AuthenticationError):
            return None
        found = answer.parsed.get("id") if isinstance(answer.parsed, dict) else None
        known = answer.status < 300 and isinstance(found, str) and _NAMES.fullmatch(found)
        return str(found) if known else None

    def kinds(self, object_name: str) -> dict[str, str]:
        """What type each field of an object has, in neutral words."""
        return {name: field.type for name, field in self._fields(object_name).items()}

    def parts(self, job: str, columns: Sequence[str], place: str) -> Iterator[Part]:
        """The result from a place ("" for its beginning) on. Raises JobLostError where the job, or
        what it holds, cannot be had; passing failures are raised as they are."""
        try:
            self._followed(job)
            more: str | None = place
            while more is not None:
                answer = self._fetched(job, more)
                more = _next_place(answer, more)
                rows = _rows(str(answer.parsed), columns)
                for begin in range(0, max(len(rows), 1), SLICE):
                    whole = begin + SLICE >= len(rows)
                    yield Part(rows[begin : begin + SLICE], (more or "") if whole else None)
        except (UnreadableAnswerError, csv.Error):
            raise JobLostError from None

    def abandon(self, job: str) -> None:
        """Ask that a job be given up, where it still runs: nobody will read it."""
        try:
            self._wire.send("PATCH", f"jobs/query/{job}", {"state": "Aborted"})
        except LeadloopError:
            return  # the vendor removes it after a week

    def _followed(self, job: str) -> None:
        """Wait until a job is through. Raises JobLostError where it will not be."""
        for pause in (*LOOKS, None):
            answer = self._wire.get(f"jobs/query/{job}")
            body = answer.parsed if isinstance(answer.parsed, dict) else {}
            state = body.get("state") if answer.status < 300 else "Failed"
            if state == "JobComplete":
                return
            if state in ("Failed", "Aborted") or pause is None:
                raise JobLostError
            self._sleep(pause)

    def _fetched(self, job: str, place: str) -> Answer:
        query = {"maxRecords": str(ROWS), **({"locator": place} if place else {})}
        answer = self._wire.table(f"jobs/query/{job}/results", query)
        if answer.status >= 300:
            raise JobLostError
        return answer


def _next_place(answer: Answer, before: str) -> str | None:
    """Where the next rows begin; None at the end. Raises JobLostError for what leads nowhere."""
    place = answer.headers.get("sforce-locator", "")
    if place == "null":
        return None
    if not re.fullmatch(r"[\w+/=.-]{1,200}", place) or place == before:
        raise JobLostError
    return place


def _rows(text: str, columns: Sequence[str]) -> list[Any]:
    """The rows of a table by column, which are those that were asked for, in that order; whether
    every part of a result begins with their names is told differently. A row of another length
    stays a list, which is no record to anybody."""
    lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    if lines and [cell.lower() for cell in lines[0]] == [name.lower() for name in columns]:
        del lines[0]
    fits = len(columns)
    return [dict(zip(columns, one, strict=True)) if len(one) == fits else one for one in lines]


def typed(row: Mapping[str, str], kinds: Mapping[str, str]) -> dict[str, Json]:
    """A row as a query's JSON has it. Raises RowFaultError."""
    return {name: _value(name, cell, kinds.get(name, "")) for name, cell in row.items()}


def _value(name: str, cell: str, kind: str) -> Json:
    """A cell in the type its field has."""
    if cell == "":
        return None
    if kind == "boolean":
        if cell not in ("true", "false"):
            raise RowFaultError("wrong_flag", name)
        return cell == "true"
    if kind in _NUMBERS:
        try:
            return int(cell) if cell.lstrip("-").isdigit() else float(cell)
        except ValueError:
            raise RowFaultError("no_json_number", name) from None
    if kind == "datetime" and cell.endswith("Z"):
        return f"{cell[:-1]}+0000"
    return cell


def pages(
    jobs: Jobs,
    object_name: str,
    cursor: Mapping[str, Json],
    *,
    unseen: Callable[[Sequence[Record]], Sequence[Record]],
    settled: Mapping[str, Json],
) -> Iterator[Page]:
    """The pages of a reading by the job a cursor names, whose last one has the cursor `settled`.

    Cursor: `job`, its `columns`, and `place`, where the next rows begin. Raises JobLostError.
    """
    kinds = jobs.kinds(object_name)
    for part in jobs.parts(cursor["job"], cursor["columns"], cursor.get("place") or ""):
        found = sift(
            part.rows,
            lambda raw: record_of(object_name, typed(raw, kinds)),
            system=SYSTEM,
            stream=object_name,
        )
        last = part.place == ""
        cursor = {**cursor, "place": part.place} if part.place else cursor
        fresh = tuple(unseen(found.good))
        yield Page(fresh, (), settled if last else cursor, last=last, malformed=found.malformed)
