"""What pages are made of: tabs, theme, apps, list views, quick actions, search layouts.

Clients read them to build screens of their own. The org has the plainest of each: one list view
of everything an object, one global quick action. Shapes are those of the REST API guide [D]; which
of them this org has is assumed. Layouts are in a module of their own.
"""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field, ObjectType
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.rest.context import DATA, Call, Handler, answer, call_of
from sandbox.salesforce.soql.execute import execute

_VIEW = "00BWs00000{number:05d}"
_COLOR = "4BC076"
_LOG_A_CALL = "LogACall"
_SHOWN = ("Name", "Email", "Phone", "Status", "StageName", "CreatedDate")
"""Columns of a list view, where the object has them."""
_TABS = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "Task")


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    one = DATA + "/sobjects/{sobject}"
    views = one + "/listviews"
    served = {
        DATA + "/tabs": tabs,
        DATA + "/theme": theme,
        DATA + "/appMenu": app_menu,
        DATA + "/appMenu/{kind:AppSwitcher|NetworkTabs|Salesforce1}": app_items,
        DATA + "/quickActions": quick_actions,
        DATA + "/quickActions/{name}": quick_action,
        DATA + "/search/scopeOrder": scope_order,
        DATA + "/search/layout": search_layouts,
        DATA + "/process/rules": nothing_in("rules"),
        DATA + "/process/approvals": nothing_in("approvals"),
        DATA + "/analytics/reports": empty_list,
        DATA + "/analytics/dashboards": empty_list,
        one + "/quickActions": quick_actions,
        one + "/quickActions/{name}": quick_action,
        views: list_views,
        views + "/recent": recently_viewed,
        views + "/{view}/describe": describe_view,
        views + "/{view}/results": view_results,
        views + "/{view}": list_view,
    }
    return [
        web.get(path + slash, handler) for path, handler in served.items() for slash in ("", "/")
    ]


# --- tabs, theme, apps -----------------------------------------------------------------------


async def tabs(request: web.Request) -> web.Response:
    """The tabs of the caller's app."""
    call = call_of(request)
    kinds = [call.org.records.kind(name) for name in _TABS]
    return answer([_tab(request, kind) for kind in kinds])


async def theme(request: web.Request) -> web.Response:
    """Colours and icons by object."""
    call = call_of(request)
    items = []
    for name in _TABS:
        shown = _tab(request, call.org.records.kind(name))
        items.append({"colors": shown["colors"], "icons": shown["icons"], "name": name})
    return answer({"themeItems": items})


async def app_menu(request: web.Request) -> web.Response:
    """The menus there are."""
    base = f"{call_of(request).base}/appMenu"
    return answer(
        {name: f"{base}/{name}" for name in ("AppSwitcher", "NetworkTabs", "Salesforce1")}
    )


async def app_items(request: web.Request) -> web.Response:
    """The apps of a menu: one in the switcher."""
    call_of(request)
    item = {
        "type": "Tabset",
        "content": None,
        "icons": None,
        "colors": None,
        "label": "Sales",
        "url": "/home/home.jsp?tsid=02uWs0000000001",
    }
    return answer({"appMenuItems": [item] if request.match_info["kind"] == "AppSwitcher" else []})


def _tab(request: web.Request, kind: ObjectType) -> dict[str, object]:
    host = f"{request.scheme}://{request.host}"
    word = kind.name.lower()
    return {
        "colors": [{"color": _COLOR, "context": "primary", "theme": "theme4"}],
        "custom": False,
        "iconUrl": f"{host}/img/icon/{word}32.png",
        "icons": [
            {
                "contentType": "image/png",
                "height": 32,
                "theme": "theme3",
                "url": f"{host}/img/icon/{word}32.png",
                "width": 32,
            }
        ],
        "label": kind.plural,
        "miniIconUrl": f"{host}/img/icon/{word}16.png",
        "name": f"standard-{kind.name}",
        "sobjectName": kind.name,
        "url": f"{host}/{kind.prefix}/o",
    }


# --- list views ------------------------------------------------------------------------------


async def list_views(request: web.Request) -> web.Response:
    """The list views of an object: all of its records."""
    call, kind = _kind(request)
    return answer(
        {
            "done": True,
            "listviews": [_view(call, kind)],
            "nextRecordsUrl": None,
            "size": 1,
            "sobjectType": kind.name,
        }
    )


async def list_view(request: web.Request) -> web.Response:
    """One list view."""
    call, kind = _found(request)
    return answer(_view(call, kind))


async def recently_viewed(request: web.Request) -> web.Response:
    """What was looked at last: nobody looks at records here."""
    _, kind = _kind(request)
    shown = {"developerName": "RecentlyViewed", "done": True, "id": None, "records": [], "size": 0}
    return answer({**shown, "columns": [], "label": f"Recently Viewed {kind.plural}"})


async def describe_view(request: web.Request) -> web.Response:
    """What a list view shows and in which order."""
    call, kind = _found(request)
    return answer(
        {
            "columns": [_column(one) for one in _columns(call, kind)],
            "id": _view_id(call, kind),
            "orderBy": [
                {"fieldNameOrPath": "Id", "nullsPosition": "first", "sortDirection": "ascending"}
            ],
            "query": _query(call, kind),
            "relatedEntityId": None,
            "scope": "everything",
            "scopeEntityId": None,
            "sobjectType": kind.name,
            "whereCondition": {"conditions": [], "conjunction": "and"},
        }
    )


async def view_results(request: web.Request) -> web.Response:
    """The records a list view shows, `limit` (25) at an `offset`; values are text."""
    call, kind = _found(request)
    columns = _columns(call, kind)
    found = execute(
        call.org.records, _query(call, kind), user_id=call.user_id, version=call.version
    )
    limit, offset = _whole(request, "limit", 25), _whole(request, "offset", 0)
    records = [
        {
            "columns": [
                {"fieldNameOrPath": name, "value": _text(record.get(name))}
                for name in ("Id", *(one.name for one in columns))
            ]
        }
        for record in found.shown(offset, offset + limit)
    ]
    return answer(
        {
            "columns": [_column(one) for one in columns],
            "developerName": f"All{kind.name}s",
            "done": True,
            "id": _view_id(call, kind),
            "label": f"All {kind.plural}",
            "records": records,
            "size": len(records),
        }
    )


def _view(call: Call, kind: ObjectType) -> dict[str, object]:
    view_id = _view_id(call, kind)
    url = f"{call.base}/sobjects/{kind.name}/listviews/{view_id}"
    return {
        "describeUrl": f"{url}/describe",
        "developerName": f"All{kind.name}s",
        "id": view_id,
        "label": f"All {kind.plural}",
        "resultsUrl": f"{url}/results",
        "soqlCompatible": True,
        "url": url,
    }


def _view_id(call: Call, kind: ObjectType) -> str | None:
    number = sorted(call.org.records.tables).index(kind.name)
    return to_18(_VIEW.format(number=number))


def _query(call: Call, kind: ObjectType) -> str:
    names = dict.fromkeys(["Id", *(one.name for one in _columns(call, kind))])
    return f"SELECT {', '.join(names)} FROM {kind.name} ORDER BY Id ASC NULLS FIRST"


def _columns(call: Call, kind: ObjectType) -> list[Field]:
    visible = {one.name: one for one in call.org.records.visible_fields(kind, call.user_id)}
    return [visible[name] for name in _SHOWN if name in visible]


def _column(field: Field) -> dict[str, object]:
    shown = field.describe()
    return {
        "ascendingLabel": "A-Z",
        "descendingLabel": "Z-A",
        "fieldNameOrPath": field.name,
        "hidden": False,
        "label": shown["label"],
        "searchable": field.type in {"string", "email", "phone"},
        "selectListItem": field.name,
        "sortDirection": None,
        "sortIndex": None,
        "sortable": shown["sortable"],
        "type": field.type,
    }


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


# --- actions, search, processes --------------------------------------------------------------


async def quick_actions(request: web.Request) -> web.Response:
    """The actions there are, everywhere or on an object: logging a call."""
    return answer([_action(request)])


async def quick_action(request: web.Request) -> web.Response:
    """One action; 404 for one there is not."""
    shown = _action(request)
    if request.match_info["name"] != _LOG_A_CALL:
        raise not_found()
    return answer({**shown, "targetSobjectType": "Task", "targetParentField": None})


def _action(request: web.Request) -> dict[str, object]:
    if "sobject" in request.match_info:
        call, kind = _kind(request)
        root = f"{call.base}/sobjects/{kind.name}/quickActions/{_LOG_A_CALL}"
    else:
        root = f"{call_of(request).base}/quickActions/{_LOG_A_CALL}"
    return {
        "label": "Log a Call",
        "name": _LOG_A_CALL,
        "type": _LOG_A_CALL,
        "urls": {
            "quickAction": root,
            "describe": f"{root}/describe",
            "defaultValues": f"{root}/defaultValues",
        },
    }


async def scope_order(request: web.Request) -> web.Response:
    """In which order a search looks through objects."""
    call = call_of(request)
    root = f"{call.base}/sobjects"
    return answer([{"type": name, "url": f"{root}/{name}/describe"} for name in _TABS])


async def search_layouts(request: web.Request) -> web.Response:
    """What results of a search show, `q=Account,Contact`."""
    call = call_of(request)
    names = [one for one in request.query.get("q", "").split(",") if one]
    shown = []
    for kind in map(call.org.records.kind, names):
        columns = [
            {
                "field": f"{kind.name}.{one.name}",
                "format": None,
                "label": one.describe()["label"],
                "name": one.name,
            }
            for one in _columns(call, kind)
        ]
        layout = {"limitRows": 5, "objectType": kind.name, "searchColumns": columns}
        shown.append({**layout, "errorMsg": None, "label": "Search Results"})
    return answer(shown)


def nothing_in(key: str) -> Handler:
    """A handler that shows an object with nothing below `key`."""

    async def shown(request: web.Request) -> web.Response:
        call_of(request)
        return answer({key: {}})

    return shown


async def empty_list(request: web.Request) -> web.Response:
    """There is none."""
    call_of(request)
    return answer([])


def _kind(request: web.Request) -> tuple[Call, ObjectType]:
    call = call_of(request)
    return call, call.org.records.kind(request.match_info["sobject"])


def _found(request: web.Request) -> tuple[Call, ObjectType]:
    """The object of a list view that is there."""
    call, kind = _kind(request)
    if to_18(request.match_info["view"]) != _view_id(call, kind):
        raise not_found()
    return call, kind


def _whole(request: web.Request, key: str, default: int) -> int:
    text = request.query.get(key, str(default))
    if not text.isdigit():
        raise SalesforceError("INVALID_QUERY_SCOPE", f"{key} must be a whole number")
    return int(text)
