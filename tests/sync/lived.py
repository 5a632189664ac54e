"""A generated world in the sandbox with Leadloop between its two vendors, day by day."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from mappings.contract import Contract
from mappings.fieldmap import PairMapping
from mappings.records import RecordRef
from sandbox.process import start_process
from state import identity, streams
from state.store import Store
from sync import wiring
from sync.auditing import audit
from sync.config import Config, load_config
from sync.demo_contract import write_contract
from sync.demo_stage import Backstage, SandboxClock
from sync.doctor import examine
from sync.guard import Approval
from sync.plan import fingerprints
from sync.run import dry_run, run_once
from sync.workspace import write_workspace
from tests.sync.commands import admin
from tests.sync.true_story import Life, Story


@dataclass
class Lived:
    """A world on both sides and Leadloop between them; what was seen on the way."""

    admin_url: str
    backstage: Backstage
    clock: SandboxClock
    config: Config
    store: Store
    go_live: datetime
    runs: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)
    """After each run: the moment, and who owned each record at the CRM, as anybody could read."""

    @property
    def mapping(self) -> PairMapping:
        """The pair's mapping, contract included."""
        return self.config.pairs[0].mapping

    @property
    def plain(self) -> PairMapping:
        """The same without a contract."""
        return replace(self.mapping, contract=Contract())

    def connect(self) -> None:
        """Doctor, plan, approval of exactly that, first sync."""
        pair = self.config.pairs[0]
        with contextlib.ExitStack() as stack:
            connectors = {
                one.name: stack.enter_context(contextlib.closing(wiring.connect(one)))
                for one in (pair.map_system, pair.crm_system)
            }
            examine(self.config, connectors, fix=True)
        self.sync()

    def sync(self) -> None:
        """One run, of exactly what was planned: lively days are more than the guard lets pass."""
        with self._pair() as opened, self.store.scratch() as copy:
            _, prepared = dry_run(opened, store=copy)
            approval = Approval(frozenset(fingerprints(list(prepared.planned.intents()))))
        with self.store.exclusive(), self._pair() as opened:
            ended = run_once(opened, approval=approval)
        if ended.error is not None:
            raise ended.error
        rows = [row for name in ("Lead", "Contact", "Opportunity") for row in self.rows(name)]
        owners = {str(row["Id"]): str(row["OwnerId"]) for row in rows}
        self.runs.append((self.clock.now(), owners))

    def day(self, rates: Mapping[str, float]) -> None:
        """A day passes in the world, and search catches up."""
        admin(self.admin_url, "POST", "/world/tick", {"days": 1, "rates": dict(rates)})
        self.backstage.move_clock(60)
        self.clock.read()

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Live rows of a Salesforce object."""
        found = self.backstage.rows("salesforce", name)
        return [row for row in found if not row.get("IsDeleted")]

    def audited(self) -> dict[str, Any]:
        """What the audit says now."""
        with self.store.read() as tx:
            return audit(tx, self.mapping, crm="salesforce")

    @cached_property
    def entities(self) -> dict[str, str]:
        """The golden record of each vendor record, by its name."""
        with self.store.read() as tx:
            members = identity.members(tx, streams.people(tx, limit=100_000))
        return {str(link.ref): key for key, own in members.items() for link in own}

    def person(self, record: str) -> str:
        """Whose record that is: a golden record's id, or its own name where it is nobody's."""
        return self.entities.get(str(RecordRef.parse(record)), record)

    @cached_property
    def story(self) -> Story:
        """The truth, and the vendors' rows as they stand."""
        return Story(
            truth=self.backstage.truth(),
            contacts=self.backstage.rows("hubspot", "contacts"),
            leads=self.rows("Lead"),
            crm_contacts=self.rows("Contact"),
            opportunities=self.rows("Opportunity"),
            tasks=self.rows("Task"),
            email_events=self.backstage.rows("hubspot", "email_events"),
            person_of=self.person,
        )

    @cached_property
    def lives(self) -> dict[str, Life]:
        """Everybody's true life, by person."""
        return self.story.lives()

    def _pair(self) -> Any:
        clocks = wiring.Clocks(now=self.clock.now)
        return wiring.open_pair(self.config, self.config.pairs[0], self.store, clocks=clocks)


@contextlib.contextmanager
def living(place: Path, world: Mapping[str, Any]) -> Iterator[Lived]:
    """A sandbox with that world, a contract, and a state that knows nothing yet."""
    with start_process(place, world=None, people=1) as sandbox:
        url = sandbox.admin_url
        admin(url, "POST", "/world", world)
        backstage = Backstage(sandbox.info)
        clock = SandboxClock(backstage.now)
        clock.read()
        path = write_workspace(
            place, hubspot=sandbox.info["hubspot"], salesforce=sandbox.info["salesforce"]
        )
        go_live = clock.now().replace(microsecond=0)
        write_contract(place, backstage.rows("salesforce", "User"), go_live)
        touches = "format: 1\ntouches: [campaign_responses, email_messages, calls, meetings]\n"
        (place / "mappings" / "touches.yaml").write_text(touches, encoding="utf-8")
        config = load_config(path)
        clocks = wiring.Clocks(now=clock.now)
        with contextlib.closing(wiring.open_state(config, config.pairs[0], clocks)) as store:
            yield Lived(url, backstage, clock, config, store, go_live)
