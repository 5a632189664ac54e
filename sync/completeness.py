"""The completeness report: N received, N landed, the others by name and reason (law 2).

Whatever was pulled has a word for what became of it; every word belongs to one heading here, and a
word that nobody has given a heading counts as unaccounted, so that a new one cannot hide anything.
What the vendors have beyond that the nightly reconciliation says (`sync.census`): its figures stand
beside these. Reads the state alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from state import accounts
from state.accounts import Received
from state.store import Store, Tx
from sync.counted import counted_of

LANDED, WAITING, LEFT_OUT, FAILED = "landed", "waiting", "left_out", "failed"
UNACCOUNTED = "unaccounted"
HEADINGS: Mapping[str, str] = {
    "planned": LANDED,
    "noted": LANDED,
    "superseded": LANDED,
    "delivered": LANDED,
    "rolled_up": LANDED,
    "baseline": LANDED,
    "echo": LANDED,
    "journaled": WAITING,
    "held": WAITING,
    "review": WAITING,
    "refetch": WAITING,
    "no_person": WAITING,
    "out_of_scope": LEFT_OUT,
    "no_counterpart": LEFT_OUT,
    "unidentifiable": LEFT_OUT,
    "crm_deleted": LEFT_OUT,
    "off": LEFT_OUT,
    "filtered": LEFT_OUT,
    "dead": FAILED,
    "malformed": FAILED,
}
"""Which heading a disposition belongs to; `pending` has none: nobody has decided about it."""
NAMES = 1000
"""Records and events named at most, of each kind."""

Namer = Callable[..., list[tuple[str, str]]]


def completeness(store: Store) -> dict[str, Any]:
    """The report of one pair, JSON-able; `unaccounted` is 0 after every run that went through."""
    with store.read() as tx:
        records, events = accounts.records(tx), accounts.events(tx)
        rows = [*records, *events]
        return {
            **_totals(rows),
            "streams": _grouped(rows, lambda one: one.stream),
            "days": _grouped(rows, lambda one: one.day),
            "others": [
                *_named(tx, records, accounts.record_names),
                *_named(tx, events, accounts.event_names),
            ],
            "form_fills": _form_fills(tx),
            "counted": counted_of(tx),
        }


def _totals(rows: Sequence[Received]) -> dict[str, Any]:
    """Received, and how many of them stand under each heading, with the reasons."""
    headings: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows:
        heading = HEADINGS.get(row.disposition, UNACCOUNTED)
        headings[heading] += row.count
        if heading != LANDED:
            reasons[row.disposition] += row.count
    return {
        "received": headings.total(),
        **{name: headings[name] for name in (LANDED, WAITING, LEFT_OUT, FAILED, UNACCOUNTED)},
        "reasons": dict(sorted(reasons.items())),
    }


def _grouped(rows: Sequence[Received], of: Callable[[Received], str]) -> list[dict[str, Any]]:
    groups: dict[str, list[Received]] = {}
    for row in rows:
        groups.setdefault(of(row), []).append(row)
    return [{"name": name, **_totals(groups[name])} for name in sorted(groups)]


def _named(tx: Tx, rows: Sequence[Received], names: Namer) -> list[dict[str, Any]]:
    """What did not land, by reason and name."""
    words = sorted(
        {r.disposition for r in rows if HEADINGS.get(r.disposition, UNACCOUNTED) != LANDED}
    )
    found: dict[str, list[str]] = {}
    for word, name in names(tx, words, limit=NAMES) if words else ():
        found.setdefault(word, []).append(name)
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.disposition] += row.count
    return [
        {"reason": word, "count": counts[word], "names": own} for word, own in sorted(found.items())
    ]


def _form_fills(tx: Tx) -> dict[str, Any]:
    """Form fills against what the CRM has of them: one activity for each that was delivered."""
    ended = accounts.form_fills(tx)
    logged = sum(accounts.activities(tx).values())
    delivered = ended.get("delivered", 0)
    return {
        "received": sum(ended.values()),
        "delivered": delivered,
        "activities": logged,
        "by_disposition": dict(sorted(ended.items())),
    }
