"""Words people write for ours: other tools' names, a vendor's name for its side, yes and no.

Only ever used to say what was probably meant; nothing but our own words is understood.
"""

from __future__ import annotations

from collections.abc import Iterable

_MEANT: dict[str, tuple[str, ...]] = {
    "hubspot": ("map",), "marketing": ("map",), "property": ("map",),
    "salesforce": ("crm",), "sales": ("crm",), "sfdc": ("crm",),
    "mapping": ("fields",), "mappings": ("fields", "objects"), "rules": ("fields",),
    "filter": ("include",), "where": ("include", "when"), "condition": ("when", "include"),
    "if": ("when",), "version": ("format",), "picklist": ("values",), "options": ("values",),
    "length": ("max_length",), "truncate": ("too_long", "transform"), "winner": ("owner",),
    "master": ("owner",), "sync": ("direction",), "fallback": ("default",),
    "both_ways": ("both",), "bidirectional": ("both",), "two_way": ("both",),
    "hubspot_to_salesforce": ("to_crm",), "map_to_crm": ("to_crm",), "to_salesforce": ("to_crm",),
    "salesforce_to_hubspot": ("to_map",), "crm_to_map": ("to_map",), "to_hubspot": ("to_map",),
    "->": ("to_crm",), "=>": ("to_crm",), "<-": ("to_map",), "<->": ("both",), "<=>": ("both",),
    "token": ("access_token",), "api_key": ("access_token",), "secret": ("client_secret",),
    "portal_id": ("account_id",), "hub_id": ("account_id",), "org_id": ("account_id",),
    "type": ("kind",), "url": ("login_url", "base_url"), "domain": ("login_url",),
    "instance": ("login_url", "instance_url"), "share": ("leadloop_share",), "path": ("url",),
    "quota": ("leadloop_share",), "interval": ("fast",), "every": ("fast",), "cron": ("nightly",),
    "timezone": ("zone", "nightly"), "title": ("name",),
    "threshold": ("link",), "percent": ("share",), "max": ("count",),
    "alerts": ("notifications",), "database": ("state",), "include": ("include",),
    "nobody": ("none",), "newer": ("newest", "none"), "latest": ("newest",), "last": ("newest",),
    "string": ("text",), "str": ("text",), "textarea": ("text",), "int": ("number",),
    "integer": ("number",), "float": ("number",), "double": ("number",), "decimal": ("number",),
    "money": ("currency",), "bool": ("boolean",), "checkbox": ("boolean",), "time": ("datetime",),
    "timestamp": ("datetime",), "select": ("picklist",), "enum": ("picklist",),
    "enumeration": ("picklist",), "dropdown": ("picklist",), "multiselect": ("multipicklist",),
    "checkboxes": ("multipicklist",), "mail": ("email",), "telephone": ("phone",),
    "link": ("url",), "website": ("url",),
    "contact": ("person",), "contacts": ("person",), "lead": ("person",), "people": ("person",),
    "account": ("company",), "organisation": ("company",), "organization": ("company",),
    "opportunity": ("deal",),
    "maximum": ("max",), "highest": ("max",), "total": ("sum",), "add": ("sum",),
    "cut": ("truncate",), "shorten": ("truncate",), "error": ("reject",), "refuse": ("reject",),
    "true": ("always", "truncate", "task"), "yes": ("always", "truncate"), "on": ("always",),
    "false": ("off", "never", "none", "reject"), "no": ("off", "never", "none", "reject"),
    "none": ("off",), "never": ("off",), "count": ("rollup",), "counter": ("rollup",),
    "blank": ("if_blank",), "empty": ("if_blank",), "if_empty": ("if_blank",),
    "warn": ("warning",), "verbose": ("debug",),
}  # fmt: skip
_YES, _NO = (
    frozenset({"yes", "on", "y", "1", "true", "ja"}),
    frozenset({"no", "off", "n", "0", "false", "nein", "none"}),
)


def meant(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody who writes this one means; None where nobody can tell."""
    plain = word.strip().lower().replace("-", "_").replace(" ", "_")
    for key in (word.strip().lower(), plain):
        hit = next((one for one in _MEANT.get(key, ()) if one in known), None)
        if hit is not None:
            return hit
    return None


def truth(word: str) -> str | None:
    """`true` or `false` for a word that means it elsewhere."""
    plain = word.strip().lower()
    if plain in _YES:
        return "true"
    return "false" if plain in _NO else None
