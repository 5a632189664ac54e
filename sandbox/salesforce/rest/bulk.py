"""Bulk 2.0: ingest and query jobs (FACTS section 4).

A job is worked when its upload is complete; a client that polls sees JobComplete at its first look,
or InProgress as many times as the org's `bulk_polls` says. Empty cells are ignored, `#N/A` is null.
An unknown column or another line ending than declared fails the whole job, as in life. Results come
in the order of the upload, which the vendor does not promise.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field, ObjectType
from sandbox.salesforce.rest.collections import struck_rows
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of, json_body
from sandbox.salesforce.rest.sobjects import key_field, locked, matches, write_by_key
from sandbox.salesforce.soql.execute import Answer, execute
from sandbox.salesforce.soql.parser import parse
from sandbox.salesforce.times import stamp

_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
_DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^"}
_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_CSV = "text/csv"
_PAGE = 50_000
_DONE = frozenset({"JobComplete", "Failed"})


@dataclass
class Job:
    """One ingest or query job."""

    id: str
    info: dict[str, object]
    content: str = ""
    succeeded: list[list[str]] = field(default_factory=list)
    failed: list[list[str]] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    found: Answer | None = None
    polls_left: int = 0

    def shown(self) -> dict[str, object]:
        """The job as one look shows it: for a while it is in progress."""
        if self.info["state"] in _DONE and self.polls_left > 0:
            self.polls_left -= 1
            hidden = {"numberRecordsProcessed": 0, "numberRecordsFailed": 0}
            return {**self.info, **hidden, "state": "InProgress"}
        return dict(self.info)


_JOBS: web.AppKey[dict[str, Job]] = web.AppKey("bulk_jobs", dict)


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    ingest, query = DATA + "/jobs/ingest", DATA + "/jobs/query"
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.post(ingest + slash, create_ingest),
            web.post(query + slash, create_query),
            web.get(ingest + slash, listed),
            web.get(query + slash, listed),
        ]
    one = "/{id}"
    return [
        *found,
        web.put(ingest + one + "/batches", upload),
        web.put(ingest + one + "/batches/", upload),
        web.get(ingest + one + "/{which:successfulResults|failedResults|unprocessedrecords}", rows),
        web.get(
            ingest + one + "/{which:successfulResults|failedResults|unprocessedrecords}/", rows
        ),
        web.get(query + one + "/results", results),
        *(web.get(base + one, read) for base in (ingest, query)),
        *(web.patch(base + one, change) for base in (ingest, query)),
        *(web.delete(base + one, delete) for base in (ingest, query)),
    ]


def install(app: web.Application) -> None:
    """Give an application its table of jobs."""
    app[_JOBS] = {}


async def create_ingest(request: web.Request) -> web.Response:
    """An open job that waits for its CSV."""
    call = call_of(request)
    body = await json_body(request)
    operation = str(body.get("operation", ""))
    if operation not in _OPERATIONS:
        raise SalesforceError("INVALIDJOB", f"Invalid operation: {operation}")
    call.org.records.table(str(body.get("object", "")))
    job = _open(request, call, body, "Open", "750")
    job.info["contentUrl"] = f"services/data/v{call.version}/jobs/ingest/{job.id}/batches"
    return answer(job.info)


async def create_query(request: web.Request) -> web.Response:
    """A query job, answered at once."""
    call = call_of(request)
    body = await json_body(request)
    found = execute(
        call.org.records,
        str(body.get("query", "")),
        user_id=call.user_id,
        all_rows=body.get("operation") == "queryAll",
        version=call.version,
    )
    job = _open(request, call, body, "UploadComplete", "750")
    job.found, job.info["object"] = found, parse(str(body.get("query", ""))).sobject
    job.info["numberRecordsProcessed"] = found.total
    job.info["state"] = "JobComplete"
    if call.org.bulk_query_failures > 0:
        call.org.bulk_query_failures -= 1
        job.info["state"], job.info["errorMessage"] = "Failed", "QUERY_TIMEOUT"
    shown = dict(job.info)
    shown["state"] = "UploadComplete"
    return answer(shown)


async def upload(request: web.Request) -> web.Response:
    """201 for the CSV of an open job."""
    job = _job(request)
    if job.info["state"] != "Open":
        raise SalesforceError("INVALIDJOBSTATE", "Job is not open")
    job.content = (await request.read()).decode("utf-8-sig")
    return web.Response(status=201)


async def change(request: web.Request) -> web.Response:
    """UploadComplete works the job, Aborted ends it."""
    call, job = call_of(request), _job(request)
    state = str((await json_body(request)).get("state", ""))
    if job.found is not None and state == "Aborted" and job.polls_left > 0:
        job.info["state"], job.polls_left = state, 0
        return answer(job.info)
    if state not in {"UploadComplete", "Aborted"} or job.info["state"] != "Open":
        raise SalesforceError("INVALIDJOBSTATE", f"Cannot change the job to {state}")
    job.info["state"] = state
    shown = dict(job.info)
    if state == "UploadComplete":
        _work(call, job)
    return answer(shown)


async def read(request: web.Request) -> web.Response:
    """The job and how far it is."""
    return answer(_job(request).shown())


async def listed(request: web.Request) -> web.Response:
    """Every job of the kind asked for."""
    kind = "query" if "/jobs/query" in request.path else "ingest"
    jobs = [
        job.info for job in request.app[_JOBS].values() if (job.found is None) == (kind == "ingest")
    ]
    return answer({"done": True, "records": jobs, "nextRecordsUrl": None})


async def delete(request: web.Request) -> web.Response:
    """204; the job and its results are gone."""
    del request.app[_JOBS][_job(request).id]
    return web.Response(status=204)


async def rows(request: web.Request) -> web.Response:
    """CSV of the rows that succeeded, failed or were never worked."""
    job = _job(request)
    which = request.match_info["which"]
    if which == "unprocessedrecords":
        whole = job.info["state"] in {"Aborted", "Failed", "Open"}
        waiting = job.content if whole else ",".join(job.header)
        return web.Response(text=waiting, content_type=_CSV)
    kept = job.succeeded if which == "successfulResults" else job.failed
    extra = "sf__Created" if which == "successfulResults" else "sf__Error"
    return _csv([["sf__Id", extra, *job.header], *kept], job)


async def results(request: web.Request) -> web.Response:
    """A page of a query job's CSV, with its locator ("null" at the end)."""
    job = _job(request)
    if job.found is None:
        raise not_found()
    if job.info["state"] != "JobComplete" or job.polls_left > 0:
        raise SalesforceError("INVALIDJOBSTATE", "The job has no results")
    locator = request.query.get("locator", "0")
    start = int(locator) if locator.isdigit() else 0
    asked = request.query.get("maxRecords", "")
    size = int(asked) if asked.isdigit() and int(asked) else _PAGE
    shown = [flat(record) for record in job.found.shown(start, start + size)]
    _date(call_of(request).org.records.kind(str(job.info["object"])), shown)
    names = list(shown[0]) if shown else ["Id"]
    lines = [names, *([record[name] for name in names] for record in shown)]
    response = _csv(lines, job)
    following = start + size
    response.headers["Sforce-Locator"] = str(following) if following < job.found.total else "null"
    response.headers["Sforce-NumberOfRecords"] = str(len(shown))
    return response


def flat(record: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """A record as a row of CSV: parents dotted, booleans in small letters, null empty."""
    found: dict[str, str] = {}
    for name, value in record.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            found.update(flat(value, f"{prefix}{name}."))
        elif isinstance(value, bool):
            found[prefix + name] = str(value).lower()
        else:
            found[prefix + name] = "" if value is None else str(value)
    return found


def _date(kind: ObjectType, rows: list[dict[str, str]]) -> None:
    """Write instants of the object's own fields with a Z at their end, as Bulk 2.0 does [D]."""
    names = [name for name in (rows[0] if rows else ()) if _is_instant(kind.find(name))]
    for row in rows:
        row.update((name, row[name].replace("+0000", "Z")) for name in names)


def _is_instant(field: Field | None) -> bool:
    return field is not None and field.type == "datetime"


def _open(
    request: web.Request, call: Call, body: Mapping[str, object], state: str, prefix: str
) -> Job:
    made = call.org.records.minter.mint(prefix)
    now = stamp(call.org.clock.now())
    info: dict[str, object] = {
        "id": made,
        "operation": body.get("operation"),
        "object": body.get("object"),
        "createdById": call.user_id,
        "createdDate": now,
        "systemModstamp": now,
        "state": state,
        "externalIdFieldName": body.get("externalIdFieldName"),
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(call.version),
        "jobType": "V2Ingest" if "/ingest" in request.path else "V2Query",
        "lineEnding": body.get("lineEnding", "LF"),
        "columnDelimiter": body.get("columnDelimiter", "COMMA"),
        "numberRecordsProcessed": 0,
        "numberRecordsFailed": 0,
    }
    job = request.app[_JOBS][made] = Job(made, info, polls_left=call.org.bulk_polls)
    return job


def _job(request: web.Request) -> Job:
    job = request.app[_JOBS].get(request.match_info["id"])
    if job is None:
        raise not_found()
    return job


def _work(call: Call, job: Job) -> None:
    delimiter = _DELIMITERS.get(str(job.info["columnDelimiter"]), ",")
    lines = list(csv.reader(io.StringIO(job.content, newline=""), delimiter=delimiter))
    job.header = lines[0] if lines else []
    rows = [one for one in lines[1:] if one]
    broken = _broken(call, job)
    if broken is not None:
        job.info["state"], job.info["errorMessage"] = "Failed", f"InvalidBatch : {broken}"
        return
    struck = struck_rows(call, len(rows))
    for index, line in enumerate(rows):
        body: dict[str, object] = {
            name: None if cell == "#N/A" else cell
            for name, cell in zip(job.header, line, strict=False)
            if cell
        }
        try:
            if index in struck:
                raise locked(str(body.get("Id") or "") or None)
            made, created = write_row(call, job.info, body)
        except SalesforceError as error:
            text = f"{error.code}:{error.message}:{' '.join(error.fields)} --"
            job.failed.append([str(body.get("Id", "")), text, *line])
        else:
            job.succeeded.append([made, str(created).lower(), *line])
    job.info["state"] = "JobComplete"
    job.info["numberRecordsProcessed"] = len(job.succeeded) + len(job.failed)
    job.info["numberRecordsFailed"] = len(job.failed)


def _broken(call: Call, job: Job) -> str | None:
    """What is wrong with an upload as a whole."""
    ending = str(job.info["lineEnding"])
    first, newline, _ = job.content.partition("\n")  # cells further down may hold either
    if newline and first.endswith("\r") != (ending == "CRLF"):
        return f"LineEnding is invalid on user data. Current LineEnding setting is {ending}"
    kind = call.org.records.kind(str(job.info["object"]))
    for name in job.header:
        if "." not in name and kind.find(name) is None:
            return f"Field name not found : {name}"
    return None


def write_row(call: Call, info: Mapping[str, object], body: dict[str, object]) -> tuple[str, bool]:
    """Do a job's operation to one record: (its id, whether it was created)."""
    records, sobject = call.org.records, str(info["object"])
    operation = info["operation"]
    if operation == "insert":
        return records.create(sobject, body, call.caller()), True
    if operation == "upsert":
        table = records.table(sobject)
        key = key_field(call, table, str(info["externalIdFieldName"]))
        value = body.pop(key.name, None)
        if value is None:
            raise SalesforceError("MISSING_ARGUMENT", f"{key.name} not specified")
        found = matches(records, table, key, value)
        if len(found) > 1:
            message = f"{key.name}: more than one record found for external id field"
            raise SalesforceError("DUPLICATE_EXTERNAL_ID", message, [key.name])
        return write_by_key(records, table, key, value, body, found=found, caller=call.caller())
    record_id = str(body.pop("Id", ""))
    if operation == "update":
        records.update(sobject, record_id, body, call.caller())
    else:
        records.delete(sobject, record_id, call.caller())
        if operation == "hardDelete":
            records.purge(record_id)
    return record_id, False


def _csv(lines: list[list[str]], job: Job) -> web.Response:
    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=_DELIMITERS.get(str(job.info["columnDelimiter"]), ","),
        lineterminator=_ENDINGS.get(str(job.info["lineEnding"]), "\n"),
        quoting=csv.QUOTE_ALL,
    )
    writer.writerows(lines)
    return web.Response(text=text.getvalue(), content_type=_CSV, charset="utf-8")
