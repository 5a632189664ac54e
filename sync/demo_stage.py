"""The stage the demo plays on: a sandbox, its admin endpoint, its clock, and what it holds.

Everything here speaks to the sandbox as any outsider would: the admin endpoint (loopback, JSON)
and, for what that does not tell, the vendors' public APIs. Leadloop's own code is not involved.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

Row = dict[str, Any]
Calls = Mapping[str, Mapping[str, Mapping[str, int]]]
"""`{system: {method: {path template: count}}}`, as the admin endpoint counts."""

READ_POSTS = ("/search", "/batch/read", "/oauth2/token")
"""POST calls that change nothing, by how their path template ends."""
_ASSOCIATIONS = 1000
"""Inputs of one batch read of associations (FACTS section 2)."""


class Backstage:
    """The admin endpoint of a sandbox, and the one public call the judge needs."""

    def __init__(self, info: Mapping[str, Any], *, timeout: float = 600.0) -> None:
        self._admin = str(info["admin_url"])
        self._hubspot = str(info["hubspot"]["url"])
        self._token = str(info["hubspot"]["token"])
        self._timeout = timeout

    def tick(self, days: int = 1) -> dict[str, int]:
        """Let days pass in the world; what happened, by kind."""
        passed = json.loads(self._ask("POST", "/world/tick", {"days": days}))
        return dict(passed["happened"])

    def now(self) -> datetime:
        """The sandbox's virtual time."""
        return _instant(json.loads(self._ask("GET", "/clock"))["now"])

    def move_clock(self, seconds: float) -> None:
        """Let time pass without anything happening."""
        self._ask("POST", "/clock", {"seconds": seconds})

    def truth(self) -> dict[str, Any]:
        """Who is who, who did what."""
        return dict(json.loads(self._ask("GET", "/truth")))

    def rows(self, system: str, object_name: str) -> list[Row]:
        """Every record of an object as stored, deleted ones too."""
        text = self._ask("GET", f"/state/{system}/{object_name}")
        return [json.loads(line) for line in text.splitlines() if line]

    def take_calls(self) -> Calls:
        """The calls counted since this was last asked."""
        counts: Calls = json.loads(self._ask("GET", "/calls"))
        self._ask("DELETE", "/calls")
        return counts

    def deal_contacts(self, deal_ids: Iterable[str]) -> dict[str, list[str]]:
        """The contacts each deal is joined to, by HubSpot's public batch read (associations v4)."""
        ids = list(deal_ids)
        joined: dict[str, list[str]] = {}
        for start in range(0, len(ids), _ASSOCIATIONS):
            body = {"inputs": [{"id": one} for one in ids[start : start + _ASSOCIATIONS]]}
            text = self._ask(
                "POST",
                "/crm/v4/associations/deals/contacts/batch/read",
                body,
                base=self._hubspot,
                headers={"Authorization": f"Bearer {self._token}"},
            )
            for row in json.loads(text).get("results", ()):
                joined[str(row["from"]["id"])] = [str(one["toObjectId"]) for one in row["to"]]
        return joined

    def _ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        base: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        address = urlsplit(base or self._admin)
        connection = http.client.HTTPConnection(
            str(address.hostname), address.port, timeout=self._timeout
        )
        try:
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json", **(headers or {})},
            )
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        if reply.status >= http.client.BAD_REQUEST:
            message = f"the sandbox answered {reply.status} to {method} {path}"
            raise RuntimeError(message)
        return text


@dataclass(slots=True)
class SandboxClock:
    """Leadloop's business clock in the demo: the sandbox's, which runs at real speed from where
    it was last set. Call `read` after every move of it.
    """

    ask: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _at: datetime = field(default_factory=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    _mark: float = 0.0

    def read(self) -> None:
        """Ask the sandbox what time it is."""
        self._at, self._mark = self.ask(), self.monotonic()

    def now(self) -> datetime:
        """The time since then."""
        return self._at + timedelta(seconds=self.monotonic() - self._mark)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def total(calls: Calls, system: str) -> int:
    """All calls one system received."""
    return sum(sum(paths.values()) for paths in calls.get(system, {}).values())


def write_calls(calls: Calls) -> dict[str, int]:
    """The calls that change something at a vendor, by "METHOD template"."""
    return {
        f"{method} {template}": count
        for methods in calls.values()
        for method, paths in methods.items()
        for template, count in paths.items()
        if method != "GET" and not (method == "POST" and template.endswith(READ_POSTS))
    }
