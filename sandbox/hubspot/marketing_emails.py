"""Marketing e-mails and campaigns as the marketing APIs show them.

Every e-mail campaign of the events API is a sent e-mail here, with figures counted from its events;
further ones are drafts made by API. A campaign is what bundles assets, known by a GUID: another
thing than the e-mail campaign of an event, as in life.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from sandbox.hubspot.errors import not_found, object_in, validation
from sandbox.hubspot.times import iso, shown

COUNTERS = {
    "SENT": "sent",
    "DELIVERED": "delivered",
    "OPEN": "open",
    "CLICK": "click",
    "BOUNCE": "bounce",
    "SPAMREPORT": "spamreport",
    "DROPPED": "dropped",
}
"""Event type to the counter it adds to."""
_OTHERS = (
    "contactslost", "hardbounced", "notsent", "pending", "reply", "selected", "softbounced",
    "suppressed", "unsubscribed",
)  # fmt: skip
_RATIOS = {
    "bounceratio": ("bounce", "sent"),
    "clickratio": ("click", "delivered"),
    "clickthroughratio": ("click", "open"),
    "deliveredratio": ("delivered", "sent"),
    "openratio": ("open", "delivered"),
    "spamreportratio": ("spamreport", "delivered"),
}

Email = dict[str, Any]


class MarketingEmails:
    """The drafts made by API, beside those the account's e-mail campaigns stand for."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._drafts: dict[str, Email] = {}

    def all(self, campaigns: Mapping[int, Mapping[str, Any]], *, born: int) -> list[Email]:
        """Every e-mail: the sent ones first, then the drafts, each by ascending id."""
        sent = [_sent(one, born) for _, one in sorted(campaigns.items())]
        return [*sent, *self._drafts.values()]

    def create(self, body: Mapping[str, Any], *, at: int) -> Email:
        """A draft from its JSON; 400 without a name."""
        name = body.get("name")
        if not isinstance(name, str) or not name:
            raise validation("Invalid input JSON: some required fields were not set: [name]")
        made = {
            **_shape(str(self._rng.randint(10**10, 10**11)), name, str(body.get("subject") or "")),
            "state": "DRAFT",
            "isPublished": False,
            "createdAt": shown(iso(at)),
            "updatedAt": shown(iso(at)),
        }
        made |= {key: body[key] for key in ("from", "to", "language", "campaign") if key in body}
        self._drafts[made["id"]] = made
        return made

    def draft(self, email_id: str) -> Email:
        """A draft by id; 404 where there is none (a sent e-mail is none)."""
        found = self._drafts.get(email_id)
        if found is None:
            raise not_found(f"No email found with id {email_id}")
        return found

    def remove(self, email_id: str) -> None:
        """Archive a draft."""
        self.draft(email_id)
        del self._drafts[email_id]


class Campaigns:
    """Campaigns by GUID, with the assets each bundles."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._kept: dict[str, dict[str, Any]] = {}
        self.assets: dict[tuple[str, str], dict[str, None]] = {}

    def all(self) -> list[dict[str, Any]]:
        """Every campaign in order of creation."""
        return list(self._kept.values())

    def read(self, guid: str) -> dict[str, Any]:
        """One campaign, or 404."""
        found = self._kept.get(guid)
        if found is None:
            raise not_found(f"Campaign with id {guid} not found")
        return found

    def create(self, body: Mapping[str, Any], *, at: int) -> dict[str, Any]:
        """A campaign from its JSON; 400 without `hs_name`."""
        properties = {name: str(value) for name, value in object_in(body, "properties").items()}
        if not properties.get("hs_name"):
            raise validation("Property hs_name is required")
        guid = str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        made = {
            "id": guid,
            "properties": properties,
            "createdAt": shown(iso(at)),
            "updatedAt": shown(iso(at)),
            "businessUnits": [],
        }
        self._kept[guid] = made
        return made

    def change(self, guid: str, body: Mapping[str, Any], *, at: int) -> dict[str, Any]:
        """Write over some properties of a campaign."""
        found = self.read(guid)
        changes = {name: str(value) for name, value in object_in(body, "properties").items()}
        found["properties"] |= changes
        found["updatedAt"] = shown(iso(at))
        return found

    def remove(self, guid: str) -> None:
        """Delete a campaign; its assets stay where they are."""
        self.read(guid)
        del self._kept[guid]


def statistics(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of one or several e-mails, counted from their events."""
    counters = dict.fromkeys([*COUNTERS.values(), *_OTHERS], 0)
    for event in events:
        name = COUNTERS.get(str(event["type"]))
        if name is not None:
            counters[name] += 1
    counters["hardbounced"] = counters["bounce"]
    ratios = {
        name: round(100 * counters[part] / counters[whole], 4) if counters[whole] else 0.0
        for name, (part, whole) in _RATIOS.items()
    }
    return {
        "counters": dict(sorted(counters.items())),
        "deviceBreakdown": {},
        "qualifierStats": {},
        "ratios": ratios,
    }


def _sent(campaign: Mapping[str, Any], born: int) -> Email:
    """The e-mail an e-mail campaign was."""
    at = shown(iso(born))
    return {
        **_shape(str(campaign["contentId"]), str(campaign["name"]), str(campaign["subject"])),
        "state": "PUBLISHED",
        "isPublished": True,
        "publishDate": at,
        "publishedAt": at,
        "createdAt": at,
        "updatedAt": at,
        "allEmailCampaignIds": [str(campaign["id"])],
        "primaryEmailCampaignId": str(campaign["id"]),
    }


def _shape(email_id: str, name: str, subject: str) -> Email:
    """What every e-mail shows."""
    nobody: dict[str, list[str]] = {"include": [], "exclude": []}
    return {
        "id": email_id,
        "name": name,
        "subject": subject,
        "type": "BATCH_EMAIL",
        "subcategory": "batch",
        "language": "en",
        "archived": False,
        "activeDomain": "sandbox.example",
        "content": {"templatePath": "@hubspot/email/dnd/Start_from_scratch.html"},
        "from": {"fromName": "Marketing", "replyTo": "marketing@sandbox.example"},
        "to": {"contactIds": nobody, "contactLists": nobody, "suppressGraymail": False},
        "sendOnPublish": True,
        "jitterSendTime": False,
        "isTransactional": False,
        "subscriptionDetails": {},
        "webversion": {"enabled": True},
        "workflowNames": [],
        "businessUnitId": "0",
        "folderId": 0,
        "rssData": None,
        "testing": None,
    }
