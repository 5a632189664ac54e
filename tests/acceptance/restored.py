"""A copy of the state that is a week old is put back: real processes, both vendors, the judge.

`restored(folder, people=N, days=D, seed=S)` connects Leadloop with a sandbox under a contract with
handoffs, makes a copy as an operator does (`leadloop backup`), and lets days pass with kills and
faults; meanwhile somebody is erased, and offered again. All comes to rest and the vendors' records
are noted. Then the copy takes the state's place: from there on nothing happens at the vendors but
what Leadloop does, and what it does is told.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from sandbox.process import SandboxProcess
from sync.demo_stage import Backstage
from tests.acceptance.campaign import (
    Figures,
    agree,
    arm,
    come_to_rest,
    connect,
    is_told,
    judge_both,
    succeeds,
    work,
)
from tests.acceptance.mailbox import open_mailbox
from tests.acceptance.strangers import Account
from tests.databases import with_programs
from tests.sync.commands import Workspace, admin, running_sandbox, workspace_for

KEPT = {
    "hubspot": ("contacts", "companies", "deals"),
    "salesforce": ("Lead", "Contact", "Account", "Task", "OpportunityContactRole"),
}
"""Objects Leadloop makes or changes records of."""
STATE = "leadloop.sqlite3"
ERASED = "qorvin.zembla@zembla.example"
Rows = dict[tuple[str, str], Mapping[str, Any]]


@dataclass(slots=True)
class Restored:
    """What was done, and what Leadloop has changed at the vendors since the copy was put back."""

    figures: Figures = field(default_factory=Figures)
    records: int = 0
    made: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    returned: int = 0

    @property
    def broken(self) -> list[str]:
        """What must not be, in words."""
        found = list(self.figures.broken)
        found += [f"made anew: {dict(self.made)}"] if self.made else []
        found += [f"gone: {dict(self.gone)}"] if self.gone else []
        found += [f"came back though erased: {self.returned}"] if self.returned else []
        return found


def restored(
    folder: Path, *, people: int, days: int, seed: int, url: str | None = None
) -> Restored:
    """One copy, put back; `url` is an empty PostgreSQL database for the state."""
    rng, told = random.Random(seed), Restored()
    with (
        running_sandbox(folder / "sandbox", people=people) as sandbox,
        open_mailbox() as mailbox,
    ):
        workspace = workspace_for(sandbox, folder / "workspace")
        is_told(workspace, mailbox)
        if url is not None:
            workspace.edit((f"sqlite:///{STATE}", url))
        copy = folder / "copy"
        go_live = agree(sandbox, workspace)
        _offer(sandbox)
        succeeds(workspace, told.figures, "doctor", "--fix")
        connect(workspace, rng, told.figures)
        made = workspace.run("backup", "--to", str(copy), **with_programs())
        assert made.code == 0, made.err[-500:]
        for day in range(days):
            admin(sandbox.admin_url, "POST", "/world/tick", {"days": 1})
            if day == days // 2:
                succeeds(workspace, told.figures, "erase", ERASED, "--at-vendors", "--yes")
                _offer(sandbox)
            arm(sandbox, rng, told.figures)
            work(workspace, rng, told.figures, "sync")
        admin(sandbox.admin_url, "DELETE", "/faults")
        admin(sandbox.admin_url, "POST", "/clock", {"seconds": 86_400})
        come_to_rest(sandbox, workspace, told.figures)
        before = _records(sandbox)
        _put_back(copy, workspace, url)
        come_to_rest(sandbox, workspace, told.figures)
        _compare(told, before, _records(sandbox))
        _withdraw(sandbox)  # the judge knows nobody who may be there and not be pulled
        come_to_rest(sandbox, workspace, told.figures)
        told.figures.told = mailbox.counts()
        judge_both(sandbox, workspace, told.figures, go_live, url)
    return told


def _offer(sandbox: SandboxProcess) -> None:
    """Somebody who is erased later, or was, becomes a contact by HubSpot's public API."""
    properties = {"email": ERASED, "firstname": "Qorvin", "lastname": "Zembla"}
    Account(sandbox.info).hubspot("POST", "/crm/v3/objects/contacts", {"properties": properties})


def _withdraw(sandbox: SandboxProcess) -> None:
    """That contact is deleted by HubSpot's public API."""
    account = Account(sandbox.info)
    own = [row["id"] for row in account.contacts() if row["email"] == ERASED]
    assert len(own) == 1, "who was erased and offered again is no contact"
    account.hubspot("DELETE", f"/crm/v3/objects/contacts/{own[0]}")


def _records(sandbox: SandboxProcess) -> Rows:
    """Every record that is there, by object and id."""
    backstage = Backstage(sandbox.info)
    return {
        (name, str(row.get("Id") or row["id"])): row
        for system, names in KEPT.items()
        for name in names
        for row in backstage.rows(system, name)
        if not row.get("archived") and not row.get("IsDeleted")
    }


def _put_back(copy: Path, workspace: Workspace, url: str | None) -> None:
    """As docs/how-to/back-up-and-restore.md has it."""
    if url is None:
        for beside in workspace.directory.glob(f"{STATE}-*"):
            beside.unlink()
        shutil.copy(copy, workspace.directory / STATE)
        return
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = ["--clean", "--if-exists", "--no-owner", f"--dbname={plain}"]
    subprocess.run(["pg_restore", *options, str(copy)], check=True, env=with_programs())


def _compare(told: Restored, before: Rows, after: Rows) -> None:
    told.records = len(before)
    told.made.update(name for name, _ in after.keys() - before.keys())
    told.gone.update(name for name, _ in before.keys() - after.keys())
    for key in before.keys() & after.keys():
        left, right = before[key], after[key]
        told.changed.update(
            f"{key[0]}.{name}"
            for name in left.keys() | right.keys()
            if left.get(name) != right.get(name)
        )
    told.returned = sum(
        str(row.get("Email")).lower() == ERASED
        for (name, _), row in after.items()
        if name in ("Lead", "Contact")
    )
