"""Bulk 1.0: jobs of batches under /services/async, which taps and older libraries still use.

A job holds batches of one operation, each worked when it is added and shown as Completed at its
first look; queries are batches, too, whose result is one file. Jobs are answered in the form they
are asked in (JSON or XML), batches and results in the job's own content type, batch information of
CSV jobs as XML [D: Bulk API Developer Guide]. Left out: XML and ZIP content, and PK chunking, whose
header is taken and does not split anything, as for an object that is small.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rest.bulk import flat, write_row
from sandbox.salesforce.rest.context import Call, Handler, call_of
from sandbox.salesforce.soql.execute import execute
from sandbox.salesforce.times import stamp

MAX_ROWS = 10_000
"""Records of one batch [D]."""
_BASE = "/services/async/{version}/job"
_SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_QUERIES = frozenset({"query", "queryAll"})
_OPERATIONS = _QUERIES | {"insert", "update", "upsert", "delete", "hardDelete"}
_TYPES = frozenset({"CSV", "JSON"})
_CODES = {
    "INVALID_SESSION_ID": "InvalidSessionId",
    "REQUEST_LIMIT_EXCEEDED": "ExceededQuota",
    "NOT_FOUND": "InvalidUrl",
    "UNSUPPORTED_API_VERSION": "InvalidVersion",
}
_MODES = {"1": "Serial", "Serial": "Serial"}
"""simple-salesforce sends numbers."""
_MIME = {"CSV": "text/csv", "JSON": "application/json"}
Info = dict[str, object]
Result = dict[str, object]


class AsyncError(Exception):
    """A refusal in Bulk 1.0's own words: `exceptionCode` and `exceptionMessage`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(code, message)
        self.code, self.message, self.status = code, message, status


@dataclass
class Batch:
    """One batch: what was asked, how it ended, and its results."""

    info: Info
    request: str
    results: list[Result] = field(default_factory=list)
    file: str = ""
    result_id: str = ""


@dataclass
class Job:
    """One job and its batches."""

    info: Info
    batches: dict[str, Batch] = field(default_factory=dict)


_JOBS: web.AppKey[dict[str, Job]] = web.AppKey("async_jobs", dict)


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    one = _BASE + "/{id}"
    batch = one + "/batch/{batch}"
    return [
        web.post(_BASE, _worded(create)),
        web.get(one, _worded(read)),
        web.post(one, _worded(change)),
        web.post(one + "/batch", _worded(add)),
        web.get(one + "/batch", _worded(list_batches)),
        web.get(batch, _worded(read_batch)),
        web.get(batch + "/request", _worded(request_of)),
        web.get(batch + "/result", _worded(result)),
        web.get(batch + "/result/{result}", _worded(result_file)),
    ]


def install(app: web.Application) -> None:
    """Give an application its table of jobs."""
    app[_JOBS] = {}


# --- jobs ------------------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    """201 with an open job."""
    call = call_of(request)
    asked = await _asked(request)
    operation, kind = str(asked.get("operation", "")), str(asked.get("contentType") or "XML")
    if operation not in _OPERATIONS:
        raise AsyncError("InvalidJob", f"Unknown operation: {operation}")
    if kind not in _TYPES:
        raise AsyncError("InvalidJob", f"Content type {kind} is not served by this sandbox")
    if operation == "upsert" and not asked.get("externalIdFieldName"):
        raise AsyncError("InvalidJob", "External ID was blank")
    try:
        name = call.org.records.kind(str(asked.get("object", ""))).name
    except SalesforceError as error:
        raise AsyncError("InvalidJob", error.message) from error
    job_id, now = call.org.records.minter.mint("750"), stamp(call.org.clock.now())
    info: Info = {
        "id": job_id,
        "operation": operation,
        "object": name,
        "createdById": call.user_id,
        "createdDate": now,
        "systemModstamp": now,
        "state": "Open",
        "externalIdFieldName": asked.get("externalIdFieldName"),
        "concurrencyMode": _MODES.get(str(asked.get("concurrencyMode")), "Parallel"),
        "contentType": kind,
        "numberBatchesQueued": 0,
        "numberBatchesInProgress": 0,
        "numberBatchesCompleted": 0,
        "numberBatchesFailed": 0,
        "numberBatchesTotal": 0,
        "numberRecordsProcessed": 0,
        "numberRetries": 0,
        "apiVersion": float(call.version),
        "assignmentRuleId": asked.get("assignmentRuleId"),
        "numberRecordsFailed": 0,
        "totalProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apexProcessingTime": 0,
    }
    request.app[_JOBS][job_id] = Job(info)
    return _shown(request, "jobInfo", info, status=201)


async def read(request: web.Request) -> web.Response:
    """The job with its counts."""
    return _shown(request, "jobInfo", _job(request).info)


async def change(request: web.Request) -> web.Response:
    """Closed or Aborted: no further batch is taken."""
    job = _job(request)
    state = str((await _asked(request)).get("state", ""))
    if state not in {"Closed", "Aborted"}:
        raise AsyncError("InvalidJobState", f"Cannot change the state of the job to {state}")
    job.info["state"] = state
    return _shown(request, "jobInfo", job.info)


# --- batches ---------------------------------------------------------------------------------


async def add(request: web.Request) -> web.Response:
    """201 with a queued batch, which is worked at once."""
    call, job = call_of(request), _job(request)
    if job.info["state"] != "Open":
        raise AsyncError("InvalidJobState", "Job is not open")
    text = (await request.read()).decode("utf-8-sig")
    now = stamp(call.org.clock.now())
    info: Info = {
        "id": call.org.records.minter.mint("751"),
        "jobId": job.info["id"],
        "state": "Queued",
        "stateMessage": None,
        "createdDate": now,
        "systemModstamp": now,
        "numberRecordsProcessed": 0,
        "numberRecordsFailed": 0,
        "totalProcessingTime": 0,
        "apiActiveProcessingTime": 0,
        "apexProcessingTime": 0,
    }
    queued = dict(info)
    batch = job.batches[str(info["id"])] = Batch(info, text)
    try:
        _work(call, job, batch)
    except (SalesforceError, AsyncError) as error:
        info |= {"state": "Failed", "stateMessage": f"InvalidBatch : {error.message}"}
    _count(job)
    return _in_kind(job, "batchInfo", queued, status=201)


async def list_batches(request: web.Request) -> web.Response:
    """Every batch of the job."""
    job = _job(request)
    infos = [batch.info for batch in job.batches.values()]
    if job.info["contentType"] == "JSON":
        return _json({"batchInfo": infos})
    inner = "".join(f"<batchInfo>{_fields(info)}</batchInfo>" for info in infos)
    return _xml(f'<batchInfoList xmlns="{_SPACE}">{inner}</batchInfoList>')


async def read_batch(request: web.Request) -> web.Response:
    """One batch and how it ended."""
    return _in_kind(_job(request), "batchInfo", _batch(request).info)


async def request_of(request: web.Request) -> web.Response:
    """What the batch was made of, as it was sent."""
    kind = _MIME[str(_job(request).info["contentType"])]
    return web.Response(text=_batch(request).request, content_type=kind)


async def result(request: web.Request) -> web.Response:
    """A row for each record of a write, or the ids of a query's files."""
    job, batch = _job(request), _batch(request)
    if batch.info["state"] != "Completed":
        raise AsyncError("InvalidBatch", "Batch not completed")
    as_json = job.info["contentType"] == "JSON"
    if job.info["operation"] in _QUERIES:
        if as_json:
            return _json([batch.result_id])
        listed = f"<result>{batch.result_id}</result>"
        return _xml(f'<result-list xmlns="{_SPACE}">{listed}</result-list>')
    if as_json:
        return _json(batch.results)
    rows = [
        [one["id"] or "", str(one["success"]).lower(), str(one["created"]).lower(), _said(one)]
        for one in batch.results
    ]
    return _csv([["Id", "Success", "Created", "Error"], *rows])


async def result_file(request: web.Request) -> web.Response:
    """The records a query found."""
    job, batch = _job(request), _batch(request)
    if request.match_info["result"] != batch.result_id:
        raise AsyncError("InvalidEntity", "Unable to find the result", 404)
    kind = _MIME[str(job.info["contentType"])]
    return web.Response(text=batch.file, content_type=kind, charset="utf-8")


def _work(call: Call, job: Job, batch: Batch) -> None:
    if job.info["operation"] in _QUERIES:
        _query(call, job, batch)
    else:
        _write(call, job, batch)
    batch.info["state"] = "Completed"


def _query(call: Call, job: Job, batch: Batch) -> None:
    found = execute(
        call.org.records,
        batch.request,
        user_id=call.user_id,
        all_rows=job.info["operation"] == "queryAll",
        version=call.version,
    )
    records = found.shown(0, found.total)
    batch.result_id = call.org.records.minter.mint("752")
    batch.info["numberRecordsProcessed"] = len(records)
    if job.info["contentType"] == "JSON":
        batch.file = json.dumps(records, ensure_ascii=False)
        return
    rows = [flat(record) for record in records]
    if not rows:
        batch.file = "Records not found for this query\n"
        return
    names = list(rows[0])
    batch.file = _text([names, *([row.get(name, "") for name in names] for row in rows)])


def _write(call: Call, job: Job, batch: Batch) -> None:
    rows = _rows(job, batch.request)
    if len(rows) > MAX_ROWS:
        raise AsyncError("InvalidBatch", f"Records processed exceeds the limit of {MAX_ROWS}")
    failed = 0
    for row in rows:
        try:
            made, created = write_row(call, job.info, row)
        except SalesforceError as error:
            failed += 1
            problem = {
                "message": error.message,
                "fields": error.fields,
                "statusCode": error.code,
                "extendedErrorDetails": None,
            }
            batch.results.append(
                {"success": False, "created": False, "id": None, "errors": [problem]}
            )
        else:
            batch.results.append({"success": True, "created": created, "id": made, "errors": []})
    batch.info |= {"numberRecordsProcessed": len(rows), "numberRecordsFailed": failed}


def _rows(job: Job, text: str) -> list[dict[str, object]]:
    """The records of a batch; in CSV empty cells are ignored and `#N/A` is null."""
    if job.info["contentType"] == "CSV":
        return [
            {name: None if cell == "#N/A" else cell for name, cell in row.items() if cell}
            for row in csv.DictReader(io.StringIO(text, newline=""))
        ]
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise AsyncError("InvalidBatch", "Unable to parse the JSON") from error
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise AsyncError("InvalidBatch", "A batch is a list of records")
    return rows


def _count(job: Job) -> None:
    """What the job's batches come to."""
    infos = [batch.info for batch in job.batches.values()]
    done = [one for one in infos if one["state"] == "Completed"]
    job.info |= {
        "numberBatchesTotal": len(infos),
        "numberBatchesCompleted": len(done),
        "numberBatchesFailed": len(infos) - len(done),
        "numberRecordsProcessed": sum(int(str(one["numberRecordsProcessed"])) for one in infos),
        "numberRecordsFailed": sum(int(str(one["numberRecordsFailed"])) for one in infos),
    }


# --- in and out ------------------------------------------------------------------------------


def _worded(handler: Handler) -> Handler:
    """The handler, its refusals in Bulk 1.0's words."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except AsyncError as error:
            return _refusal(request, error)

    return handle


def refused(request: web.Request, error: SalesforceError) -> web.Response:
    """What was refused before it reached a handler, in Bulk 1.0's words."""
    code = _CODES.get(error.code, "Unknown")
    return _refusal(request, AsyncError(code, error.message, error.status))


def _refusal(request: web.Request, error: AsyncError) -> web.Response:
    body: Info = {"exceptionCode": error.code, "exceptionMessage": error.message}
    return _shown(request, "error", body, status=error.status)


async def _asked(request: web.Request) -> Info:
    """The job a request describes, as JSON or as XML."""
    raw = await request.read()
    if _wants_json(request):
        try:
            body = json.loads(raw)
        except ValueError as error:
            raise AsyncError("InvalidJob", "Unable to parse the JSON") from error
        if not isinstance(body, dict):
            raise AsyncError("InvalidJob", "An object is expected")
        return body
    if b"<!DOCTYPE" in raw:  # entities are refused, so that a hostile job cannot grow
        raise AsyncError("InvalidJob", "DOCTYPE is not allowed")
    try:
        root = ET.fromstring(raw)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise AsyncError("InvalidJob", "Unable to parse the XML") from error
    return {one.tag.rpartition("}")[2]: one.text for one in root}


def _job(request: web.Request) -> Job:
    job = request.app[_JOBS].get(request.match_info["id"])
    if job is None:
        raise AsyncError("InvalidJob", f"Unable to find job for id: {request.match_info['id']}")
    return job


def _batch(request: web.Request) -> Batch:
    batch = _job(request).batches.get(request.match_info["batch"])
    if batch is None:
        raise AsyncError("InvalidBatch", f"Unable to find batch {request.match_info['batch']}")
    return batch


def _wants_json(request: web.Request) -> bool:
    return "json" in request.headers.get("Content-Type", "").lower()


def _shown(request: web.Request, root: str, info: Info, *, status: int = 200) -> web.Response:
    """In the form of the request."""
    if _wants_json(request):
        return _json(info, status=status)
    return _xml(f'<{root} xmlns="{_SPACE}">{_fields(info)}</{root}>', status=status)


def _in_kind(job: Job, root: str, info: Info, *, status: int = 200) -> web.Response:
    """In the form of the job's content."""
    if job.info["contentType"] == "JSON":
        return _json(info, status=status)
    return _xml(f'<{root} xmlns="{_SPACE}">{_fields(info)}</{root}>', status=status)


def _fields(info: Mapping[str, object]) -> str:
    """Elements of what has a value."""
    shown = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in info.items()
        if value is not None
    }
    return "".join(f"<{key}>{escape(value)}</{key}>" for key, value in shown.items())


def _said(result: Result) -> str:
    """The errors of a record as CSV shows them: `CODE:message:fields --`."""
    errors = result["errors"]
    return "".join(
        f"{one['statusCode']}:{one['message']}:{' '.join(one['fields'])} --"
        for one in (errors if isinstance(errors, list) else [])
    )


def _json(body: object, *, status: int = 200) -> web.Response:
    raw = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(body=raw, status=status, content_type="application/json")


def _xml(text: str, *, status: int = 200) -> web.Response:
    whole = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return web.Response(text=whole, status=status, content_type="application/xml", charset="utf-8")


def _text(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()


def _csv(rows: list[list[object]]) -> web.Response:
    text = _text([[str(cell) for cell in row] for row in rows])
    return web.Response(text=text, content_type="text/csv", charset="utf-8")
