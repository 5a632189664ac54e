"""A form fill, from what was posted to the contact it makes or changes.

The contact is found by the submitted e-mail and created when there is none; fields that are no
writable contact properties, or whose value HubSpot would refuse, stay in the submission only. A
fill without e-mail is listed and touches no contact (FACTS section 2, Forms).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import HubSpotError
from sandbox.hubspot.forms import Submission
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.times import iso
from sandbox.hubspot.values import RefusedValueError, canonical_email

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpotAccount


@dataclass(frozen=True)
class Fill:
    """What was posted: (objectTypeId, name, value) triples, the page, and consents given."""

    values: tuple[tuple[str, str, str], ...]
    page_url: str
    page_name: str = ""
    submission_id: str | None = None
    consents: tuple[tuple[int, bool], ...] = field(default=())

    def email(self) -> str:
        """The submitted e-mail, normalised; "" when there is none worth the name."""
        for _, name, value in self.values:
            if name == "email":
                try:
                    return canonical_email("email", value)
                except RefusedValueError:
                    return ""
        return ""


def submit(
    account: HubSpotAccount,
    guid: str,
    fill: Fill,
    *,
    submitted_at: int,
    at: datetime | None = None,
) -> Submission:
    """List the submission and let the contact follow; `at` is when HubSpot took it in."""
    submission = account.forms.record(
        guid,
        fill.values,
        at=submitted_at,
        page_url=fill.page_url,
        page_name=fill.page_name,
        submission_id=fill.submission_id,
    )
    email = fill.email()
    if email:
        store = account.catalogue.find("contacts")
        form = account.forms.read(guid)
        title = fill.page_name or str(form["name"])
        record = _contact(account, store, email, fill, at)
        roll = _conversion(record, guid, f"{title}: {form['name']}", submission)
        account.write_change(store, record, roll, source="FORM", at=at, inside=True)
        for subscription_id, given in fill.consents:
            if given:
                account.set_consent(
                    email,
                    subscription_id,
                    subscribed=True,
                    at=at,
                    source="FORM",
                    legal_basis="CONSENT_WITH_NOTICE",
                    explanation=f"Form {form['name']}",
                )
    return submission


def check(account: HubSpotAccount, guid: str, fill: Fill) -> None:
    """Refuse a public submission as HubSpot does: unknown form 404, else 400 with errors [K]."""
    fields = account.forms.fields(guid)
    given = {name: value for _, name, value in fill.values}
    errors: list[dict[str, Any]] = []
    for name, required in fields.items():
        if required and not given.get(name, "").strip():
            errors.append(_error(name, f"Required field '{name}' is missing", "REQUIRED_FIELD"))
    if given.get("email", "").strip() and not fill.email():
        errors.append(_error("email", "Invalid email address", "INVALID_EMAIL"))
    if errors:
        raise HubSpotError(400, None, "The request is not valid", errors=errors)


def _error(name: str, sentence: str, kind: str) -> dict[str, Any]:
    return {"message": f"Error in 'fields.{name}'. {sentence}", "errorType": kind}


def _contact(
    account: HubSpotAccount, store: ObjectStore, email: str, fill: Fill, at: datetime | None
) -> Record:
    accepted = _writable(account, store, fill)
    holder = account.writer.email_holder(store, email)
    if holder is None:
        accepted["email"] = email
        accepted.setdefault("lifecyclestage", "lead")
        return account.write_new(store, accepted, source="FORM", at=at, inside=True).record
    record = store.live[holder]
    accepted.pop("email", None)
    if accepted:
        account.write_change(store, record, accepted, source="FORM", at=at)
    return record


def _writable(account: HubSpotAccount, store: ObjectStore, fill: Fill) -> dict[str, str]:
    accepted: dict[str, str] = {}
    for object_type, name, value in fill.values:
        prop = store.book.find(name)
        if object_type != "0-1" or prop is None or prop.read_only_value or not value:
            continue
        if name == "email":
            continue
        try:
            accepted.update(account.writer.check(store, None, {name: value}))
        except HubSpotError:
            # The vendor takes the fill and drops the value; the submission still shows it.
            continue
    return accepted


def _conversion(
    record: Record, guid: str, event_name: str, submission: Submission
) -> Mapping[str, str]:
    values = record.values
    at = iso(submission.submitted_at)
    fills = [each for each in values.get("hs_calculated_form_submissions", "").split(";") if each]
    fills.append(f"{guid}::{submission.submitted_at}")
    new = {
        "num_conversion_events": str(int(values.get("num_conversion_events") or 0) + 1),
        "num_unique_conversion_events": str(len({each.split("::")[0] for each in fills})),
        "hs_calculated_form_submissions": ";".join(fills),
    }
    if at >= (values.get("recent_conversion_date") or ""):
        new["recent_conversion_date"] = at
        new["recent_conversion_event_name"] = event_name
    first = values.get("first_conversion_date")
    if not first or at < first:
        new["first_conversion_date"] = at
        new["first_conversion_event_name"] = event_name
    return new
