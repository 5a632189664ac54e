"""Older marketing reads: forms v2, subscriptions v1, workflows v3 (shapes of the archived
documentation [D], as tap-hubspot reads them).

The sandbox has no workflows: their list is empty, as in an account without Marketing Pro.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.email_events import MAX_PAGE, Event
from sandbox.hubspot.errors import objects_in, validation
from sandbox.hubspot.times import parse_ms
from sandbox.hubspot.wire import Route, account_of, body_of, number_in, reply

_SOURCE = "INTEGRATION"


def routes() -> list[Route]:
    """The endpoints of this module."""
    base = "/email/public/v1/subscriptions"
    return [
        ("GET", "/forms/v2/forms", list_forms),
        ("GET", "/forms/v2/forms/{guid}", read_form),
        ("GET", "/automation/v3/workflows", list_workflows),
        ("GET", base, list_definitions),
        ("GET", f"{base}/timeline", list_changes),
        ("GET", f"{base}/{{email}}", read_status),
        ("PUT", f"{base}/{{email}}", change_status),
    ]


# --- forms ---------------------------------------------------------------------------------


async def list_forms(request: web.Request) -> web.Response:
    """GET the definitions as a bare array; only type `hubspot` unless `formTypes` says more."""
    account = account_of(request)
    asked = [one.lower() for one in request.query.getall("formTypes", [])]
    found = account.forms.listed(tuple(asked) or ("hubspot",))
    limit = number_in(request, "limit", max(1, len(found)), 10_000)
    start = int(request.query.get("offset") or 0)
    return reply([_form(account, each) for each in found[start : start + limit]])


async def read_form(request: web.Request) -> web.Response:
    """GET one definition."""
    account = account_of(request)
    return reply(_form(account, account.forms.read(request.match_info["guid"])))


def _form(account: HubSpotAccount, form: dict[str, Any]) -> dict[str, Any]:
    configuration, display = form["configuration"], form["displayOptions"]
    action = configuration.get("postSubmitAction") or {}
    redirects = action.get("type") == "redirect_url"
    return {
        "portalId": account.portal_id,
        "guid": form["id"],
        "name": form["name"],
        "action": "",
        "method": "POST",
        "cssClass": display.get("cssClass") or "",
        "redirect": action.get("value", "") if redirects else "",
        "submitText": display.get("submitButtonText", "Submit"),
        "followUpId": "",
        "notifyRecipients": ",".join(configuration.get("notifyRecipients") or []),
        "leadNurturingCampaignId": "",
        "formFieldGroups": [_group(each) for each in form["fieldGroups"]],
        "createdAt": parse_ms(form["createdAt"]),
        "updatedAt": parse_ms(form["updatedAt"]),
        "performableHtml": "",
        "migratedFrom": "",
        "ignoreCurrentValues": False,
        "metaData": [],
        "deletable": bool(configuration.get("archivable", True)),
        "inlineMessage": "" if redirects else action.get("value", ""),
        "tmsId": "",
        "captchaEnabled": bool(configuration.get("recaptchaEnabled")),
        "campaignGuid": "",
        "cloneable": bool(configuration.get("cloneable", True)),
        "editable": bool(configuration.get("editable", True)),
        "formType": str(form["formType"]).upper(),
    }


def _group(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "fields": [_field(each) for each in objects_in(group, "fields")],
        "default": True,
        "isSmartGroup": False,
        "richText": {"content": group.get("richText", ""), "type": "TEXT"},
    }


def _field(field: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": field.get("name"),
        "label": field.get("label", ""),
        "type": "string",
        "fieldType": field.get("fieldType", "text"),
        "description": field.get("description", ""),
        "groupName": "",
        "displayOrder": 0,
        "required": bool(field.get("required")),
        "selectedOptions": [],
        "options": field.get("options") or [],
        "enabled": True,
        "hidden": bool(field.get("hidden")),
        "defaultValue": field.get("defaultValue", ""),
        "isSmartField": False,
        "unselectedLabel": "",
        "placeholder": field.get("placeholder", ""),
        "dependentFieldFilters": [],
        "labelHidden": False,
        "propertyObjectType": "CONTACT",
        "metaData": [],
        "objectTypeId": field.get("objectTypeId", "0-1"),
    }


async def list_workflows(_request: web.Request) -> web.Response:
    """GET the workflows: there are none."""
    return reply({"workflows": []})


# --- subscriptions -------------------------------------------------------------------------


async def list_definitions(request: web.Request) -> web.Response:
    """GET the subscription types."""
    account = account_of(request)
    found = [
        {
            "id": kind.id,
            "portalId": account.portal_id,
            "name": kind.name,
            "description": kind.description,
            "active": True,
            "internal": kind.purpose == "Sales",
        }
        for kind in account.consent.types.values()
    ]
    return reply({"subscriptionDefinitions": found})


async def list_changes(request: web.Request) -> web.Response:
    """GET changes of subscriptions newest first, one for each STATUSCHANGE event."""
    account = account_of(request)
    limit = number_in(request, "limit", 100, MAX_PAGE)
    for key in ("startTimestamp", "endTimestamp"):
        if not request.query.get(key, "0").isdigit():
            raise validation(f"{key} must be milliseconds since 1970.")
    wanted = {**request.query, "eventType": "STATUSCHANGE"}
    events, offset, more = account.events.page(
        wanted, limit=limit, offset=request.query.get("offset")
    )
    timeline = [_change(account, event) for event in events]
    return reply({"hasMore": more, "offset": offset, "timeline": timeline})


def _change(account: HubSpotAccount, event: Event) -> dict[str, Any]:
    shared = {
        "source": str(event.get("source") or "SOURCE_RECIPIENT"),
        "timestamp": event["created"],
        "portalId": account.portal_id,
        "causedByEvent": {"id": event["id"], "created": event["created"]},
    }
    changes = [
        {
            "change": one.get("status"),
            "changeType": "SUBSCRIPTION_STATUS",
            "subscriptionId": one.get("id"),
            **shared,
        }
        for one in event.get("subscriptions") or []
    ]
    wide = event.get("portalSubscriptionStatus")
    if wide:
        changes.append({"change": wide, "changeType": "PORTAL_STATUS", **shared})
    return {
        "timestamp": event["created"],
        "portalId": account.portal_id,
        "recipient": event.get("recipient"),
        "changes": changes,
    }


async def read_status(request: web.Request) -> web.Response:
    """GET an address's answers."""
    account = account_of(request)
    return reply(_status(account, request.match_info["email"].lower()))


async def change_status(request: web.Request) -> web.Response:
    """PUT `{"unsubscribeFromAll": true}` or `{"subscriptionStatuses": [{"id", "subscribed"}]}`."""
    account, email = account_of(request), request.match_info["email"].lower()
    body = await body_of(request)
    if body.get("unsubscribeFromAll"):
        account.set_consent(email, None, subscribed=False, source=_SOURCE)
    for each in objects_in(body, "subscriptionStatuses"):
        kind = account.consent.type(each.get("id"))
        if each.get("subscribed"):
            account.consent.check_v3_subscribe(email, kind)
        account.set_consent(email, kind.id, subscribed=bool(each.get("subscribed")), source=_SOURCE)
    return reply(_status(account, email))


def _status(account: HubSpotAccount, email: str) -> dict[str, Any]:
    wide = account.consent.opted_out(email) is not None
    statuses = []
    for kind in account.consent.types.values():
        answer = account.consent.answer(email, kind.id)
        if answer is not None:
            statuses.append(
                {
                    "id": kind.id,
                    "updatedAt": answer.at,
                    "subscribed": answer.subscribed and not wide,
                    "optState": "OPT_IN" if answer.subscribed else "OPT_OUT",
                    "legalBasis": answer.legal_basis,
                    "legalBasisExplanation": answer.explanation,
                }
            )
    return {
        "subscribed": not wide,
        "markedAsSpam": False,
        "unsubscribeFromPortal": wide,
        "portalId": account.portal_id,
        "bounced": False,
        "email": email,
        "subscriptionStatuses": statuses,
        "status": "unsubscribed" if wide else "subscribed",
    }
