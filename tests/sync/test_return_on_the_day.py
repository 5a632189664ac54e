"""Sent back with a day, and back on it, over the wire: what both teams read in Salesforce."""

from __future__ import annotations

import contextlib
from pathlib import Path

from state.store import Store
from sync import wiring
from sync.config import Config, load_config
from sync.demo_contract import write_contract
from sync.demo_stage import Backstage, Row, SandboxClock
from sync.guard import Approval
from sync.plan import fingerprints
from sync.run import Report, dry_run, run_once
from tests.sync.commands import admin, running_sandbox, workspace_for

WORLD = {"kind": "generated", "people": 16, "clean": True, "seed": 7}
YEAR = 365 * 24 * 3600
"""Longer than salespeople put anybody off."""


def approved(config: Config, store: Store, clock: SandboxClock) -> Report:
    """A run of exactly what a plan has shown just before."""
    clock.read()
    with wiring.open_pair(
        config, config.pairs[0], store, clocks=wiring.Clocks(now=clock.now)
    ) as pair:
        with store.scratch() as copy:
            _, prepared = dry_run(pair, store=copy)
            agreed = Approval(frozenset(fingerprints(list(prepared.planned.intents()))))
        report = run_once(pair, approval=agreed)
    assert report.error is None
    assert report.counts["held"] == 0
    return report


def shown(backstage: Backstage) -> dict[str, Row]:
    """What Leads show of where people stand, by their ids."""
    names = ("Stage", "Recycle_Reason", "Recontact_Date")
    return {
        row["Id"]: {name: row[f"Leadloop_{name}__c"] for name in names}
        for row in backstage.rows("salesforce", "Lead")
        if not row["IsDeleted"]
    }


def test_whoever_is_sent_back_with_a_day_is_back_on_it(tmp_path: Path) -> None:
    """The Lead shows why and until when; once the day has come, a plan says who is back, and its
    approved run writes it: the stage before, and neither reason nor day."""
    with running_sandbox(tmp_path, people=None) as sandbox:
        admin(sandbox.admin_url, "POST", "/world", WORLD)
        backstage = Backstage(sandbox.info)
        clock = SandboxClock(backstage.now)
        clock.read()
        workspace = workspace_for(sandbox, tmp_path / "work")
        users = backstage.rows("salesforce", "User")
        write_contract(workspace.directory, users, clock.now())
        assert workspace.here("doctor", "--fix").code == 0
        config = load_config(workspace.config)
        clocks = wiring.Clocks(now=clock.now)
        with contextlib.closing(wiring.open_state(config, config.pairs[0], clocks)) as store:
            approved(config, store, clock)
            for rates in ({"form_by_known": 3.0}, {"lead_disqualified": 0.8}):
                admin(sandbox.admin_url, "POST", "/world/tick", {"days": 1, "rates": rates})
                backstage.move_clock(60)
                approved(config, store, clock)
            dated = {key: row for key, row in shown(backstage).items() if row["Recontact_Date"]}
            assert dated
            assert {(row["Stage"], row["Recycle_Reason"]) for row in dated.values()} == {
                ("nurture", "given_up")
            }
            backstage.move_clock(YEAR)
            report = approved(config, store, clock)
        assert report.counts["lifecycle"]["moves"] == {"return": len(dated)}
        now = shown(backstage)
        back = {"Stage": "mql", "Recycle_Reason": None, "Recontact_Date": None}
        assert {key: now[key] for key in dated} == dict.fromkeys(dated, back)
