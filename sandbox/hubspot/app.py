"""The HTTP face of the account: which path reaches which handler.

Every path is served with and without a trailing slash, and where HubSpot has a dated successor
(FACTS section 0) under that as well, by the same handler. Dated paths FACTS does not name follow
the pattern of those it does (assumed).
"""

from __future__ import annotations

from aiohttp import web

from sandbox.hubspot import http_associations as links
from sandbox.hubspot import http_batch as batch
from sandbox.hubspot import (
    http_campaigns,
    http_contacts_v1,
    http_event_definitions,
    http_events,
    http_labels,
    http_legacy,
    http_legacy_links,
    http_links_v3,
    http_list_folders,
    http_lists,
    http_lists_v1,
    http_marketing_v1,
    http_pipelines,
    http_properties,
    http_refused,
    http_settings,
    http_webhooks,
)
from sandbox.hubspot import http_consent as consent
from sandbox.hubspot import http_marketing as marketing
from sandbox.hubspot import http_objects as objects
from sandbox.hubspot import http_schema as schema
from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.edge import edge
from sandbox.hubspot.wire import ACCOUNT, DATED, Route

MAX_BODY = 16 * 1024 * 1024
_FAMILIES = (
    http_properties,
    http_pipelines,
    http_list_folders,
    http_lists,
    http_links_v3,
    http_events,
    http_event_definitions,
    http_labels,
    http_contacts_v1,
    http_lists_v1,
    http_legacy,
    http_legacy_links,
    http_marketing_v1,
    http_settings,
    http_campaigns,
    http_webhooks,
)
"""Modules that list their own endpoints."""


def build_app(account: HubSpotAccount) -> web.Application:
    """The aiohttp application that serves `account`."""
    app = web.Application(middlewares=[edge], client_max_size=MAX_BODY)
    app[ACCOUNT] = account
    http_webhooks.install(app)
    http_labels.install(app)
    http_event_definitions.install(app)
    for method, path, handler in _routes():
        app.router.add_route(method, path, handler)
        app.router.add_route(method, f"{path}/", handler)
    return app


def _routes() -> list[Route]:
    routes = [*_account_routes(), *_marketing_routes()]
    for family in _FAMILIES:
        routes += family.routes()
    for base in ("/crm/v3/objects", "/crm/v4/objects", f"/crm/objects/{DATED}"):
        routes += _object_routes(f"{base}/{{object_type}}")
    for base in ("/crm/v4/objects", f"/crm/objects/{DATED}"):
        routes += _link_routes(f"{base}/{{object_type}}/{{object_id}}/associations")
    for base in ("/crm/v4/associations", f"/crm/associations/{DATED}"):
        routes += _batch_link_routes(f"{base}/{{object_type}}/{{to_type}}/batch")
    for base in ("/communication-preferences/v4", f"/communication-preferences/{DATED}"):
        routes += _consent_routes(base)
    return [*routes, *http_refused.routes()]


def _account_routes() -> list[Route]:
    routes: list[Route] = [
        ("GET", "/integrations/v1/me", schema.whoami),
        ("POST", "/oauth/v1/token", schema.oauth_token),
        ("POST", "/oauth/v3/token", schema.oauth_token),
        ("POST", f"/oauth/{DATED}/token", schema.oauth_token),
    ]
    for version in ("v3", DATED):
        routes += [
            ("GET", f"/account-info/{version}/details", schema.account_details),
            ("GET", f"/account-info/{version}/api-usage/daily", schema.daily_usage),
            ("GET", f"/account-info/{version}/api-usage/daily/private-apps", schema.daily_usage),
        ]
    schemas = ("/crm/v3/schemas", "/crm-object-schemas/v3/schemas")
    for base in (*schemas, f"/crm-object-schemas/{DATED}/schemas"):
        routes += [
            ("GET", base, schema.list_schemas),
            ("POST", base, schema.create_schema),
            ("GET", f"{base}/{{object_type}}", schema.read_schema),
            ("PATCH", f"{base}/{{object_type}}", schema.update_schema),
            ("DELETE", f"{base}/{{object_type}}", schema.delete_schema),
            ("POST", f"{base}/{{object_type}}/associations", schema.add_association),
            (
                "DELETE",
                f"{base}/{{object_type}}/associations/{{association_id}}",
                schema.remove_association,
            ),
        ]
    return routes


def _object_routes(base: str) -> list[Route]:
    return [
        ("GET", base, objects.list_objects),
        ("POST", base, objects.create_object),
        ("POST", f"{base}/search", objects.search_objects),
        ("POST", f"{base}/merge", objects.merge_objects),
        ("POST", f"{base}/gdpr-delete", objects.erase_contact),
        ("POST", f"{base}/batch/read", batch.batch_read),
        ("POST", f"{base}/batch/create", batch.batch_create),
        ("POST", f"{base}/batch/update", batch.batch_update),
        ("POST", f"{base}/batch/upsert", batch.batch_upsert),
        ("POST", f"{base}/batch/archive", batch.batch_archive),
        ("GET", f"{base}/{{object_id}}", objects.read_object),
        ("PATCH", f"{base}/{{object_id}}", objects.update_object),
        ("DELETE", f"{base}/{{object_id}}", objects.archive_object),
    ]


def _link_routes(base: str) -> list[Route]:
    pair = f"{base}/{{to_type}}/{{to_id}}"
    return [
        ("GET", f"{base}/{{to_type}}", links.list_links),
        ("PUT", f"{base}/default/{{to_type}}/{{to_id}}", links.put_default),
        ("PUT", pair, links.put_labels),
        ("DELETE", pair, links.delete_link),
    ]


def _batch_link_routes(base: str) -> list[Route]:
    return [
        ("POST", f"{base}/read", links.batch_read_links),
        ("POST", f"{base}/create", links.batch_create_links),
        ("POST", f"{base}/associate/default", links.batch_default_links),
        ("POST", f"{base}/archive", links.batch_archive_links),
    ]


def _marketing_routes() -> list[Route]:
    routes: list[Route] = [
        ("GET", "/form-integrations/v1/submissions/forms/{guid}", marketing.list_submissions),
        ("GET", "/email/public/v1/events", marketing.list_email_events),
        ("GET", "/email/public/v1/campaigns", marketing.list_campaigns),
        ("GET", "/email/public/v1/campaigns/by-id", marketing.list_campaigns),
        ("GET", "/email/public/v1/campaigns/{campaign_id}", marketing.read_campaign),
    ]
    for word in ("submit", "secure/submit"):
        path = f"/submissions/v3/integration/{word}/{{portal_id}}/{{guid}}"
        routes.append(("POST", path, marketing.submit_form))
    for base in ("/marketing/v3/forms", f"/marketing/forms/{DATED}"):
        routes += [
            ("GET", base, marketing.list_forms),
            ("POST", base, marketing.create_form),
            ("GET", f"{base}/{{guid}}", marketing.read_form),
            ("PATCH", f"{base}/{{guid}}", marketing.update_form),
            ("PUT", f"{base}/{{guid}}", marketing.update_form),
            ("DELETE", f"{base}/{{guid}}", marketing.archive_form),
        ]
    return routes


def _consent_routes(base: str) -> list[Route]:
    v3 = "/communication-preferences/v3"
    routes: list[Route] = [
        ("GET", f"{base}/definitions", consent.definitions_v4),
        ("POST", f"{base}/statuses/batch/read", consent.batch_read_v4),
        ("POST", f"{base}/statuses/batch/write", consent.batch_write_v4),
        ("POST", f"{base}/statuses/batch/unsubscribe-all", consent.batch_unsubscribe_all_v4),
        ("POST", f"{base}/statuses/batch/unsubscribe-all/read", consent.batch_wide_v4),
        ("GET", f"{base}/statuses/{{email}}", consent.statuses_v4),
        ("POST", f"{base}/statuses/{{email}}", consent.set_status_v4),
        ("GET", f"{base}/statuses/{{email}}/unsubscribe-all", consent.wide_v4),
        ("POST", f"{base}/statuses/{{email}}/unsubscribe-all", consent.unsubscribe_all_v4),
    ]
    if base.endswith("/v4"):
        routes += [
            ("GET", f"{v3}/definitions", consent.definitions_v3),
            ("GET", f"{v3}/status/email/{{email}}", consent.status_v3),
            ("POST", f"{v3}/subscribe", consent.subscribe_v3),
            ("POST", f"{v3}/unsubscribe", consent.unsubscribe_v3),
        ]
    return routes
