"""Carrying an order out: here, or, while a daemon holds the state, by the daemon, followed.

A follower may be interrupted: the work stays queued and is done. `leadloop commands` tells what
became of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mappings.errors import LeaseLostError, StateHeldError
from state import commands, figures
from state.commands import Command
from sync import wiring
from sync.cli import output
from sync.cli.planning import progress
from sync.cli.session import Session, UsageFault
from sync.orders import Bench, Done, Order, carry_out, error_data
from sync.story import find_person

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig
    from sync.pair import Pair

LOOK_SECONDS = 0.25
LOOKS_BETWEEN_HOLDER = 40
"""Looks at the command between two looks whether the daemon is still there."""


class WaitingError(StateHeldError):
    """The order was queued, and nobody works on it now."""

    default_code = "command.waiting"


def place(
    session: Session,
    config: Config,
    pair: PairConfig,
    store: Store,
    order: Order,
    *,
    wait: bool = True,
) -> Done | int:
    """What came of the order; or, with `wait` off, the number it is queued under.

    Raises StateHeldError where another command, no daemon, holds the state.
    """
    title = f"{order.kind} {pair.name}"
    try:
        with store.exclusive():
            return carry_out(order, Bench(pair, store, lambda: _opened(config, pair, store, title)))
    except LeaseLostError:
        raise
    except StateHeldError:
        if store.holder() != "daemon":
            raise
    named = without_addresses(store, order.arguments)
    stamped = {**named, "mapping_hash": pair.mapping.hash}
    with store.begin() as tx:
        number = commands.request(tx, order.kind, stamped)
    return _follow(session, store, number, title) if wait else number


def without_addresses(store: Store, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they may wait in the state: who is named by an e-mail address is named by
    the golden record's id, or the record's. Raises UsageFault where that is not one."""
    named = dict(arguments)
    for name in ("record", "link"):
        text = named.get(name)
        if not isinstance(text, str) or "@" not in text:
            continue
        with store.read() as tx:
            refs = figures.named(tx, text)
        people = find_person(store, text).entities
        found = people if name == "record" else tuple(map(str, refs))
        if len(found) != 1:
            raise UsageFault(
                f"{len(found)} records or people have that address",
                remedy="Name one by its id; `leadloop explain` shows them.",
            )
        named[name] = found[0]
    return named


@contextlib.contextmanager
def _opened(config: Config, pair: PairConfig, store: Store, title: str) -> Iterator[Pair]:
    with (
        progress(title) as told,
        wiring.open_pair(config, pair, store, progress=told) as opened,
    ):
        yield opened


def _follow(
    session: Session,
    store: Store,
    number: int,
    title: str,
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> Done:
    """Wait for the daemon, telling how far it is. Raises WaitingError when the daemon has gone."""
    output.say(f"A daemon holds this state: command {number} is queued with it.")
    try:
        with progress(title) as told:
            looks = 0
            while not (command := look(store, number)).is_over:
                at = command.progress
                if at:
                    told.report(at["stage"], at["done"], at["total"])
                looks += 1
                if looks % LOOKS_BETWEEN_HOLDER == 0 and store.holder() != "daemon":
                    raise _nobody(number)
                sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        session.say(
            f"\nNo longer following. Command {number} stays with the daemon: `leadloop commands "
            f"show {number}` tells what became of it, `leadloop commands withdraw {number}` takes "
            "it back while it is queued."
        )
        raise
    return done_of(command)


def tell_queued(session: Session, pair: str, number: int) -> None:
    """The number of a command that is not waited for, and where to look."""
    output.console().print(number, markup=False)
    session.say(f"{pair}: queued with the daemon; see `leadloop commands show {number}`.")


def look(store: Store, number: int) -> Command:
    """The command as it stands."""
    with store.read() as tx:
        command = commands.get(tx, number)
    if command is None:
        raise WaitingError(f"command {number} is no longer in the state")
    return command


def done_of(command: Command) -> Done:
    """What came of a command that is over."""
    if command.status == "withdrawn":
        error = WaitingError(
            f"command {command.id} was withdrawn",
            code="command.withdrawn",
            remedy="Give it again if it is wanted.",
        )
        return Done(error.exit_code, {}, error_data(error))
    return Done(command.exit_code or 0, command.result or {}, command.error, command.run_id)


def _nobody(number: int) -> WaitingError:
    return WaitingError(
        f"the daemon has ended; command {number} stays queued",
        remedy=f"`leadloop run` carries it out when it starts; `leadloop commands withdraw "
        f"{number}` takes it back.",
    )
