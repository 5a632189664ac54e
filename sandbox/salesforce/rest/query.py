"""query and queryAll, paged; limits; getUpdated and getDeleted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from aiohttp import web

from sandbox.salesforce.cursors import DEFAULT_BATCH, MIN_BATCH, Page
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.records import RECYCLE_DAYS
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of
from sandbox.salesforce.soql.execute import execute
from sandbox.salesforce.soql.parser import pointed_at
from sandbox.salesforce.times import from_stamp, parse_datetime, stamp

_UPDATED_DAYS = 30
"""How far back getUpdated reaches (FACTS section 4)."""
_MAX_IDS = 600_000
_NAMED = re.compile(r"(?:No such column|sObject type) '(\w+)'")
_ALLOWANCES = {
    "ActiveScratchOrgs": 40,
    "AnalyticsExternalDataSizeMB": 40_960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDeliveredPlatformEvents": 50_000,
    "DailyDurableGenericStreamingApiEvents": 200_000,
    "DailyDurableStreamingApiEvents": 200_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStandardVolumePlatformEvents": 25_000,
    "DailyStreamingApiEvents": 200_000,
    "DailyWorkflowEmails": 1_000,
    "DurableStreamingApiConcurrentClients": 1_000,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyODataCallout": 20_000,
    "HourlyPublishedPlatformEvents": 250_000,
    "HourlyPublishedStandardVolumePlatformEvents": 100_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 5_000,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "Package2VersionCreates": 6,
    "SingleEmail": 5_000,
    "StreamingApiConcurrentClients": 1_000,
}
"""What nobody here uses up, by the names and sizes of an Enterprise org [D]."""


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    found: list[web.RouteDef] = []
    for name in ("query", "queryAll", "tooling/query"):
        path = f"{DATA}/{name}"
        found += [web.get(path, query), web.get(path + "/", query)]
        found.append(web.get(path + "/{locator}", more))
    for name in ("updated", "deleted"):
        handler = updated if name == "updated" else deleted
        path = f"{DATA}/sobjects/{{sobject}}/{name}"
        found += [web.get(path, handler), web.get(path + "/", handler)]
    found += [web.get(DATA + "/limits", limits), web.get(DATA + "/limits/", limits)]
    return found


async def query(request: web.Request) -> web.Response:
    """The first page of an answer."""
    call = call_of(request)
    text = request.query.get("q")
    if text is None:
        raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
    try:
        found = execute(
            call.org.records,
            text,
            user_id=call.user_id,
            all_rows="/queryAll" in request.path,
            version=call.version,
        )
    except SalesforceError as error:
        error.message = _pointed_at(error.message, text)
        raise
    return _paged(call, request, call.org.cursors.first(found, _batch(request)))


def _pointed_at(message: str, text: str) -> str:
    """What is wrong with a name, with its place in the query."""
    named = _NAMED.match(message)
    found = re.search(rf"\b{re.escape(named[1])}\b", text) if named else None
    return message if found is None else pointed_at(message, text, found.start(), found.end())


async def more(request: web.Request) -> web.Response:
    """A further page, by its locator."""
    call = call_of(request)
    page = call.org.cursors.resume(request.match_info["locator"], _batch(request))
    return _paged(call, request, page)


def _paged(call: Call, request: web.Request, page: Page) -> web.Response:
    body: dict[str, object] = {"totalSize": page.total, "done": page.next_locator is None}
    if page.next_locator is not None:
        tooling = "tooling/" if "/tooling/" in request.path else ""
        body["nextRecordsUrl"] = f"{call.base}/{tooling}query/{page.next_locator}"
    body["records"] = page.records
    return answer(body)


def _batch(request: web.Request) -> int:
    """BatchSize of Sforce-Query-Options, 200 to 2000 (FACTS section 4)."""
    for option in request.headers.get("Sforce-Query-Options", "").split(","):
        key, _, value = option.strip().partition("=")
        if key.strip().lower() == "batchsize" and value.strip().isdigit():
            return min(max(int(value), MIN_BATCH), DEFAULT_BATCH)
    return DEFAULT_BATCH


async def limits(request: web.Request) -> web.Response:
    """The allowances, those a client looks at."""
    usage = call_of(request).org.usage
    left = {"Max": usage.limit, "Remaining": max(0, usage.limit - usage.used)}
    return answer(
        {
            **{name: {"Max": most, "Remaining": most} for name, most in _ALLOWANCES.items()},
            "DailyApiRequests": left,
            "DataStorageMB": {"Max": 10_240, "Remaining": 10_000},
            "FileStorageMB": {"Max": 10_240, "Remaining": 10_000},
        }
    )


async def updated(request: web.Request) -> web.Response:
    """Ids changed in a span of time, deleted ones left out."""
    call = call_of(request)
    start, end = _span(call, request, _UPDATED_DAYS)
    call.org.records.release_late()
    table = call.org.records.table(request.match_info["sobject"])
    ids = [
        str(row["Id"])
        for row in table.between(start, end)
        if not row.get("IsDeleted") and str(row["SystemModstamp"]) < end
    ]
    _cap(ids)
    return answer({"ids": ids, "latestDateCovered": end})


async def deleted(request: web.Request) -> web.Response:
    """What was deleted in a span of time, as far back as the recycle bin reaches."""
    call = call_of(request)
    start, end = _span(call, request, RECYCLE_DAYS)
    records = call.org.records
    records.empty_recycle_bin()
    table = records.table(request.match_info["sobject"])
    found = [
        {"id": record_id, "deletedDate": when}
        for when, record_id in table.deleted
        if start <= when < end
    ]
    _cap(found)
    earliest = stamp(call.org.clock.now() - timedelta(days=RECYCLE_DAYS))
    return answer(
        {"deletedRecords": found, "earliestDateAvailable": earliest, "latestDateCovered": end}
    )


def _cap(found: list[object] | list[str] | list[dict[str, str]]) -> None:
    if len(found) > _MAX_IDS:
        message = f"Exceeded the limit of {_MAX_IDS} ids"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)


def _span(call: Call, request: web.Request, days: int) -> tuple[str, str]:
    texts = [request.query.get(name, "").replace(" ", "+") for name in ("start", "end")]
    parsed = [parse_datetime(text) for text in texts]
    if parsed[0] is None or parsed[1] is None:
        raise _bad_date("startDate and endDate are required")
    start, end = (_minute(text) for text in (parsed[0], parsed[1]))
    now: datetime = call.org.clock.now()
    if from_stamp(start) >= from_stamp(end):
        raise _bad_date("startDate must precede endDate")
    if from_stamp(start) < now - timedelta(days=days):
        raise _bad_date(f"startDate cannot be more than {days} days ago")
    return start, min(end, stamp(now))


def _minute(text: str) -> str:
    """An instant without its seconds, which the vendor leaves out [D]."""
    return stamp(from_stamp(text).replace(second=0, microsecond=0))


def _bad_date(message: str) -> SalesforceError:
    return SalesforceError("INVALID_REPLICATION_DATE", message)
