"""Loading a generated world: every holding becomes records on both sides, with a history.

All of it is backdated to before the world's first morning. The roster learns whose records they
are as they are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import What
from sandbox.world.draw import Draw
from sandbox.world.holdings import Entry, Holding
from sandbox.world.marketing import status_changes
from sandbox.world.people import Company
from sandbox.world.places import COUNTRIES
from sandbox.world.roster import Actor, Record
from sandbox.world.sales import Sales

_SOURCES = ("Web", "Trade Show", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
_STAGES = ("subscriber", "lead", "lead", "marketingqualifiedlead", "salesqualifiedlead")
_LEAD_STATES = ("Open - Not Contacted", "Open - Not Contacted", "Working - Contacted",
                "Closed - Not Converted")  # fmt: skip


class Filling:
    """Writes holdings into both vendors, companies along with their first people."""

    def __init__(
        self,
        hubspot: HubSpotAccount,
        salesforce: SalesforceOrg,
        sales: Sales,
        draw: Draw,
        *,
        start: datetime,
    ) -> None:
        self._hubspot = hubspot
        self._salesforce = salesforce
        self._sales = sales
        self._draw = draw
        self._start = start
        self._map_companies: dict[int, str] = {}
        self._accounts: dict[int, str] = {}

    def actor(self, holding: Holding, *, at: datetime | None = None) -> Actor:
        """Write one holding; returns the person as they will act.

        Records come to be at `at`, or at some moment of the three years before the world starts.
        """
        actor = actor_of(holding)
        if holding.map_entry is not None:
            when = at or self._before(90, 900)
            contact, email = self._contact(holding.map_entry, when)
            actor.map_emails[contact] = email
            actor.since[contact] = when
            actor.spare_emails = [one for one in actor.spare_emails if one != email]
            if holding.map_entry.opted_out and email is not None:
                refused = self._later(when)
                self._hubspot.unsubscribe(email, at=refused)
                actor.opt_out("map", refused)
                actor.note_events(status_changes(self._hubspot, email, refused))
        for entry in holding.crm_entries:
            when = at or self._before(60, 1000)
            actor.records.append(self._record(entry, when))
            if entry.opted_out:
                actor.opt_out("crm", when)
        return actor

    def _contact(self, entry: Entry, at: datetime) -> tuple[str, str | None]:
        draw = self._draw
        owner = self._sales.any_owner() if draw.chance(0.4) else None
        address = entry.address
        values = {
            "firstname": entry.given,
            "lastname": entry.family,
            "email": entry.email,
            "phone": _written(draw, entry.phone, entry),
            "mobilephone": _written(draw, entry.mobile, entry),
            "company": entry.company,
            "jobtitle": entry.title,
            "industry": entry.job.company.industry if draw.chance(0.5) else None,
            "website": entry.job.company.domain if draw.chance(0.3) else None,
            "lifecyclestage": draw.skewed(_STAGES),
            "hubspot_owner_id": owner.owner_id if owner else None,
            "address": address.street if address else None,
            "city": address.city if address else None,
            "zip": address.postcode if address else None,
            "state": address.region if address else None,
            "country": COUNTRIES[address.country].name if address else None,
        }
        source = draw.pick(("IMPORT", "CRM_UI", "FORM"))
        given = {name: value for name, value in values.items() if value is not None}
        contact = self._hubspot.create("contacts", given, source=source, at=at)
        if draw.chance(0.85):
            company = self._map_company(entry.job.company, at)
            self._hubspot.associate("contacts", contact, "companies", company)
        return contact, entry.email.lower() if entry.email else None

    def _map_company(self, company: Company, at: datetime) -> str:
        known = self._map_companies.get(company.number)
        if known is not None:
            return known
        address = company.address
        made = self._hubspot.create(
            "companies",
            {
                "name": f"{company.name} {company.legal}",
                "domain": company.domain,
                "industry": company.industry,
                "phone": company.phone,
                "address": address.street,
                "city": address.city,
                "zip": address.postcode,
                "state": address.region,
                "country": COUNTRIES[address.country].name,
                "numberofemployees": str(company.employees),
            },
            source="IMPORT",
            at=at,
        )
        self._map_companies[company.number] = made
        return made

    def _record(self, entry: Entry, at: datetime) -> Record:
        draw = self._draw
        rep = self._sales.any_owner()
        person = {
            "FirstName": entry.given,
            "LastName": entry.family,
            "Email": entry.email,
            "Phone": _written(draw, entry.phone, entry),
            "MobilePhone": _written(draw, entry.mobile, entry),
            "Title": entry.title,
            "LeadSource": draw.pick(_SOURCES),
            "HasOptedOutOfEmail": entry.opted_out,
            "OwnerId": rep.user_id,
        }
        if entry.record == "Lead":
            return self._lead(entry, person, at, rep.user_id)
        account = self._account(entry, at, rep.user_id)
        if entry.was_lead:
            record = self._lead(entry, {**person, "HasOptedOutOfEmail": False}, at, rep.user_id)
            record.account = account
            self._sales.convert(record, self._later(at), deal=False)
            if entry.opted_out:
                change, when = {"HasOptedOutOfEmail": True}, self._later(at)
                self._salesforce.update("Contact", record.id, change, at=when)
                record.note(when, What.EDITED, self._salesforce.admin_user_id, record.id)
        else:
            fields = _filled({**person, **_address("Mailing", entry), "AccountId": account})
            made = self._salesforce.create("Contact", fields, user_id=rep.user_id, at=at)
            record = Record("Contact", made, account=account)
            record.note(at, What.CREATED, rep.user_id, made, rep.user_id)
        self._past(record, at)
        return record

    def _lead(
        self, entry: Entry, person: Mapping[str, object], at: datetime, user_id: str
    ) -> Record:
        status = _LEAD_STATES[0] if entry.was_lead else self._draw.pick(_LEAD_STATES)
        fields = {
            **person,
            **_address("", entry),
            "Company": entry.company,
            "Industry": entry.job.company.industry.replace("_", " ").title(),
            "Website": entry.job.company.domain if self._draw.chance(0.3) else None,
            "Status": status,
        }
        made = self._salesforce.create("Lead", _filled(fields), user_id=user_id, at=at)
        record = Record("Lead", made, done=status == _LEAD_STATES[-1])
        record.note(at, What.CREATED, user_id, made, user_id)
        if not entry.was_lead and status != _LEAD_STATES[0] and self._draw.chance(0.7):
            self._sales.call(record, self._later(at))
        return record

    def _account(self, entry: Entry, at: datetime, user_id: str) -> str:
        company = entry.job.company
        known = self._accounts.get(company.number)
        if known is not None:
            return known
        address = company.address
        fields = {
            "Name": entry.company,
            "Website": f"www.{company.domain}" if self._draw.chance(0.7) else None,
            "Phone": company.phone,
            "Industry": company.industry.replace("_", " ").title(),
            "NumberOfEmployees": company.employees,
            "BillingStreet": address.street,
            "BillingCity": address.city,
            "BillingPostalCode": address.postcode,
            "BillingState": address.region,
            "BillingCountry": COUNTRIES[address.country].name,
        }
        made = self._salesforce.create("Account", _filled(fields), user_id=user_id, at=at)
        self._accounts[company.number] = made
        return made

    def _past(self, record: Record, at: datetime) -> None:
        """Calls and deals of a Contact before the world starts."""
        draw = self._draw
        if draw.chance(0.35):
            self._sales.call(record, self._later(at))
        if not draw.chance(0.22):
            return
        opened = self._later(at)
        deal = self._sales.open_deal(record, opened)
        fate = draw.random.random()
        if fate < 0.6:
            stage = "Closed Won" if fate < 0.35 else "Closed Lost"
            self._sales.end(record, deal, stage, self._later(opened))

    def _before(self, least: float, most: float) -> datetime:
        days = least + (most - least) * self._draw.random.random()
        return self._start - timedelta(days=days)

    def _later(self, at: datetime) -> datetime:
        """Some moment after `at`, before the world starts (or `at` itself where it is later)."""
        if at >= self._start - timedelta(hours=1):
            return at
        end = min(at + timedelta(days=60), self._start - timedelta(minutes=1))
        return self._draw.between(at, end)


def actor_of(holding: Holding) -> Actor:
    """The person of a holding as they will act; knows no record yet."""
    person = holding.person
    job = person.job
    return Actor(
        id=person.id,
        given=person.given,
        family=person.family,
        company=f"{job.company.name} {job.company.legal}",
        title=job.title,
        phone=person.mobile,
        country=job.company.address.country,
        spare_emails=[job.email, person.private_email],
        defects=holding.defects,
    )


def _written(draw: Draw, phone: str | None, entry: Entry) -> str | None:
    return None if phone is None else draw.written(phone, entry.job.company.address.country)


def _address(prefix: str, entry: Entry) -> dict[str, object]:
    address = entry.address
    if address is None:
        return {}
    return {
        f"{prefix}Street": address.street,
        f"{prefix}City": address.city,
        f"{prefix}PostalCode": address.postcode,
        f"{prefix}State": address.region,
        f"{prefix}Country": COUNTRIES[address.country].name,
    }


def _filled(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
