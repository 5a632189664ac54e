"""A whole connection pair in memory: the shipped mapping, two vendors, a state on disk.

`World.build(folder)` wires what `sync.wiring` wires in production. With `durable`, what the vendors
hold is kept in a file beside the state, so that a killed process leaves both as a real one would.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import count
from pathlib import Path

from connectors.memory import MemoryConnector
from mappings.errors import RecordRejectedError
from mappings.fieldmap import PairMapping
from mappings.loader import load_mapping
from mappings.ports import FieldSchema, Limiter
from mappings.records import (
    Event,
    EventKind,
    Json,
    Operation,
    Outcome,
    OutcomeStatus,
    Record,
    RecordRef,
    Side,
    Write,
)
from mappings.required_fields import CRM_KEY, EVENT_KEY, MAP_KEY, fields_to_read, opt_out_property
from state import identity, tombstones
from state.open import open_store
from state.store import Store
from sync.config import GuardConfig, MatchingConfig
from sync.erasure.files import ErasureFiles
from sync.erasure.find import Ground
from sync.erasure.screen import ErasureScreen
from sync.guard import Approval
from sync.intents import event_key
from sync.limits import Accounts, Turn
from sync.pair import Pair
from sync.plan import fingerprints
from sync.reviewing import Desk
from sync.run import Prepared, Report, dry_run, run_once
from tests.databases import state_url

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
UNIQUE = {MAP_KEY, CRM_KEY, EVENT_KEY}
TASK = ("WhoId", "Subject", "Description", "Status", "ActivityDate", EVENT_KEY)
OPT_OUT = "hs_email_optout"


@cache
def preset() -> PairMapping:
    """The mapping Leadloop ships."""
    return load_mapping(Path(str(resources.files("mappings"))) / "presets/hubspot-salesforce.yaml")


def screened(store: Store, folder: Path) -> Store:
    """A state that keeps erased people out; key and list are in the folder."""
    with store.read() as tx:
        digests = tombstones.digests(tx)
    ground = Ground(preset(), "hubspot", None)
    return replace(store, screen=ErasureScreen(ground, ErasureFiles(folder), digests))


@dataclass(slots=True)
class Ticking:
    """A business clock that moves one second with every reading, and otherwise when told."""

    at: datetime = START
    tick: timedelta = timedelta(seconds=1)

    def now(self) -> datetime:
        """The next second."""
        self.at += self.tick
        return self.at


class Vendor(MemoryConnector):
    """A vendor whose records have every field it knows, blank ones too, as the real ones answer."""

    def __init__(
        self,
        system: str,
        fields: Mapping[str, tuple[str, ...]],
        time: Ticking,
        log: Path | None,
        limiter: Limiter | None = None,
    ) -> None:
        schema = {
            name: tuple(FieldSchema(f, f, "text", unique=_unique(name, f)) for f in own)
            for name, own in fields.items()
        }
        super().__init__(
            system,
            schema,
            account_id=f"{system}-1",
            limiter=limiter,
            clock=time.now,
            sleep=lambda _: None,
        )
        self.log = log
        self.history: list[Write] = []
        if log is not None and log.exists():
            self._restore(log)

    def put(
        self,
        object_name: str,
        fields: Mapping[str, Json],
        *,
        at: datetime | None = None,
        by: str | None = None,
        associations: Mapping[str, tuple[str, ...]] | None = None,
    ) -> str:
        """A record with every field of its object."""
        whole = {**dict.fromkeys(self._schema[object_name]), **fields}
        return super().put(object_name, whole, at=at, by=by, associations=associations)

    def put_as(self, object_name: str, record_id: str, fields: Mapping[str, Json]) -> None:
        """A record whose id is known: a user that a contract names."""
        whole = {**dict.fromkeys(self._schema[object_name]), **fields}
        at = self._now()
        ref = RecordRef(self.system, object_name, record_id)
        self._store(Record(ref, whole, revision="", modified_at=at, created_at=at))

    def learn(self, object_name: str, record_id: str, fields: Mapping[str, Json]) -> None:
        """A record has had these fields all along; nobody has asked for them so far."""
        for name in fields:
            self._schema[object_name].setdefault(name, FieldSchema(name, name, "text"))
        old = self._records[object_name][record_id]
        self._records[object_name][record_id] = replace(old, fields={**old.fields, **fields})

    def emit(self, event: Event) -> None:
        """Something happened to a person."""
        super().emit(event)
        self._append(event)

    def by(self, object_name: str, name: str, value: Json) -> list[Record]:
        """Live records whose field has that value."""
        return [r for r in self.all(object_name) if r.fields.get(name) == value]

    def _apply(self, row: Write) -> Outcome:
        """HubSpot shows an opt-out as a read-only property; a read-only one cannot be written."""
        outcome = super()._apply(row)
        self.history.append(row)
        if (
            row.operation is Operation.OPT_OUT
            and self.system == "hubspot"
            and outcome.status is OutcomeStatus.OK
        ):
            flag = opt_out_property(row.fields["subscription"])
            self.edit(row.object, str(row.id), {flag: "true"})
            return Outcome(
                row.key, OutcomeStatus.OK, row.id, record=self.get("contacts", str(row.id))
            )
        if row.operation is Operation.OPT_IN and outcome.status is OutcomeStatus.OK:
            flag = opt_out_property(row.fields.get("subscription"))
            self.edit(row.object, str(row.id), {flag: "false"})
        return outcome

    def _store(self, record: Record) -> Record:
        stored = super()._store(record)
        self._append(stored)
        return stored

    def _append(self, entry: Record | Event) -> None:
        if self.log is not None:
            with self.log.open("ab") as file:
                pickle.dump(entry, file)

    def _restore(self, log: Path) -> None:
        highest = 0
        with log.open("rb") as file:
            while True:
                try:
                    entry = pickle.load(file)  # noqa: S301 - our own file, of this test
                except EOFError:
                    break
                if isinstance(entry, Event):
                    self._events.append(entry)
                else:
                    self._records.setdefault(entry.ref.object, {})[entry.ref.id] = entry
                    highest = max(highest, int(entry.ref.id))
        stamps = [r.revision for own in self._records.values() for r in own.values()]
        self._ids = count(highest + 1)
        self._stamps = count(max((int(s.rsplit("/", 1)[1]) for s in stamps), default=0) + 1000)


def _unique(object_name: str, name: str) -> bool:
    return name in UNIQUE or (object_name, name) == ("contacts", "email")


class Refusal:
    """A vendor's refusal of rows of one kind, until it is told that the cause is corrected."""

    def __init__(
        self, operation: Operation, object_name: str, *, code: str = "field.invalid"
    ) -> None:
        self.wanted = (operation, object_name)
        self.code = code
        self.corrected = False
        self.asked = 0

    def __call__(self, row: Write) -> RecordRejectedError | None:
        """The refusal, for rows it is about; how often such rows came is counted."""
        if (row.operation, row.object) != self.wanted:
            return None
        self.asked += 1
        if self.corrected:
            return None
        return RecordRejectedError("the vendor refused the row", code=self.code, field="Title")


@dataclass(slots=True)
class World:
    """Two vendors, a pair, and the people the test puts there."""

    pair: Pair
    hubspot: Vendor
    salesforce: Vendor
    time: Ticking
    numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def store(self) -> Store:
        """The state."""
        return self.pair.store

    @classmethod
    def build(
        cls,
        folder: Path,
        *,
        durable: bool = False,
        limited: bool = False,
        guard: GuardConfig | None = None,
        vendor: type[Vendor] = Vendor,
        url: str | None = None,
        mapping: PairMapping | None = None,
    ) -> World:
        """An empty world with its state in the folder, or at `url`; a durable one goes on where
        it was.

        A `limited` one has the limiters of production between it and its vendors. Without a
        `mapping` it has the shipped one.
        """
        mapping = mapping or preset()
        reads = fields_to_read(mapping)
        marker = folder / "clock"
        started = datetime.fromisoformat(marker.read_text()) if marker.exists() else START
        marker.write_text((started + timedelta(hours=1)).isoformat())
        time = Ticking(started)
        logs = (folder / "hubspot.log", folder / "salesforce.log") if durable else (None, None)
        crm = {**reads[Side.CRM], "Task": tuple(dict.fromkeys((*reads[Side.CRM]["Task"], *TASK)))}
        opened = open_store(url or state_url(folder), clock=time.now, pair="main")
        store = screened(opened, folder)
        turns: dict[Side, Turn] = {}
        if limited:
            accounts = Accounts(store, time.now)
            turns = {
                Side.MAP: accounts.of("hubspot", "hubspot", 0.8).turn(),
                Side.CRM: accounts.of("salesforce", "salesforce", 0.8).turn(),
            }
        hubspot = vendor("hubspot", reads[Side.MAP], time, logs[0], turns.get(Side.MAP))
        salesforce = vendor("salesforce", crm, time, logs[1], turns.get(Side.CRM))
        with store.begin() as tx:
            for system in (hubspot.system, salesforce.system):
                identity.bind_account(tx, system, f"{system}-1")
        pair = Pair(
            name="main",
            mapping=mapping,
            store=store,
            map_side=hubspot,
            crm_side=salesforce,
            namespace="hubspot-1:salesforce-1",
            config_hash="config-1",
            matching=MatchingConfig(),
            guard=guard or GuardConfig(),
            region=None,
            clock=time.now,
            turns=turns,
        )
        return cls(pair, hubspot, salesforce, time)

    @property
    def desk(self) -> Desk:
        """Where a person decides."""
        return Desk(self.store, self.pair.mapping, self.pair.namespace)

    def close(self) -> None:
        """Close the state."""
        self.store.close()

    # --- people ------------------------------------------------------------------------------

    def contact(self, first: str, last: str, **fields: Json) -> str:
        """A MAP contact; their address follows from their name."""
        email = f"{first}.{last}@example-{last}.com".lower()
        named = {"email": email, "firstname": first, "lastname": last}
        return self.hubspot.put("contacts", named | fields)

    def lead(self, first: str, last: str, **fields: Json) -> str:
        """A CRM Lead; their address follows from their name."""
        own: dict[str, Json] = {"Company": f"{last} Ltd", "IsConverted": False}
        return self._crm("Lead", first, last, own, fields)

    def crm_contact(self, first: str, last: str, **fields: Json) -> str:
        """A CRM Contact; their address follows from their name."""
        return self._crm("Contact", first, last, {}, fields)

    def _crm(
        self,
        object_name: str,
        first: str,
        last: str,
        more: Mapping[str, Json],
        fields: Mapping[str, Json],
    ) -> str:
        email = f"{first}.{last}@example-{last}.com".lower()
        named = {"Email": email, "FirstName": first, "LastName": last, "HasOptedOutOfEmail": False}
        return self.salesforce.put(object_name, {**named, **more, **fields})

    def happens(self, kind: EventKind, email: str, name: str = "Newsletter") -> Event:
        """A marketing event of whoever has the address."""
        number = next(self.numbers)
        event = Event(
            "hubspot", kind, f"{kind}:{number}", self.time.now(), email, name, {"number": number}
        )
        self.hubspot.emit(event)
        return event

    def fills(self, email: str, name: str = "Contact us") -> Event:
        """A form is filled in."""
        return self.happens(EventKind.FORM_FILL, email, name)

    # --- running -----------------------------------------------------------------------------

    def planned(self) -> Prepared:
        """What a run would do."""
        with self.store.scratch() as copy:
            return dry_run(self.pair, store=copy)[1]

    def first(self) -> Report:
        """The first run, with an approved plan."""
        approved = fingerprints(list(self.planned().planned.intents()))
        return run_once(self.pair, approval=Approval(frozenset(approved)))

    def run(self) -> Report:
        """An ordinary run."""
        return run_once(self.pair)

    def writes(self) -> int:
        """Rows written to either vendor since the world began."""
        return len(self.hubspot.history) + len(self.salesforce.history)

    def settled(self) -> bool:
        """Whether two runs without an edit between them write nothing (law 4)."""
        before = self.writes()
        self.run()
        self.run()
        return self.writes() == before

    # --- looking -----------------------------------------------------------------------------

    def map_record(self, record_id: str) -> Record:
        """A MAP contact as it is."""
        return self.hubspot.get("contacts", record_id)

    def task_of(self, event: Event) -> list[Record]:
        """The Tasks an event became."""
        return self.salesforce.by("Task", EVENT_KEY, event_key(event.system, event.key))

    def counterpart(self, contact_id: str) -> Record:
        """The CRM record a MAP contact says it is linked with."""
        fields = self.map_record(contact_id).fields
        return self.salesforce.get(
            str(fields["leadloop_crm_object"]), str(fields["leadloop_crm_id"])
        )

    def ref(self, contact_id: str) -> RecordRef:
        """A MAP contact's name in the state."""
        return RecordRef("hubspot", "contacts", contact_id)
