"""`leadloop audit`: five checks on how marketing and sales work together, from data alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output
from sync.cli.documents import Format, chosen, give_out
from sync.cli.session import Session, has_state, session_of

if TYPE_CHECKING:
    from state.store import Store
    from sync.config import Config, PairConfig


def command(
    ctx: typer.Context,
    days: Annotated[
        int, typer.Option(min=1, max=3650, help="How far back handoffs and silence are looked for.")
    ] = 90,
    records: Annotated[
        bool, typer.Option("--records", help="Every line and record, however many.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the file's ending, else table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Which pair, if several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find what goes wrong between marketing and sales, and name the records.

    Where won deals came from, silent handoffs, activity on wrong records, stages and leads that
    nobody owns, stalled deals and whose job they were; and what the data cannot tell. Reads the
    state; before the first sync it reads both accounts into a copy that is thrown away. Needs no
    lifecycle contract. Writes to no vendor.
    """
    from sync.auditing import SHOWN, audit, document

    session = session_of(ctx)
    wanted = chosen(form, out, as_json=as_json)
    config = session.config()
    one = session.pair(config, pair)
    with _known(session, config, one) as store, store.read() as tx:
        found: dict[str, Any] = {
            "pair": one.name,
            **audit(tx, one.mapping, crm=one.crm_system.kind, days=days),
        }
    most = None if records else SHOWN
    give_out("audit", wanted, out, found, lambda: document(one.name, found, most=most))


@contextlib.contextmanager
def _known(session: Session, config: Config, pair: PairConfig) -> Iterator[Store]:
    """The pair's state; a copy with what both accounts hold now, where no sync was made yet."""
    if has_state(config):
        with session.store(config, pair) as store:
            if _has_synced(store):
                yield store
                return
    from sync import wiring
    from sync.cli.planning import progress
    from sync.run import dry_run

    output.say("No sync was made yet: reading both accounts. Nothing is written anywhere.")
    with (
        session.planning_store(config, pair) as copy,
        progress(f"reading {pair.name}") as told,
        wiring.open_pair(config, pair, copy, progress=told) as opened,
    ):
        dry_run(opened, store=copy)
        yield copy


def _has_synced(store: Store) -> bool:
    from state import identity

    with store.read() as tx:
        return bool(identity.count(tx).get("person", 0))
