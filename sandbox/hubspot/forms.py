"""Form definitions and their submissions.

A submission is listed newest first without a contact id, and creates or updates the contact by
its e-mail, as in life (FACTS section 2, Forms). Definitions are kept in the shape of
`/marketing/v3/forms`.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox.hubspot.errors import not_found, object_in, objects_in, validation
from sandbox.hubspot.times import iso, parse_ms, shown

FORM_TYPES = ("hubspot", "captured", "flow", "blog_comment")
"""Values of formType; a list without `formTypes` gives only the first [D]."""
MAX_SUBMISSIONS = 50
"""Largest page of submissions (FACTS section 2)."""


@dataclass(frozen=True, order=True, slots=True)
class Submission:
    """One form fill; order is by time, then arrival."""

    submitted_at: int
    number: int
    conversion_id: str = field(compare=False)
    values: tuple[tuple[str, str, str], ...] = field(compare=False)
    page_url: str = field(compare=False, default="")
    page_name: str = field(compare=False, default="")
    id_shown: bool = field(compare=False, default=True)

    def body(self) -> dict[str, Any]:
        """As `/form-integrations/v1/submissions/forms/{guid}` shows it."""
        body: dict[str, Any] = {"conversionId": self.conversion_id} if self.id_shown else {}
        body |= {
            "submittedAt": self.submitted_at,
            "values": [
                {"name": name, "value": value, "objectTypeId": object_type}
                for object_type, name, value in self.values
            ],
            "pageUrl": self.page_url,
        }
        return body


class Forms:
    """All forms of the account.

    `hidden_id_rate` is the share of submissions listed without a conversionId, which happens in
    life (FACTS section 2); off by default.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._definitions: dict[str, dict[str, Any]] = {}
        self._submissions: dict[str, list[Submission]] = {}
        self._number = 0
        self.hidden_id_rate = 0.0

    def create(self, definition: Mapping[str, Any], *, at: int) -> dict[str, Any]:
        """Add a form from its API definition and return it as stored."""
        name = definition.get("name")
        kind = definition.get("formType") or "hubspot"
        if not isinstance(name, str) or not name:
            raise validation("Invalid input JSON: some required fields were not set: [name]")
        if kind not in FORM_TYPES:
            raise validation(f"Unknown formType '{kind}'.")
        guid = str(definition.get("id") or uuid.UUID(int=self._rng.getrandbits(128), version=4))
        stamp = shown(iso(at))
        created = definition.get("createdAt")
        stored = {
            "id": guid,
            "name": name,
            "createdAt": shown(iso(parse_ms(str(created)))) if created else stamp,
            "updatedAt": stamp,
            "archived": False,
            "fieldGroups": objects_in(definition, "fieldGroups"),
            "configuration": object_in(definition, "configuration") or dict(_CONFIGURATION),
            "displayOptions": object_in(definition, "displayOptions") or dict(_DISPLAY),
            "legalConsentOptions": object_in(definition, "legalConsentOptions") or {"type": "none"},
            "formType": kind,
        }
        self._definitions[guid] = stored
        self._submissions.setdefault(guid, [])
        return stored

    def read(self, guid: str) -> dict[str, Any]:
        """A definition, or 404."""
        found = self._definitions.get(guid)
        if found is None:
            raise not_found(f"No form found with ID {guid}")
        return found

    def change(self, guid: str, changes: Mapping[str, Any], *, at: int) -> dict[str, Any]:
        """Update a definition's own parts."""
        stored = self.read(guid)
        objects_in(changes, "fieldGroups")
        object_in(changes, "configuration")
        fixed = {"id", "createdAt", "formType"}
        stored.update({key: value for key, value in changes.items() if key not in fixed})
        stored["updatedAt"] = shown(iso(at))
        return stored

    def listed(self, types: tuple[str, ...], *, archived: bool = False) -> list[dict[str, Any]]:
        """The definitions of `types` ("all" for every one), in order of creation."""
        return [
            form
            for form in self._definitions.values()
            if form["archived"] == archived and ("all" in types or form["formType"] in types)
        ]

    def fields(self, guid: str) -> dict[str, bool]:
        """{field name: required} of a form."""
        groups = self.read(guid)["fieldGroups"]
        return {
            str(each["name"]): bool(each.get("required"))
            for group in groups
            for each in objects_in(group, "fields")
            if "name" in each
        }

    def record(
        self,
        guid: str,
        values: tuple[tuple[str, str, str], ...],
        *,
        at: int,
        page_url: str,
        page_name: str,
        submission_id: str | None,
    ) -> Submission:
        """List a submission of (objectTypeId, name, value) triples."""
        self.read(guid)
        self._number += 1
        submission = Submission(
            submitted_at=at,
            number=self._number,
            conversion_id=submission_id
            or str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            values=values,
            page_url=page_url,
            page_name=page_name,
            id_shown=self._rng.random() >= self.hidden_id_rate,
        )
        insort(self._submissions[guid], submission)
        return submission

    def newest_first(self, guid: str) -> list[Submission]:
        """All submissions of a form, newest first."""
        self.read(guid)
        return self._submissions[guid][::-1]

    def page(
        self, guid: str, *, limit: int, after: str | None
    ) -> tuple[list[Submission], str | None]:
        """A page, newest first, and the cursor of the next one."""
        self.read(guid)
        found = self._submissions[guid]
        end = len(found) if not after else bisect_left(found, _read_cursor(after), key=_place)
        start = max(0, end - min(limit, MAX_SUBMISSIONS))
        page = found[start:end][::-1]
        return page, _cursor(page[-1]) if start > 0 else None


def _place(submission: Submission) -> tuple[int, int]:
    return submission.submitted_at, submission.number


def _cursor(submission: Submission) -> str:
    text = f"{submission.submitted_at}:{submission.number}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, int]:
    try:
        at, _, number = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        return int(at), int(number)
    except (ValueError, binascii.Error):
        raise validation("The after cursor is invalid.") from None


_CONFIGURATION = {
    "language": "en",
    "cloneable": True,
    "postSubmitAction": {"type": "thank_you", "value": "Thank you."},
    "editable": True,
    "archivable": True,
    "recaptchaEnabled": False,
    "notifyContactOwner": False,
    "notifyRecipients": [],
    "createNewContactForNewEmail": False,
    "prePopulateKnownValues": True,
    "allowLinkToResetKnownValues": False,
    "lifecycleStages": [],
}
_DISPLAY = {
    "renderRawHtml": False,
    "theme": "default_style",
    "submitButtonText": "Submit",
    "style": {},
    "cssClass": None,
}
