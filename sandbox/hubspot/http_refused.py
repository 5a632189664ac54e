"""What HubSpot has and this account's app may not use: files, pages, imports, exports and the like.

Nothing of it is needed to tell one person from another or to sync them (imports are left out on
purpose), yet a client that asks must hear what the vendor says to an app without the scope: 403
MISSING_SCOPES with the scope it lacks. The scopes are those HubSpot's reference names [D]; that a
path below these that does not exist is 403, too, rather than 404, is assumed.
"""

from __future__ import annotations

from functools import partial

from aiohttp import web

from sandbox.hubspot.auth import missing_scopes
from sandbox.hubspot.wire import DATED, Route, account_of

LACKED = {
    "/automation/v4": "automation",
    "/cms/v3": "hubdb",
    "/conversations/v3": "conversations.read",
    "/crm/v3/exports": "crm.export",
    f"/crm/exports/{DATED}": "crm.export",
    "/crm/v3/extensions": "crm.extensions.write",
    "/crm/v3/imports": "crm.import",
    f"/crm/imports/{DATED}": "crm.import",
    "/files/v3": "files",
    "/filemanager/api/v3": "files",
    "/integrators/timeline/v3": "timeline",
    "/crm/v3/objects/deals/splits": "crm.dealsplits.read_write",
    "/crm/v4/associations/usage": "crm.export",
    "/marketing/v3/emails/ab-test": "marketing-email",
    "/marketing/v3/emails/clone": "marketing-email",
    "/marketing/v3/emails/statistics/histogram": "marketing-email",
    r"/marketing/v3/emails/{id:\d+}/{act:ab-test|draft|publish|restore|revisions|unpublish}": (
        "marketing-email"
    ),
    "/marketing/v3/marketing-events": "crm.objects.marketing_events.read",
    "/marketing/v3/transactional": "transactional-email",
    "/marketing/v4/email/single-send": "transactional-email",
    "/visitor-identification/v3": "conversations.visitor_identification.tokens.create",
}
"""Path prefix to the scope its calls need; the stricter of two stands first."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> list[Route]:
    """A route for each method at and below each prefix."""
    return [
        (method, path, partial(refuse, scope))
        for prefix, scope in sorted(LACKED.items(), reverse=True)
        for path in (prefix, f"{prefix}/{{rest:.+}}")
        for method in METHODS
    ]


async def refuse(scope: str, request: web.Request) -> web.Response:
    """403 MISSING_SCOPES."""
    account_of(request)
    raise missing_scopes(scope)
