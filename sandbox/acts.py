"""What people do by hand in either vendor, one act at a time, for a harness that needs just that.

An act is `{"system", "act", "object", ...}`; see `ACTS` for the words each takes. Every act goes
through the same doors as the API, so its consequences are the vendor's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.records import Caller

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Body = Mapping[str, Any]
Act = Callable[["Sandbox", Body], object]


def perform(sandbox: Sandbox, body: Body) -> object:
    """Do what an act says; what it made or moved. ValueError on an act that is none."""
    act = ACTS.get((str(body.get("system")), str(body.get("act"))))
    if act is None:
        known = ", ".join(sorted(f"{system} {name}" for system, name in ACTS))
        message = f"no such act; there are: {known}"
        raise ValueError(message)
    try:
        return act(sandbox, body)
    except KeyError as missing:
        message = f"this act needs {missing.args[0]}"
        raise ValueError(message) from None


def _hubspot_create(sandbox: Sandbox, body: Body) -> object:
    return {"id": sandbox.hubspot.create(body["object"], body["fields"])}


def _hubspot_edit(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.update(body["object"], str(body["id"]), body["fields"])
    return {"id": body["id"]}


def _hubspot_archive(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.archive(body["object"], str(body["id"]))
    return {"id": body["id"]}


def _hubspot_restore(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.restore(body["object"], str(body["id"]))
    return {"id": body["id"]}


def _hubspot_merge(sandbox: Sandbox, body: Body) -> object:
    made = sandbox.hubspot.merge(body["object"], str(body["id"]), str(body["other"]))
    return {"id": made}


def _hubspot_erase(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.gdpr_delete(str(body["id"]))
    return {"id": body["id"]}


def _hubspot_unsubscribe(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.unsubscribe(body["email"], body.get("subscription"))
    return {"email": body["email"]}


def _hubspot_subscribe(sandbox: Sandbox, body: Body) -> object:
    sandbox.hubspot.subscribe(body["email"], body.get("subscription"))
    return {"email": body["email"]}


def _salesforce_create(sandbox: Sandbox, body: Body) -> object:
    return {"id": sandbox.salesforce.create(body["object"], body["fields"])}


def _salesforce_edit(sandbox: Sandbox, body: Body) -> object:
    sandbox.salesforce.update(body["object"], body["id"], body["fields"])
    return {"id": body["id"]}


def _salesforce_delete(sandbox: Sandbox, body: Body) -> object:
    sandbox.salesforce.delete(body["object"], body["id"])
    return {"id": body["id"]}


def _salesforce_undelete(sandbox: Sandbox, body: Body) -> object:
    org = sandbox.salesforce
    return {"id": org.records.undelete(body["id"], Caller(org.admin_user_id))}


def _salesforce_purge(sandbox: Sandbox, body: Body) -> object:
    return {"id": sandbox.salesforce.records.purge(body["id"])}


def _salesforce_merge(sandbox: Sandbox, body: Body) -> object:
    sandbox.salesforce.merge(
        body["object"], body["id"], list(body["others"]), fields=body.get("fields")
    )
    return {"id": body["id"]}


def _salesforce_convert(sandbox: Sandbox, body: Body) -> object:
    return sandbox.salesforce.convert_lead(
        body["id"],
        account_id=body.get("account"),
        contact_id=body.get("contact"),
        opportunity_name=body.get("opportunity"),
    )


ACTS: dict[tuple[str, str], Act] = {
    ("hubspot", "create"): _hubspot_create,
    ("hubspot", "edit"): _hubspot_edit,
    ("hubspot", "archive"): _hubspot_archive,
    ("hubspot", "restore"): _hubspot_restore,
    ("hubspot", "merge"): _hubspot_merge,
    ("hubspot", "erase"): _hubspot_erase,
    ("hubspot", "unsubscribe"): _hubspot_unsubscribe,
    ("hubspot", "subscribe"): _hubspot_subscribe,
    ("salesforce", "create"): _salesforce_create,
    ("salesforce", "edit"): _salesforce_edit,
    ("salesforce", "delete"): _salesforce_delete,
    ("salesforce", "undelete"): _salesforce_undelete,
    ("salesforce", "purge"): _salesforce_purge,
    ("salesforce", "merge"): _salesforce_merge,
    ("salesforce", "convert"): _salesforce_convert,
}
"""Every act by system and name."""
