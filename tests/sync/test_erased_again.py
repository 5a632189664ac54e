"""Erased people come in again by every door of both vendors: form, import, API (law 8).

`LEADLOOP_ERASED` says how many; `make erased` sends a thousand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.process import SandboxProcess
from tests.sandbox.test_hubspot_forms import FORM
from tests.sync.commands import (
    Workspace,
    admin,
    running_sandbox,
    workspace_for,
    writes,
)

COUNT = int(os.environ.get("LEADLOOP_ERASED", "24"))
DATA = "/services/data/v59.0"


@dataclass(frozen=True)
class Doors:
    """Both vendors as people, web sites and importers reach them."""

    sandbox: SandboxProcess
    session: requests.Session = field(default_factory=requests.Session)

    def hubspot(self, path: str, body: object) -> Any:
        """A POST to HubSpot."""
        info = self.sandbox.info["hubspot"]
        headers = {"Authorization": f"Bearer {info['token']}"}
        reply = self.session.post(info["url"] + path, json=body, headers=headers, timeout=60)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    def salesforce(self, method: str, path: str, body: object = None, csv: str = "") -> Any:
        """A call to Salesforce."""
        info = self.sandbox.info["salesforce"]
        grant = {"grant_type": "client_credentials"}
        grant |= {name: info[name] for name in ("client_id", "client_secret")}
        login, trust = info["login_url"], {"verify": info["ca_file"], "timeout": 60}
        token = self.session.post(f"{login}/services/oauth2/token", data=grant, **trust).json()
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        kind = {"data": csv.encode()} if csv else {"json": body}
        if csv:
            headers["Content-Type"] = "text/csv"
        reply = self.session.request(method, login + path, headers=headers, **kind, **trust)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    def leads(self) -> int:
        """How many of them Salesforce has."""
        query = "SELECT+COUNT()+FROM+Lead+WHERE+LastName+LIKE+'Zembla%25'"
        return int(self.salesforce("GET", f"{DATA}/query?q={query}")["totalSize"])

    def contacts(self, people: Sequence[int]) -> None:
        """Contacts by the API, a batch a call."""
        rows = [{"properties": person(number)} for number in people]
        for begin in range(0, len(rows), 100):
            body = {"inputs": rows[begin : begin + 100]}
            self.hubspot("/crm/v3/objects/contacts/batch/create", body)

    def forms(self, people: Sequence[int]) -> None:
        """Fills of a public form."""
        made = self.hubspot("/marketing/v3/forms/", FORM)
        portal = self.sandbox.info["hubspot"]["portal_id"]
        path = f"/submissions/v3/integration/submit/{portal}/{made['id']}"
        for number in people:
            fields = [
                {"objectTypeId": "0-1", "name": name, "value": value}
                for name, value in (*person(number).items(), ("company", "Ltd"))
            ]
            self.hubspot(path, {"fields": fields, "context": {"pageUri": "https://demo.example"}})

    def imports(self, people: Sequence[int]) -> None:
        """Leads by an import: Bulk 2.0."""
        lines = ["FirstName,LastName,Email,Company"]
        lines += [f"{p['firstname']},{p['lastname']},{p['email']},Ltd" for p in map(person, people)]
        kind = {"object": "Lead", "operation": "insert", "lineEnding": "LF"}
        job = self.salesforce("POST", f"{DATA}/jobs/ingest", kind)
        place = f"{DATA}/jobs/ingest/{job['id']}"
        self.salesforce("PUT", f"{place}/batches", csv="\n".join(lines) + "\n")
        self.salesforce("PATCH", place, {"state": "UploadComplete"})


def person(number: int) -> dict[str, str]:
    """Somebody generated, spelled as nobody else is."""
    return {
        "firstname": f"Qorvin{number}",
        "lastname": f"Zembla{number}",
        "email": f"Qorvin{number}.Zembla{number}@zembla-{number}.example",
    }


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    """Two empty vendors."""
    with running_sandbox(tmp_path / "vendors", people=None) as process:
        yield Doors(process)


def traces(texts: Sequence[str], folder: Path) -> list[str]:
    """Where anything of these people's stands, in what was said or in any file, byte by byte."""
    found = [f"said: {text[:200]}" for text in texts if b"zembla" in text.lower().encode()]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return found + [path.name for path in files if b"zembla" in path.read_bytes().lower()]


def put_back(copy: Path, made: Workspace) -> None:
    """Restore a backup as the guide says: the copy in the state's place, nothing beside it."""
    [state] = made.directory.glob("*.sqlite3")
    for beside in made.directory.glob(f"{state.name}-*"):
        beside.unlink()
    shutil.copy(copy, state)
    copy.unlink()


def test_by_form_import_and_api_nobody_comes_back(doors: Doors, tmp_path: Path) -> None:
    """People who were synchronised and erased at both vendors are offered again by form, import and
    API: nothing is linked, written or stored of any of them, in state, logs, drafts or reports; nor
    after a backup from before was put back."""
    made = workspace_for(doors.sandbox, tmp_path / "workspace")
    plan, backup, listed = (tmp_path / name for name in ("plan.json", "backup.sqlite3", "listed"))
    doors.contacts(range(COUNT))
    for words in (
        ("doctor", "--fix"),
        ("plan", "--out", str(plan)),
        ("sync", "--plan", str(plan)),
        ("backup", "--to", str(backup)),
    ):
        assert made.here(*words).code == 0
    assert traces((), made.directory) != []
    listed.write_text("".join(f"{person(n)['email']}\n" for n in range(COUNT)), encoding="utf-8")
    assert made.here("erase", "--from", str(listed), "--at-vendors", "--yes").code == 0
    assert doors.leads() == 0

    third = COUNT // 3
    doors.contacts(range(third))
    doors.forms(range(third, 2 * third))
    doors.imports(range(2 * third, COUNT))
    assert doors.leads() == COUNT - 2 * third
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    admin(made.admin_url, "DELETE", "/calls")
    for restored in (False, True):
        if restored:
            put_back(backup, made)
        told = [
            made.run(*words, TMPDIR=str(drafts))
            for words in (("sync", "--json"), ("plan",), ("sync",), ("status", "--completeness"))
        ]
        assert [one.code for one in told] == [0, 0, 0, 0]
        assert writes(made.admin_url) == {}
        assert traces([text for one in told for text in (one.out, one.err)], made.directory) == []
        assert traces((), drafts) == []
