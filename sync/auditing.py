"""The five-check audit of a pair, from its state alone: run, as data, and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lifecycle.audit import Check, Scope, new_checks
from lifecycle.audit_deals import DealAudit
from lifecycle.audit_people import PeopleAudit
from lifecycle.subjects import Users
from mappings.fieldmap import PairMapping
from state import streams
from state.store import Tx
from sync.documents import Document, Section, shown
from sync.garbage import few_collections
from sync.subjects import TOUCHING, Subjects, users_of

WINDOW = 90
"""Days that handoffs and silence are looked for."""
NAMED = 3
"""Records named of those a check could not tell of."""
SHOWN = 20
"""Findings and rows of a check that a table shows; `--records` and JSON have all."""


@few_collections()
def audit(
    tx: Tx, mapping: PairMapping, *, crm: str, days: int = WINDOW, integrations: Iterable[str] = ()
) -> dict[str, Any]:
    """Everything the audit has to say of one pair, JSON-able but for datetimes (docs/reference).

    `crm` is the connector kind of the CRM, `integrations` more users whose doings are no human's.
    """
    users = users_of(tx, mapping.contract.reporting.integrations | frozenset(integrations))
    scope = Scope(
        now=tx.now,
        contract=mapping.contract,
        window=timedelta(days=days),
        events_since=streams.events_since(tx, tuple(TOUCHING)),
    )
    checks = new_checks()
    subjects = Subjects(tx, mapping, users, crm)
    people = PeopleAudit(scope, users, checks)
    for person in subjects.people():
        people.add(person)
    people.end()
    deals = DealAudit(scope, users, checks)
    for opportunity in subjects.opportunities():
        deals.add(opportunity)
    deals.end()
    _what_is_missing(checks, users, scope)
    return {
        "as_of": scope.now,
        "window_days": days,
        "people": people.seen,
        "deals": deals.seen,
        "contract": bool(mapping.contract),
        "findings": sum(len(check.findings) for check in checks.values()),
        "checks": [
            _check(number, check, users) for number, check in enumerate(checks.values(), start=1)
        ],
    }


def _what_is_missing(checks: Mapping[str, Check], users: Users, scope: Scope) -> None:
    """What data that was never read cannot show."""
    if not users.integrations:
        why = "no user is known to be an integration: every activity counts as a human's"
        for name in ("activities", "stalled"):
            checks[name].cannot_tell_at_all(why)
    if scope.events_since is None:
        checks["handoffs"].cannot_tell_at_all("no marketing event has been read yet")


def _check(number: int, check: Check, users: Users) -> dict[str, Any]:
    return {
        "number": number,
        "name": check.name,
        "question": check.question,
        "counts": check.counts(),
        "findings": [
            {
                "code": one.code,
                "record": one.record,
                "what": one.what,
                "records": list(one.records),
                "user": one.who,
                "user_name": users.names.get(one.who) if one.who else None,
                "at": one.at,
            }
            for one in check.ordered()
        ],
        "rows": [dict(row) for row in check.rows],
        "unknown": [
            {"why": one.why, "count": one.count, "records": list(one.records)}
            for one in check.unknown
        ],
    }


def document(pair: str, found: Mapping[str, Any], *, most: int | None = SHOWN) -> Document:
    """An audit for people: each check with its findings, what it looked at, what it cannot tell.

    `most` cuts long tables; None shows everything.
    """
    as_of: datetime = found["as_of"]
    facts = (
        f"{found['people']:,} people and {found['deals']:,} deals as of {as_of:%Y-%m-%d %H:%M} UTC,"
        f" {found['window_days']} days back; {found['findings']:,} findings."
    )
    sections: list[Section] = []
    for check in found["checks"]:
        sections += _sections(check, most)
    return Document(f"Audit of {pair}", (facts,), tuple(sections))


def _sections(check: Mapping[str, Any], most: int | None) -> list[Section]:
    findings, rows = check["findings"], check["rows"]
    counts = ", ".join(f"{count:,} {code}" for code, count in check["counts"].items())
    made = [
        Section(
            f"{check['number']}. {check['question']}",
            finding=f"Found: {counts}." if counts else "Nothing wrong.",
            notes=tuple(_unknown(one) for one in check["unknown"]),
            columns=("finding", "record", "what", "who", "since (UTC)"),
            rows=tuple(
                (
                    f["code"],
                    f["record"],
                    f["what"],
                    f["user_name"] or f["user"] or "",
                    shown(f["at"]),
                )
                for f in findings[:most]
            ),
            more=len(findings) - len(findings[:most]),
        )
    ]
    if rows:
        columns = tuple(rows[0])
        made.append(
            Section(
                f"Looked at: {len(rows):,}",
                columns=tuple(name.replace("_", " ") for name in columns),
                rows=tuple(tuple(shown(row[name]) for name in columns) for row in rows[:most]),
                more=len(rows) - len(rows[:most]),
            )
        )
    return made


def _unknown(one: Mapping[str, Any]) -> str:
    if not one["count"]:
        return f"Cannot tell: {one['why']}"
    names = ", ".join(one["records"][:NAMED])
    rest = one["count"] - NAMED
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"Cannot tell of {one['count']:,} ({names}{more}): {one['why']}"
