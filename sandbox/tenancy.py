"""How an account or org is set up: what an administrator decides once, switchable at any time.

A setting is `{"system", name: value}`, several at once; see `SETTINGS` for the names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.person_accounts import enable_person_accounts

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Setting = Callable[["Sandbox", Any], None]


def configure(sandbox: Sandbox, body: Mapping[str, Any]) -> None:
    """Apply settings in order; ValueError on an unknown name, before anything is changed, and on a
    value its setting does not take.
    """
    system = str(body.get("system"))
    wanted = {name: value for name, value in body.items() if name != "system"}
    unknown = sorted(name for name in wanted if (system, name) not in SETTINGS)
    if unknown or not wanted:
        known = ", ".join(sorted(name for each, name in SETTINGS if each == system))
        message = f"unknown settings: {', '.join(unknown) or 'none given'}; there are: {known}"
        raise ValueError(message)
    for name, value in wanted.items():
        SETTINGS[(system, name)](sandbox, value)


def _merge_ids(sandbox: Sandbox, value: Any) -> None:
    if value not in (None, True, False):
        message = "merge_mints_new_id must be true, false or null (either, at random)"
        raise ValueError(message)
    sandbox.hubspot.writer.merge_mints_new_id = value


def _hidden_ids(sandbox: Sandbox, value: Any) -> None:
    sandbox.hubspot.forms.hidden_id_rate = _share("hidden_conversion_id_rate", value)


def _denied_scopes(sandbox: Sandbox, value: Any) -> None:
    sandbox.hubspot.tokens.denied_scopes = {str(one) for one in value}


def _duplicate_rules(sandbox: Sandbox, value: Any) -> None:
    rules = sandbox.salesforce.records.duplicates
    for sobject, mode in dict(value).items():
        if sobject not in {"Lead", "Contact"} or mode not in {"alert", "block", "off"}:
            message = "duplicate_rules maps Lead and Contact to alert, block or off"
            raise ValueError(message)
        if mode == "off":
            rules.switch_off(sobject)
        else:
            rules.switch_on(sobject, blocks=mode == "block")


def _lead_assignment(sandbox: Sandbox, value: Any) -> None:
    users = sandbox.salesforce.records.tables["User"].rows
    if value is not None and value not in users:
        message = "lead_assignment must be a user id or null"
        raise ValueError(message)
    sandbox.salesforce.records.effects.lead_assignment = value


def _history(sandbox: Sandbox, value: Any) -> None:
    sandbox.salesforce.records.effects.track(set(value))


def _customize(sandbox: Sandbox, value: Any) -> None:
    sandbox.salesforce.can_customize = bool(value)


def _lead_fields(sandbox: Sandbox, value: Any) -> None:
    mapping = {field: (str(kind), str(name)) for field, (kind, name) in dict(value).items()}
    sandbox.salesforce.lead_field_mapping.update(mapping)


def _person_accounts(sandbox: Sandbox, value: Any) -> None:
    if value is not True:
        message = "person_accounts can only be switched on, as in life"
        raise ValueError(message)
    enable_person_accounts(sandbox.salesforce.records)


def _short_pages(sandbox: Sandbox, value: Any) -> None:
    sandbox.salesforce.cursors.short_page_rate = _share("short_page_rate", value)


def _bulk_polls(sandbox: Sandbox, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        message = "bulk_polls must be a whole number, zero or more"
        raise ValueError(message)
    sandbox.salesforce.bulk_polls = value


def _share(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        message = f"{name} must lie between 0 and 1"
        raise ValueError(message)
    return float(value)


SETTINGS: dict[tuple[str, str], Setting] = {
    ("hubspot", "merge_mints_new_id"): _merge_ids,
    ("hubspot", "hidden_conversion_id_rate"): _hidden_ids,
    ("hubspot", "denied_scopes"): _denied_scopes,
    ("salesforce", "bulk_polls"): _bulk_polls,
    ("salesforce", "duplicate_rules"): _duplicate_rules,
    ("salesforce", "lead_assignment"): _lead_assignment,
    ("salesforce", "history"): _history,
    ("salesforce", "can_customize"): _customize,
    ("salesforce", "lead_field_mapping"): _lead_fields,
    ("salesforce", "person_accounts"): _person_accounts,
    ("salesforce", "short_page_rate"): _short_pages,
}
"""Every setting by system and name."""
