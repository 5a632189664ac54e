"""composite, composite/batch and composite/graph: several calls in one.

Subrequests are played through the same application as any other call, so what works alone works
here. `@{ref.path}` refers to an earlier subrequest's answer (at most 25, FACTS section 4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rest.context import DATA, TOKEN, USER, answer, call_of, json_body, refusal
from sandbox.salesforce.snapshot import Snapshot

MAX_SUBREQUESTS = 25
"""Subrequests in one composite or batch call (FACTS section 4)."""
MAX_GRAPHS, MAX_NODES = 75, 500
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)\.([^}]+)\}")
_OK = 300


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    found: list[web.RouteDef] = []
    for slash in ("", "/"):
        found += [
            web.post(DATA + "/composite" + slash, composite),
            web.post(DATA + "/composite/batch" + slash, batch),
            web.post(DATA + "/composite/graph" + slash, graph),
        ]
    return found


async def composite(request: web.Request) -> web.Response:
    """Subrequests in order, each answered with body, headers, status and referenceId."""
    call = call_of(request)
    pristine = request.clone()  # a request can be cloned only before its body is read
    body = await json_body(request)
    subrequests = _listed(body, "compositeRequest")
    before = Snapshot(call.org.records) if body.get("allOrNone") is True else None
    shown, _ = await _in_turn(pristine, request, subrequests, before)
    return answer({"compositeResponse": shown})


async def graph(request: web.Request) -> web.Response:
    """Graphs of subrequests, each of which is done whole or not at all, whatever becomes of the
    others: at most 75 graphs and 500 subrequests together (FACTS section 4, Collections)."""
    call = call_of(request)
    pristine = request.clone()
    body = await json_body(request)
    graphs = _listed(body, "graphs", MAX_GRAPHS)
    asked = [_listed(one, "compositeRequest", MAX_NODES) for one in graphs]
    if sum(map(len, asked)) > MAX_NODES:
        message = f"The number of nodes exceeds the limit of {MAX_NODES}"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
    found: list[dict[str, object]] = []
    for one, subrequests in zip(graphs, asked, strict=True):
        before = Snapshot(call.org.records)
        shown, fine = await _in_turn(pristine, request, subrequests, before)
        found.append(
            {
                "graphId": str(one.get("graphId", "")),
                "graphResponse": {"compositeResponse": shown},
                "isSuccessful": fine,
            }
        )
    return answer({"graphs": found})


async def _in_turn(
    pristine: web.BaseRequest,
    request: web.Request,
    subrequests: Sequence[Mapping[str, object]],
    before: Snapshot | None,
) -> tuple[list[dict[str, object]], bool]:
    """The answers to subrequests in order, and whether all went well; where one did not and
    `before` is given, everything is put back to it."""
    known: dict[str, object] = {}
    shown: list[dict[str, object]] = []
    for one in subrequests:
        reference = str(one.get("referenceId", ""))
        status, headers, result = await _subrequest(pristine, request, one, known)
        known[reference] = result
        shown.append(
            {
                "body": result,
                "httpHeaders": headers,
                "httpStatusCode": status,
                "referenceId": reference,
            }
        )
    fine = all(int(str(one["httpStatusCode"])) < _OK for one in shown)
    if before is not None and not fine:
        before.restore()
        shown = [_rolled_back(one) for one in shown]
    return shown, fine


async def batch(request: web.Request) -> web.Response:
    """Independent subrequests, each answered with statusCode and result."""
    pristine = request.clone()
    body = await json_body(request)
    results: list[dict[str, object]] = []
    errors = False
    version = request.match_info["version"]
    for one in _listed(body, "batchRequests"):
        url = str(one.get("url", "")).lstrip("/")
        full = url if url.startswith("services/") else f"services/data/{url}"
        if not full.startswith("services/data/v"):
            full = f"services/data/{version}/{url}"
        wanted = {"method": one.get("method"), "url": f"/{full}", "body": one.get("richInput")}
        status, _, result = await _subrequest(pristine, request, wanted, {})
        errors = errors or status >= _OK
        results.append({"statusCode": status, "result": result})
        if errors and body.get("haltOnError") is True:
            break
    return answer({"hasErrors": errors, "results": results})


async def _subrequest(
    pristine: web.BaseRequest,
    request: web.Request,
    one: Mapping[str, object],
    known: Mapping[str, object],
) -> tuple[int, dict[str, str], object]:
    """Play one subrequest: (status, headers, parsed body)."""
    try:
        url = str(_filled(one.get("url", ""), known))
        content = _filled(one.get("body"), known)
    except SalesforceError as error:
        return error.status, {}, [error.body()]
    method = str(one.get("method", "GET")).upper()
    headers = CIMultiDict({"Content-Type": "application/json", "Host": request.host})
    extra = one.get("httpHeaders")
    if isinstance(extra, dict):
        headers.update({str(key): str(value) for key, value in extra.items()})
    inner = pristine.clone(method=method, rel_url=URL(url, encoded=True), headers=headers)
    payload = b"" if content is None else json.dumps(content).encode()
    response = await _play(request, inner, payload)
    raw = response.body if isinstance(response, web.Response) else None
    text = raw.decode() if isinstance(raw, bytes) else ""
    shown = {"Location": response.headers["Location"]} if "Location" in response.headers else {}
    return response.status, shown, json.loads(text) if text else None


async def _play(request: web.Request, inner: web.BaseRequest, payload: bytes) -> web.StreamResponse:
    assert isinstance(inner, web.Request)  # noqa: S101 - a clone of one
    inner[USER], inner[TOKEN] = request[USER], request[TOKEN]
    inner._read_bytes = payload  # noqa: SLF001 - the one way to give a request its body
    match = await request.app.router.resolve(inner)
    match.add_app(request.app)
    inner._match_info = match  # noqa: SLF001 - as the application itself does
    try:
        return await match.handler(inner)
    except SalesforceError as error:
        return refusal(error)
    except web.HTTPException as error:
        known = error.status == web.HTTPMethodNotAllowed.status_code
        code = "METHOD_NOT_ALLOWED" if known else "NOT_FOUND"
        return refusal(SalesforceError(code, "The requested resource does not exist"))


def _filled(value: object, known: Mapping[str, object]) -> object:
    """The value with every `@{ref.path}` replaced."""
    if isinstance(value, dict):
        return {key: _filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _looked_up(whole, known)
    return _REFERENCE.sub(lambda match: str(_looked_up(match, known)), value)


def _looked_up(match: re.Match[str], known: Mapping[str, object]) -> object:
    found: object = known.get(match[1])
    for part in re.findall(r"[^.\[\]]+", match[2]):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, dict) and part in found:
            found = found[part]
        else:
            message = f"Invalid reference specified. No value for {match[1]}.{match[2]} found"
            raise SalesforceError("PROCESSING_HALTED", message)
    return found


def _rolled_back(shown: dict[str, object]) -> dict[str, object]:
    if int(str(shown["httpStatusCode"])) >= _OK:
        return shown
    message = (
        "The transaction was rolled back since another operation in the same transaction failed."
    )
    body = [SalesforceError("PROCESSING_HALTED", message).body()]
    return {**shown, "body": body, "httpHeaders": {}, "httpStatusCode": 400}


def _listed(
    body: Mapping[str, object], key: str, most: int = MAX_SUBREQUESTS
) -> list[dict[str, object]]:
    listed = body.get(key)
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise SalesforceError("JSON_PARSER_ERROR", f"{key} must be a list of subrequests")
    if len(listed) > most:
        message = f"The number of subrequests exceeds the limit of {most}"
        raise SalesforceError("EXCEEDED_ID_LIMIT", message)
    return listed
