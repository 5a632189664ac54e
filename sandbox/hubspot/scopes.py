"""Which scope a call needs, so that an app that was refused one hears so.

The scopes are those HubSpot's reference names beside each endpoint [D]; where it names several of
which one is enough, the narrowest. A path that names two object types needs the first one's
(assumed).
"""

from __future__ import annotations

import re

_PATHS = (
    (r"/crm/(v3/)?lists|/contacts/v1/lists", "crm.lists.{verb}"),
    (r"/crm/(v3/)?owners|/owners/v2", "crm.objects.owners.read"),
    (r"/crm/v3/schemas|/crm-object-schemas", "crm.schemas.custom.{verb}"),
    (r"/(crm|properties).*/(contacts?|0-1)(/|$)|/contacts/v1", "crm.{kind}.contacts.{verb}"),
    (r"/(crm|properties).*/(compan(y|ies)|0-2)(/|$)|/companies/v2", "crm.{kind}.companies.{verb}"),
    (r"/(crm|properties).*/(deals?|0-3)(/|$)|/deals/v1", "crm.{kind}.deals.{verb}"),
    (r"/(crm|properties).*/(tickets?|0-5)(/|$)", "tickets"),
    (r"/crm.*/(2-\d+|p_\w+|p\d+_\w+)(/|$)", "crm.{kind}.custom.{verb}"),
    (r"/(crm|properties).*/(calls?|meetings?|0-4[78])(/|$)", "crm.{kind}.contacts.{verb}"),
    (r"/settings/(v3/)?users", "settings.users.{verb}"),
    (r"/marketing/(v3/)?campaigns", "marketing.campaigns.{verb}"),
    (r"/marketing/(v3/)?forms|/forms/v2|/form-integrations", "forms"),
    (r"/marketing/(v3/)?emails|/email/public/v1/(events|campaigns)", "content"),
    (r"/communication-preferences|/email/public/v1/subscr", "communication_preferences.read_write"),
    (r"/events/v3/send|/events/[\d-]+/send", "analytics.behavioral_events.send"),
    (r"/events", "business-intelligence"),
    (r"/automation", "automation"),
)
"""Path pattern to scope; the first that fits counts."""
_NEEDS = tuple((re.compile(pattern, re.IGNORECASE), scope) for pattern, scope in _PATHS)
_SCHEMA = re.compile(r"/properties|/pipelines", re.IGNORECASE)


def scope_of(path: str, *, writes: bool) -> str | None:
    """The scope a call of this path needs; None where any app may make it."""
    for pattern, scope in _NEEDS:
        if pattern.match(path):
            kind = "schemas" if _SCHEMA.search(path) else "objects"
            return scope.format(kind=kind, verb="write" if writes else "read")
    return None
