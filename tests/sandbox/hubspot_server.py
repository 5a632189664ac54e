"""A HubSpot account served on loopback for the tests of this folder, spoken to over real HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from aiohttp import web

from sandbox.clock import VirtualClock
from sandbox.faults import Faults
from sandbox.hubspot import HubSpotAccount, build_app

TOKEN = "pat-test"
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class Hub:
    """The account, where it listens, and a session that is logged in."""

    account: HubSpotAccount
    url: str
    session: requests.Session

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = TOKEN,
        params: Any = None,
    ) -> requests.Response:
        """One HTTP call; `token=None` sends no credentials."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.session.request(
            method, self.url + path, json=body, headers=headers, params=params, timeout=10
        )

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a GET that must succeed."""
        response = self.call("GET", path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, body: object, status: int = 200) -> Any:
        """The JSON of a POST that must answer `status` (None for an empty body)."""
        response = self.call("POST", path, body)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def search(self, object_type: str, *filters: tuple[str, str, object], **more: Any) -> Any:
        """A search of one filter group."""
        body = {
            "filterGroups": [
                {
                    "filters": [
                        {"propertyName": name, "operator": operator, **_operand(operator, value)}
                        for name, operator, value in filters
                    ]
                }
            ],
            **more,
        }
        return self.post(f"/crm/v3/objects/{object_type}/search", body)


@contextmanager
def served(*, seed: int = 1, search_lag: float = 0.0) -> Iterator[Hub]:
    """A fresh account whose clock stands still until a test moves it."""
    clock = VirtualClock(START, monotonic=lambda: 0.0)
    account = HubSpotAccount(clock, Faults(), token=TOKEN, seed=seed, search_lag=search_lag)
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(build_app(account), access_log=None, shutdown_timeout=1)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(_start(runner), loop).result(10)
        with requests.Session() as session:
            session.trust_env = False
            yield Hub(account, f"http://127.0.0.1:{port}", session)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _start(runner: web.AppRunner) -> int:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return int(runner.addresses[0][1])


def _operand(operator: str, value: object) -> dict[str, object]:
    if operator in {"IN", "NOT_IN"}:
        return {"values": value}
    if operator == "BETWEEN" and isinstance(value, tuple):
        return {"value": value[0], "highValue": value[1]}
    return {} if value is None else {"value": value}
