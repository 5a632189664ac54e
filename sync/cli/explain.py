"""`leadloop explain PERSON`: one person's whole story, from the state alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.records import Side
from sync.cli import output, waterfalls
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.story import (
    Found,
    Moment,
    Story,
    find_by_name,
    find_person,
    similar,
    story,
    story_of_record,
)

if TYPE_CHECKING:
    from rich.console import Console

    from state.store import Store
    from sync.config import Config, PairConfig

NAMED = 5
"""People named when a text may mean several."""


def command(
    ctx: typer.Context,
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="An e-mail address, a record (hubspot:contacts:51, Lead:00Q..., 51), a name, or "
            "the id Leadloop gave the person.",
        ),
    ],
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell a person's story: links, evidence, writes.

    Field by field whose value holds, why, and what it replaced; then one timeline of what was
    decided, what people changed, what Leadloop wrote, what waits, was refused or came back as an
    echo, and what became of every event. Where nobody fits, it says who may be meant. Reads the
    state alone; shows the person's values on stdout.
    """
    session = session_of(ctx)
    config = session.config()
    told = _told(session, config, person, pair)
    if told is None:
        _suggest(session, config, person, pair, as_json=as_json)
        return
    name, found = told
    if as_json:
        output.emit_json("explain", {"pair": name, "person": found.as_json()})
    else:
        _show(name, found)


def _told(
    session: Session, config: Config, text: str, pair: str | None
) -> tuple[str, Story] | None:
    """The story of whom the text means, and the pair; None when nobody is known by it. A name that
    fits one person alone is as good as their address.
    """
    pairs = session.pairs(config, pair) if has_state(config) else ()
    for find in (find_person, find_by_name):
        for one in pairs:
            with session.store(config, one) as store:
                found = find(store, text)
                if found.count == 1 or (found.count and find is find_person):
                    return one.name, _the_one(one, store, text, found)
    return None


def _the_one(pair: PairConfig, store: Store, text: str, found: Found) -> Story:
    if found.count > 1 and len(found.entities) != 1:
        names = [*found.entities, *map(str, found.strangers)][:NAMED]
        raise UsageFault(
            f"{found.count} people are known by `{output.shown(text)}`",
            remedy=f"Ask for one of them: {', '.join(names)}.",
        )
    if found.entities:
        return story(store, found.entities[0], pair)
    return story_of_record(store, found.strangers[0])


def _suggest(
    session: Session, config: Config, text: str, pair: str | None, *, as_json: bool
) -> None:
    """Who may be meant, on stdout where names belong. Raises UsageFault: it is nobody's story."""
    rows: list[list[Any]] = []
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            rows += [[one.name, *who] for who in similar(store, text)]
    if rows and not as_json:
        columns = ["pair", "record", "name", "address", "company"]
        output.console().print(output.table("Perhaps one of these", columns, rows))
    named = ", ".join(row[1] for row in rows[:NAMED])
    raise UsageFault(
        f"nobody is known by `{output.shown(text)}`",
        remedy=f"Ask for one of them: {named}."
        if rows
        else "Try an e-mail address, a name or a record's id. People appear after the run that "
        "pulled them: see `leadloop runs`.",
    )


def _show(pair: str, told: Story) -> None:
    console = output.console()
    console.print(f"{told.kind or 'record'} {told.entity_id or ''} ({told.status}), pair {pair}",
                  markup=False)  # fmt: skip
    data = told.as_json()
    rows = [
        [one["record"], one["status"], one["reason"], _minute(one["linked_at"]),
         "gone" if one["deleted"] else _minute(one["modified_at"])]
        for one in data["records"]
    ]  # fmt: skip
    columns = ["record", "link", "why", "since (UTC)", "changed (UTC)"]
    console.print(output.table("Records", columns, rows))
    if told.fields:
        _show_fields(console, told)
    else:
        _show_values(console, data["records"])
    for moment in told.moments:
        if moment.kind == "decided":
            waterfalls.draw(console, moment.details)
    for one in told.waits:
        until = f" until {one['until']:%Y-%m-%d %H:%M:%S} UTC" if one["until"] else ""
        why = f"kept by {one['why']}{until}" if one["why"] else "goes with the next run"
        console.print(f"waits for {one['system']} ({one['lane']}): {why}", markup=False)
    columns = ["when (UTC)", "kind", "what", "details"]
    console.print(output.table("Timeline", columns, map(_row, told.moments)))


def _show_fields(console: Console, told: Story) -> None:
    """Field by field: both sides, whose value holds and why, what it replaced."""
    rows = [
        [_both(one.fields.values()), _plain(one.values[Side.MAP]), _plain(one.values[Side.CRM]),
         one.winner.value if one.winner else "", _plain(one.lost), one.reason,
         f"{one.last.at:%m-%d %H:%M} {one.last.run_id[:8]}" if one.last else ""]
        for one in told.fields
        if any(value is not None for value in one.values.values())
    ]  # fmt: skip
    columns = ["field (map / crm)", "map", "crm", "winner", "loser's value", "why", "written, run"]
    console.print(output.table("Fields", columns, rows))


def _show_values(console: Console, records: list[dict[str, Any]]) -> None:
    for one in records:
        rows = [[name, value] for name, value in sorted(one["fields"].items())]
        console.print(output.table(one["record"], ["field", "value"], rows))


def _both(names: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(names))


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _minute(moment: str | None) -> str:
    return (moment or "")[:16].replace("T", " ")


def _row(moment: Moment) -> list[Any]:
    return [f"{moment.at:%Y-%m-%d %H:%M:%S}", moment.kind, moment.what, _details(moment)]


def _details(moment: Moment) -> str:
    """What a line of the timeline says beside its words."""
    details = moment.details
    lines = [_change(change) for change in details.get("changes", ())]
    lines += [f"since {met['since'][:16]}: {met['condition']}" for met in details.get("met", ())]
    if details.get("missing"):
        lines.append(f"waits for {', '.join(details['missing'])}")
    if details.get("run_id"):
        config = details.get("config_hash")
        lines.append(f"run {details['run_id']}" + (f", config {config[:12]}" if config else ""))
    if details.get("error"):
        lines.append(f"{details['error']['message']} [{details['error']['code']}]")
    return "\n".join(lines)


def _change(change: Mapping[str, Any]) -> str:
    rule = f" ({change['rule']})" if change.get("rule") else ""
    undone = ", undone since" if change.get("undone") else ""
    return f"{change['field']}: {change['before']!r} -> {change['after']!r}{rule}{undone}"
