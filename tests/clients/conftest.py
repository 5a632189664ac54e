"""One sandbox for all foreign clients, with a world, and the means to compare with its truth."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.server import SandboxProcess, start_process
from tests.clients.environments import UnavailableError, node_modules

PEOPLE = 2_500
CRM_RECORDS = 5_000
"""Enough for several pages of leads and contacts: a page holds at most 2,000."""


@dataclass
class Bench:
    """A running sandbox and what a judge may ask it past every API."""

    process: SandboxProcess

    @property
    def info(self) -> dict[str, Any]:
        """The announcement."""
        return self.process.info

    @property
    def authority(self) -> Path:
        """The sandbox's own certificate authority."""
        return Path(self.info["salesforce"]["ca_file"])

    def admin(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call the admin endpoint; an error there is the test's own."""
        answer = requests.request(method, self.process.admin_url + path, json=body, timeout=60)
        answer.raise_for_status()
        return answer

    def rows(self, system: str, name: str) -> list[dict[str, Any]]:
        """Every record as stored, deleted ones too."""
        lines = self.admin("GET", f"/state/{system}/{name}").text.splitlines()
        return [json.loads(line) for line in lines]

    def live(self, system: str, name: str) -> dict[str, dict[str, Any]]:
        """The records that are not deleted, by id."""
        if system == "hubspot":
            return {row["id"]: row for row in self.rows(system, name) if not row["archived"]}
        return {row["Id"]: row for row in self.rows(system, name) if not row["IsDeleted"]}

    def hubspot(self, method: str, path: str, body: object = None) -> Any:
        """One plain HubSpot call, to set a scene."""
        answer = requests.request(
            method,
            self.info["hubspot"]["url"] + path,
            json=body,
            headers={"Authorization": f"Bearer {self.info['hubspot']['token']}"},
            timeout=60,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def salesforce(self, method: str, path: str, body: object = None) -> Any:
        """One plain Salesforce call below `/services/data/v61.0`, to set a scene."""
        salesforce = self.info["salesforce"]
        login = {
            "grant_type": "client_credentials",
            "client_id": salesforce["client_id"],
            "client_secret": salesforce["client_secret"],
        }
        with requests.Session() as session:
            session.verify = str(self.authority)
            session.trust_env = False
            url = salesforce["login_url"]
            token = session.post(f"{url}/services/oauth2/token", data=login, timeout=60).json()
            session.headers["Authorization"] = f"Bearer {token['access_token']}"
            answer = session.request(
                method, f"{url}/services/data/v61.0{path}", json=body, timeout=60
            )
            answer.raise_for_status()
            return answer.json() if answer.content else None

    def environment(self) -> dict[str, str]:
        """What a client needs that knows only the vendors' own names."""
        return {
            **os.environ,
            "HTTPS_PROXY": str(self.info["proxy_url"]),
            "REQUESTS_CA_BUNDLE": str(self.authority),
            "NO_PROXY": "",
            "no_proxy": "",
        }


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The sandbox; rate limits are off, since what is tested here is what clients understand."""
    folder = tmp_path_factory.mktemp("sandbox")
    with start_process(folder, people=PEOPLE, crm_records=CRM_RECORDS, proxy_port=0) as process:
        running = Bench(process)
        running.admin("POST", "/clock", {"rate_limits": "off", "search_lag": 0})
        yield running


@pytest.fixture(scope="session")
def node(bench: Bench) -> Any:
    """Runs one of the scripts in `node/`: what it prints as JSON."""
    try:
        folder = node_modules()
    except UnavailableError as error:
        pytest.skip(str(error))

    def run(script: str) -> Any:
        done = subprocess.run(
            ["node", script],
            cwd=folder,
            env={
                **os.environ,
                "SANDBOX": json.dumps(bench.info),
                "NODE_EXTRA_CA_CERTS": str(bench.authority),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run
