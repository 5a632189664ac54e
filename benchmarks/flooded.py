"""A HubSpot account with as many events as wanted, in a process of its own.

Submissions and events are put into the sandbox directly: sending them through its public endpoints
would take longer than reading them, and is not what is measured.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sandbox.hubspot.account import HubSpotAccount
from sandbox.server import Sandbox, SandboxOptions

FORM = "b1f6c1d0-0000-4000-8000-00000000f00d"
NEWEST = datetime(2026, 3, 1, tzinfo=UTC)
APART = timedelta(milliseconds=61)
"""Between two events: a million of them fill most of a day."""
TOGETHER = 3_000
"""Every so many events, this many share one millisecond: more than three pages."""
KINDS = ("SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE")
PEOPLE = 50_000
_CHUNK = 50_000


def occurred_at(number: int) -> int:
    """When an event happened, in epoch milliseconds. Two in ten stand in floods of one instant."""
    place = number - number % TOGETHER if (number // TOGETHER) % 5 == 0 else number
    return int((NEWEST - place * APART).timestamp() * 1000)


def email_key(number: int) -> str:
    """The key Leadloop knows an e-mail event by."""
    return f"email:{_event_id(number)}:{occurred_at(number)}"


def form_key(number: int) -> str:
    """The key Leadloop knows a submission by."""
    return f"form:{FORM}:{_submission_id(number)}"


def _event_id(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-000000000000"


def _submission_id(number: int) -> str:
    return f"{number:08d}-0000-4000-8000-00000000f111"


def fill(account: HubSpotAccount, events: int, submissions: int) -> None:
    """Put the events and submissions into an account."""
    account.create_form(
        {
            "id": FORM,
            "name": "Ask for a demo",
            "fieldGroups": [{"fields": [{"name": "email", "objectTypeId": "0-1"}]}],
        }
    )
    for start in range(0, events, _CHUNK):
        end = min(start + _CHUNK, events)
        account.add_email_events(_event(number) for number in range(end - 1, start - 1, -1))
    for number in range(submissions - 1, -1, -1):
        account.forms.record(
            FORM,
            (("0-1", "email", f"person{number % PEOPLE}@example.com"),),
            at=occurred_at(number),
            page_url="https://acme.example/demo",
            page_name="Demo",
            submission_id=_submission_id(number),
        )


def _event(number: int) -> dict[str, Any]:
    at = occurred_at(number)
    return {
        "id": _event_id(number),
        "created": at,
        "type": KINDS[number % len(KINDS)],
        "recipient": f"person{number % PEOPLE}@example.com",
        "emailCampaignId": 1000 + number % 40,
        "sentBy": {"id": _event_id(number), "created": at},
    }


@contextmanager
def flooded(folder: Path, events: int, submissions: int) -> Iterator[dict[str, Any]]:
    """Such an account, without latency and with its rate limits off; its announcement."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    arguments = (theirs, folder, events, submissions)
    process = context.Process(target=_run, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.join(10)
        process.kill()
        process.join()


def _run(pipe: Connection, folder: Path, events: int, submissions: int) -> None:
    asyncio.run(_serve(pipe, folder, events, submissions))


async def _serve(pipe: Connection, folder: Path, events: int, submissions: int) -> None:
    """Serve until the other end of the pipe is closed."""
    sandbox = Sandbox(SandboxOptions(directory=folder, world=None))
    sandbox.hubspot.limits.enabled = False
    fill(sandbox.hubspot, events, submissions)
    announcement = await sandbox.start()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), closed.set)
    pipe.send(announcement)
    await closed.wait()
    await sandbox.stop()
