"""Small resources of their own: record counts, suggestions, passwords, standard actions, Apex REST.

Shapes are those of the REST API guide [D]. The org has no Apex: whatever is asked below
/services/apexrest matches no class, and nothing compiles.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.rest.context import DATA, answer, call_of, json_body
from sandbox.salesforce.soql.execute import execute

_SUGGESTED = 5
_SHORTEST = 3
"""Characters a suggestion needs [D]."""


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    served = {
        DATA + "/limits/recordCount": record_count,
        DATA + "/search/suggestions": suggestions,
        DATA + "/sobjects/relevantItems": relevant_items,
        DATA + "/sobjects/User/{id}/password": password_state,
        DATA + "/actions": actions,
        DATA + "/actions/standard": standard_actions,
        DATA + "/actions/custom": custom_actions,
        DATA + "/tooling/executeAnonymous": execute_anonymous,
        DATA + "/tooling/completions": completions,
    }
    found = [
        web.get(path + slash, handler) for path, handler in served.items() for slash in ("", "/")
    ]
    found.append(web.post(DATA + "/sobjects/User/{id}/password", set_password))
    return [*found, web.route("*", "/services/apexrest/{rest:.*}", apex)]


async def record_count(request: web.Request) -> web.Response:
    """How many records objects have, all or those of `sObjects=A,B`; unknown ones are left out."""
    records = call_of(request).org.records
    asked = {one.lower() for one in request.query.get("sObjects", "").split(",") if one}
    counted = [
        {"count": sum(not row.get("IsDeleted") for row in table.rows.values()), "name": name}
        for name, table in sorted(records.tables.items())
        if not table.kind.tooling and (not asked or name.lower() in asked)
    ]
    return answer({"sObjects": [one for one in counted if asked or one["count"]]})


async def suggestions(request: web.Request) -> web.Response:
    """Records of an object whose name begins with `q`."""
    call = call_of(request)
    words, kind = (
        request.query.get("q", ""),
        call.org.records.kind(request.query.get("sobject", "")),
    )
    if len(words) < _SHORTEST:
        message = f"search term must be at least {_SHORTEST} characters"
        raise SalesforceError("MALFORMED_SEARCH", message)
    limit = request.query.get("limit", "")
    most = int(limit) if limit.isdigit() else _SUGGESTED
    pattern = words.replace("\\", "\\\\").replace("'", "\\'").replace("%", "\\%")
    query = f"SELECT Id, Name FROM {kind.name} WHERE Name LIKE '{pattern}%' ORDER BY Name"
    found = execute(call.org.records, query, user_id=call.user_id, version=call.version)
    return answer(
        {"autoSuggestResults": found.shown(0, most), "hasMoreResults": found.total > most}
    )


async def relevant_items(request: web.Request) -> web.Response:
    """What the caller cares for most: nobody looks at records here."""
    call_of(request)
    return answer([])


async def password_state(request: web.Request) -> web.Response:
    """Whether a user's password has expired: nobody here has one."""
    call = call_of(request)
    call.org.records.live("User", request.match_info["id"])
    return answer({"isExpired": False})


async def set_password(request: web.Request) -> web.Response:
    """204; nobody logs in by password."""
    call = call_of(request)
    call.org.records.live("User", request.match_info["id"])
    if not (await json_body(request)).get("NewPassword"):
        raise SalesforceError(
            "REQUIRED_FIELD_MISSING", "Required fields are missing: [NewPassword]"
        )
    return web.Response(status=204)


async def actions(request: web.Request) -> web.Response:
    """The families of invocable actions."""
    base = f"{call_of(request).base}/actions"
    return answer({"standard": f"{base}/standard", "custom": f"{base}/custom"})


async def standard_actions(request: web.Request) -> web.Response:
    """The invocable actions that come with the product: this org shows none."""
    call_of(request)
    return answer({"actions": []})


async def custom_actions(request: web.Request) -> web.Response:
    """The kinds of invocable actions people make."""
    base = f"{call_of(request).base}/actions/custom"
    kinds = ("quickAction", "apex", "emailAlert", "flow", "sendNotification")
    return answer({kind: f"{base}/{kind}" for kind in kinds})


async def execute_anonymous(request: web.Request) -> web.Response:
    """Apex does not compile here: 200 with the problem, as for code that is wrong."""
    call_of(request)
    return answer(
        {
            "line": 1,
            "column": 1,
            "compiled": False,
            "success": False,
            "compileProblem": "This sandbox runs no Apex.",
            "exceptionStackTrace": None,
            "exceptionMessage": None,
        }
    )


async def completions(request: web.Request) -> web.Response:
    """Symbols an editor could complete: none."""
    call_of(request)
    return answer({"publicDeclarations": {}})


async def apex(request: web.Request) -> web.Response:
    """404: no class serves any URL."""
    call_of(request)
    raise SalesforceError("NOT_FOUND", f"Could not find a match for URL {request.path}")
