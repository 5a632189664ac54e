"""Layouts: which fields a record's page shows, and the compact ones for its head.

The org has one layout an object, with every field the caller may see in one section, and the
compact layout no administrator ever touched. Shapes are those of the REST API guide [D].
"""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce.errors import SalesforceError, not_found
from sandbox.salesforce.fields import Field, ObjectType
from sandbox.salesforce.ids import to_18
from sandbox.salesforce.rest.context import DATA, Call, answer, call_of

MASTER = "012000000000000AAA"
"""The record type of every record of an object without record types."""
_COMPACT = ("Name", "Email", "Phone", "Status", "StageName")
"""Fields of the compact layout, where the object has them."""


def routes() -> list[web.RouteDef]:
    """The endpoints of this module."""
    one = DATA + "/sobjects/{sobject}/describe"
    served = {
        DATA + "/compactLayouts": compact_layouts_of,
        DATA + "/sobjects/Global/describe/layouts": layouts_global,
        one + "/layouts": layouts,
        one + "/layouts/{record_type}": layout,
        one + "/compactLayouts": compact_layouts,
        one + "/compactLayouts/primary": primary_compact_layout,
        one + "/approvalLayouts": approval_layouts,
    }
    return [
        web.get(path + slash, handler) for path, handler in served.items() for slash in ("", "/")
    ]


async def layouts(request: web.Request) -> web.Response:
    """The one layout of an object, and which record types use it."""
    call, kind = _kind(request)
    mapping = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "layoutId": _layout_id(kind),
        "master": True,
        "name": "Master",
        "picklistsForRecordType": None,
        "recordTypeId": MASTER,
        "urls": {"layout": f"{call.base}/sobjects/{kind.name}/describe/layouts/{MASTER}"},
    }
    return answer(
        {
            "layouts": [_layout(call, kind)],
            "recordTypeMappings": [mapping],
            "recordTypeSelectorRequired": [False],
        }
    )


async def layout(request: web.Request) -> web.Response:
    """The layout of one record type; 404 for one the object has not."""
    call, kind = _kind(request)
    if to_18(request.match_info["record_type"]) != MASTER:
        raise not_found()
    return answer(_layout(call, kind))


async def layouts_global(request: web.Request) -> web.Response:
    """The layout of global quick actions: there is none to show."""
    call_of(request)
    return answer({"layouts": [], "recordTypeMappings": [], "recordTypeSelectorRequired": [False]})


async def approval_layouts(request: web.Request) -> web.Response:
    """The layouts of approvals: the org has no approval process."""
    _kind(request)
    return answer({"approvalLayouts": []})


async def compact_layouts(request: web.Request) -> web.Response:
    """The compact layouts of an object."""
    call, kind = _kind(request)
    return answer(_compact(call, kind))


async def primary_compact_layout(request: web.Request) -> web.Response:
    """The compact layout in use."""
    call, kind = _kind(request)
    return answer(_system_layout(call, kind))


async def compact_layouts_of(request: web.Request) -> web.Response:
    """The compact layouts of several objects, `q=Account,Contact`."""
    call = call_of(request)
    names = [one for one in request.query.get("q", "").split(",") if one]
    if not names:
        raise SalesforceError("MISSING_ARGUMENT", "The q parameter is required")
    kinds = [call.org.records.kind(one) for one in names]
    return answer({kind.name: _compact(call, kind) for kind in kinds})


def _layout(call: Call, kind: ObjectType) -> dict[str, object]:
    fields = list(call.org.records.visible_fields(kind, call.user_id))
    rows = [{"layoutItems": [_item(one)], "numItems": 1} for one in fields]
    section = {
        "columns": 1,
        "heading": f"{kind.label} Information",
        "layoutRows": rows,
        "layoutSectionId": None,
        "parentLayoutId": _layout_id(kind),
        "rows": len(rows),
        "tabOrder": "TopToBottom",
        "useCollapsibleSection": False,
        "useHeading": True,
    }
    return {
        "buttonLayoutSection": {"detailButtons": []},
        "detailLayoutSections": [section],
        "editLayoutSections": [section],
        "feedView": None,
        "highlightsPanelLayoutSection": None,
        "id": _layout_id(kind),
        "multirowEditLayoutSections": [],
        "offlineLinks": [],
        "quickActionList": {"quickActionListItems": []},
        "relatedContent": None,
        "relatedLists": [],
        "saveOptions": [],
    }


def _layout_id(kind: ObjectType) -> str | None:
    return to_18(f"00hWs0000000{kind.prefix or '000'}")


def _item(field: Field) -> dict[str, object]:
    shown = field.describe()
    return {
        "editableForNew": shown["createable"],
        "editableForUpdate": shown["updateable"],
        "label": shown["label"],
        "layoutComponents": [
            {
                "details": shown,
                "displayLines": 1,
                "tabOrder": 1,
                "type": "Field",
                "value": field.name,
            }
        ],
        "placeholder": False,
        "required": bool(shown["createable"]) and not shown["nillable"],
    }


def _compact(call: Call, kind: ObjectType) -> dict[str, object]:
    path = f"{call.base}/sobjects/{kind.name}/describe/compactLayouts/{MASTER}"
    mapping = {
        "available": True,
        "compactLayoutId": None,
        "compactLayoutName": "SYSTEM",
        "recordTypeId": MASTER,
        "recordTypeName": "Master",
        "urls": {"compactLayout": path},
    }
    return {
        "compactLayouts": [_system_layout(call, kind)],
        "defaultCompactLayoutId": None,
        "recordTypeCompactLayoutMappings": [mapping],
        "urls": {"primary": path.replace(MASTER, "primary")},
    }


def _system_layout(call: Call, kind: ObjectType) -> dict[str, object]:
    visible = {one.name: one for one in call.org.records.visible_fields(kind, call.user_id)}
    shown = [visible[name] for name in _COMPACT if name in visible]
    return {
        "actions": [],
        "fieldItems": [_item(one) for one in shown],
        "id": None,
        "imageItems": None,
        "label": "System Default",
        "name": "SYSTEM",
        "objectType": kind.name,
    }


def _kind(request: web.Request) -> tuple[Call, ObjectType]:
    call = call_of(request)
    return call, call.org.records.kind(request.match_info["sobject"])
