"""One HubSpot account: everything the vendor would hold, with the doors the world and the admin
endpoint use. The HTTP handlers go through the same doors, so that both see one behaviour.

Times (`at=`) are aware datetimes and default to the virtual clock's now. Object types are named
`contacts`, `companies`, `deals`, `tasks`, `calls`, `meetings` or `2-N`; the wire's other names
for them are understood as well. Refusals raise `sandbox.hubspot.errors.HubSpotError`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.hubspot.associations import Associations
from sandbox.hubspot.auth import Tokens
from sandbox.hubspot.catalogue import Catalogue
from sandbox.hubspot.consent import Answer, Consent, SubscriptionType
from sandbox.hubspot.custom_events import CustomEvents
from sandbox.hubspot.email_events import EmailEvents, rollup
from sandbox.hubspot.errors import HubSpotError, not_found
from sandbox.hubspot.forms import Forms
from sandbox.hubspot.limits import RateLimits
from sandbox.hubspot.lists import Lists
from sandbox.hubspot.marketing_emails import Campaigns, MarketingEmails
from sandbox.hubspot.pipelines import Owner, Pipelines
from sandbox.hubspot.store import ObjectStore, Record
from sandbox.hubspot.submit import Fill, submit
from sandbox.hubspot.times import millis
from sandbox.hubspot.webhooks import Webhooks
from sandbox.hubspot.writes import Writer, Written

FORCED_LAG: ContextVar[float | None] = ContextVar("hubspot_forced_lag", default=None)
"""Seconds of search lag a fault gives to the request under way."""
LATE_COMMIT: ContextVar[float] = ContextVar("hubspot_late_commit", default=0.0)
"""Seconds by which a fault makes the request's changes bear an older modified time."""


class HubSpotAccount:
    """The account. `search_lag` scales how long searches miss changes: 1 is life (new records
    2-40 s, changes 0-2 s, FACTS section 2), 0 is at once; settable at any time.
    """

    def __init__(
        self,
        clock: VirtualClock,
        faults: Faults,
        *,
        portal_id: int = 8_812_345,
        token: str,
        seed: int = 1,
        search_lag: float = 1.0,
    ) -> None:
        self.clock = clock
        self.faults = faults
        self.portal_id = portal_id
        self.search_lag = search_lag
        self.rng = random.Random(seed)
        self.born = born = self.now()
        self.tokens = Tokens(token, self.rng)
        self.limits = RateLimits(self.now)
        self.catalogue = Catalogue(portal_id, at=born)
        self.associations = Associations()
        self.pipelines = Pipelines(at=born, mint=lambda: self.rng.randint(10**7, 10**8))
        self.forms = Forms(self.rng)
        self.lists = Lists(self.catalogue.find)
        self.consent = Consent(at=born)
        self.events = EmailEvents(portal_id, self.rng)
        self.custom_events = CustomEvents(self.rng)
        self.emails = MarketingEmails(random.Random(seed + 3))
        self.campaigns = Campaigns(random.Random(seed + 4))
        self.storm_strikes = 0
        self.owners: dict[int, Owner] = {}
        self._lag_rng = random.Random(seed + 1)
        self.writer = Writer(
            associations=self.associations,
            pipelines=self.pipelines,
            now=self.stamp,
            lag=self._lag,
            rng=self.rng,
            known=self._known_option,
        )
        self.webhooks = Webhooks(portal_id, random.Random(seed + 2))
        self.writer.listener = self.webhooks.note
        for kind in self.consent.types.values():
            self._ensure_optout_property(kind)
        self.create_owner("owner@sandbox.example", "Olga", "Owner")

    # --- time ------------------------------------------------------------------------------

    def now(self) -> int:
        """Milliseconds since 1970 on the virtual clock."""
        return millis(self.clock.now())

    def stamp(self) -> int:
        """The time a change made now bears; earlier than now under a late_commit fault."""
        return self.now() - int(LATE_COMMIT.get() * 1000)

    def settle_search(self) -> None:
        """Let searches see every change at once."""
        for store in self.catalogue.stores.values():
            store.settle()

    # --- records ---------------------------------------------------------------------------

    def create(
        self,
        object_type: str,
        properties: Mapping[str, object],
        *,
        source: str = "CRM_UI",
        at: datetime | None = None,
    ) -> str:
        """Create a record as `source` and return its id; read-only properties are accepted."""
        store = self.catalogue.find(object_type)
        written = self.write_new(store, properties, source=source, at=at, inside=True)
        return str(written.record.id)

    def update(
        self,
        object_type: str,
        record_id: str,
        properties: Mapping[str, object],
        *,
        source: str = "CRM_UI",
        at: datetime | None = None,
    ) -> None:
        """Change a record as `source`; 404 when it is not there."""
        store = self.catalogue.find(object_type)
        record = self.live(store, record_id)
        self.write_change(store, record, properties, source=source, at=at, inside=True)

    def get(self, object_type: str, record_id: str) -> dict[str, str | None]:
        """All stored properties of a live record ("" where one was cleared)."""
        return dict(self.live(self.catalogue.find(object_type), record_id).values)

    def ids(self, object_type: str) -> Iterator[str]:
        """Ids of the live records, ascending."""
        store = self.catalogue.find(object_type)
        return (str(each) for each in store.ids_after(-1) if each in store.live)

    def find_contact(self, email: str) -> str | None:
        """The live contact with this address (primary or additional)."""
        found = self.writer.email_holder(self.catalogue.find("contacts"), email.strip())
        return None if found is None else str(found)

    def archive(self, object_type: str, record_id: str, *, at: datetime | None = None) -> None:
        """Archive a live record."""
        store = self.catalogue.find(object_type)
        self.writer.archive(store, self.live(store, record_id), at=_ms(at))

    def restore(self, object_type: str, record_id: str, *, at: datetime | None = None) -> None:
        """Take a record out of the archive, as people do in the UI; 404 when it is not there."""
        store = self.catalogue.find(object_type)
        record = store.archived.get(_number(record_id))
        if record is None:
            raise not_found()
        self.writer.restore(store, record, at=_ms(at))

    def merge(
        self, object_type: str, primary_id: str, other_id: str, *, at: datetime | None = None
    ) -> str:
        """Merge two live records and return the survivor's id, which may be new."""
        store = self.catalogue.find(object_type)
        primary, other = self.live(store, primary_id), self.live(store, other_id)
        survivor = self.writer.merge(store, primary, other, at=_ms(at))
        return str(survivor.id)

    def gdpr_delete(self, record_id: str) -> None:
        """Erase a contact for good; its address may come back through the API."""
        store = self.catalogue.find("contacts")
        found = _number(record_id)
        record = store.resolve(found) or store.archived.get(found)
        if record is None:
            raise not_found()
        self.writer.erase(store, record)

    def associate(self, from_type: str, from_id: str, to_type: str, to_id: str) -> None:
        """Associate two live records by the default type (primary when it is the first)."""
        source, to = self.catalogue.find(from_type), self.catalogue.find(to_type)
        one, other = self.live(source, from_id), self.live(to, to_id)
        self.associations.link((source.name, one.id), (to.name, other.id), [])
        if {source.name, to.name} == {"contacts", "companies"}:
            contact, company = (one, other) if source.name == "contacts" else (other, one)
            if not contact.values.get("associatedcompanyid"):
                contacts = self.catalogue.find("contacts")
                values = {"associatedcompanyid": str(company.id)}
                self.write_change(contacts, contact, values, source="CALCULATED", inside=True)

    def live(self, store: ObjectStore, record_id: str) -> Record:
        """The live record of an id, following merges; 404 otherwise."""
        record = store.resolve(_number(record_id))
        if record is None:
            raise not_found()
        return record

    def write_new(
        self,
        store: ObjectStore,
        properties: Mapping[str, object],
        *,
        source: str,
        at: datetime | None = None,
        inside: bool = False,
    ) -> Written:
        """Create, with what the address's consent says."""
        written = self.writer.create(store, properties, source=source, at=_ms(at), inside=inside)
        self._apply_consent(store, written.record)
        return written

    def write_change(
        self,
        store: ObjectStore,
        record: Record,
        properties: Mapping[str, object],
        *,
        source: str,
        at: datetime | None = None,
        inside: bool = False,
    ) -> Written:
        """Update, with what the address's consent says when the address changes."""
        written = self.writer.update(
            store, record, properties, source=source, at=_ms(at), inside=inside
        )
        if "email" in properties:
            self._apply_consent(store, record)
        return written

    # --- forms -----------------------------------------------------------------------------

    def create_form(self, definition: Mapping[str, Any]) -> str:
        """Add a form definition (API shape; `id` and `createdAt` are kept when given)."""
        return str(self.forms.create(definition, at=self.now())["id"])

    def submit_form(
        self,
        guid: str,
        values: Mapping[str, str],
        *,
        page_url: str,
        page_name: str = "",
        at: datetime | None = None,
        submission_id: str | None = None,
    ) -> str:
        """Fill a form: list the submission, create or update the contact; the conversion id."""
        fill = Fill(
            values=tuple(("0-1", name, value) for name, value in values.items()),
            page_url=page_url,
            page_name=page_name,
            submission_id=submission_id,
        )
        submitted = self.now() if at is None else millis(at)
        return submit(self, guid, fill, submitted_at=submitted, at=at).conversion_id

    def submissions(self, guid: str) -> list[dict[str, Any]]:
        """The submissions of a form newest first, each with its conversionId."""
        return [
            {**each.body(), "conversionId": each.conversion_id}
            for each in self.forms.newest_first(guid)
        ]

    # --- e-mail and consent ----------------------------------------------------------------

    def add_email_events(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Take e-mail events in, with their effects on contacts and consent; how many were new."""
        fresh = self.events.add(events, now=self.now())
        by_address: dict[str, list[dict[str, Any]]] = {}
        for event in fresh:
            if event.get("recipient"):
                by_address.setdefault(str(event["recipient"]).lower(), []).append(event)
            if event["type"] == "STATUSCHANGE":
                self._status_change(event)
        store = self.catalogue.find("contacts")
        names = {number: str(each["name"]) for number, each in self.events.campaigns.items()}
        for address, theirs in by_address.items():
            found = self.writer.email_holder(store, address)
            if found is not None:
                record = store.live[found]
                changes = rollup(record.values, theirs, names)
                self.write_change(store, record, changes, source="EMAIL", inside=True)
        return len(fresh)

    def email_events(self) -> list[dict[str, Any]]:
        """All e-mail events, oldest first."""
        return list(self.events.all())

    def add_campaign(self, campaign_id: int, name: str, *, subject: str = "") -> None:
        """Name an e-mail campaign, so that contacts show it as the last e-mail's name."""
        self.events.campaigns[campaign_id] = {
            "id": campaign_id,
            "appId": 113,
            "appName": "Batch",
            "name": name,
            "subject": subject or name,
            "type": "BATCH_EMAIL",
            "contentId": campaign_id,
        }

    def unsubscribe(
        self, email: str, subscription_id: int | None = None, *, at: datetime | None = None
    ) -> None:
        """Refuse one type of mail, or all of it, as a person does from a mail's footer."""
        self.set_consent(email, subscription_id, subscribed=False, at=at, source="EMAIL")

    def subscribe(
        self, email: str, subscription_id: int | None = None, *, at: datetime | None = None
    ) -> None:
        """Take one type of mail, or all of it again, as a person does in the centre."""
        self.set_consent(email, subscription_id, subscribed=True, at=at, source="EMAIL")

    def set_consent(
        self,
        email: str,
        subscription_id: int | None,
        *,
        subscribed: bool,
        at: datetime | None = None,
        source: str,
        legal_basis: str | None = None,
        explanation: str | None = None,
    ) -> bool:
        """Note an answer with its STATUSCHANGE event; whether it changed anything."""
        address = email.strip().lower()
        when = self.now() if at is None else millis(at)
        if subscription_id is None:
            changed = (
                self.consent.lift(address, at=when)
                if subscribed
                else self.consent.opt_out_all(address, at=when)
            )
        else:
            kind = self.consent.type(subscription_id)
            answer = Answer(subscribed, when, legal_basis, explanation, source)
            changed = self.consent.set(address, kind.id, answer)
        if changed:
            self.events.add(
                [_status_event(address, subscription_id, subscribed, when, source)],
                now=self.now(),
            )
            self._refresh_consent(address, at=at)
        return changed

    # --- schema and reference data -----------------------------------------------------------

    def ensure_property(self, object_type: str, definition: Mapping[str, Any]) -> None:
        """Add a property unless it is there."""
        store = self.catalogue.find(object_type)
        if str(definition.get("name")) not in store.book:
            store.book.create(definition, at=self.now())

    def remove_property(self, object_type: str, name: str) -> None:
        """Take a property away, HubSpot's own ones too, as drift does between two runs."""
        book = self.catalogue.find(object_type).book
        book.read(name).hubspot_defined = False
        book.archive(name, at=self.now())

    def retype_property(self, object_type: str, name: str, definition: Mapping[str, Any]) -> None:
        """Change a property's definition (`type`, `fieldType`, `options`...)."""
        book = self.catalogue.find(object_type).book
        book.read(name).read_only_definition = False
        book.update(name, definition, at=self.now())

    def create_owner(self, email: str, first: str, last: str) -> str:
        """Add an owner and return its id (not its userId)."""
        number = 70_000_001 + 17 * len(self.owners)
        owner = Owner(number, 40_000_001 + len(self.owners), email, first, last, self.now())
        self.owners[number] = owner
        return str(number)

    # --- inside ----------------------------------------------------------------------------

    def _lag(self, is_new: bool) -> float:  # noqa: FBT001 - a callback's only argument
        forced = FORCED_LAG.get()
        if forced is not None:
            return forced * 1000
        if self.search_lag == 0:
            return 0.0
        low, high = (2_000, 40_000) if is_new else (0, 2_000)
        return self._lag_rng.uniform(low, high) * self.search_lag

    def _known_option(self, name: str, value: str) -> bool:
        if name == "hubspot_owner_id":
            return value.isdigit() and int(value) in self.owners
        return True

    def _apply_consent(self, store: ObjectStore, record: Record) -> None:
        if store.name == "contacts" and record.values.get("email"):
            values = self.consent.properties(record.values["email"])
            if values:
                self.writer.update(store, record, values, source="EMAIL", inside=True)

    def _refresh_consent(self, address: str, *, at: datetime | None) -> None:
        store = self.catalogue.find("contacts")
        found = self.writer.email_holder(store, address)
        if found is not None:
            values = self.consent.properties(address)
            record = store.live[found]
            self.writer.update(store, record, values, source="EMAIL", at=_ms(at), inside=True)

    def _status_change(self, event: Mapping[str, Any]) -> None:
        address, when = str(event.get("recipient", "")).lower(), int(event["created"])
        wide = str(event.get("portalSubscriptionStatus", "")).upper()
        if wide == "UNSUBSCRIBED":
            self.consent.opt_out_all(address, at=when)
        elif wide == "SUBSCRIBED":
            self.consent.lift(address, at=when)
        for each in event.get("subscriptions") or []:
            kind = self.consent.type(each.get("id"))
            taken = str(each.get("status", "")).upper() == "SUBSCRIBED"
            self.consent.set(address, kind.id, Answer(taken, when, source="EMAIL"))
        self._refresh_consent(address, at=None)

    def _ensure_optout_property(self, kind: SubscriptionType) -> None:
        name = f"hs_email_optout_{kind.id}"
        book = self.catalogue.find("contacts").book
        book.create(
            {
                "name": name,
                "label": f"Opted out of email: {kind.name}",
                "type": "enumeration",
                "fieldType": "booleancheckbox",
                "groupName": "emailinformation",
                "options": [
                    {"value": "false", "label": "No"},
                    {"value": "true", "label": "Yes"},
                ],
            },
            at=self.now(),
        )
        prop = book.read(name)
        prop.hubspot_defined = prop.read_only_value = prop.read_only_definition = True


def _status_event(
    address: str,
    subscription_id: int | None,
    subscribed: bool,  # noqa: FBT001 - private, one caller
    when: int,
    source: str,
) -> dict[str, Any]:
    status = "SUBSCRIBED" if subscribed else "UNSUBSCRIBED"
    event: dict[str, Any] = {
        "type": "STATUSCHANGE",
        "recipient": address,
        "created": when,
        "source": f"SOURCE_{source}",
        "requestedBy": address,
    }
    if subscription_id is None:
        event["portalSubscriptionStatus"] = status
    else:
        event["subscriptions"] = [{"id": subscription_id, "status": status}]
    return event


def _ms(at: datetime | None) -> int | None:
    return None if at is None else millis(at)


def _number(record_id: str) -> int:
    text = str(record_id)
    if not text.isdigit():
        raise HubSpotError(404, "OBJECT_NOT_FOUND", "resource not found")
    return int(text)
