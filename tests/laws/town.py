"""A town: people on both sides, and what they do. It keeps the truth, which nothing of Leadloop's
tables goes into, so that the laws can be judged by it.

Whatever is done here is done by people, at the vendors: `Town` never writes as Leadloop does. A
person is `plain` as long as nobody has merged, deleted, converted or renamed anything of theirs;
about plain people the truth is exact, about the others the laws say less.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from mappings.records import (
    Event,
    EventKind,
    Json,
    Record,
    RecordRef,
    Side,
)
from mappings.required_fields import CRM_KEY, MAP_KEY
from state import identity, outbox
from state.due import DUE
from state.open import open_store
from state.store import Store
from sync import closings, recover
from sync.addresses import FURTHER, address_of, addresses_of
from sync.config import GuardConfig
from sync.guard import Approval
from sync.held import DELETION
from sync.plan import fingerprints
from sync.plan_consent import OPT_OUT_MAP
from sync.run import Report, run_once
from tests.databases import state_url
from tests.laws.vendor import STAGE, TownVendor
from tests.sync.world import World, screened

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - mkdtemp makes it private
"""Where towns have their state: a killed process tests no disk, so none need be waited for."""
HOLD = timedelta(minutes=15)
"""How long a person's deletion may turn out to be half of a merge: what config.yaml defaults to."""
GUARD = GuardConfig(floor=1000)
"""A town is too small for shares of its people to mean anything: thirty form fills between two runs
are no alarm here."""
OPT_OUT_CRM = "HasOptedOutOfEmail"
REP = "a-rep"
NAMES = (
    *(("Ada", "Byron"), ("Alan", "Turing"), ("Grace", "Hopper"), ("Mary", "Somerville")),
    *(("Edsger", "Dijkstra"), ("Barbara", "Liskov"), ("Kurt", "Godel"), ("Emmy", "Noether")),
    *(("Rosalind", "Franklin"), ("Blaise", "Pascal"), ("Sophie", "Germain"), ("Ida", "Rhodes")),
)
SHARED = "home@lopez-ltd.com"
FAMILY = (("Peter", "Grant"), ("Olga", "Fuchs"))
FIELDS: Mapping[str, tuple[str, str]] = {
    "name": ("firstname", "FirstName"),
    "title": ("jobtitle", "Title"),
    "phone": ("phone", "Phone"),
}
"""Fields people edit here: MAP name and CRM name. In the shipped mapping all three go both ways,
and no blank overwrites; the CRM owns name and phone, the MAP the title."""


@dataclass(slots=True)
class Person:
    """Somebody, and where they are known: the truth of who is who. `met` says that both records
    were seen at rest as one person's."""

    number: int
    contact: str | None = None
    crm: RecordRef | None = None
    plain: bool = True
    met: bool = False
    out: bool = False
    stage: str | None = None
    edits: dict[str, list[tuple[Side, str]]] = field(default_factory=dict)
    undone: dict[str, tuple[Json, Json]] = field(default_factory=dict)
    fills: list[Event] = field(default_factory=list)
    counts: Counter[EventKind] = field(default_factory=Counter)
    opportunities: list[str] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str]:
        """First and last name, nobody else's."""
        first, last = NAMES[self.number % len(NAMES)]
        return first, last if self.number < len(NAMES) else f"{last}{self.number}"

    @property
    def email(self) -> str:
        """The address that follows from the name."""
        first, last = self.name
        return f"{first}.{last}@example-{last}.com".lower()

    def __repr__(self) -> str:
        return self.name[0].lower()


@dataclass(slots=True)
class Town:
    """The world, its people, and the truth about them."""

    world: World
    folder: Path
    url: str | None = None
    people: list[Person] = field(default_factory=list)
    skew: timedelta = timedelta()
    opportunities: Counter[str] = field(default_factory=Counter)
    deleted_deals: set[str] = field(default_factory=set)
    removed: dict[tuple[Side, str], Callable[[], None]] = field(default_factory=dict)
    strangers: list[tuple[str, list[str]]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    @classmethod
    def build(cls, folder: Path, *, template: Path | None = None, url: str | None = None) -> Town:
        """An empty town; `template` is the file of an empty state, which saves making one."""
        if template is not None:
            shutil.copyfile(template, folder / "state.sqlite3")
        world = World.build(folder, vendor=TownVendor, url=url)
        world.pair = replace(world.pair, hold_deletions=HOLD, guard=GUARD)
        town = cls(world, folder, url)
        town.reopen()
        return town

    @property
    def hubspot(self) -> TownVendor:
        """The MAP."""
        assert isinstance(self.world.hubspot, TownVendor)
        return self.world.hubspot

    @property
    def salesforce(self) -> TownVendor:
        """The CRM."""
        assert isinstance(self.world.salesforce, TownVendor)
        return self.world.salesforce

    @property
    def store(self) -> Store:
        """The state."""
        return self.world.store

    def vendor(self, side: Side) -> TownVendor:
        """The vendor of a side."""
        return self.hubspot if side is Side.MAP else self.salesforce

    def now(self) -> datetime:
        """What Leadloop's clock shows, which may be wrong."""
        return self.world.time.now() + self.skew

    def reopen(self) -> None:
        """Leadloop starts anew: what it had in memory is gone, what was committed is not."""
        self.world.close()
        where = self.url or state_url(self.folder)
        store = screened(open_store(where, clock=self.now, pair="main"), self.folder)
        self.world.pair = replace(self.world.pair, store=store, clock=self.now)

    # --- running -----------------------------------------------------------------------------

    def run(self, approval: Approval | None = None, *, kind: str = "sync") -> Report:
        """One run."""
        for vendor in (self.hubspot, self.salesforce):
            vendor.used_up = False
        report = run_once(self.world.pair, approval=approval, kind=kind)
        self.reports.append(report)
        return report

    def approved_run(self, *, kind: str = "sync") -> Report:
        """One run of a plan that somebody has read."""
        planned = list(self.world.planned().planned.intents())
        return self.run(Approval(frozenset(fingerprints(planned))), kind=kind)

    def wait_for_held(self) -> None:
        """Nothing happens until the last deletion that is held may be decided about."""
        with self.store.read() as tx:
            held = select(func.max(DUE.c.at)).where(
                tx.mine(DUE), DUE.c.kind == DELETION, DUE.c.done_at.is_(None)
            )
            last = tx.connection.execute(held).scalar()
            self.world.time.at += max(timedelta(), (last or tx.now) - tx.now)

    def writes(self) -> int:
        """Rows written to either side so far."""
        return self.world.writes()

    # --- people come and go ------------------------------------------------------------------

    def newcomer(self, *, on_map: bool, on_crm: str | None) -> Person:
        """Somebody new, known in the MAP, in the CRM as a Lead or Contact, or in both."""
        person = Person(len(self.people))
        self.people.append(person)
        first, last = person.name
        if on_map:
            person.contact = self.world.contact(first, last)
        if on_crm == "Lead":
            person.crm = RecordRef("salesforce", "Lead", self.world.lead(first, last))
        elif on_crm == "Contact":
            made = self.world.crm_contact(first, last)
            person.crm = RecordRef("salesforce", "Contact", made)
        return person

    def share_an_address(self) -> None:
        """A family shares a mailbox: one of them is in the MAP, two others are Leads."""
        contact = self.world.contact("Maria", "Lopez", email=SHARED)
        leads = [self.world.lead(*name, Email=SHARED) for name in FAMILY]
        self.strangers.append((contact, leads))

    def change_mapping(self) -> None:
        """The mapping's files change: to Leadloop another hash, which nobody has approved."""
        mapping = self.world.pair.mapping
        other = replace(mapping, hash=f"{mapping.hash}+")
        self.world.pair = replace(self.world.pair, mapping=other)

    def record(self, person: Person, side: Side) -> Record | None:
        """The person's record on a side as it is, None where there is none (any more)."""
        if side is Side.MAP:
            found = self.hubspot.get("contacts", person.contact) if person.contact else None
        else:
            found = self.crm_record(person)
        return found if found is not None and not found.deleted else None

    def crm_record(self, person: Person) -> Record | None:
        """The CRM record a rep would call this person's; Leadloop's own creation by its key."""
        if person.crm is None and person.contact is not None:
            key = self.hubspot.get("contacts", person.contact).fields.get(MAP_KEY)
            own = self.salesforce.by("Lead", CRM_KEY, key) if key else []
            person.crm = own[0].ref if own else None
        if person.crm is None:
            return None
        return self.salesforce.get(person.crm.object, person.crm.id)

    def linked(self, person: Person) -> bool:
        """Whether both of the person's records are there and belong to one golden record."""
        contact, crm = self.record(person, Side.MAP), self.record(person, Side.CRM)
        if contact is None or crm is None:
            return False
        with self.store.read() as tx:
            links = identity.links_of(tx, [contact.ref, crm.ref])
        return len(links) == 2 and len({link.entity_id for link in links.values()}) == 1

    # --- what people do ------------------------------------------------------------------------

    def edit(self, person: Person, side: Side, name: str, value: str, ago: float = 0) -> None:
        """Somebody edits a field of the person on one side, stamped up to some seconds ago. Who
        types what is there already changes the record and no value: nothing of it is to arrive."""
        record = self.record(person, side)
        field_name = FIELDS[name][0 if side is Side.MAP else 1]
        if record is None or record.converted_to is not None or field_name not in record.fields:
            return
        at = self.world.time.now() - timedelta(seconds=ago)
        at = max(at, record.modified_at)
        self.vendor(side).edit(record.ref.object, record.ref.id, {field_name: value}, at=at, by=REP)
        if record.fields[field_name] != value:
            known = person.edits.setdefault(name, self._before_they_met(person, side.other, name))
            known.append((side, value))

    def _before_they_met(self, person: Person, side: Side, name: str) -> list[tuple[Side, str]]:
        """Until both records of a person are linked, what is on the other side is as much news as
        an edit is: the owner's stands (docs/explanation/conflicts.md). A field that was not there
        when they were linked has still to be met."""
        record = self.record(person, side)
        if person.met or record is None:
            return []
        if self.linked(person) and not any(gone == name for _, gone in self.removed):
            return []
        value = record.fields.get(FIELDS[name][0 if side is Side.MAP else 1])
        return [(side, str(value))] if value is not None else []

    def fill(self, person: Person) -> None:
        """The person fills in a form; the MAP makes them a contact if they are none."""
        if person.contact is None:
            first, last = person.name
            person.contact = self.hubspot.put(
                "contacts", {"email": person.email, "firstname": first, "lastname": last}
            )
        person.fills.append(self.world.fills(person.email))

    def mail(self, person: Person, kind: EventKind) -> None:
        """Something happens to a mail the person got."""
        if person.contact is not None:
            self.world.happens(kind, person.email)
            person.counts[kind] += 1

    def opt_out(self, person: Person, side: Side) -> None:
        """The person wants no mail any more, and says so on one side."""
        record = self.record(person, side)
        if record is None or record.converted_to is not None:
            return
        name, value = (OPT_OUT_MAP, "true") if side is Side.MAP else (OPT_OUT_CRM, True)
        self.vendor(side).edit(record.ref.object, record.ref.id, {name: value}, by=REP)
        person.out = True

    def opt_a_stranger_out(self, side: Side) -> None:
        """One of the people who share a mailbox wants no mail any more."""
        for contact, leads in self.strangers:
            if side is Side.MAP:
                self.hubspot.edit("contacts", contact, {OPT_OUT_MAP: "true"}, by=REP)
            else:
                self.salesforce.edit("Lead", leads[-1], {OPT_OUT_CRM: True}, by=REP)

    def promote(self, person: Person, stage: str) -> None:
        """Marketing, or HubSpot itself, moves the person's contact to a stage."""
        record = self.record(person, Side.MAP)
        if record is not None:
            self.hubspot.edit("contacts", record.ref.id, {STAGE: stage}, by=REP)
            person.stage = stage

    def delete(self, person: Person, side: Side) -> None:
        """Somebody deletes the person's record on one side."""
        record = self.record(person, side)
        if record is not None and record.converted_to is None:
            self.vendor(side).remove(record.ref.object, record.ref.id)
            person.plain = False

    def restore(self, person: Person, side: Side) -> None:
        """Somebody takes it out of the bin, where no other record has its address or our key by
        now: both vendors keep unique values unique (that this holds for the bin is assumed)."""
        ref = person.crm
        if side is Side.MAP:
            ref = RecordRef("hubspot", "contacts", person.contact) if person.contact else None
            if self.hubspot.by("contacts", "email", person.email):
                return  # somebody else has the address by now
        if ref is None or not (gone := self.vendor(side).get(ref.object, ref.id)).deleted:
            return
        key = CRM_KEY if side is Side.CRM else MAP_KEY
        if gone.fields.get(key) is None or not self.vendor(side).by(
            ref.object, key, gone.fields[key]
        ):
            self.vendor(side).restore(ref.object, ref.id)

    def merge_contacts(self, one: Person, other: Person) -> None:
        """Marketing merges two contacts; the result has a new id, and the addresses of both: the
        second's become further ones, as HubSpot keeps them."""
        left, right = self.record(one, Side.MAP), self.record(other, Side.MAP)
        if left is None or right is None or left.ref == right.ref:
            return
        merged = {**right.fields, **{k: v for k, v in left.fields.items() if v is not None}}
        merged["hs_merged_object_ids"] = f"{left.ref.id};{right.ref.id}"
        known = dict.fromkeys((*addresses_of(left), *addresses_of(right)))
        merged[FURTHER] = ";".join(a for a in known if a != address_of(left)) or None
        survivor = self.hubspot.merge("contacts", [left.ref.id, right.ref.id], merged)
        one.contact = other.contact = survivor
        one.plain = other.plain = False
        one.out = other.out = one.out or other.out

    def merge_leads(self, one: Person, other: Person) -> None:
        """Sales merges two Leads, or two Contacts: the first one stays."""
        left, right = self.record(one, Side.CRM), self.record(other, Side.CRM)
        if left is None or right is None or left.ref == right.ref:
            return
        if left.ref.object != right.ref.object or left.converted_to or right.converted_to:
            return
        out = bool(left.fields[OPT_OUT_CRM]) or bool(right.fields[OPT_OUT_CRM])
        self.salesforce.remove(right.ref.object, right.ref.id, merged_into=left.ref.id)
        self.salesforce.edit(left.ref.object, left.ref.id, {OPT_OUT_CRM: out}, by=REP)
        other.crm = left.ref
        one.plain = other.plain = False

    def convert(self, person: Person, *, carries_key: bool = True) -> None:
        """Sales converts the person's Lead; most orgs map our key from Lead to Contact."""
        lead = self.record(person, Side.CRM)
        if lead is None or lead.ref.object != "Lead" or lead.converted_to is not None:
            return
        first, last = person.name
        copied = ("FirstName", "LastName", "Email", "Phone", "Title", OPT_OUT_CRM)
        own = {name: lead.fields[name] for name in copied if name in lead.fields}
        if carries_key:
            own[CRM_KEY] = lead.fields.get(CRM_KEY)
            self.salesforce.edit("Lead", lead.ref.id, {CRM_KEY: None}, by=REP)
        made = self.world.crm_contact(first, last, **own)
        self.salesforce.edit("Lead", lead.ref.id, {"IsConverted": True}, by=REP)
        person.crm = RecordRef("salesforce", "Contact", made)
        self.salesforce.convert("Lead", lead.ref.id, person.crm)
        person.plain = False

    def company(self, number: int) -> None:
        """A company both sides know, or one side hears of later."""
        name, domain = f"Firm {number}", f"firm-{number}.example"
        if number % 3:
            self.hubspot.put("companies", {"name": name, "domain": domain})
        if number % 3 != 1:
            self.salesforce.put("Account", {"Name": name, "Website": f"https://{domain}"})

    def opportunity(self, person: Person, stage: str, amount: int) -> None:
        """Sales opens an opportunity with the person on it."""
        record = self.record(person, Side.CRM)
        if record is None or record.ref.object != "Contact":
            return
        name = f"Deal {sum(self.opportunities.values())}"
        self.opportunities[name] += 1
        made = self.salesforce.put(
            "Opportunity",
            {
                "Name": name,
                "StageName": stage,
                "Amount": amount,
                "CloseDate": "2026-05-01",
                "IsClosed": stage.startswith("Closed"),
                "IsWon": stage == "Closed Won",
            },
        )
        self.salesforce.put(
            "OpportunityContactRole", {"OpportunityId": made, "ContactId": record.ref.id}
        )
        person.opportunities.append(made)

    def move_opportunity(self, person: Person, stage: str) -> None:
        """The newest opportunity of the person moves."""
        if person.opportunities:
            changes: dict[str, Json] = {
                "StageName": stage,
                "IsClosed": stage.startswith("Closed"),
                "IsWon": stage == "Closed Won",
            }
            self.salesforce.edit("Opportunity", person.opportunities[-1], changes, by=REP)

    def delete_deal(self, number: int) -> None:
        """Marketing deletes a deal."""
        deals = self.hubspot.all("deals")
        if deals:
            deal = deals[number % len(deals)]
            self.hubspot.remove("deals", deal.ref.id)
            self.deleted_deals.add(str(deal.fields["dealname"]))

    # --- what administrators do --------------------------------------------------------------

    def drop_field(self, side: Side, name: str) -> None:
        """An administrator removes a mapped field of people on one side."""
        field_name = FIELDS[name][0 if side is Side.MAP else 1]
        if (side, name) in self.removed:
            return
        objects = ("contacts",) if side is Side.MAP else ("Lead", "Contact")
        undo = [self.vendor(side).drop_field(o, field_name) for o in objects]

        def bring_back() -> None:
            for one in undo:
                one()

        self.removed[side, name] = bring_back

    def give_up(self) -> None:
        """The operator discards the oldest dead letter there is, until the town comes to rest."""
        with self.store.read() as tx:
            letters = outbox.dead_letters(tx)
        if letters:
            closings.discard(self.store, letters[-1].id, "nobody can place it")

    def calm(self) -> None:
        """The vendors work, the administrators have mended what they broke, the operator has put
        every dead letter back, those that were given up, too."""
        for vendor in (self.hubspot, self.salesforce):
            vendor.calm()
        self.bring_fields_back()
        with self.store.read() as tx:
            discarded = outbox.dead_letters(tx, status=outbox.DISCARDED)
        for letter in discarded:
            closings.take_up(self.store, letter.id)
        recover.replay(self.store, recover.Selection())

    def bring_fields_back(self) -> None:
        """The administrators see what they did."""
        for bring_back in self.removed.values():
            bring_back()
        self.removed.clear()
