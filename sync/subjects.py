"""People and opportunities out of the state, one at a time: what audit and reports fold over.

`Subjects` reads within one transaction, so that all numbers of a report are of one moment, and
holds one page of people at a time: memory stays flat however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lifecycle.handoff import Handoff
from lifecycle.standing import Transition
from lifecycle.subjects import Card, Entry, Opportunity, Owning, Subject, Users, oldest
from lifecycle.timeline import Deal, Moment, MomentKind
from lifecycle.touch import MARKETING_TOUCHES, Touch, TouchRules, touches_of, words_of
from mappings.contract import Team
from mappings.fieldmap import EntityKind, ObjectMapping, PairMapping
from mappings.money import Money
from mappings.record_ids import id18
from mappings.records import EventKind, Json, Record, RecordRef
from mappings.required_fields import EVENT, EVENT_KEY, TASK
from state import identity, mirror, streams
from state.identity import Link
from state.store import Tx
from sync.activities import entry_of, moments_of, spoken_with
from sync.addresses import addresses_of
from sync.facts import choose_order
from sync.gather import ROLES, activities_on, converted_leads, met, opportunities_at
from sync.loop_rows import handoffs_of, moves_of
from sync.timelines import deal_of

PAGE = 500
"""People read at a time."""
ACTIVITIES = (TASK, EVENT)
TOUCHING = {
    kind: MomentKind(kind.value)
    for kind in EventKind
    if kind.value in {touch.value for touch in MARKETING_TOUCHES}
}
"""The events that can be touches, and what they are as moments."""
STAGE_FIELDS = ("lifecyclestage", "hs_lead_status")
REACHED_BY = ("email", "phone", "mobilephone", "Email", "Phone", "MobilePhone")


def users_of(tx: Tx, also: Iterable[str] = ()) -> Users:
    """The CRM's users. Integrations are the user Leadloop itself works as, whoever wrote down what
    Leadloop logs, and those named in `also`.
    """
    names: dict[str, str] = {}
    active: set[str] = set()
    for record in mirror.live(tx, "User"):
        names[record.ref.id] = str(record.fields.get("Name") or record.ref.id)
        if record.fields.get("IsActive") is not False:
            active.add(record.ref.id)
    loggers = {
        str(record.fields["CreatedById"])
        for record in mirror.live(tx, TASK)
        if record.fields.get(EVENT_KEY) and record.fields.get("CreatedById")
    }
    return Users(
        names, frozenset(active), identity.own_users(tx) | loggers | frozenset(map(id18, also))
    )


@dataclass(slots=True)
class Subjects:
    """Reads people and opportunities in one transaction. `crm` is the CRM's connector kind."""

    tx: Tx
    mapping: PairMapping
    users: Users
    crm: str
    _campaigns: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._campaigns = streams.campaigns(self.tx)

    @property
    def _people(self) -> ObjectMapping | None:
        return self.mapping.of_kind(EntityKind.PERSON)

    def people(self) -> Iterator[Subject]:
        """Every person: golden records in the order of their ids, then records that belong to none
        in the order in which they were first seen."""
        after = ""
        while ids := streams.people(self.tx, after=after, limit=PAGE):
            after = ids[-1]
            yield from self.named(ids).values()
        people = self._people
        for name in (people.map_object, *people.crm_objects) if people is not None else ():
            yield from self._unlinked(name)

    def _unlinked(self, object_name: str) -> Iterator[Subject]:
        after = 0
        while rows := streams.unlinked(self.tx, object_name, after=after, limit=PAGE):
            after = rows[-1][0]
            yield from self.named([str(ref) for _, ref in rows]).values()

    def named(self, keys: Sequence[str]) -> dict[str, Subject]:
        """These people by key, in that order: a golden record's id, or the name of a record that
        belongs to none."""
        if self._people is None or not keys:
            return {}
        page = self._page(self._people, keys)
        return {key: page.subject(key) for key in keys}

    def opportunities(self) -> Iterator[Opportunity]:
        """Every live opportunity, in the order in which they were first seen."""
        after = 0
        while rows := mirror.every(self.tx, "Opportunity", after=after, limit=PAGE):
            after = rows[-1][0]
            yield from self._opportunities([row.record for _, row in rows])

    def _opportunities(self, records: Sequence[Record]) -> Iterator[Opportunity]:
        ids = [record.ref.id for record in records]
        groups = self._groups(ids)
        people = self.named(sorted({one for own in groups.values() for one in own}))
        about = self._about(ids)
        readings = streams.readings(self.tx, "Opportunity", ids)
        for record in records:
            own = [people[one] for one in groups.get(record.ref.id, ()) if one in people]
            entries = {e.ref: e for person in own for e in person.entries}
            entries |= {e.ref: e for e in map(entry_of, about.get(record.ref.id, ()))}
            seen = readings.get(record.ref.id, [])
            yield Opportunity(
                deal=self._deal(record, tuple(groups.get(record.ref.id, ()))),
                people=tuple(own),
                entries=_in_order(entries.values()),
                owners=tuple(Owning(one.at, one.owner) for one in seen),
                edited_at=self._edited_at(record, seen),
            )

    def _edited_at(self, record: Record, seen: Sequence[streams.Reading]) -> datetime | None:
        """The last change by anybody but an integration, as far as readings show."""
        stamps = [(one.at, one.by) for one in seen] or [(record.modified_at, record.modified_by)]
        return max((at for at, by in stamps if by not in self.users.integrations), default=None)

    def _groups(self, opportunity_ids: Sequence[str]) -> dict[str, list[str]]:
        """The people with a role on each opportunity, by key."""
        roles = [
            row.record for row in mirror.by_lookup(self.tx, ROLES, opportunity_ids, second=True)
        ]
        contacts = {
            RecordRef(self.crm, "Contact", str(role.fields.get("ContactId"))) for role in roles
        }
        links = identity.links_of(self.tx, contacts)
        found: dict[str, set[str]] = defaultdict(set)
        for role in roles:
            ref = RecordRef(self.crm, "Contact", str(role.fields.get("ContactId")))
            key = links[ref].entity_id if ref in links else str(ref)
            found[str(role.fields.get("OpportunityId"))].add(key)
        return {opportunity: sorted(own) for opportunity, own in found.items()}

    def _about(self, opportunity_ids: Iterable[str]) -> Mapping[str, list[Record]]:
        """Tasks and meetings by the opportunity they are about."""
        found: dict[str, list[Record]] = defaultdict(list)
        for name in ACTIVITIES:
            for row in mirror.by_lookup(self.tx, name, opportunity_ids, second=True):
                found[str(row.lookup2)].append(row.record)
        return found

    def _deal(self, record: Record, people: tuple[str, ...]) -> Deal:
        reporting = self.mapping.contract.reporting
        currency = str(record.fields.get("CurrencyIsoCode") or reporting.currency)
        return replace(
            deal_of(record, reporting.zone),
            people=people,
            account=_text(record.fields.get("AccountId")),
            amount=Money.parse(record.fields.get("Amount"), currency),
        )

    def _page(self, mapping: ObjectMapping, keys: Sequence[str]) -> _Page:
        entity_ids = [key for key in keys if not RecordRef.is_name(key)]
        links = identity.members(self.tx, entity_ids)
        links |= {key: [_itself(key)] for key in keys if RecordRef.is_name(key)}
        refs = {link.ref for own in links.values() for link in own}
        crm = [ref for ref in refs if ref.object in mapping.crm_objects]
        contacts = [ref.id for ref in crm if ref.object == "Contact"]
        records = {ref: row.record for ref, row in mirror.load(self.tx, refs).items()}
        linked = {link.ref for key in entity_ids for link in links.get(key, ())}
        return _Page(
            mapping=mapping,
            traits=self.mapping.contract.reporting.traits,
            users=self.users,
            campaigns=self._campaigns,
            links=links,
            records=records,
            leads=converted_leads(self.tx, self.crm, contacts),
            events=streams.happened(self.tx, entity_ids, tuple(TOUCHING))
            | self._of_nobody(mapping, records, linked),
            activities=activities_on(self.tx, {ref.id for ref in crm}),
            met=met(self.tx, [ref for ref in refs if ref.object == mapping.map_object]),
            moves=moves_of(self.tx, entity_ids) if self.mapping.contract else {},
            handoffs=handoffs_of(self.tx, entity_ids) if self.mapping.contract else {},
            deals={
                contact: [self._deal(record, ()) for record in own]
                for contact, own in opportunities_at(self.tx, self.crm, contacts).items()
            },
        )

    def _of_nobody(
        self,
        mapping: ObjectMapping,
        records: Mapping[RecordRef, Record],
        linked: Container[RecordRef],
    ) -> dict[str, list[streams.Happened]]:
        """What happened to MAP contacts that belong to no golden record, by their names: they wait
        in review, say, and events that name their addresses wait with them."""
        alone = {
            address: str(ref)
            for ref, record in records.items()
            if ref.object == mapping.map_object and ref not in linked
            for address in addresses_of(record)
        }
        found: dict[str, list[streams.Happened]] = defaultdict(list)
        for address, own in streams.of_nobody(self.tx, alone, tuple(TOUCHING)).items():
            found[alone[address]] += own
        return found


@dataclass(frozen=True, slots=True)
class _Page:
    """What one page of people needs, read together."""

    mapping: ObjectMapping
    traits: tuple[str, ...]
    users: Users
    campaigns: Mapping[str, str]
    links: Mapping[str, Sequence[Link]]
    records: Mapping[RecordRef, Record]
    leads: Mapping[str, Sequence[Record]]
    events: Mapping[str, Sequence[streams.Happened]]
    activities: Mapping[str, Sequence[Record]]
    met: Mapping[RecordRef, Sequence[Record]]
    moves: Mapping[str, Sequence[Transition]]
    handoffs: Mapping[str, Sequence[Handoff]]
    deals: Mapping[str, Sequence[Deal]]

    def subject(self, entity_id: str) -> Subject:
        """One person of the page."""
        links = self.links.get(entity_id, ())
        ever = [record for link in links if (record := self.records.get(link.ref)) is not None]
        ever += [lead for link in links for lead in self.leads.get(link.ref.id, ())]
        standing = {link.ref for link in links if link.status == "live"}
        live = [record for record in ever if record.ref in standing and _is_live(record)]
        people = [record for record in live if record.ref.object in self.mapping.crm_objects]
        spoken = spoken_with(people, self.activities, self.users.integrations)
        crm = choose_order(people, key=entity_id, spoken=spoken)
        refs = {link.ref.id: str(link.ref) for link in links}
        logged = [record for name in sorted(refs) for record in self.activities.get(name, ())]
        spoken_to = [record for link in links for record in self.met.get(link.ref, ())]
        touches = self._touches(entity_id, [*logged, *spoken_to])
        moves = tuple(self.moves.get(entity_id, ()))
        return Subject(
            key=entity_id,
            map=tuple(
                _card(r, STAGE_FIELDS, self.users)
                for r in sorted(live, key=lambda r: (r.created_at or r.modified_at, r.ref))
                if r.ref.object == self.mapping.map_object
            ),
            crm=tuple(_card(r, ("Status",), self.users) for r in crm),
            came=oldest(
                _card(r, ("Status",), self.users)
                for r in ever
                if r.ref.object in self.mapping.crm_objects
            ),
            touches=touches,
            entries=_in_order(
                _on(entry_of(record), refs) for record in logged if record.ref.object in ACTIVITIES
            ),
            deals=self._deals(links),
            moves=moves,
            handoffs=tuple(self.handoffs.get(entity_id, ())),
            source=next((words_of(t) for t in touches if t.team is Team.MARKETING), ""),
            segment=moves[-1].lifecycle if moves else "",
            persona=(moves[-1].persona or "") if moves else "",
            traits=self._profile(live),
        )

    def _profile(self, live: Sequence[Record]) -> dict[str, str]:
        """Values of the profile that reports look at, of the first MAP record that has one."""
        own = [r.fields for r in live if r.ref.object == self.mapping.map_object]
        found = {name: next((f[name] for f in own if f.get(name)), None) for name in self.traits}
        return {name: str(value) for name, value in found.items() if value is not None}

    def _deals(self, links: Sequence[Link]) -> tuple[Deal, ...]:
        found = {deal.key: deal for link in links for deal in self.deals.get(link.ref.id, ())}
        return tuple(found[key] for key in sorted(found))

    def _touches(self, entity_id: str, logged: Sequence[Record]) -> tuple[Touch, ...]:
        moments = [
            Moment(
                one.at, one.key, TOUCHING[one.kind], source=self._source(one), filtered=one.filtered
            )
            for one in self.events.get(entity_id, ())
        ]  # fmt: skip
        moments += moments_of(logged)
        rules = TouchRules(integrations=self.users.integrations)
        return tuple(touches_of(moments, entity_id, rules))

    def _source(self, one: streams.Happened) -> str:
        """The form or campaign by its name; of an e-mail with the number beside it, since two may
        have one name."""
        named = self.campaigns.get(one.name) if one.kind is EventKind.EMAIL_CLICK else None
        return f"{named} ({one.name})" if named else one.name


def _in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.created_at, entry.ref)))


def _itself(key: str) -> Link:
    """What stands for the link of a record that belongs to nobody."""
    return Link(
        RecordRef.parse(key), key, "unlinked", "live", None, datetime.min.replace(tzinfo=UTC)
    )


def _is_live(record: Record) -> bool:
    return not record.deleted and record.converted_to is None


def _card(record: Record, stage_fields: Sequence[str], users: Users) -> Card:
    fields = record.fields
    created_by = _text(fields.get("CreatedById"))
    return Card(
        ref=str(record.ref),
        kind=record.ref.object,
        created_at=record.created_at,
        created_by=users.name(created_by),
        owner=_text(fields.get("OwnerId")),
        stages=tuple(text for name in stage_fields if (text := _text(fields.get(name)))),
        edited_at=None if record.modified_by in users.integrations else record.modified_at,
        reachable=any(fields.get(name) for name in REACHED_BY),
    )


def _on(entry: Entry, refs: Mapping[str, str]) -> Entry:
    """The entry with the record it is on by its full name."""
    return replace(entry, on=refs.get(entry.on or "", entry.on))


def _text(value: Json) -> str | None:
    return str(value) if value not in (None, "") else None
