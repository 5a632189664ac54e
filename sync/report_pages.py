"""Reports as documents: the same data as tables with headings and notes, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lifecycle.attribution import Model
from sync.documents import Document, Section, shown
from sync.report_findings import NO_TOUCH, NOBODY, amount, currency, finding
from sync.reporting_words import Kind

Lines = Sequence[Mapping[str, Any]]

TITLES = {
    "funnel": "Funnel",
    "handoffs": "Handoffs",
    "attribution": "Attribution",
    "sla": "Service levels",
    "monthly": "Monthly report",
    "scoring": "Scoring evidence",
}
_AUDIENCES = {"marketing": "marketing", "sales": "sales", "both": "both teams"}
AMOUNTS = frozenset({"amount", "quota", *Model})
"""Columns that hold amounts of money, as plain decimal text."""
SHOWN = 20
"""Lines of a long table that are shown without `--records`."""


def document(
    pair: str,
    found: Mapping[str, Any],
    *,
    most: int | None = SHOWN,
    pictures: Mapping[str, str] | None = None,
) -> Document:
    """A report for people; `most` cuts long tables, None shows everything. `pictures` are markup by
    the part of the report they show.
    """
    audience, as_of = _AUDIENCES[found["for"]], found["as_of"]
    notes = [f"{_period(found)}, for {audience}; as of {as_of:%Y-%m-%d %H:%M} UTC."]
    if not found["contract"]:
        notes.append(
            "There is no lifecycle contract: stages are plain facts, and whoever came to sales"
            " after marketing had them counts as handed over."
        )
    elif found["not_evaluated"]:
        notes.append(f"{found['not_evaluated']:,} people have not been evaluated yet: next run.")
    drawn = pictures or {}
    sections = [
        replace(
            make(found[key], found, most),
            picture=drawn.get(key, ""),
            finding=finding(key, found[key], found),
        )
        for key, make in _PARTS.items()
        if key in found
    ]
    return Document(title(pair, found), tuple(notes), tuple(sections))


def title(pair: str, found: Mapping[str, Any]) -> str:
    """What a report is called: its kind, the pair, and the month or days it is of."""
    about = f"{TITLES[found['report']]} of {pair}"
    return about if found["report"] == Kind.SCORING else f"{about}, {_days(found['period'])}"


def _period(found: Mapping[str, Any]) -> str:
    if found["report"] == Kind.SCORING:
        return "Everything ever known, whatever the period"
    period = found["period"]
    said = _days(period)
    return f"{said[:1].upper()}{said[1:]} ({period['zone']})"


def _days(period: Mapping[str, Any]) -> str:
    """A period by its first and last day in its own zone; a calendar month by its name."""
    first, until = (_day(period[edge], period["zone"]) for edge in ("from", "until"))
    last = until - timedelta(days=1) if until is not None else None
    if first is None or last is None or until is None:
        return "all time"
    if (first.day, until.day) == (1, 1) and (last.year, last.month) == (first.year, first.month):
        return f"{first:%B %Y}"
    return f"{first} to {last}"


def _day(at: datetime | None, zone: str) -> date | None:
    return at.astimezone(ZoneInfo(zone)).date() if at is not None else None


def _table(
    title: str,
    lines: Lines,
    columns: Mapping[str, str],
    most: int | None,
    *,
    notes: tuple[str, ...] = (),
) -> Section:
    """Lines as a table: `columns` are keys and their headings; the people behind figures last."""
    named = any("records" in line for line in lines)
    rows = [
        (*(_cell(key, line.get(key)) for key in columns), *([_names(line)] if named else []))
        for line in lines[:most]
    ]
    return Section(
        title,
        notes=notes if lines else (*notes, "Nothing."),
        columns=(*columns.values(), *(["records"] if named else [])),
        rows=tuple(rows),
        more=len(lines) - len(rows),
    )


def _cell(key: str, value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list):
        return _interval(key, value)
    if key in AMOUNTS:
        return amount(value)
    if key == "f1":
        return f"{value:.2f}"
    if key.endswith(("rate", "share", "conversion", "reached")) and isinstance(value, float):
        return f"{value:.1%}"
    return shown(value) if not isinstance(value, float) else f"{value:,.1f}"


def _interval(key: str, value: Sequence[float]) -> str:
    """A number with the edges of its interval."""
    form = "{:.2f}" if key == "lift" else "{:.1%}"
    middle, low, high = (form.format(one) for one in value)
    return f"{middle} ({low} to {high})"


def _names(line: Mapping[str, Any]) -> str:
    records, values = line.get("records", []), line.get("values", [])
    if isinstance(records, Mapping):
        told = {name: ", ".join(own) for name, own in records.items()}
        told |= {name: _valued(own) for name, own in dict(values).items()}
        return "\n".join(f"{name}: {text}" for name, text in told.items() if text)
    return _valued(values) if values else ", ".join(records)


def _valued(values: Lines) -> str:
    return ", ".join(f"{one['record']} ({one['value']})" for one in values)


def _group(found: Mapping[str, Any]) -> dict[str, str]:
    return {"group": str(found["by"])} if found["by"] else {}


def _stages(lines: Lines, found: Mapping[str, Any], _most: int | None) -> Section:
    several = len({line["lifecycle"] for line in lines}) > 1
    columns = {
        **({"lifecycle": "lifecycle"} if several else {}),
        **_group(found),
        "stage": "stage", "team": "team", "entered": "entered", "converted": "went on",
        "conversion": "conversion", "standing": "standing", "stagnant": "stagnant",
        "days_in_stage_median": "days (median)", "days_in_stage_p90": "days (90 %)",
    }  # fmt: skip
    return _table("Funnel", lines, columns, None)


def _sources(lines: Lines, _found: Mapping[str, Any], most: int | None) -> Section:
    columns = {
        "source": "source", "goal": "goal", "source_reached": "reached it",
        "source_days_median": "days (median)",
    }  # fmt: skip
    named = [{**line, "source": line["source"] or NOBODY} for line in lines]
    return _table("Fastest sources", named, columns, most)


def _working(lines: Lines, found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {
        **_group(found),
        "handed_over": "handed over", "worked": "worked within 5 days",
        "not_worked": "not worked", "pending": "pending", "worked_rate": "worked rate",
        "hours_to_first_touch_median": "hours to first touch (median)",
        "attempts_mean": "attempts (mean)",
    }  # fmt: skip
    return _table("What sales does with whom it is given", lines, columns, None)


def _handoffs(lines: Lines, _found: Mapping[str, Any], most: int | None) -> Section:
    columns = {
        "record": "record", "handed_over_at": "handed over (UTC)", "owner": "owner",
        "stage": "stage", "status": "status", "first_touch_at": "first touch (UTC)",
        "attempts": "attempts", "reason": "reason",
    }  # fmt: skip
    return _table("Handoffs", lines, columns, most)


def _service_levels(lines: Lines, found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {
        **_group(found),
        "level": "promise", "owner": "owner", "kept": "kept", "broken": "broken",
        "running": "running",
    }  # fmt: skip
    return _table("What sales promised", lines, columns, None)


def _promises(lines: Lines, _found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {
        "stage": "stage", "persona": "persona", "per": "per", "from": "from",
        "is_over": "over", "promised": "promised", "delivered": "delivered", "share": "share",
    }  # fmt: skip
    return _table("What marketing promised", lines, columns, None)


def _totals(lines: Lines, found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {
        **_group(found),
        "what": "what", "amount": currency(found), "deals": "deals", "share": "share",
    }  # fmt: skip
    left_out = len(found["not_converted"])
    note = f"{left_out:,} deals are in no sum: no amount, or no rate for their day."
    notes = [note] if left_out else []
    if currency(found) != found["currency"]:
        notes.append("`reporting: currency` names none: amounts are summed as they stand.")
    named = [{**line, "what": line["what"].replace("_", " ")} for line in lines]
    return _table("Pipeline and revenue", named, columns, None, notes=tuple(notes))


def _credits(lines: Lines, found: Mapping[str, Any], most: int | None) -> Section:
    """A line a source, a column a model."""
    models = list(dict.fromkeys(line["model"] for line in lines))
    by_source: dict[tuple[str, str], dict[str, Any]] = {}
    for line in lines:
        where = {"group": line["group"], "source": line["source"] or NO_TOUCH}
        own = by_source.setdefault((line["group"], line["source"]), where)
        own[line["model"]] = line["credited"]
        if "records" in line:
            own["records"] = sorted({*own.get("records", ()), *line["records"]})
    named = {model: model.replace("_", " ") for model in models}
    columns = {**_group(found), "source": "source", **named}
    heading = f"Revenue by source and model ({currency(found)})"
    return _table(heading, list(by_source.values()), columns, most)


def _quotas(lines: Lines, _found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {
        "period": "period", "quota": "quota", "quota_reached": "reached",
        "marketing": "marketing's share", "marketing_quota_reached": "reached by sourced revenue",
    }  # fmt: skip
    return _table("Quota", lines, columns, None)


def _traits(lines: Lines, found: Mapping[str, Any], most: int | None) -> Section:
    columns = {
        "trait": "trait", "value": "value", "people": "people", "won": "won",
        "conversion": "conversion (95 %)", "lift": "lift (95 %)",
    }  # fmt: skip
    answered = found["answered"]
    note = (
        f"{answered['people']:,} people have answered marketing, {answered['won']:,} of them won."
        " Lift is how many times likelier people with a trait win than the others; an interval"
        " around 1 is what chance does."
    )
    return _table("What goes with won deals", lines, columns, most, notes=(note,))


def _definition(
    line: Mapping[str, Any] | None, _found: Mapping[str, Any], _m: int | None
) -> Section:
    lines = [line] if line is not None else []
    return _table("How well the MQL definition foretells a won deal", lines, _JUDGED, None)


def _thresholds(lines: Lines, _found: Mapping[str, Any], _most: int | None) -> Section:
    columns = {"at_least": "answers within 30 days", **_JUDGED, "best": "best"}
    marked = [{**line, "best": "best" if line["is_best"] else None} for line in lines]
    return _table("Where a threshold would sit", marked, columns, None)


def _stalled(lines: Lines, _found: Mapping[str, Any], most: int | None) -> Section:
    columns = {
        "deal": "deal", "quiet_since": "quiet since (UTC)", "responsible": "whose job it was",
        "what": "what",
    }  # fmt: skip
    return _table("Stalled deals", lines, columns, most)


_JUDGED = {
    "qualified": "qualified", "won": "of them won", "precision": "precision (95 %)",
    "recall": "recall (95 %)", "f1": "F1",
}  # fmt: skip

_PARTS: Mapping[str, Callable[[Any, Mapping[str, Any], int | None], Section]] = {
    "stages": _stages,
    "sources": _sources,
    "working": _working,
    "handoffs": _handoffs,
    "service_levels": _service_levels,
    "promises": _promises,
    "totals": _totals,
    "credits": _credits,
    "quotas": _quotas,
    "stalled": _stalled,
    "traits": _traits,
    "definition": _definition,
    "thresholds": _thresholds,
}
"""The parts a report may have, in the order in which they are shown."""
