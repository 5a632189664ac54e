"""`leadloop explain PERSON`: one person's whole story, from the state alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sync.cli import output, waterfalls
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.story import Found, Moment, Story, find_person, story, story_of_record

if TYPE_CHECKING:
    from mappings.fieldmap import PairMapping
    from state.store import Store
    from sync.config import Config

NAMED = 5
"""People named when a text may mean several."""


def command(
    ctx: typer.Context,
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="An e-mail address, a record (hubspot:contacts:51, Lead:00Q..., 51), or the id "
            "Leadloop gave the person.",
        ),
    ],
    pair: Annotated[str | None, typer.Option("--pair", help="Only this pair.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell a person's story: links, evidence, writes.

    One timeline of what was decided and why, every write with what it replaced, every event with
    what became of it. Reads the state alone; shows the person's values on stdout.
    """
    session = session_of(ctx)
    config = session.config()
    told = _told(session, config, person, pair)
    if told is None:
        raise UsageFault(
            f"nobody is known by `{output.shown(person)}`",
            remedy="Try an e-mail address or a record's id. People appear after the run that "
            "pulled them: see `leadloop runs`.",
        )
    name, found = told
    if as_json:
        output.emit_json("explain", {"pair": name, "person": found.as_json()})
    else:
        _show(name, found)


def _told(
    session: Session, config: Config, text: str, pair: str | None
) -> tuple[str, Story] | None:
    """The story of whom the text means, and the pair; None when nobody is known by it."""
    for one in session.pairs(config, pair) if has_state(config) else ():
        with session.store(config, one) as store:
            found = find_person(store, text)
            if found.count:
                return one.name, _the_one(store, text, found, one.mapping)
    return None


def _the_one(store: Store, text: str, found: Found, mapping: PairMapping) -> Story:
    if found.count > 1 and len(found.entities) != 1:
        names = [*found.entities, *map(str, found.strangers)][:NAMED]
        raise UsageFault(
            f"{found.count} people are known by `{output.shown(text)}`",
            remedy=f"Ask for one of them: {', '.join(names)}.",
        )
    if found.entities:
        return story(store, found.entities[0], mapping=mapping)
    return story_of_record(store, found.strangers[0])


def _show(pair: str, told: Story) -> None:
    console = output.console()
    console.print(f"{told.kind or 'record'} {told.entity_id or ''} ({told.status}), pair {pair}",
                  markup=False)  # fmt: skip
    data = told.as_json()
    rows = [
        [one["record"], one["status"], one["reason"], one["linked_at"] or "",
         ", ".join(f"{name}={value}" for name, value in sorted(one["fields"].items()))]
        for one in data["records"]
    ]  # fmt: skip
    console.print(output.table("Records", ["record", "link", "why", "since", "fields"], rows))
    for moment in told.moments:
        if moment.kind == "decided":
            waterfalls.draw(console, moment.details)
    console.print(
        output.table("Timeline", ["when (UTC)", "what", "details"], map(_row, told.moments))
    )


def _row(moment: Moment) -> list[Any]:
    return [f"{moment.at:%Y-%m-%d %H:%M:%S}", moment.what, _details(moment)]


def _details(moment: Moment) -> str:
    """What a line of the timeline says beside its words."""
    details = moment.details
    lines = [
        f"{change['field']}: {change['before']!r} -> {change['after']!r} ({change['rule']})"
        for change in details.get("changes", ())
    ]
    lines += [f"since {met['since'][:16]}: {met['condition']}" for met in details.get("met", ())]
    if details.get("missing"):
        lines.append(f"waits for {', '.join(details['missing'])}")
    if details.get("run_id"):
        config = details.get("config_hash")
        lines.append(f"run {details['run_id']}" + (f", config {config[:12]}" if config else ""))
    if details.get("error"):
        lines.append(f"{details['error']['message']} [{details['error']['code']}]")
    return "\n".join(lines)
