"""What reports should say of a generated world, counted from the world's own truth.

A second reading of docs/metrics.md that shares no code with `lifecycle` and reads none of
Leadloop's tables: facts come out of the truth (`GET /truth`: who filled in what, and each CRM
record's diary) and, for what Leadloop itself made, out of the vendors' rows. One thing is asked of
Leadloop, since the demo's judge answers for it: which records are one person (`person_of`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

STAGES = ("known", "engaged", "in_sales", "worked", "opportunity", "customer")
"""The path of plain facts, in order."""
SATURDAY = 5

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sale:
    """An opportunity: who had a role on it, what it came to and when. A won one counts from the
    beginning of its close date (`won_at`), or, opened on that day, from its last save then, which
    is also the latest it was closed (`won_by`)."""

    id: str
    person: str
    opened_at: datetime
    won_at: datetime | None
    won_by: datetime | None
    amount: Decimal


@dataclass(slots=True)
class Life:
    """What happened to one person: instants, and (instant, what) of either team's touches."""

    map_since: list[datetime] = field(default_factory=list)
    crm_since: list[datetime] = field(default_factory=list)
    forms: list[datetime] = field(default_factory=list)
    marketing: list[tuple[datetime, str]] = field(default_factory=list)
    calls: list[tuple[datetime, str]] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    statuses: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def touches(self) -> list[tuple[datetime, str]]:
        """Both teams' touches in order."""
        return sorted([*self.marketing, *self.calls])

    def reached(self) -> dict[str, datetime]:
        """When each plain stage, or one beyond it, was reached."""
        won = [sale.won_at for sale in self.sales if sale.won_at is not None]
        signs = {
            "known": [*self.map_since, *self.crm_since],
            "engaged": [at for at, _ in self.marketing],
            "in_sales": self.crm_since,
            "worked": [at for at, _ in self.calls],
            "opportunity": [sale.opened_at for sale in self.sales],
            "customer": won,
        }
        beyond = {
            stage: [at for later in STAGES[number:] for at in signs[later]]
            for number, stage in enumerate(STAGES)
        }
        return {stage: min(own) for stage, own in beyond.items() if own}

    @property
    def handed_over_at(self) -> datetime | None:
        """When somebody marketing had before came to sales."""
        if not self.map_since or not self.crm_since:
            return None
        came = min(self.crm_since)
        return came if min(self.map_since) < came else None


@dataclass(frozen=True)
class Story:
    """The truth of a world and the vendors' rows, told by person."""

    truth: Row
    contacts: Sequence[Row]
    leads: Sequence[Row]
    crm_contacts: Sequence[Row]
    opportunities: Sequence[Row]
    tasks: Sequence[Row]
    email_events: Sequence[Row]
    person_of: Callable[[str], str]

    def lives(self) -> dict[str, Life]:
        """Everybody's life, by person."""
        found: dict[str, Life] = defaultdict(Life)
        for person in self.truth["people"]:
            for contact, since in person["hubspot_since"].items():
                found[self.person_of(f"hubspot:contacts:{contact}")].map_since.append(_at(since))
            for call in person["hubspot_calls"]:
                own = found[self.person_of(f"hubspot:contacts:{call['contact']}")]
                own.calls.append((_at(call["at"]), "call: Call"))
            for record in person["salesforce_records"]:
                own = found[self.person_of(f"salesforce:{record['object']}:{record['id']}")]
                self._read_diary(own, record["diary"])
        self._add_what_leadloop_made(found)
        self._add_marketing(found)
        self._add_sales(found)
        return dict(found)

    def _read_diary(self, life: Life, diary: Sequence[Row]) -> None:
        subjects = {str(row["Id"]): str(row["Subject"]) for row in self.tasks}
        for line in diary:
            at = _at(line["at"])
            if line["what"] in {"created", "converted"}:
                life.crm_since.append(at)
            elif line["what"] == "call":
                life.calls.append((at, f"call: {subjects[line['id']]}"))
            elif line["what"] == "letter":
                life.calls.append((at, f"email_message: {line['value']}"))
            elif line["what"] == "answered":
                life.marketing.append((at, f"campaign_response: {line['value']}"))
            elif line["what"] == "status":
                life.statuses.append((at, line["value"]))

    def _add_what_leadloop_made(self, found: Mapping[str, Life]) -> None:
        """CRM records nobody in the world made: Leadloop's, from the day the CRM says."""
        known = {
            one
            for person in self.truth["people"]
            for record in person["salesforce_records"]
            for one in (record["id"], *record["converted_from"])
        }
        for name, rows in (("Lead", self.leads), ("Contact", self.crm_contacts)):
            for row in rows:
                if row["Id"] not in known:
                    person = self.person_of(f"salesforce:{name}:{row['Id']}")
                    found[person].crm_since.append(_at(row["CreatedDate"]))

    def _add_marketing(self, found: Mapping[str, Life]) -> None:
        by_address = {
            str(row["properties"]["email"]).lower(): str(row["id"])
            for row in self.contacts
            if row["properties"].get("email") and not row["archived"]
        }
        recipients = {(e["id"], e["created"]): str(e["recipient"]) for e in self.email_events}
        for person in self.truth["people"]:
            for fill in person["form_submissions"]:
                life = found[self._of_address(by_address, fill["email"])]
                at = _at(fill["submitted_at"])
                life.forms.append(at)
                life.marketing.append((at, f"form_fill: {self.truth['forms'][fill['form']]}"))
            for event in person["email_events"]:
                if event["type"] == "CLICK" and not event["filtered"]:
                    key = (event["id"], event["created"])
                    life = found[self._of_address(by_address, recipients[key])]
                    life.marketing.append((_at(event["created"]), "email_click"))

    def _of_address(self, by_address: Mapping[str, str], email: str) -> str:
        return self.person_of(f"hubspot:contacts:{by_address[email.lower()]}")

    def _add_sales(self, found: Mapping[str, Life]) -> None:
        rows = {str(row["Id"]): row for row in self.opportunities}
        for person in self.truth["people"]:
            for record in person["salesforce_records"]:
                key = self.person_of(f"salesforce:{record['object']}:{record['id']}")
                for line in record["diary"]:
                    if line["what"] == "deal_opened":
                        sale = self._sale(line, record["diary"], rows[line["id"]], key)
                        found[key].sales.append(sale)

    def _sale(self, opened: Row, diary: Sequence[Row], row: Row, person: str) -> Sale:
        began = _at(opened["at"])
        won = [
            _at(line["at"])
            for line in diary
            if line["id"] == opened["id"] and line["value"] == "Closed Won"
        ]
        day = datetime.combine(won[-1].date(), time(), UTC) if won else None
        amount = Decimal(str(row["Amount"]))
        if day is None:
            return Sale(opened["id"], person, began, None, None, amount)
        saved = min(_at(row["SystemModstamp"]), day + timedelta(days=1))
        return Sale(opened["id"], person, began, day if day > began else saved, saved, amount)


def team_of(life: Life) -> str | None:
    """Whose job somebody is under the demo's contract once all is evaluated, where that follows
    from forms and deals alone: nobody's step back leads out of a deal. None where it does not."""
    if any(sale.won_at is not None for sale in life.sales):
        return "shared"
    if life.sales:
        return "sales"
    return "marketing" if not life.crm_since else None


def worked(life: Life, now: datetime) -> str:
    """How somebody who was handed over counts: worked, not_worked or pending."""
    at = life.handed_over_at
    assert at is not None
    touched = [call for call, _ in life.calls if call >= at]
    end = fifth_working_day(at)
    if touched and min(touched) < end:
        return "worked"
    return "not_worked" if end <= now else "pending"


def fifth_working_day(at: datetime) -> datetime:
    """The end of the fifth working day after; what comes on a weekend counts from Monday on."""
    day = at.date()
    while day.weekday() >= SATURDAY:
        day += timedelta(days=1)
    left = 5
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def credits_of(lives: Mapping[str, Life], *, first: bool) -> dict[str, Decimal]:
    """All revenue by the first, or last, touch up to the close; "" where nobody touched."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for life in lives.values():
        for sale in life.sales:
            if sale.won_by is None:
                continue
            counted = [what for at, what in life.touches if at <= sale.won_by]
            found["" if not counted else counted[0 if first else -1]] += sale.amount
    return dict(found)


def qualified_at(life: Life, within: timedelta = timedelta(days=365)) -> Iterator[datetime]:
    """The instants of forms that were at least the second one within a year."""
    for at in sorted(life.forms):
        if sum(at - within < other <= at for other in life.forms) > 1:
            yield at


def _at(value: object) -> datetime:
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)
