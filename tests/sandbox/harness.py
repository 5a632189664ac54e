"""A sandbox on the test's own event loop thread, with plain clients for both vendors."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from sandbox.server import Sandbox, SandboxOptions


class Running:
    """A started sandbox: `sandbox` itself, where it listens, and clients that trust it."""

    def __init__(self, sandbox: Sandbox, info: dict[str, Any]) -> None:
        self.sandbox = sandbox
        self.info = info
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(info["salesforce"]["ca_file"])

    def admin(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call the admin endpoint."""
        return self.session.request(method, self.info["admin_url"] + path, json=body, timeout=30)

    def hubspot(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call HubSpot with the sandbox's token."""
        headers = {"Authorization": f"Bearer {self.info['hubspot']['token']}"}
        url = self.info["hubspot"]["url"] + path
        return self.session.request(method, url, json=body, headers=headers, timeout=30)

    def salesforce(self, method: str, path: str, body: object = None) -> requests.Response:
        """Call Salesforce after logging in by client credentials."""
        headers = {"Authorization": f"Bearer {self.login()}"}
        url = self.info["salesforce"]["login_url"] + path
        return self.session.request(method, url, json=body, headers=headers, timeout=30)

    def login(self) -> str:
        """A fresh access token."""
        salesforce = self.info["salesforce"]
        answer = self.session.post(
            f"{salesforce['login_url']}/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": salesforce["client_id"],
                "client_secret": salesforce["client_secret"],
            },
            timeout=30,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@contextmanager
def running(directory: Path, **options: Any) -> Iterator[Running]:
    """A sandbox in a thread of this process for the length of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sandbox = Sandbox(SandboxOptions(directory=directory, **options))
    info: dict[str, Any] = asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result(60)
    client = Running(sandbox, info)
    try:
        yield client
    finally:
        client.session.close()
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
