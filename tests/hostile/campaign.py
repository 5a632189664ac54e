"""One campaign: a population of which many rows are spoilt, synced through the real connectors.

`campaign(directory, rows=N, seed=S)` returns figures; the suite runs a few hundred rows, the long
form 10,000. Everything else is as in production: the connectors over HTTP and TLS, the state, the
stages. The truth is read from the sandbox.
"""

from __future__ import annotations

import random
import ssl
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from connectors.base import load
from mappings.errors import InvariantError, LeadloopError
from mappings.records import RecordRef, Side
from mappings.required_fields import CRM_KEY, fields_to_read, required_fields
from state import events, identity, mirror, quarantine, runs
from state.open import open_store
from sync.approvals import mapping_subject
from sync.config import GuardConfig, Limit, MatchingConfig
from sync.guard import Approval
from sync.pair import Pair
from sync.plan import fingerprints
from sync.recover import Selection, replay
from sync.run import Report, dry_run, run_once
from tests.connectors.vendors import Vendors, running
from tests.hostile.payloads import KINDS
from tests.hostile.proxy import Plan, serving
from tests.sync.world import preset

SHARE = 0.7
"""Of the rows, how many are spoilt."""
POISON = 0.004
"""Of the records, how many spoil the whole answer they are in."""
WHOLE = 0.04
"""Of the answers, how many are spoilt as a whole."""
MOST_RUNS = 12
FORM = "5f6c1e5e-0000-4000-8000-00000000f0f0"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Figures:
    """What a campaign came to. `crashes` are exceptions that were none of ours."""

    payloads: int = 0
    people: int = 0
    events: int = 0
    spoilt: int = 0
    fatal: int = 0
    answers_spoilt: int = 0
    quarantined: int = 0
    unquarantined: int = 0
    quarantined_wrongly: int = 0
    delivered: int = 0
    expected: int = 0
    stalled: int = 0
    crashes: int = 0
    doubled: int = 0
    runs: int = 0
    second_run_writes: int = 0
    open_after_replay: int = 0
    delivered_after_replay: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


@dataclass
class Field:
    """The campaign's field: vendors, the proxy's plan, and who is whom."""

    vendors: Vendors
    plan: Plan
    people: dict[str, str] = field(default_factory=dict)
    leads: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of damage by row id, "" for the healthy."""
        return {**self.people, **self.leads, **self.events}

    @property
    def lost(self) -> set[str]:
        """Ids of rows that cannot be used as they are sent."""
        return {key for key, kind in self.kinds.items() if _is_fatal(kind)}


def campaign(directory: Path, *, rows: int, seed: int) -> Figures:
    """Sync a population of `rows` payloads of which most are spoilt; what it came to."""
    figures = Figures(payloads=rows)
    with running(directory / "sandbox", seed) as vendors:
        there = Field(vendors, Plan(seed))
        with paired(directory, there) as pair:
            populate(there, rows, random.Random(seed))
            _sync(pair, there, figures)
            _judge(pair, there, figures)
            _heal(pair, there, figures)
    return figures


def _sync(pair: Pair, there: Field, figures: Figures) -> None:
    """Runs until one goes through: whole answers that were spoilt cost a run, nothing else."""
    for _ in range(MOST_RUNS):
        figures.runs += 1
        report = _guarded(lambda: _approved(pair), figures)
        if report is not None and report.error is None and not report.counts["streams_failed"]:
            break
    there.vendors.sleep(600)
    there.plan.whole, figures.answers_spoilt = 0.0, there.plan.spoilt
    _guarded(lambda: run_once(pair), figures)
    again = _guarded(lambda: run_once(pair), figures)
    figures.second_run_writes = sum(again.counts.get("written", {}).values()) if again else -1


def _approved(pair: Pair) -> Report:
    """A run of an approved plan, as the first one must be."""
    with pair.store.read() as tx:
        known = runs.approved(tx, mapping_subject(pair.mapping.hash))
    if known:
        return run_once(pair)
    with pair.store.scratch() as copy:
        planned = dry_run(pair, store=copy)[1].planned
    return run_once(pair, approval=Approval(frozenset(fingerprints(list(planned.intents())))))


def _guarded(run: Callable[[], Report], figures: Figures) -> Report | None:
    """The run; LeadloopErrors end runs in the ordinary way, anything else is a crash."""
    try:
        report = run()
    except LeadloopError as error:
        figures.crashes += isinstance(error, InvariantError)
        return None
    except Exception:  # noqa: BLE001 - whatever it is, it is what the campaign looks for
        traceback.print_exc()
        figures.crashes += 1
        return None
    figures.crashes += isinstance(report.error, InvariantError)
    return report


def _judge(pair: Pair, there: Field, figures: Figures) -> None:
    """Compare what the state says and the sandbox has with what was spoilt, and how."""
    lost, kinds = there.lost, there.kinds
    figures.spoilt = sum(1 for kind in kinds.values() if kind)
    figures.fatal = len(lost)
    figures.people, figures.events = len(there.people), len(there.events)
    figures.by_kind = dict(Counter(kind for kind in kinds.values() if kind))
    figures.stalled = len(_unread(pair))
    with pair.store.read() as tx:
        aside = quarantine.open_rows(tx)
        linked = identity.links_of(tx, _refs(lost & there.people.keys()))
    figures.quarantined = len(aside)
    figures.unquarantined = _unnamed(there, aside)
    healthy = there.people.keys() - lost
    wrongly = [row for row in aside if row.record_id in kinds and row.record_id not in lost]
    figures.quarantined_wrongly = len(wrongly) + len(linked)
    figures.expected = len(healthy) + len(there.events.keys() - lost)
    made = _keys_in_crm(there)
    figures.doubled = sum(number - 1 for number in made.values())
    figures.delivered = _delivered(pair, there, healthy, there.events.keys() - lost, made)


ANONYMOUS = ("no_object", "wrong_id")
"""Kinds of damage after which nobody can say which record it was."""


def _unnamed(there: Field, aside: Iterable[quarantine.Aside]) -> int:
    """How many rows that could not be used are not set aside: by name, else by number."""
    names = {row.record_id for row in aside}
    kinds, events_told = there.kinds, there.events.keys()
    nameless = {k for k in there.lost if kinds[k] in ANONYMOUS or k in events_told}
    known = sum(1 for key in there.lost - nameless if key not in names)
    others = sum(1 for row in aside if row.record_id not in kinds)
    return known + max(0, len(nameless) - others)


def _unread(pair: Pair) -> set[tuple[str, str]]:
    """Streams that were never read to their end."""
    connectors = (pair.map_side, pair.crm_side)
    streams = {(each.system, spec.name) for each in connectors for spec in each.streams()}
    with pair.store.read() as tx:
        read = {
            (each.system, name)
            for each in connectors
            for name, at in mirror.completed_at(tx, each.system).items()
            if at is not None
        }
    return streams - read


def _is_fatal(kind: str) -> bool:
    return kind == "poison" or bool(kind and KINDS[kind].reasons)


def _refs(ids: Iterable[str]) -> list[RecordRef]:
    return [RecordRef("hubspot", "contacts", key) for key in sorted(ids)]


def _keys_in_crm(there: Field) -> Counter[str]:
    """How many live people in the CRM carry each link key."""
    org = there.vendors.sandbox.salesforce
    rows = there.vendors.do(lambda: [*org.rows("Lead"), *org.rows("Contact")])
    return Counter(str(row[CRM_KEY]) for row in rows if row.get(CRM_KEY))


def _delivered(
    pair: Pair,
    there: Field,
    people: Iterable[str],
    fills: Iterable[str],
    made: Mapping[str, int],
) -> int:
    """How many of these contacts have their Lead, and how many of these events have landed."""
    refs, keys = _refs(people), [there.keys[each] for each in fills]
    with pair.store.read() as tx:
        links = identity.links_of(tx, refs)
        landed = len(keys) - len(events.unseen(tx, "hubspot", keys))
    return landed + sum(1 for ref in refs if ref in links and made.get(links[ref].entity_id))


def _heal(pair: Pair, there: Field, figures: Figures) -> None:
    """The vendor answers sense again: a replay brings in everything that was set aside."""
    there.plan.calm = True
    for code in ("payload.malformed", "payload.unreadable"):
        replay(pair.store, Selection(code=code))
    for _ in range(2):
        _guarded(lambda: run_once(pair), figures)
    with pair.store.read() as tx:
        figures.open_after_replay = len(quarantine.open_rows(tx))
    made = _keys_in_crm(there)
    figures.delivered_after_replay = _delivered(pair, there, there.people, there.events, made)


def populate(there: Field, rows: int, rng: random.Random) -> None:
    """Fill both vendors, and decide which rows are spoilt and how."""
    sandbox = there.vendors.sandbox
    names = _names(rng)

    def fill() -> None:
        sandbox.hubspot.create_form({"id": FORM, "name": "Hostile", "formType": "hubspot"})
        addresses = []
        for number in range(rows):
            share = number / rows
            first, last = next(names), next(names)
            address = f"{first}.{last}@{last}-{first}.com"
            if share < 0.55:
                own = {"firstname": first, "lastname": last, "email": address}
                key = sandbox.hubspot.create("contacts", own)
                there.people[key] = _spoil(there, key, "record", rng)
                if not there.people[key]:
                    addresses.append(address)
            elif share < 0.75:
                own = {"FirstName": first, "LastName": last, "Company": last, "Email": address}
                key = sandbox.salesforce.create("Lead", own)
                there.leads[key] = _spoil(there, key, "record", rng)
            else:
                key = _event(there, number, rng.choice(addresses))
                there.events[key] = _spoil(there, key, "event", rng)

    there.vendors.do(fill)


def _event(there: Field, number: int, address: str) -> str:
    """A form fill or an opened mail; what it is called, its key noted."""
    sandbox = there.vendors.sandbox
    stamp = int(sandbox.clock.now().timestamp() * 1000) - number
    key = f"{number:08d}-0000-4000-8000-00000000e0e0"
    if number % 5 < 3:
        values = {"email": address, "firstname": "Ada"}
        sandbox.hubspot.submit_form(FORM, values, page_url="https://example.com", submission_id=key)
        there.keys[key] = f"form:{FORM}:{key}"
        return key
    event = {"id": key, "created": stamp, "type": "OPEN", "recipient": address, "portalId": 1}
    sent = {"id": key, "created": stamp}
    sandbox.hubspot.add_email_events([{**event, "appId": 1, "emailCampaignId": 7, "sentBy": sent}])
    there.keys[key] = f"email:{key}:{stamp}"
    return key


def _spoil(there: Field, key: str, stream: str, rng: random.Random) -> str:
    """How this row is spoilt, "" for not at all; the proxy is told."""
    if stream == "record" and rng.random() < POISON:
        there.plan.poison.add(key)
        return "poison"
    if rng.random() >= SHARE:
        return ""
    fitting = [name for name, kind in KINDS.items() if stream in kind.streams]
    weights = [KINDS[name].weight for name in fitting]
    there.plan.rows[key] = rng.choices(fitting, weights)[0]
    return there.plan.rows[key]


def _names(rng: random.Random) -> Iterator[str]:
    """Names no two of which are alike: nobody here is anybody else."""
    seen: set[str] = set()
    while True:
        name = "".join(rng.choices(LETTERS, k=9))
        if name not in seen:
            seen.add(name)
            yield name


@contextmanager
def paired(directory: Path, there: Field) -> Iterator[Pair]:
    """A pair whose connectors speak to the sandbox through the proxy."""
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    root = directory / "hostile-ca.pem"
    authority.cert_pem.write_to_path(str(root))
    hubspot, salesforce = there.vendors.hubspot_settings, there.vendors.salesforce_settings
    trusted = ssl.create_default_context(cafile=salesforce["ca_file"])
    plan = there.plan
    with (
        serving(hubspot["base_url"], plan, tls=None, trust=None) as left,
        serving(salesforce["login_url"], plan, tls=served, trust=trusted) as right,
    ):
        own = {"login_url": right, "instance_url": right, "ca_file": str(root)}
        yield from _pair(directory, there, {**hubspot, "base_url": left}, {**salesforce, **own})


def _pair(
    directory: Path, there: Field, left: Mapping[str, str], right: Mapping[str, str]
) -> Iterator[Pair]:
    mapping, sleep = preset(), there.vendors.sleep
    map_side, crm_side = load("hubspot", left, sleep=sleep), load("salesforce", right, sleep=sleep)
    reads = fields_to_read(mapping)
    map_side.configure(reads[Side.MAP])
    crm_side.configure(reads[Side.CRM])
    for side, connector in ((Side.MAP, map_side), (Side.CRM, crm_side)):
        connector.ensure_fields(required_fields(mapping)[side])
    clock = there.vendors.sandbox.clock.now
    store = open_store(f"sqlite:///{directory / 'state.sqlite3'}", clock=clock, pair="main")
    accounts = [connector.check() for connector in (map_side, crm_side)]
    with store.begin() as tx:
        for connector, account in zip((map_side, crm_side), accounts, strict=True):
            identity.bind_account(tx, connector.system, account.account_id)
    there.plan.whole = WHOLE
    try:
        yield Pair(
            name="main",
            mapping=mapping,
            store=store,
            map_side=map_side,
            crm_side=crm_side,
            namespace=":".join(account.account_id for account in accounts),
            config_hash="hostile",
            matching=MatchingConfig(),
            guard=GuardConfig(creates=Limit(1.0, 1_000_000), updates=Limit(1.0, 1_000_000)),
            region=None,
            clock=clock,
            integration_user=accounts[1].user_id,
        )
    finally:
        for connector in (map_side, crm_side):
            connector.close()
        store.close()
