"""The first run on people, with real processes: fields, plan, word, sync, and then silence."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mappings.loader import load_mapping
from sandbox.process import SandboxProcess
from tests.sync.commands import Ran, Workspace, admin, running_sandbox, workspace_for, writes

PEOPLE = 100
ESCAPE = "\x1b["


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox with a small generated world."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), people=PEOPLE) as process:
        yield process


@pytest.fixture(scope="module")
def flow(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The approved first run, step by step: each step's outcome, and what it called."""
    workspace = workspace_for(sandbox, tmp_path_factory.mktemp("flow") / "workspace")
    state = workspace.directory / "leadloop.sqlite3"
    plan = str(workspace.directory / "plan.json")
    steps: dict[str, Any] = {"workspace": workspace}

    def step(name: str, *arguments: str) -> Ran:
        admin(sandbox.admin_url, "DELETE", "/calls")
        ran = workspace.here(*arguments)
        steps[name] = ran
        steps[f"{name} writes"] = writes(sandbox.admin_url)
        steps[f"{name} state"] = contents(state)
        return ran

    step("missing", "plan")
    step("doctor", "doctor", "--fix", "--json")
    step("audit", "audit", "--json")
    step("text plan", "plan", "--out", plan)
    step("plan", "plan", "--out", plan, "--json", "--exit-code")
    step("first", "sync", "--plan", plan, "--json")
    step("second", "sync", "--json")
    step("again", "plan", "--json", "--exit-code")
    step("dry", "sync", "--dry-run", "--json")
    step("repeat", "sync", "--plan", plan, "--json")
    step("status", "status", "--json")
    step("runs", "runs", "--json")
    return steps


def contents(state: Path) -> list[str] | None:
    """Every row of the state, None where there is none."""
    if not state.exists():
        return None
    with sqlite3.connect(f"file:{state}?mode=ro", uri=True) as connection:
        rows = list(connection.iterdump())
    connection.close()
    return rows


def test_missing_fields_are_told_before_anything_else(flow: dict[str, Any]) -> None:
    """Without Leadloop's fields a plan ends with 3 and names `doctor --fix`."""
    assert flow["missing"].code == 3
    assert re.search(r"`leadloop .*doctor --fix`", flow["missing"].err)


def test_doctor_creates_the_fields(flow: dict[str, Any]) -> None:
    """`doctor --fix` creates every missing field through the vendors' APIs and finds no error."""
    ran = flow["doctor"]
    assert ran.code == 0, ran.out
    findings = ran.data["findings"]
    assert any(finding["code"] == "doctor.field_created" for finding in findings)
    assert all({"code", "level", "what", "remedy"} == finding.keys() for finding in findings)
    assert [finding for finding in findings if finding["level"] == "error"] == []


def test_a_plan_writes_nothing(flow: dict[str, Any]) -> None:
    """A first plan calls no write, makes no state, and ends with 8 under --exit-code."""
    assert flow["plan"].code == 8
    assert flow["plan writes"] == {}
    assert flow["plan state"] is None
    assert flow["text plan"].code == 0


def test_an_audit_needs_no_first_sync(flow: dict[str, Any]) -> None:
    """Before anything was synchronised the audit reads both accounts, counts what stands in them,
    and leaves neither a write nor a state behind."""
    ran = flow["audit"]
    assert ran.code == 0, ran.err
    assert ran.data["people"] >= PEOPLE
    stages = next(check["rows"] for check in ran.data["checks"] if check["name"] == "stages")
    assert sum(row["records"] for row in stages) > 0
    assert flow["audit writes"] == {}
    assert flow["audit state"] is None


def test_a_plan_says_what_it_would_do(flow: dict[str, Any]) -> None:
    """The plan counts kinds, objects and people, and says the guard's word."""
    [plan] = flow["plan"].data["plans"]
    assert plan["writes"] == sum(plan["by_object"].values()) > 0
    assert plan["kinds"]["creates"] > 0
    assert plan["people"]["linked"] > 0
    assert plan["guard"]["approved"] is False
    assert plan["guard"]["refusal"]["code"] == "guard.approval_required"
    assert {risk["kind"] for risk in plan["guard"]["risks"]} == {
        *("creates", "updates", "overwrites", "clears", "activities", "deletes", "moves"),
        *("assignments", "notices", "consent"),
    }
    assert all(skip["reason"] for skip in plan["skipped"])
    text = flow["text plan"].out
    for part in ("What would change", "Against the guard's limits", "Sample:", "creates"):
        assert part in text
    assert re.search(r"leadloop .*sync --plan", flow["text plan"].err)


def test_the_plan_file_holds_no_values(flow: dict[str, Any]) -> None:
    """The plan file is private and holds nobody's name or address."""
    file = flow["workspace"].directory / "plan.json"
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    values = {
        str(change["after"])
        for sample in flow["plan"].data["plans"][0]["samples"]
        for change in sample["changes"]
        if isinstance(change["after"], str) and len(change["after"]) > 10
    }
    assert values
    assert [value for value in values if value in text] == []
    assert "@" not in text


def test_the_approved_plan_is_applied(flow: dict[str, Any]) -> None:
    """`sync --plan` writes exactly what was planned and ends with 0."""
    ran = flow["first"]
    assert ran.code == 0, ran.out
    [run] = ran.data["runs"]
    assert run["status"] == "ok"
    assert run["error"] is None
    assert sum(run["counts"]["written"].values()) == flow["plan"].data["plans"][0]["writes"]
    assert flow["first writes"]


def test_the_plan_was_true(flow: dict[str, Any]) -> None:
    """Applying a plan makes the writes it names and no other, record for record; beside them only
    what hangs on a create: the new Lead's id on its contact, which no plan can know.
    """
    directory = flow["workspace"].directory
    planned = json.loads((directory / "plan.json").read_text(encoding="utf-8"))["fingerprints"]
    with sqlite3.connect(directory / "leadloop.sqlite3") as connection:
        rows = connection.execute(
            "SELECT fingerprint, status, operation, object, reason, entity_id FROM intents"
        ).fetchall()
    connection.close()
    assert {row[1] for row in rows} == {"ok"}
    assert sorted(row[0] for row in rows if row[0] in planned) == planned
    beside = [row for row in rows if row[0] not in planned]
    assert {row[2:5] for row in beside} == {("update", "contacts", "outcomes")}
    created = [row[5] for row in rows if row[2:4] == ("create", "Lead")]
    assert sorted(row[5] for row in beside) == sorted(created)


def test_the_samples_came_true(flow: dict[str, Any], sandbox: SandboxProcess) -> None:
    """A sampled update shows the value the CRM held before, and the one it holds afterwards."""
    compared = 0
    for sample in flow["plan"].data["plans"][0]["samples"]:
        if (sample["side"], sample["operation"]) != ("crm", "update"):
            continue
        [record] = held(sandbox.admin_url, sample["object"], sample["id"])
        for change in sample["changes"]:
            if change["rule"] == "rollup":  # numbers and times, which the vendor spells its own way
                continue
            assert record[change["field"]] == change["after"] != change["before"]
            compared += 1
    assert compared


def held(url: str, object_name: str, record_id: str) -> list[dict[str, Any]]:
    """The Salesforce record as stored."""
    with urllib.request.urlopen(f"{url}/state/salesforce/{object_name}", timeout=60) as answer:  # noqa: S310 - loopback
        rows = [json.loads(line) for line in answer.read().splitlines()]
    return [row for row in rows if row["Id"] == record_id]


def test_the_second_run_is_silent(flow: dict[str, Any]) -> None:
    """A plain sync after it writes nothing at either vendor (law 4)."""
    ran = flow["second"]
    assert ran.code == 0, ran.out
    assert flow["second writes"] == {}
    assert sum(ran.data["runs"][0]["counts"]["written"].values()) == 0


@pytest.mark.parametrize("name", ["again", "dry"])
def test_dry_means_dry(flow: dict[str, Any], name: str) -> None:
    """`plan` and `sync --dry-run` leave the state as it was, cursors included, and write nothing
    (law 10).
    """
    assert flow[name].code == 0
    assert flow[name].data["plans"][0]["writes"] == 0
    assert flow[f"{name} writes"] == {}
    assert flow[f"{name} state"] == flow["second state"]


def test_a_plan_is_good_for_one_time(flow: dict[str, Any]) -> None:
    """Applying a plan again finds everything done: it ends well and nothing is written."""
    assert flow["repeat"].code == 0
    assert flow["repeat writes"] == {}


def test_status_as_json(flow: dict[str, Any]) -> None:
    """`status --json` has what a monitor asks for."""
    [status] = flow["status"].data["pairs"]
    assert status["approved"] is True
    assert status["held"] is False
    assert status["known"]["person"] > 0
    assert status["last_run"]["status"] == "ok"
    assert status["open_intents"] == 0
    assert isinstance(status["lag_seconds"], float)
    assert {"review", "dead_letters", "inbox_pending", "quota", "next"} <= status.keys()


def test_runs_as_json(flow: dict[str, Any]) -> None:
    """`runs --json` lists runs, newest first, dry ones not among them."""
    assert [run["status"] for run in flow["runs"].data["runs"]] == ["ok", "ok", "ok"]
    assert {run["kind"] for run in flow["runs"].data["runs"]} == {"sync"}


@pytest.fixture
def settled(flow: dict[str, Any], tmp_path: Path) -> Workspace:
    """A copy of the workspace after the flow."""
    source: Workspace = flow["workspace"]
    shutil.copytree(source.directory, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace", source.admin_url)


def test_one_run_is_shown_whole(flow: dict[str, Any], settled: Workspace) -> None:
    """`runs show` takes the beginning of an id, and refuses one there is not."""
    run = flow["runs"].data["runs"][-1]
    shown = settled.here("runs", "show", run["id"][:8], "--json")
    assert shown.data["run"]["id"] == run["id"]
    assert shown.data["run"]["counts"]["written"]
    printed = settled.here("runs", "show", run["id"], "--mapping").out
    (settled.directory / "again.yaml").write_text(printed, encoding="utf-8")
    assert load_mapping(settled.directory / "again.yaml").hash == run["mapping_hash"]
    unknown = settled.here("runs", "show", "nothing")
    assert (unknown.code, "run.unknown" in unknown.err) == (3, True)


def test_status_check_tells_a_stale_state(settled: Workspace) -> None:
    """`status --check` ends with 10 when the last good run is over two schedules ago."""
    assert settled.here("status", "--check").code == 0
    with sqlite3.connect(settled.directory / "leadloop.sqlite3") as connection:
        connection.execute("UPDATE runs SET finished_at = '2026-03-01T00:00:00.000000Z'")
    connection.close()
    stale = settled.here("status", "--check", "--json")
    assert (stale.code, stale.data["pairs"][0]["stale"]) == (10, True)


def test_colour_is_for_terminals_alone(settled: Workspace) -> None:
    """Piped output has no escape codes; NO_COLOR keeps them away when colour is forced, too."""
    plain = settled.run("status")
    assert ESCAPE not in plain.out + plain.err
    quiet = settled.run("status", NO_COLOR="1", FORCE_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7])m", quiet.out + quiet.err)


def test_approving_a_run_that_was_not_refused(flow: dict[str, Any], settled: Workspace) -> None:
    """`sync --approve` takes a refused run alone; anything else is told and changes nothing."""
    good = flow["runs"].data["runs"][-1]["id"]
    ran = settled.here("sync", "--approve", good, "--json")
    assert (ran.code, ran.data["error"]["code"]) == (3, "run.not_refused")
    unknown = settled.here("sync", "--approve", "nothing", "--json")
    assert (unknown.code, unknown.data["error"]["code"]) == (3, "run.unknown")


def test_a_plan_for_another_mapping(flow: dict[str, Any], settled: Workspace) -> None:
    """After the mapping has changed, an older plan is refused with 9."""
    [mapping] = (settled.directory / "mappings").iterdir()
    text = mapping.read_text(encoding="utf-8")
    assert "# go_live: 2026-03-02T08:00:00Z" in text
    changed = text.replace("# go_live: 2026-03-02T08:00:00Z", "go_live: 2026-03-02T08:00:00Z")
    mapping.write_text(changed, encoding="utf-8")
    ran = settled.here("sync", "--plan", str(settled.directory / "plan.json"), "--json")
    assert (ran.code, ran.data["error"]["code"]) == (9, "plan.wrong_mapping")


def test_a_mass_change_waits_for_a_word(settled: Workspace) -> None:
    """A run beyond the guard's limits ends with 9; `--approve` of that run lets it through."""
    tighter = "\nguard:\n  updates: {share: 0.0, count: 0}\n  creates: {share: 0.0, count: 0}\n"
    tighter += "  clears: {share: 0.0, count: 0}\n  floor: 0\n"
    settled.config.write_text(settled.config.read_text(encoding="utf-8") + tighter)
    admin(settled.admin_url, "POST", "/world/tick", {"days": 1})
    refused = settled.here("sync", "--json")
    assert refused.code == 9, refused.out
    assert refused.data["error"]["code"] == "guard.mass_change"
    assert "--approve" in refused.data["error"]["remedy"]
    run_id = refused.data["runs"][0]["run_id"]
    through = settled.here("sync", "--approve", run_id, "--json")
    assert through.code == 0, through.out
    assert sum(through.data["runs"][0]["counts"]["written"].values()) > 0


def test_json_is_one_versioned_object(flow: dict[str, Any]) -> None:
    """Every --json is one line with its format and command, and nothing else on stdout."""
    for name in ("doctor", "plan", "first", "second", "dry", "status", "runs", "repeat"):
        [line] = flow[name].out.splitlines()
        data = json.loads(line)
        assert data["format"] == 1
        assert data["command"] in {"doctor", "plan", "sync", "status", "runs"}
