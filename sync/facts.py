"""What the CRM knows about a person, folded over their records and opportunities. Pure.

Definitions (also in docs/glossary.md): a person's opportunities are those on which one of their
Contacts has a role. The opportunity shown is the open one modified last, else the closed one with
the latest close date. Total revenue is the sum of the amounts of the won ones; customer since is
the earliest close date among them. Amounts are decimal text in the org's currency, added in whole
minor units. An org with several currencies tells an amount's by `CurrencyIsoCode`, which is read
where it is mapped; amounts of different currencies are not added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.fieldmap import OutcomeFact, ValueType
from mappings.money import Money
from mappings.records import Json, Record
from mappings.required_fields import CRM_KEY
from mappings.values import canonical


def choose_order(
    records: Sequence[Record],
    open_opportunities: Mapping[str, int] | None = None,
    *,
    key: str | None = None,
    spoken: Mapping[str, str] | None = None,
) -> tuple[Record, ...]:
    """Of one person's several CRM records, the one to write to first (DESIGN section 7).

    The one that carries our link key (`key`), as long as it lives: what was written there once is
    not written a second time elsewhere because somebody was called. Before that the Contact, then
    the open Lead; then the one with an open opportunity, the latest human activity, the oldest;
    the id decides last, so that row order decides nothing. `spoken` says when a human being was
    last active on each (`activities.spoken_with`); None, where no activity is known, leaves it to
    what the CRM counts itself, machines' entries included.
    """
    opportunities = open_opportunities or {}

    def rank(record: Record) -> tuple[bool, int, int, str, str, str]:
        counted = record.fields.get("LastActivityDate")
        activity = str((counted if spoken is None else spoken.get(record.ref.id)) or "")
        return (
            key is None or record.fields.get(CRM_KEY) != key,
            _object_rank(record),
            -min(1, opportunities.get(record.ref.id, 0)),
            _descending(activity),
            record.created_at.isoformat() if record.created_at else "9999",
            record.ref.id,
        )

    return tuple(sorted(records, key=rank))


def _object_rank(record: Record) -> int:
    if record.ref.object != "Lead":
        return 0
    return 2 if record.fields.get("IsConverted") is True else 1


def _descending(text: str) -> str:
    """A key that sorts later ISO dates first, and blank ones last."""
    return "".join(chr(0x10FF - ord(c)) for c in text) if text else chr(0x2FFF)


def facts_of(
    records: Sequence[Record],
    converted_leads: Sequence[Record],
    opportunities: Sequence[Record],
    users: Mapping[str, tuple[str, str]],
) -> dict[OutcomeFact, Json]:
    """Outcome facts of a person whose CRM records these are, the chosen one first.

    `users` maps a user id to (name, e-mail). A fact nobody knows is None.
    """
    if not records:
        return dict.fromkeys(OutcomeFact)
    chosen = records[0]
    shown = _shown(opportunities)
    won = [record for record in opportunities if record.fields.get("IsWon") is True]
    owner = users.get(str(chosen.fields.get("OwnerId") or ""), (None, None))
    return {
        OutcomeFact.CRM_ID: chosen.ref.id,
        OutcomeFact.CRM_OBJECT: chosen.ref.object,
        OutcomeFact.LEAD_STATUS: _lead_status(records, converted_leads),
        OutcomeFact.OWNER_NAME: owner[0],
        OutcomeFact.OWNER_EMAIL: owner[1],
        OutcomeFact.OPPORTUNITY_STAGE: shown.fields.get("StageName") if shown else None,
        OutcomeFact.OPPORTUNITY_AMOUNT: _amount(shown) if shown else None,
        OutcomeFact.OPPORTUNITY_OUTCOME: _outcome(shown) if shown else None,
        OutcomeFact.CLOSE_DATE: _day(shown) if shown else None,
        OutcomeFact.TOTAL_REVENUE: _revenue(won),
        OutcomeFact.WON_COUNT: str(len(won)) if won else None,
        OutcomeFact.CUSTOMER_SINCE: min((_day(r) or "9999" for r in won), default=None),
    }


def _shown(opportunities: Sequence[Record]) -> Record | None:
    open_ones = [r for r in opportunities if r.fields.get("IsClosed") is not True]
    if open_ones:
        return max(open_ones, key=lambda r: (r.modified_at, r.ref.id))
    return max(opportunities, key=lambda r: (_day(r) or "", r.ref.id), default=None)


def _lead_status(records: Sequence[Record], converted: Sequence[Record]) -> Json:
    leads = [record for record in records if record.ref.object == "Lead"]
    newest = sorted(converted, key=lambda r: (r.modified_at, r.ref.id))
    chosen = leads[0] if leads else (newest[-1] if newest else None)
    return chosen.fields.get("Status") if chosen else None


def _outcome(record: Record) -> str:
    if record.fields.get("IsWon") is True:
        return "won"
    return "lost" if record.fields.get("IsClosed") is True else "open"


def _amount(record: Record) -> Json:
    return canonical(record.fields.get("Amount"), ValueType.CURRENCY)


def _day(record: Record) -> str | None:
    value = canonical(record.fields.get("CloseDate"), ValueType.DATE)
    return str(value) if value is not None else None


def _revenue(won: Sequence[Record]) -> Json:
    """Added up in whole minor units. Amounts of several currencies have no sum without rates."""
    amounts = [
        Money.parse(record.fields.get("Amount"), str(record.fields.get("CurrencyIsoCode") or "XXX"))
        for record in won
    ]
    known = [amount for amount in amounts if amount is not None]
    if len({amount.currency for amount in known}) != 1:
        return None
    total = Money(sum(amount.minor for amount in known), known[0].currency)
    return canonical(total.text, ValueType.CURRENCY)
