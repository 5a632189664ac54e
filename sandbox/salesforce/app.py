"""The Salesforce site: every endpoint of the org as one aiohttp application."""

from __future__ import annotations

from aiohttp import web

from sandbox.salesforce import soap
from sandbox.salesforce.org import SalesforceOrg
from sandbox.salesforce.rest import (
    bulk,
    bulk_v1,
    collections,
    composite,
    layouts,
    oauth,
    oddments,
    pages,
    query,
    search,
    sobjects,
    tooling,
    tree,
)
from sandbox.salesforce.rest.context import ORG
from sandbox.salesforce.rest.middleware import vendor

_MAX_BODY = 160 * 1024 * 1024
"""Bulk uploads may reach 150 MB (FACTS section 4)."""
_FAMILIES = (
    oauth,
    soap,
    query,
    search,
    tooling,
    bulk,
    bulk_v1,
    collections,
    composite,
    tree,
    layouts,
    pages,
    oddments,
    sobjects,
)
"""Modules of endpoints; `sobjects` last, whose paths would swallow narrower ones."""


def build_app(org: SalesforceOrg) -> web.Application:
    """The application for one org; routes are templates, so that calls can be counted by them."""
    app = web.Application(middlewares=[vendor], client_max_size=_MAX_BODY)
    app[ORG] = org
    bulk.install(app)
    bulk_v1.install(app)
    for family in _FAMILIES:
        app.add_routes(family.routes())
    return app
