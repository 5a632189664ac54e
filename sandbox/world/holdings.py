"""What each side holds about a person: the truth, with the defects of life.

Pure. `Holdings.draw` gives a person's entry in the MAP and their records in the CRM. It promises
that nearly everybody both sides hold stays knowable: `evidence` weighs what a careful human would
compare, and where too little agrees the mobile number is put on both sides (all but `UNKNOWABLE`
of them).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.world.draw import Draw, plain
from sandbox.world.people import Address, Employment, Person

UNKNOWABLE = 0.01
_ENOUGH = 8.0
_PLACEHOLDERS = ("test@test.com", "none@none.com", "noemail@noemail.com", "na@na.com")
_ROLES = ("info", "sales", "office", "kontakt", "contact", "purchasing")


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as one side holds it; `record` is "contact", "Lead" or "Contact".

    Phones are E.164 here and written in the local fashions when loaded. `was_lead` marks a Contact
    which came of a converted Lead. `defects` names what is wrong with it.
    """

    record: str
    given: str
    family: str
    email: str | None
    phone: str | None
    mobile: str | None
    job: Employment
    company: str
    title: str | None
    address: Address | None
    opted_out: bool = False
    was_lead: bool = False
    defects: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Holding:
    """A person with everything both sides hold about them."""

    person: Person
    map_entry: Entry | None
    crm_entries: tuple[Entry, ...]

    @property
    def defects(self) -> frozenset[str]:
        """Everything that is wrong with any of their records, and about them."""
        entries = (*((self.map_entry,) if self.map_entry else ()), *self.crm_entries)
        found = frozenset().union(*(entry.defects for entry in entries))
        also = {"namesake"} if self.person.namesake else set()
        also |= {"changed_job"} if len(self.person.jobs) > 1 else set()
        also |= {"crm_duplicate"} if len(self.crm_entries) > 1 else set()
        return found | also


class Holdings:
    """Draws what the two sides hold; the same seed gives the same holdings."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._map_emails: set[str] = set()

    def draw(
        self, person: Person, *, in_map: bool, in_crm: bool, duplicate: bool = False
    ) -> Holding:
        """The person's holding on the sides named; `duplicate` gives the CRM a second record."""
        old_in_crm = self._draw.chance(0.65)
        first, last = person.jobs[0], person.jobs[-1]
        map_job, crm_job = (last, first) if old_in_crm else (first, last)
        map_entry = self._map_entry(person, map_job) if in_map else None
        crm = [self._crm_entry(person, crm_job)] if in_crm else []
        if map_entry is not None and crm:
            map_entry, crm[0] = self._consent(map_entry, crm[0])
            map_entry, crm[0] = self._knowable(person, map_entry, crm[0])
        if map_entry is None and crm and len(person.jobs) > 1:
            # They will fill a form from their new desk; the number is what stays the same.
            crm[0] = replace(crm[0], mobile=person.mobile)
        if duplicate and crm:
            crm.append(self._double(person, crm[0], map_entry))
        return Holding(person, map_entry, tuple(crm))

    def _map_entry(self, person: Person, job: Employment) -> Entry:
        draw = self._draw
        entry = self._told(person, job, "contact")
        address = person.home if draw.chance(0.25) else job.company.address
        entry = replace(entry, address=address if draw.chance(0.55) else None)
        if draw.chance(0.13):
            return _marked(replace(entry, email=None), "no_email_map")
        if draw.chance(0.015):
            role = f"{draw.pick(_ROLES)}@{job.company.domain}"
            entry = _marked(replace(entry, email=role), "role_email")
        elif draw.chance(0.07):
            entry = _marked(replace(entry, email=person.private_email), "private_email")
        return self._only_once(person, entry)

    def _only_once(self, person: Person, entry: Entry) -> Entry:
        # HubSpot takes an address once; whoever comes second is known by another, or by none.
        for email in (entry.email, person.job.email, person.private_email):
            if email is not None and email not in self._map_emails:
                self._map_emails.add(email)
                return replace(entry, email=email)
        return _marked(replace(entry, email=None), "no_email_map")

    def _crm_entry(self, person: Person, job: Employment) -> Entry:
        draw = self._draw
        record = "Contact" if draw.chance(0.6) else "Lead"
        entry = self._told(person, job, record)
        address = person.home if draw.chance(0.15) else job.company.address
        entry = replace(
            entry,
            address=address if draw.chance(0.7) else None,
            company=self._account_name(job) if draw.chance(0.3) else entry.company,
            was_lead=record == "Contact" and draw.chance(0.15),
        )
        if draw.chance(0.13):
            return _marked(replace(entry, email=None), "no_email_crm")
        if draw.chance(0.01):
            return _marked(replace(entry, email=draw.skewed(_PLACEHOLDERS)), "placeholder_email")
        if draw.chance(0.015):
            role = f"{draw.pick(_ROLES)}@{job.company.domain}"
            return _marked(replace(entry, email=role), "role_email")
        if draw.chance(0.06):
            return _marked(replace(entry, email=person.private_email), "private_email")
        if draw.chance(0.04):
            return _marked(replace(entry, email=self._variant(job.email)), "email_variant")
        return entry

    def _told(self, person: Person, job: Employment, record: str) -> Entry:
        """What the person, or whoever typed it, said: names slip, numbers are left out."""
        draw = self._draw
        given, family, slips = person.given, person.family, set()
        nickname = draw.nickname(given)
        if nickname is not None and draw.chance(0.18):
            given = nickname
            slips.add("nickname")
        if draw.chance(0.035):
            family = draw.typo(family)
            slips.add("typo")
        elif draw.chance(0.02):
            given = draw.typo(given)
            slips.add("typo")
        if not (given + family).isascii() and draw.chance(0.35):
            german = draw.chance(0.5)
            given, family = plain(given, german=german), plain(family, german=german)
        if draw.chance(0.03):
            given, family = given.lower(), family.upper()
        phone = job.direct or job.company.phone
        if phone == job.company.phone:
            slips.add("switchboard")
        return Entry(
            record=record,
            given=given,
            family=family,
            email=job.email,
            phone=phone if draw.chance(0.6) else None,
            mobile=person.mobile if draw.chance(0.5) else None,
            job=job,
            company=self._company_name(job),
            title=job.title if draw.chance(0.85) else None,
            address=None,
            defects=frozenset(slips),
        )

    def _company_name(self, job: Employment) -> str:
        company = job.company
        return f"{company.name} {company.legal}" if self._draw.chance(0.55) else company.name

    def _account_name(self, job: Employment) -> str:
        return self._draw.pick((job.company.name.upper(), job.company.name))

    def _variant(self, email: str) -> str:
        local, domain = email.split("@")
        return self._draw.pick(
            (f"{local}+crm@{domain}", f"{local.title()}@{domain}", email.upper())
        )

    def _consent(self, map_entry: Entry, crm: Entry) -> tuple[Entry, Entry]:
        """Opt-outs: of both sides, or of one side only, for Leadloop to carry across."""
        draw = self._draw
        if not draw.chance(0.08):
            return map_entry, crm
        # HubSpot keeps consent by address: without one, only the CRM can know.
        in_map = map_entry.email is not None and draw.chance(0.65)
        in_crm = not in_map or draw.chance(0.4)
        return replace(map_entry, opted_out=in_map), replace(crm, opted_out=in_crm)

    def _knowable(self, person: Person, map_entry: Entry, crm: Entry) -> tuple[Entry, Entry]:
        if evidence(map_entry, crm) >= _ENOUGH or self._draw.chance(UNKNOWABLE):
            return map_entry, crm
        return replace(map_entry, mobile=person.mobile), replace(crm, mobile=person.mobile)

    def _double(self, person: Person, first: Entry, map_entry: Entry | None) -> Entry:
        """A second CRM record: most often a Lead beside a Contact, from another list or fair."""
        draw = self._draw
        record = "Lead" if first.record == "Contact" or draw.chance(0.7) else "Contact"
        told = self._told(person, draw.pick(person.jobs), record)
        email = first.email if draw.chance(0.5) else person.private_email
        second = replace(told, email=email, mobile=person.mobile, opted_out=first.opted_out)
        known = map_entry is None or evidence(map_entry, second) >= _ENOUGH
        if known or map_entry is None or map_entry.email is None:
            return _marked(second, "crm_duplicate")
        return _marked(replace(second, email=map_entry.email), "crm_duplicate")


def evidence(left: Entry, right: Entry) -> float:
    """How much agrees between two records, as a careful human would weigh it.

    Eight and more convinces. An address that stands for nobody and a switchboard weigh little.
    """
    names = _names_agree(left, right)
    weight = 3.0 if names == "same" else 2.0 if names == "close" else 0.0
    if left.email and right.email and _bare(left.email) == _bare(right.email):
        personal = not {"role_email", "placeholder_email"} & (left.defects | right.defects)
        weight += 10 if personal else 0
    numbers = {left.phone, left.mobile} & {right.phone, right.mobile} - {None}
    switchboards = {left.job.company.phone, right.job.company.phone}
    weight += 6 if numbers - switchboards else 1 if numbers else 0
    weight += 3 if left.job.company.number == right.job.company.number else 0
    weight += 1.5 if left.title is not None and left.title == right.title else 0
    if left.address is not None and left.address == right.address:
        weight += 1 if left.address == left.job.company.address else 3
    return weight


def _names_agree(left: Entry, right: Entry) -> str:
    pairs = (left.given, right.given), (left.family, right.family)
    same = [plain(one).lower() == plain(other).lower() for one, other in pairs]
    if all(same):
        return "same"
    return "close" if any(same) else "far"


def _bare(email: str) -> str:
    local, _, domain = email.lower().partition("@")
    return f"{local.split('+')[0]}@{domain}"


def _marked(entry: Entry, defect: str) -> Entry:
    return replace(entry, defects=entry.defects | {defect})
