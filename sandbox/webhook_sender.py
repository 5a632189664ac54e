"""Delivers HubSpot's webhooks: signed, repeated, out of order, retried.

FACTS section 2: a receiver has five seconds; what it does not answer with a 2xx is sent again, up
to ten times, with a growing `attemptNumber`. Life spreads retries over a day; here they come after
`retry_seconds` of real time.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import aiohttp

from sandbox.hubspot.webhooks import Event, Target, Webhooks, signature

TIMEOUT_SECONDS = 5.0
MOST_RETRIES = 10
_POLL_SECONDS = 0.05


class WebhookSender:
    """One loop that empties the queue; `counts` says what became of the requests."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

    def start(self) -> None:
        """Begin to deliver, on the running event loop; once is enough."""
        if not self._tasks:
            self._spawn(self._loop())

    async def stop(self) -> None:
        """Stop; what is not delivered is lost, as when the vendor's service goes down."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, work: object) -> None:
        assert asyncio.iscoroutine(work)  # noqa: S101 - private, given by this class alone
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _loop(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                target = self._webhooks.target
                if target is None or not self._webhooks.pending:
                    await asyncio.sleep(_POLL_SECONDS)
                    continue
                self._spawn(self._deliver(session, target, self._webhooks.batch()))
                await asyncio.sleep(0)

    async def _deliver(
        self, session: aiohttp.ClientSession, target: Target, events: list[Event]
    ) -> None:
        """Send one request until it is taken or given up."""
        for attempt in range(MOST_RETRIES + 1):
            body = [{**event, "attemptNumber": attempt} for event in events]
            if await self._post(session, target, body):
                self.counts["delivered"] += 1
                return
            self.counts["refused"] += 1
            await asyncio.sleep(target.retry_seconds)
        self.counts["given_up"] += 1

    async def _post(
        self, session: aiohttp.ClientSession, target: Target, events: list[Event]
    ) -> bool:
        raw = json.dumps(events, separators=(",", ":")).encode()
        # Receivers compare it with their own clock, not with the world's.
        stamp = str(time.time_ns() // 1_000_000)
        headers = {
            "Content-Type": "application/json",
            "X-HubSpot-Signature-v3": signature(target.secret, target.url, raw, stamp),
            "X-HubSpot-Request-Timestamp": stamp,
        }
        try:
            async with session.post(target.url, data=raw, headers=headers) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError):
            return False
