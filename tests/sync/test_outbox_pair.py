"""A file of tables as the CRM side of a pair, from `init` to a silent second run."""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from sandbox.process import SandboxProcess
from tests.house import ROOT
from tests.sync.commands import Ran, Workspace, admin, running_sandbox, writes

ADA, BEN, CY = ({"firstname": n, "lastname": f"{n}son", "email": f"{n.lower()}@example.com"}
                for n in ("Ada", "Ben", "Cy"))  # fmt: skip
NOW = "2026-03-02T08:00:00.000Z"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """An empty HubSpot account with three contacts, one of whom is in the file already."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), people=None) as process:
        for properties in (ADA, BEN, CY):
            hubspot(process, "POST", "/crm/v3/objects/contacts", {"properties": properties})
        yield process


def hubspot(sandbox: SandboxProcess, method: str, path: str, body: Any = None) -> Any:
    """A call of somebody else's to HubSpot."""
    info = sandbox.info["hubspot"]
    request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
        info["url"] + path,
        data=json.dumps(body).encode() if body is not None else None,
        method=method,
        headers={"Authorization": f"Bearer {info['token']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.loads(answer.read() or b"{}")


def contacts(sandbox: SandboxProcess) -> dict[str, dict[str, Any]]:
    """HubSpot's contacts by first name."""
    path = "/crm/v3/objects/contacts?limit=100&properties=firstname,lastname,jobtitle,phone,"
    found = hubspot(sandbox, "GET", f"{path}leadloop_crm_id,hs_email_optout")["results"]
    return {one["properties"]["firstname"]: one for one in found}


def sql(workspace: Workspace, text: str, *values: object) -> list[Any]:
    """What the other program does with the file."""
    with closing(sqlite3.connect(workspace.directory / "exchange.sqlite")) as db, db:
        db.row_factory = sqlite3.Row
        return db.execute(text, values).fetchall()


@pytest.fixture(scope="module")
def flow(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The page's steps, one after the other, with how each ended."""
    workspace = Workspace(tmp_path_factory.mktemp("outbox"))
    page = (ROOT / "docs/how-to/exchange-file.md").read_text(encoding="utf-8")
    [tables] = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    with closing(sqlite3.connect(workspace.directory / "exchange.sqlite")) as db:
        db.executescript(tables)
    ada = ("c1", NOW, "Ada", "Adason", "ada@example.com", "+44 20 7946 0001")
    named = "INSERT INTO Contact (id, modified, FirstName, LastName, Email, Phone)"
    sql(workspace, f"{named} VALUES (?, ?, ?, ?, ?, ?)", *ada)
    steps: dict[str, Any] = {"workspace": workspace}

    def step(name: str, *arguments: str) -> Ran:
        ran = steps[name] = workspace.here(*arguments)
        return ran

    portal = str(sandbox.info["hubspot"]["portal_id"])
    steps["init"] = Workspace(workspace.directory).run(
        "init", "--portal-id", portal, "--outbox", "exchange.sqlite", "--dir", "."
    )
    (workspace.directory / "token").write_text(sandbox.info["hubspot"]["token"])
    workspace.edit(
        ('access_token: "${HUBSPOT_TOKEN}"', "access_token_file: token\n    base_url: "
         + sandbox.info["hubspot"]["url"]),
    )  # fmt: skip
    plan = str(workspace.directory / "plan.json")
    step("validate", "validate")
    step("live", "validate", "--live")
    step("doctor", "doctor", "--fix", "--json")
    step("plan", "plan", "--out", plan, "--json")
    step("first", "sync", "--plan", plan, "--json")
    step("second", "sync", "--json")
    before = [tuple(row) for row in sql(workspace, "SELECT * FROM Contact")]
    admin(sandbox.admin_url, "DELETE", "/calls")
    step("third", "sync", "--json")
    steps["written"] = writes(sandbox.admin_url)
    steps["unchanged"] = before == [tuple(row) for row in sql(workspace, "SELECT * FROM Contact")]
    return steps


def test_every_step_of_the_page_works(flow: dict[str, Any]) -> None:
    """`init` names the file, `validate` and `doctor` find nothing wrong, the plan is approved."""
    for name in ("init", "validate", "live", "doctor", "plan", "first", "second", "third"):
        assert flow[name].code == 0, (name, flow[name].out, flow[name].err)
    found = flow["doctor"].data["findings"]
    assert [one for one in found if one["level"] == "error"] == []


def test_people_meet_and_nobody_is_there_twice(
    flow: dict[str, Any], sandbox: SandboxProcess
) -> None:
    """Who is in the file already is linked, the others are made, once; values flow both ways."""
    rows = {r["FirstName"]: r for r in sql(flow["workspace"], "SELECT * FROM Contact")}
    assert sorted(rows) == ["Ada", "Ben", "Cy"]
    assert rows["Ada"]["id"] == "c1"
    assert contacts(sandbox)["Ada"]["properties"]["leadloop_crm_id"] == "c1"
    assert contacts(sandbox)["Ada"]["properties"]["phone"] == "+44 20 7946 0001"


def test_the_third_run_is_silent(flow: dict[str, Any]) -> None:
    """Law 4: with nothing edited nothing is written to either side."""
    assert flow["written"] == {}
    assert flow["unchanged"]


def test_edits_opt_outs_deletions_and_failures_of_the_other_program(
    flow: dict[str, Any], sandbox: SandboxProcess
) -> None:
    """An edit and an opt-out in the file reach HubSpot; a row that is archived is not made again;
    while the file is gone the run says so, and goes on once it is back."""
    workspace: Workspace = flow["workspace"]
    later = "2027-01-01T00:00:00.000Z"
    sql(workspace, "UPDATE Contact SET Phone = '+44 20 7946 0002', HasOptedOutOfEmail = 1, "
        "modified = ? WHERE id = 'c1'", later)  # fmt: skip
    sql(workspace, "UPDATE Contact SET archived = 1, modified = ? WHERE FirstName = 'Cy'", later)
    ran = workspace.here("sync", "--json")
    assert ran.code == 0, ran.err
    ada = contacts(sandbox)["Ada"]["properties"]
    assert (ada["phone"], ada["hs_email_optout"]) == ("+44 20 7946 0002", "true")
    workspace.here("sync", "--json")
    live = "SELECT count(*) AS n FROM Contact WHERE archived IS NOT 1"
    assert sql(workspace, live)[0]["n"] == 2
    file = workspace.directory / "exchange.sqlite"
    file.rename(file.with_suffix(".away"))
    gone = workspace.here("sync", "--json")
    assert gone.code in (3, 6)
    file.with_suffix(".away").rename(file)
    assert workspace.here("sync", "--json").code == 0
    assert sql(workspace, live)[0]["n"] == 2
