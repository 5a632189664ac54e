"""The laws against the sandbox's own limits and faults: storms of 429s of both shapes, 403s and 5xx
lose nothing, double nothing, and cost no more calls than our share.

Time is the sandbox's and passes when somebody waits: an hour of storm takes seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from string import ascii_lowercase

import pytest

from mappings.errors import PASSING
from mappings.ports import Lane
from state import mirror, outbox
from state.store import Store
from sync import wiring
from sync.circuit import Standing, ceiling, standing
from sync.config import Config, GuardConfig, Limit, load_config
from sync.doctor import examine
from sync.guard import Approval
from sync.limits import Accounts
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from sync.wiring import Clocks
from sync.workspace import write_workspace
from tests.connectors.vendors import Vendors, running

PEOPLE = 30


@dataclass
class Installation:
    """A pair between two sandboxed vendors, on the sandbox's clock."""

    vendors: Vendors
    config: Config
    store: Store
    clocks: Clocks
    accounts: Accounts

    def run(self) -> Report | None:
        """A run of its own, as a daemon's cycle or a cron job makes it; None where both vendors
        are known to rest.
        """
        try:
            return self._run()
        except PASSING:
            return None

    def _run(self) -> Report:
        with wiring.open_pair(
            self.config,
            self.config.pairs[0],
            self.store,
            clocks=self.clocks,
            accounts=self.accounts,
        ) as pair:
            return run_once(pair)

    def first(self) -> Report:
        """The first run, from an approved plan."""
        with wiring.open_pair(
            self.config,
            self.config.pairs[0],
            self.store,
            clocks=self.clocks,
            accounts=self.accounts,
        ) as pair:
            with self.store.scratch() as copy:
                planned = dry_run(pair, store=copy)[1].planned
            approval = Approval(frozenset(fingerprints(list(planned.intents()))))
            return run_once(pair, approval=approval)

    def restart(self) -> None:
        """The process ends, and another begins."""
        self.accounts = self.clocks.accounts(self.store)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clocks.sleep(seconds)

    def contacts(self) -> list[dict[str, str | None]]:
        """What HubSpot holds, by id."""

        def read() -> list[dict[str, str | None]]:
            account = self.vendors.sandbox.hubspot
            return [account.get("contacts", one) for one in account.ids("contacts")]

        return self.vendors.do(read)

    def leads(self) -> list[dict[str, object]]:
        """What Salesforce holds."""
        table = self.vendors.sandbox.salesforce.records.table("Lead")
        return self.vendors.do(lambda: [dict(row) for row in table.all_seen()])

    def titles(self) -> set[object]:
        """The job titles of all Leads."""
        return {row.get("Title") for row in self.leads()}

    def renamed(self, title: str) -> None:
        """Everybody gets another job title in HubSpot."""

        def write() -> None:
            account = self.vendors.sandbox.hubspot
            for one in list(account.ids("contacts")):
                account.update("contacts", one, {"jobtitle": title})

        self.vendors.do(write)

    def standing(self, name: str) -> Standing:
        """How an account stands."""
        known = self.accounts.of(name, name, 0.8).known()
        return standing(known, self.clocks.now())

    def nothing_is_lost(self) -> None:
        """Law 2: no row without an ending, no write open, none dead; law 4: two runs are silent."""
        with self.store.read() as tx:
            assert mirror.pending_count(tx) == 0
            assert outbox.dead_count(tx) == 0
            assert not any(outbox.count_by_status(tx).get(s) for s in outbox.UNSETTLED)
        for _ in range(2):
            self.wait(61)
            report = self._run()
            assert (report.status, sum(report.counts["written"].values())) == ("ok", 0)


@pytest.fixture(scope="module")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendors]:
    """Two sandboxed vendors in a thread of this process."""
    with running(tmp_path_factory.mktemp("sandbox")) as started:
        yield started


@pytest.fixture(scope="module")
def installed(vendors: Vendors, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Thirty people in HubSpot whom a first run has carried over, both vendors' limits in force."""
    told = vendors.sandbox.announcement()
    written = write_workspace(
        tmp_path_factory.mktemp("workspace") / "here",
        hubspot=told["hubspot"],  # type: ignore[arg-type]
        salesforce=told["salesforce"],  # type: ignore[arg-type]
    )
    whole = Limit(1.0, 10_000)  # everybody is edited at once here
    config = replace(
        load_config(written, environ={}), guard=GuardConfig(updates=whole, overwrites=whole)
    )
    clock = vendors.sandbox.clock

    def seconds(*_: object) -> float:
        return clock.now_ms() / 1000

    clocks = Clocks(clock.now, seconds, vendors.sleep, seconds)
    pair = config.pairs[0]
    connectors = {s.name: wiring.connect(s) for s in (pair.map_system, pair.crm_system)}
    examine(config, connectors, fix=True)
    for connector in connectors.values():
        connector.close()

    def people() -> None:
        letters = random.Random(7)
        for _ in range(PEOPLE):
            first, last = ("".join(letters.choices(ascii_lowercase, k=9)) for _ in range(2))
            fields = {
                "email": f"{first}@{last}.example.com",
                "firstname": first.title(),
                "lastname": last.title(),
                "company": f"{last.title()} Ltd",
            }
            vendors.sandbox.hubspot.create("contacts", fields)

    vendors.do(people)
    vendors.do(lambda: setattr(vendors.sandbox.hubspot.limits, "enabled", True))
    store = wiring.open_state(config, pair, clocks)
    made = Installation(vendors, config, store, clocks, clocks.accounts(store))
    assert made.first().status == "ok"
    made.nothing_is_lost()
    yield made
    store.close()


@pytest.fixture
def storm(installed: Installation) -> Iterator[Installation]:
    """The installation; what a test arms is disarmed afterwards."""
    yield installed
    installed.vendors.do(installed.vendors.sandbox.faults.clear)


STORMS = [
    (("hubspot", "rate_limit", {"rate": 0.5}), ("hubspot", "rate_limit", {"match": "search"})),
    (("salesforce", "daily_limit", {"rate": 0.5}),),
    (("hubspot", "daily_limit", {"rate": 0.3}), ("salesforce", "rate_limit", {"rate": 0.5})),
    (("hubspot", "error_before", {"rate": 0.6}), ("salesforce", "error_before", {"rate": 0.6})),
    (("hubspot", "error_after", {"rate": 0.5}), ("salesforce", "error_after", {"rate": 0.5})),
    (("salesforce", "rate_limit", {}), ("hubspot", "daily_limit", {})),
]


@pytest.mark.parametrize("faults", STORMS, ids=lambda f: "+".join(f"{s}.{k}" for s, k, _ in f))
def test_a_storm_loses_nothing_and_ends_within_a_minute(
    storm: Installation, faults: tuple[tuple[str, str, dict[str, object]], ...]
) -> None:
    """Laws 1 to 4: edits made in the storm arrive once it is over, in the first run a minute later;
    nobody is made twice, also across restarts in the middle."""
    title = faults[0][1] + str(len(faults))
    for system, kind, how in faults:
        storm.vendors.arm(system, kind, **how)
    storm.renamed(title)
    for cycle in range(4):
        storm.run()
        storm.wait(61)
        if cycle % 2:
            storm.restart()
    storm.vendors.do(storm.vendors.sandbox.faults.clear)
    storm.wait(61)
    storm.run()
    assert {storm.standing(name) for name in ("hubspot", "salesforce")} == {Standing.CLOSED}
    storm.run()
    assert len(storm.leads()) == len(storm.contacts()) == PEOPLE
    assert storm.titles() == {title}
    storm.nothing_is_lost()


def test_a_vendor_that_refuses_is_hardly_called(storm: Installation) -> None:
    """Law 12: an hour of 403s costs a call or two a minute, not a storm of our own."""
    storm.vendors.arm("salesforce", "daily_limit")
    storm.renamed("refused")
    began, runs = storm.clocks.now(), 0
    storm.vendors.reset()
    while storm.clocks.now() - began < timedelta(hours=1):
        storm.run()
        storm.wait(60)
        runs += 1
    assert storm.vendors.calls("salesforce") <= 2 * runs
    storm.vendors.do(storm.vendors.sandbox.faults.clear)
    storm.wait(61)
    storm.run()
    storm.run()
    assert storm.titles() == {"refused"}
    storm.nothing_is_lost()


def test_the_share_of_a_small_day_is_never_exceeded(storm: Installation) -> None:
    """Law 12: with little left of the day, work waits by lane, and whoever else uses the account
    finds their part of it untouched; on the next day what waited arrives."""
    usage = storm.vendors.sandbox.salesforce.usage
    share = storm.config.pairs[0].crm_system.leadloop_share
    whole = usage.limit
    storm.wait(86_400)
    storm.run()
    usage.limit = 300
    try:
        for number in range(60):
            storm.renamed(f"title {number}")
            storm.run()
            storm.wait(61)
            assert usage.used <= ceiling(300, share, Lane.CONSENT) + 24 <= 300 * share
        assert storm.titles() != {"title 59"}
        storm.wait(86_400)
        storm.run()
        storm.run()
        assert storm.titles() == {"title 59"}
    finally:
        usage.limit = whole
    storm.wait(3_601)
    storm.nothing_is_lost()
