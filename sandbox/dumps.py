"""Everything a vendor holds, row by row, for a judge who compares it with the truth.

Read-only, straight from the stores, past every API: deleted and merged-away records are there.
The rows are those of the moment of asking, whatever is written while they are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.errors import HubSpotError
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.times import iso
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.org import SalesforceOrg

Rows = Iterator[dict[str, Any]]


def hubspot_rows(account: HubSpotAccount, name: str) -> Rows:
    """The rows of one object, or of what is no object: see `_SPECIAL`.

    Objects: `{id, archived, merged_into, created, properties}`; "form_submissions" `{form,
    conversionId, submittedAt, values, pageUrl}`; "email_events" in the vendor's shape;
    "subscriptions" `{email, opted_out_all, subscriptions: {id: subscribed}}` for the addresses of
    contacts.
    Raises KeyError on a name it does not know.
    """
    special = _SPECIAL.get(name)
    if special is not None:
        return special(account)
    try:
        store = account.catalogue.find(name)
    except HubSpotError as error:
        raise KeyError(name) from error
    return iter(list(_records(store)))


def salesforce_rows(org: SalesforceOrg, name: str) -> Rows:
    """The rows of one object as stored, deleted and merged-away ones included.

    Fields without a value may be absent. Raises KeyError on an unknown object.
    """
    try:
        return iter(list(org.rows(name, include_deleted=True)))
    except SalesforceError as error:
        raise KeyError(name) from error


def _records(store: ObjectStore) -> Rows:
    for record in store.live.values():
        yield _record(record, archived=False, merged_into=None)
    for record in store.archived.values():
        yield _record(record, archived=True, merged_into=None)
    for loser in store.survivors:
        survivor = store.resolve(loser)
        yield {
            "id": str(loser),
            "archived": True,
            "merged_into": None if survivor is None else str(survivor.id),
            "created": None,
            "properties": {},
        }


def _record(record: Record, *, archived: bool, merged_into: str | None) -> dict[str, Any]:
    return {
        "id": str(record.id),
        "archived": archived,
        "merged_into": merged_into,
        "created": iso(record.created),
        "source": record.source,
        "properties": record.values,
    }


def _form_submissions(account: HubSpotAccount) -> Rows:
    return iter(
        [
            {"form": form["id"], "form_name": form["name"], **row}
            for form in account.forms.listed(("all",))
            for row in account.submissions(form["id"])
        ]
    )


def _email_events(account: HubSpotAccount) -> Rows:
    return account.events.all()


def _subscriptions(account: HubSpotAccount) -> Rows:
    contacts = account.catalogue.find("contacts").live.values()
    emails = [record.values["email"] for record in contacts if record.values.get("email")]
    return iter([_answers(account, email) for email in emails])


def _answers(account: HubSpotAccount, email: str) -> dict[str, Any]:
    answers = {kind: account.consent.answer(email, kind) for kind in account.consent.types}
    return {
        "email": email,
        "opted_out_all": account.consent.opted_out(email) is not None,
        "subscriptions": {
            str(kind): answer.subscribed for kind, answer in answers.items() if answer
        },
    }


_SPECIAL = {
    "form_submissions": _form_submissions,
    "email_events": _email_events,
    "subscriptions": _subscriptions,
}
