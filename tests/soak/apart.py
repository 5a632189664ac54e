"""Leadloop in a process of its own, the vendors in this one: what Leadloop keeps in memory is told
apart from what its vendors, the truth and the harness keep."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

from sync.run import run_once
from tests.laws.town import Town
from tests.soak.remote import connected, serve


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended, and what Leadloop's process has in memory then, in bytes."""

    at: datetime
    code: str | None
    resident: int


@dataclass(frozen=True, slots=True)
class Apart:
    """A child that runs when it is told to. The business clock goes with each order."""

    town: Town
    orders: Connection

    def run(self) -> Ran:
        """One run. Raises EOFError where the child has died of it."""
        self.orders.send(("run", self.town.world.time.at))
        ran: Ran = self.orders.recv()
        self.town.world.time.at = max(ran.at, self.town.world.time.at)
        return ran

    def without_cache(self) -> int:
        """What the process has in memory once SQLite has let go of the pages it could read again:
        what it keeps for any other reason."""
        self.orders.send(("shrink", self.town.world.time.at))
        ran: Ran = self.orders.recv()
        return ran.resident


@contextmanager
def apart(town: Town) -> Iterator[Apart]:
    """Leadloop apart from its vendors, for as long as the block lasts: nobody else uses the state
    meanwhile."""
    town.store.engine.dispose()
    ours, theirs = Pipe()
    orders, taken = Pipe()
    child = os.fork()
    if child == 0:
        ours.close()
        orders.close()
        _work(town, theirs, taken)
    theirs.close()
    taken.close()
    vendors = {vendor.system: vendor for vendor in (town.hubspot, town.salesforce)}
    server = threading.Thread(
        target=serve, args=(ours, vendors), kwargs={"around": lambda _name, _done: None}
    )
    server.start()
    try:
        yield Apart(town, orders)
    finally:
        orders.close()
        server.join()
        os.waitpid(child, 0)


def _work(town: Town, pipe: Connection, orders: Connection) -> None:
    """In the child: do as told until nobody tells any more. Never returns, and runs nothing of the
    parent's at exit."""
    code = 1
    try:
        pair = connected(town.world.pair, pipe, town.hubspot, town.salesforce)
        while True:
            order, town.world.time.at = orders.recv()
            error = None
            if order == "shrink":
                _let_go(town)
            else:
                error = run_once(pair).error
            orders.send(Ran(town.world.time.at, error.code if error else None, resident()))
    except EOFError:
        code = 0
    finally:
        os._exit(code)


def _let_go(town: Town) -> None:
    town.store.engine.dispose()  # a connection's pages go with it
    ctypes.CDLL(None).malloc_trim(0)


def resident() -> int:
    """Bytes of this process in memory."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")
