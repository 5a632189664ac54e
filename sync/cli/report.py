"""`leadloop report`: one set of numbers for both teams, every one of them with who is behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mappings.errors import ConfigurationError
from sync.cli.documents import Format, chosen, give_out
from sync.cli.session import Session, UsageFault, has_state, session_of
from sync.reporting_words import Audience, By, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from lifecycle.periods import Span
    from mappings.reporting import Reporting
    from state.store import Tx
    from sync.config import PairConfig
    from sync.documents import Document
    from sync.reporting import Wanted


def command(
    ctx: typer.Context,
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="REPORT", help="funnel, handoffs, attribution, sla, scoring or monthly."
        ),
    ] = Kind.FUNNEL,
    audience: Annotated[
        Audience, typer.Option("--for", help="Whose report: marketing, sales or both.")
    ] = Audience.BOTH,
    period: Annotated[
        str | None,
        typer.Option(help="Default: last-90-days; of monthly: last-month."),
    ] = None,
    by: Annotated[
        By | None, typer.Option(help="Group by source, segment, persona, owner or period.")
    ] = None,
    records: Annotated[
        bool, typer.Option("--records", help="Who is behind each number, and every line.")
    ] = False,
    form: Annotated[
        Format | None, typer.Option("--format", help="Default: by the file's ending, else table.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.")] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="Which pair, if several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the numbers both teams go by: funnel, handoffs, attribution, service levels.

    Every metric is defined once (docs/metrics.md) and counted from the state alone, in the
    reporting time zone; no vendor is called. A period is written like 2026, 2026-Q1, 2026-03,
    2026-W10, 2026-03-01..2026-03-31, last-90-days, last-month, this-quarter or all.
    """
    from sync.reporting import Wanted

    session = session_of(ctx)
    wanted = chosen(form, out, as_json=as_json)
    config = session.config()
    one = session.pair(config, pair)
    if not has_state(config):
        raise _nothing_yet(session)
    with session.store(config, one) as store, store.read() as tx:
        span = _span(period or _usual(kind), one.mapping.contract.reporting, tx.now)
        found = _found(tx, one, Wanted(kind, audience, span, by, records))
    give_out(
        "report",
        wanted,
        out,
        found,
        lambda: _page(session, found, drawn=wanted is Format.HTML, whole=records),
    )


def _found(tx: Tx, pair: PairConfig, wanted: Wanted) -> dict[str, Any]:
    from sync.reporting import report

    return {"pair": pair.name, **report(tx, pair.mapping, wanted, crm=pair.crm_system.kind)}


def _page(session: Session, found: Mapping[str, Any], *, drawn: bool, whole: bool) -> Document:
    from sync.report_pages import SHOWN, document

    pictures = _drawn(session, found) if drawn else {}
    most = None if whole else SHOWN
    return document(found["pair"], found, most=most, pictures=pictures)


def _drawn(session: Session, found: Mapping[str, Any]) -> dict[str, str]:
    """The report's pictures by its part; none where they cannot be drawn, which is said."""
    from sync.charts import pictures

    try:
        return {picture.part: picture.svg() for picture in pictures(found)}
    except ConfigurationError as error:
        session.say(f"The page has no pictures: {error.message}. {error.remedy}")
        return {}


def _usual(kind: Kind) -> str:
    return "last-month" if kind is Kind.MONTHLY else "last-90-days"


def _span(text: str, reporting: Reporting, now: datetime) -> Span:
    from lifecycle.periods import FORMS, span_of
    from sync.cli.output import shown

    span = span_of(text, reporting, now)
    if span is None:
        raise UsageFault(f"`{shown(text)}` is no period", remedy=f"Write {FORMS}.")
    return span


def _nothing_yet(session: Session) -> ConfigurationError:
    return ConfigurationError(
        "there is nothing to report on: no sync was made yet",
        code="report.no_state",
        remedy=session.hint("Run `leadloop plan --out plan.json`, then `leadloop sync --plan"
                            " plan.json`; `leadloop audit` needs none."),
    )  # fmt: skip
