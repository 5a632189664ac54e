"""`leadloop export`: everything kept about a person, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sync.cli import output
from sync.cli.session import UsageFault, has_state, session_of


def command(
    ctx: typer.Context,
    who: Annotated[
        str,
        typer.Argument(
            metavar="PERSON", help="An e-mail address, a record, or the id of a person."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write JSON here, mode 0600.")
    ] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with values.")] = False,
) -> None:
    """Give out everything kept about a person, as they may ask for.

    Every row of every table that is theirs or names them: records as last seen, links, decisions
    and their evidence, events, writes with what they replaced. Without --out or --json only how
    many rows there are. What the vendors keep is theirs to export.
    """
    from state.traces import rows_of
    from sync.erasure.act import preview

    session = session_of(ctx)
    config = session.config()
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            [somebody] = preview(store, [who])
            if somebody is None:
                continue
            tables: dict[str, list[dict[str, Any]]] = {}
            with store.read() as tx:
                for table, row in rows_of(tx, somebody.traces):
                    tables.setdefault(table, []).append(row)
        if tables:
            found[one.name] = tables
    if not found:
        raise UsageFault(
            f"nothing is kept about `{output.shown(who)}`",
            remedy="Try another of their addresses, or a record's id.",
        )
    data = {"pairs": found}
    if out is not None:
        _write(out, data)
    if as_json:
        output.emit_json("export", data)
        return
    shown = [
        [name, table.replace("_", " "), f"{len(rows):,}"]
        for name, tables in found.items()
        for table, rows in tables.items()
    ]
    output.console().print(output.table("Kept", ["pair", "what", "rows"], shown))
    if out is None:
        output.say("`--out FILE` writes the values, `--json` prints them.")


def _write(path: Path, data: dict[str, Any]) -> None:
    """A new file that its owner alone can read."""
    import os

    text = output.json_text("export", data)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageFault(
            f"{path} cannot be written ({error.strerror})", remedy="Name a file that is not there."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    output.say(f"Written to {path}: it holds personal data.")
