"""How the demo ends: the numbers both teams go by, two people's stories, and the audit.

Read off the state as `leadloop report`, `explain` and `audit` read it; nothing is made up for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from lifecycle.periods import EVER
from lifecycle.standing import Move, Transition
from lifecycle.subjects import Subject, Users
from mappings.fieldmap import PairMapping
from state.store import Store, Tx
from sync.auditing import audit
from sync.demo_contract import HANDOFF_TASK
from sync.demo_ties import Snapshot
from sync.reporting import Wanted, report
from sync.reporting_words import Audience, Kind
from sync.subjects import Subjects, users_of


def ending(store: Store, mapping: PairMapping, crm: str) -> dict[str, Any]:
    """Funnel, worked rate, stories and audit of a state, JSON-able."""
    with store.read() as tx:
        told = report(tx, mapping, Wanted(Kind.FUNNEL, Audience.BOTH, EVER), crm=crm)
        money = report(tx, mapping, Wanted(Kind.ATTRIBUTION, Audience.BOTH, EVER), crm=crm)
        found = audit(tx, mapping, crm=crm)
        return {
            "funnel": told["stages"],
            "working": told["working"][0],
            "totals": money["totals"],
            "credits": money["credits"],
            "stories": dict(_stories(tx, mapping, crm)),
            "audit": [
                {
                    "name": check["name"],
                    "question": check["question"],
                    "findings": check["counts"],
                    "could_not_tell": sum(one["count"] for one in check["unknown"]),
                }
                for check in found["checks"]
            ],
        }


def _stories(tx: Tx, mapping: PairMapping, crm: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """One person who was handed over, the one with most to tell, and one who was sent back."""
    users = users_of(tx)
    people = list(Subjects(tx, mapping, users, crm).people())
    given = [one for one in people if any(h.given_at for h in one.handoffs)]
    back = [one for one in people if any(_is_back(move) for move in one.moves)]
    for name, own in (("handed_over", given), ("sent_back", back)):
        chosen = max(own, key=lambda one: (len(_told(one, users)), one.record), default=None)
        if chosen is not None:
            yield name, {"record": chosen.record, "happened": _told(chosen, users)}


def _is_back(move: Transition) -> bool:
    return move.move is Move.RECYCLE and not move.baseline


def _told(person: Subject, users: Users) -> list[list[str]]:
    return [[when, what] for when, what in sorted(_lines(person, users))]


def _lines(person: Subject, users: Users) -> Iterator[tuple[str, str]]:
    for touch in person.touches:
        by = f" by {users.name(touch.actor)}" if touch.actor else ""
        yield f"{touch.at:%Y-%m-%d %H:%M}", f"{touch.kind.value}: {touch.source}{by}"
    for move in person.moves:
        reason = f": {move.reason}" if move.reason else ""
        until = f", to be contacted again on {move.recontact:%Y-%m-%d}" if move.recontact else ""
        word = "sent back" if move.move is Move.RECYCLE else "moved"
        yield f"{move.at:%Y-%m-%d %H:%M}", f"{word} to {move.after}{reason}{until}"
    for handoff in person.handoffs:
        for turn in handoff.assignments:
            to = users.name(turn.user) or "nobody"
            yield f"{turn.at:%Y-%m-%d %H:%M}", f"handed over to {to} ({turn.chosen.value})"
        if handoff.accepted_at is not None:
            yield f"{handoff.accepted_at:%Y-%m-%d %H:%M}", "accepted"


def against_truth(found: Mapping[str, Any], snapshot: Snapshot) -> list[str]:
    """Where the reports say something else than the CRM's own rows, each in words.

    A second, independent count: revenue and pipeline summed over Salesforce's opportunities, the
    credits of every model against the revenue, and that whoever has a task was handed over.
    """
    deals = [row for row in snapshot.opportunities if not row.get("IsDeleted")]
    tasks = [r for r in snapshot.tasks if r.get("Subject") == HANDOFF_TASK and not r["IsDeleted"]]
    given, called = found["working"]["handed_over"], len({row["WhoId"] for row in tasks})
    totals = {line["what"]: Decimal(line["amount"]) for line in found["totals"]}
    credited: dict[str, Decimal] = {}
    for line in found["credits"]:
        credited[line["model"]] = credited.get(line["model"], Decimal(0)) + Decimal(
            line["credited"]
        )
    pairs = [
        ("revenue", totals["revenue"], _sum(row for row in deals if row.get("IsWon"))),
        ("pipeline", totals["pipeline"], _sum(deals)),
        *((model, whole, totals["revenue"]) for model, whole in credited.items()),
        ("handed over", min(given, called), called),
    ]
    return [f"{name}: {said}, should be {is_}" for name, said, is_ in pairs if said != is_]


def _sum(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    return sum((Decimal(str(row["Amount"])) for row in rows if row.get("Amount")), Decimal(0))


TITLES = {"handed_over": "A lead that was handed over", "sent_back": "A lead that was sent back"}


def story_lines(found: Mapping[str, Any]) -> Iterator[tuple[str, list[list[str]]]]:
    """The stories for people: a title, and (when, what) lines."""
    for name, story in found["stories"].items():
        yield f"{TITLES[name]} ({story['record']})", story["happened"]
