"""describe: of all objects, and of one (36 top-level keys as recorded at v42)."""

from __future__ import annotations

from sandbox.salesforce.fields import ObjectType
from sandbox.salesforce.records import Records
from sandbox.salesforce.relationships import children_of

_MASTER_TYPE = "012000000000000AAA"
_SCOPES = {
    "Account": ("everything", "mine", "team"),
    "Campaign": (
        "all_active_campaigns",
        "everything",
        "mine",
        "my_active_campaigns",
        "single_entity_scope",
    ),
    "Contact": ("everything", "mine", "team"),
    "Lead": ("everything", "mine", "queue_owned", "team", "user_owned"),
    "Opportunity": ("everything", "mine", "team"),
}
"""Scopes as recorded; Opportunity's are assumed to be those of Account."""
_LISTLESS = frozenset({"approvalLayouts", "listviews", "quickActions"})
"""URLs an object without list views lacks (recorded for Topic)."""
_FEEDS = frozenset({"Opportunity", "Task", "Event", "Topic", "User"})


def describe_global(records: Records, base: str) -> dict[str, object]:
    """The list of objects with their basic flags."""
    kinds = (table.kind for table in records.tables.values() if not table.kind.tooling)
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [summary(kind, base) for kind in sorted(kinds, key=lambda one: one.name)],
    }


def summary(kind: ObjectType, base: str) -> dict[str, object]:
    """An object's flags without its fields."""
    root = f"{base}/sobjects/{kind.name}"
    return {
        "activateable": False,
        "createable": kind.createable,
        "custom": False,
        "customSetting": False,
        "deletable": kind.deletable,
        "deprecatedAndHidden": False,
        "feedEnabled": kind.mergeable or kind.name in _FEEDS,
        "hasSubtypes": False,
        "isSubtype": False,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "layoutable": kind.createable,
        "mergeable": kind.mergeable,
        "mruEnabled": kind.createable,
        "name": kind.name,
        "queryable": True,
        "replicateable": kind.replicateable,
        "retrieveable": True,
        "searchable": kind.searchable,
        "triggerable": kind.triggerable,
        "undeletable": kind.undeletable,
        "updateable": kind.updateable,
        "urls": {
            "rowTemplate": f"{root}/{{ID}}",
            "describe": f"{root}/describe",
            "sobject": root,
        },
    }


def basic(records: Records, kind: ObjectType, base: str) -> dict[str, object]:
    """GET /sobjects/X: the flags and what was looked at last (this org remembers nothing)."""
    known = summary(kind, base)
    return {"objectDescribe": known, "recentItems": []} if kind.name in records.tables else {}


def describe(
    records: Records, kind: ObjectType, user_id: str | None, base: str, host: str
) -> dict[str, object]:
    """One object whole, with the fields this user may see."""
    known = summary(kind, base)
    return {
        **known,
        "actionOverrides": [],
        "childRelationships": _children(records, kind),
        "compactLayoutable": kind.createable,
        "fields": [
            _field(records, kind, user_id, name) for name in _visible(records, kind, user_id)
        ],
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [_master(kind, base)] if kind.name != "Topic" else [],
        "searchLayoutable": kind.mergeable or kind.name in {"Campaign", "Opportunity"},
        "sobjectDescribeOption": "FULL",
        "supportedScopes": _scopes(kind),
        "urls": _urls(kind, base, host),
    }


def _visible(records: Records, kind: ObjectType, user_id: str | None) -> list[str]:
    return [field.name for field in records.visible_fields(kind, user_id)]


def _field(records: Records, kind: ObjectType, user_id: str | None, name: str) -> dict[str, object]:
    field = kind.fields[name]
    shown = field.describe()
    if not records.access.can_edit(user_id, kind.name, field):
        shown["createable"] = shown["updateable"] = False
    return shown


def _children(records: Records, kind: ObjectType) -> list[dict[str, object]]:
    return [
        {
            "cascadeDelete": child.cascades,
            "childSObject": child.table.kind.name,
            "deprecatedAndHidden": False,
            "field": child.field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": child.name,
            "restrictedDelete": False,
        }
        for child in children_of(records, kind)
    ]


def _master(kind: ObjectType, base: str) -> dict[str, object]:
    layout = f"{base}/sobjects/{kind.name}/describe/layouts/{_MASTER_TYPE}"
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "master": True,
        "name": "Master",
        "recordTypeId": _MASTER_TYPE,
        "urls": {"layout": layout},
    }


def _scopes(kind: ObjectType) -> list[dict[str, object]]:
    plural = kind.plural.lower()
    labels = {
        "all_active_campaigns": f"All active {plural}",
        "everything": f"All {plural}",
        "mine": f"My {plural}",
        "my_active_campaigns": f"My active {plural}",
        "queue_owned": f"Queue owned {plural}",
        "single_entity_scope": "Select a campaign:",
        "team": f"My team's {plural}",
        "user_owned": f"User owned {plural}",
    }
    default = ("everything", "mine") if "OwnerId" in kind.fields else ("everything",)
    return [{"label": labels[name], "name": name} for name in _SCOPES.get(kind.name, default)]


def _urls(kind: ObjectType, base: str, host: str) -> dict[str, object]:
    root = f"{base}/sobjects/{kind.name}"
    known = {
        "compactLayouts": f"{root}/describe/compactLayouts",
        "rowTemplate": f"{root}/{{ID}}",
        "approvalLayouts": f"{root}/describe/approvalLayouts",
        "uiDetailTemplate": f"{host}/{{ID}}",
        "uiEditTemplate": f"{host}/{{ID}}/e",
        "listviews": f"{root}/listviews",
        "describe": f"{root}/describe",
        "uiNewRecord": f"{host}/{kind.prefix}/e",
        "quickActions": f"{root}/quickActions",
        "layouts": f"{root}/describe/layouts",
        "sobject": root,
    }
    hidden = _LISTLESS if kind.name == "Topic" else frozenset()
    return {name: url for name, url in known.items() if name not in hidden}
