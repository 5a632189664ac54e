"""A sandbox in a thread of the test, whose accounts the test may change directly."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sandbox.server import Sandbox, SandboxOptions

Result = TypeVar("Result")


class Vendors:
    """A running sandbox without people. Searches see changes at once, no rate limits, until a
    test asks for them.
    """

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self.sandbox = sandbox
        self._loop = loop
        self.slept = 0.0

    def do(self, act: Callable[[], Result]) -> Result:
        """Run something on the sandbox's own thread and return what it gives."""

        async def run() -> Result:
            return act()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(60)

    def sleep(self, seconds: float) -> None:
        """Let the sandbox's clock pass instead of waiting."""
        self.slept += seconds
        self.do(lambda: self.sandbox.clock.move(seconds))

    def arm(self, system: str, kind: str, **how: object) -> None:
        """Arm a fault."""
        self.do(lambda: self.sandbox.faults.add({"system": system, "kind": kind, **how}))

    def calls(self, system: str) -> int:
        """Calls the vendor counted since `reset`."""
        return self.do(lambda: self.sandbox.calls.total(system))

    def reset(self) -> None:
        """Count calls anew."""
        self.do(self.sandbox.calls.reset)

    @property
    def hubspot_settings(self) -> dict[str, str]:
        """Settings of a HubSpot connector for this sandbox."""
        info = self.sandbox.announcement()["hubspot"]
        assert isinstance(info, dict)
        return {"access_token": info["token"], "base_url": info["url"]}

    @property
    def salesforce_settings(self) -> dict[str, str]:
        """Settings of a Salesforce connector for this sandbox."""
        info = self.sandbox.announcement()["salesforce"]
        assert isinstance(info, dict)
        return {str(k): str(v) for k, v in info.items()}


@contextmanager
def running(directory: Path, seed: int = 7) -> Iterator[Vendors]:
    """A sandbox in a thread of its own, stopped at the end.

    What was there before is kept out of the collector's way meanwhile: late in the suite, looking
    through all of it took longer than most tests here.
    """
    gc.freeze()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    sandbox = Sandbox(SandboxOptions(directory=directory, world=None, seed=seed))
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result(60)
        vendors = Vendors(sandbox, loop)
        vendors.do(lambda: _quieten(sandbox))
        yield vendors
    finally:
        asyncio.run_coroutine_threadsafe(_stop(sandbox), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        gc.collect()  # what a cut connection left is blamed on this test, not on a later one
        gc.unfreeze()


async def _stop(sandbox: Sandbox) -> None:
    await sandbox.stop()
    if late := asyncio.all_tasks() - {asyncio.current_task()}:  # connections accepted meanwhile
        for task in late:
            task.cancel()
        await asyncio.wait(late, timeout=2)
    await asyncio.sleep(0.02)  # aborted connections are closed in the loop's next rounds


def _quieten(sandbox: Sandbox) -> None:
    sandbox.hubspot.search_lag = 0.0
    sandbox.hubspot.limits.enabled = False
