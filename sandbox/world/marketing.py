"""What happens in the MAP: forms are filled, campaigns sent, read, bounced, unsubscribed.

Used by history and by every ticked day alike; each method does one thing at one instant through
the account's own code paths and notes in the roster whose doing it was.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import to_ms
from sandbox.hubspot.account import HubSpotAccount
from sandbox.world.draw import Draw
from sandbox.world.roster import Actor, submission

QUESTIONS: dict[str, tuple[str, ...]] = {
    "team_size": ("1-10", "11-50", "51-200", "201-1000", "1000+"),
    "purchase_timeline": ("this quarter", "this year", "next year", "just looking"),
    "budget_range": ("under 10k", "10k-50k", "50k-250k", "over 250k"),
    "main_interest": ("reporting", "automation", "data quality", "integration", "attribution"),
}
"""Progressive profiling: questions a form asks once it knows the rest, and their answers."""

_FORMS = (
    ("Newsletter sign-up", "flow", ("email", "firstname")),
    ("Contact us", "hubspot", ("email", "firstname", "lastname", "company", "phone")),
    ("White paper: clean data", "hubspot",
     ("email", "firstname", "lastname", "company", "jobtitle", "phone")),
    ("Webinar registration", "captured", ("email", "firstname", "lastname", "company", "phone")),
    ("Price list", "hubspot",
     ("email", "firstname", "lastname", "company", "jobtitle", "phone", "country")),
)  # fmt: skip
_ADDRESS = ("address", "city", "zip", "state", "date_of_birth")
_CAMPAIGNS = (
    "March newsletter", "Product update", "Webinar invitation", "Customer story",
    "Trade fair follow-up", "Year-end offer", "Onboarding 1", "Onboarding 2",
)  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15",
)
_SCANNER = "Mozilla/5.0 (compatible; link scanner)"
_BOUNCES = (
    ("UNKNOWN_USER", "550 5.1.1 user unknown", "5.1.1"),
    ("MAILBOX_FULL", "452 4.2.2 mailbox full", "4.2.2"),
    ("SPAM", "554 5.7.1 rejected as spam", "5.7.1"),
)


@dataclass(frozen=True)
class Form:
    """A form: its guid, its name, the properties it always asks for."""

    guid: str
    name: str
    fields: tuple[str, ...]


class Marketing:
    """The marketing team's forms and campaigns in one HubSpot account."""

    def __init__(self, hubspot: HubSpotAccount, draw: Draw) -> None:
        self._hubspot = hubspot
        self._draw = draw
        self._prepare_properties()
        self.forms = [self._make_form(*row) for row in _FORMS]
        self.campaigns = {
            7_100_000 + number * 37: name for number, name in enumerate(_CAMPAIGNS, start=1)
        }
        for number, name in self.campaigns.items():
            hubspot.add_campaign(number, name)

    def use(self, draw: Draw) -> None:
        """Draw from `draw` from now on (each day has its own)."""
        self._draw = draw

    def fill(self, actor: Actor, form: Form, email: str, at: datetime) -> None:
        """Somebody fills a form; the contact of that address learns it, or comes to be."""
        values = self._answers(actor, form, email)
        conversion_id = self._hubspot.submit_form(
            form.guid,
            values,
            page_url=f"https://www.clearworks-platform.com/{form.name.split(':')[0].lower()}".replace(
                " ", "-"
            ),
            page_name=form.name,
            at=at,
        )
        actor.submissions.append(submission(form.guid, conversion_id, at, email))
        contact = self._hubspot.find_contact(email)
        if contact is None:
            message = "a submitted form left no contact behind"
            raise RuntimeError(message)
        actor.map_emails.setdefault(contact, email.lower())
        actor.since.setdefault(contact, at)
        if email in actor.spare_emails:
            actor.spare_emails.remove(email)

    def mail(
        self, actor: Actor, campaign: int, at: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        """The events of one mail to somebody, in order; all of them lie before `until`.

        They are noted as theirs and returned, for the caller to add in bulk.
        """
        email = actor.email
        if email is None:
            return []
        draw = self._draw
        sent = self._event("SENT", email, campaign, at, None)
        events = [sent]
        if draw.chance(0.025):
            category, response, status = draw.skewed(_BOUNCES)
            events.append(
                self._event(
                    "BOUNCE", email, campaign, _soon(draw, at, until, 1), sent,
                    category=category, response=response, status=status,
                )
            )  # fmt: skip
        else:
            events += self._received(email, campaign, at, until, sent)
        actor.note_events(events)
        return events

    def unsubscribe(self, actor: Actor, at: datetime, subscription: int | None = None) -> None:
        """Somebody turns mail off: all of it, or one subscription type."""
        email = actor.email
        if email is None:
            return
        self._hubspot.unsubscribe(email, subscription, at=at)
        actor.opt_out("map", at, None if subscription is None else str(subscription))
        actor.note_events(status_changes(self._hubspot, email, at))

    def _received(
        self, email: str, campaign: int, at: datetime, until: datetime, sent: dict[str, Any]
    ) -> list[dict[str, Any]]:
        draw = self._draw
        delivered = _soon(draw, at, until, 2)
        events = [
            self._event(
                "DELIVERED", email, campaign, delivered, sent, response="250 2.0.0 OK queued"
            )
        ]
        last = delivered
        if draw.chance(0.08):
            # A scanner at the gate opens everything: HubSpot marks such events as filtered.
            last = _soon(draw, last, until, 1)
            events.append(self._seen("OPEN", email, campaign, last, sent, agent=_SCANNER))
        if not draw.chance(0.36):
            return events
        last = _soon(draw, last, until, 240)
        agent = draw.pick(_AGENTS)
        events.append(self._seen("OPEN", email, campaign, last, sent, agent=agent))
        if draw.chance(0.25):
            last = _soon(draw, last, until, 5)
            events.append(self._seen("CLICK", email, campaign, last, sent, agent=agent))
        if draw.chance(0.004):
            last = _soon(draw, last, until, 5)
            events.append(self._event("SPAMREPORT", email, campaign, last, sent))
        return events

    def _seen(
        self,
        kind: str,
        email: str,
        campaign: int,
        at: datetime,
        sent: dict[str, Any],
        *,
        agent: str,
    ) -> dict[str, Any]:
        event = self._event(kind, email, campaign, at, sent, userAgent=agent)
        event["filteredEvent"] = agent == _SCANNER
        event["location"] = {"country": "unknown", "state": "unknown", "city": "unknown"}
        if kind == "CLICK":
            event["url"] = "https://www.clearworks-platform.com/offer"
        return event

    def _event(
        self,
        kind: str,
        email: str,
        campaign: int,
        at: datetime,
        sent: Mapping[str, Any] | None,
        **more: object,
    ) -> dict[str, Any]:
        event: dict[str, Any] = {
            "id": str(uuid.UUID(int=self._draw.random.getrandbits(128), version=4)),
            "created": to_ms(at),
            "type": kind,
            "recipient": email,
            "portalId": self._hubspot.portal_id,
            "appId": 113,
            "appName": "Batch",
            "emailCampaignId": campaign,
            "emailCampaignGroupId": campaign,
            "filteredEvent": False,
        }
        if sent is not None:
            event["sentBy"] = {"id": sent["id"], "created": sent["created"]}
        return {**event, **more}

    def _answers(self, actor: Actor, form: Form, email: str) -> dict[str, str]:
        draw = self._draw
        written = None if actor.phone is None else draw.written(actor.phone, actor.country)
        known = {
            "email": email.title() if draw.chance(0.03) else email,
            "firstname": actor.given,
            "lastname": actor.family,
            "company": actor.company,
            "jobtitle": actor.title,
            "phone": written,
            "country": actor.country,
        }
        answers = {name: known[name] for name in form.fields if known.get(name)}
        if email not in actor.map_emails.values():
            answers.update(actor.told)
        open_questions = [name for name in QUESTIONS if name not in actor.asked]
        if open_questions and form.name != _FORMS[0][0]:
            question = open_questions[0]
            actor.asked[question] = draw.pick(QUESTIONS[question])
            answers[question] = actor.asked[question]
        return {name: value for name, value in answers.items() if value is not None}

    def _prepare_properties(self) -> None:
        for name, options in QUESTIONS.items():
            self._hubspot.ensure_property(
                "contacts",
                {
                    "name": name,
                    "label": name.replace("_", " ").capitalize(),
                    "type": "enumeration",
                    "fieldType": "select",
                    "groupName": "contactinformation",
                    "options": _options(options),
                },
            )

    def _make_form(self, name: str, kind: str, fields: tuple[str, ...]) -> Form:
        asked = (*fields, *(() if kind == "flow" else (*_ADDRESS, *QUESTIONS)))
        guid = self._hubspot.create_form(
            {
                "name": name,
                "formType": kind,
                "archived": False,
                "createdAt": "2024-01-15T09:00:00.000Z",
                "fieldGroups": [
                    {
                        "groupType": "default_group",
                        "richTextType": "text",
                        "fields": [_form_field(one) for one in asked],
                    }
                ],
                "legalConsentOptions": {"type": "none"},
            }
        )
        return Form(guid, name, fields)


def status_changes(hubspot: HubSpotAccount, email: str, at: datetime) -> list[dict[str, Any]]:
    """The STATUSCHANGE events the vendor wrote about an address at that very instant."""
    moment = str(to_ms(at))
    wanted = {"recipient": email, "eventType": "STATUSCHANGE"}
    window = {"startTimestamp": moment, "endTimestamp": moment}
    return hubspot.events.page({**wanted, **window}, limit=10, offset=None)[0]


def _form_field(name: str) -> dict[str, object]:
    kinds = {"email": "email", "phone": "phone"}
    return {
        "objectTypeId": "0-1",
        "name": name,
        "label": name,
        "required": name == "email",
        "hidden": False,
        "fieldType": "dropdown" if name in QUESTIONS else kinds.get(name, "single_line_text"),
    }


def _options(values: Sequence[str]) -> list[dict[str, object]]:
    return [
        {"label": value, "value": value, "displayOrder": order, "hidden": False}
        for order, value in enumerate(values)
    ]


def _soon(draw: Draw, after: datetime, until: datetime, minutes: float) -> datetime:
    """An instant within `minutes` after `after`, but before `until`."""
    end = min(after + timedelta(minutes=minutes), until)
    if end - after < timedelta(milliseconds=4):
        return after
    return draw.between(after, end)
