"""What the audit asks of every opportunity: first entry, who works it, when it went quiet."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.attribution import before_close
from lifecycle.audit import Check, Finding, Scope, records_of
from lifecycle.subjects import Entry, Opportunity, Subject, Users
from lifecycle.touch import words_of
from mappings.contract import Team

NO_PEOPLE = "nobody has a role on it, so nobody's history leads to it"
NO_OWNER_THEN = "the record was first read after it went quiet: who owned it then is not known"


@dataclass(frozen=True, slots=True)
class FirstEntry:
    """Where a deal's people first came in: when, on which record, by what."""

    at: datetime
    record: str
    by: str
    touch: bool = False


@dataclass(slots=True)
class DealAudit:
    """One pass over all opportunities. `add` each, then `end` once."""

    scope: Scope
    users: Users
    checks: dict[str, Check]
    seen: int = 0
    _won: list[tuple[datetime, str, Opportunity]] = field(default_factory=list)

    def add(self, one: Opportunity) -> None:
        """Look at one opportunity."""
        self.seen += 1
        deal = one.deal
        if deal.is_won and deal.closed_at is not None and deal.closed_at <= self.scope.now:
            # the latest so far: an audit keeps no more of them than it shows
            heapq.heappush(self._won, (deal.closed_at, deal.key, one))
            if len(self._won) > self.scope.won:
                heapq.heappop(self._won)
        elif not deal.is_closed:
            self._look_at_activity(one)
            self._look_at_silence(one)

    def end(self) -> None:
        """Trace the last won deals."""
        for closed_at, _, one in sorted(self._won, key=lambda won: won[:2], reverse=True):
            self._trace(closed_at, one)

    def _trace(self, closed_at: datetime, one: Opportunity) -> None:
        check = self.checks["first_entries"]
        entry = first_entry(one)
        row = {"deal": one.deal.key, "won_at": closed_at, "first_entry_at": None,
               "record": None, "by": None, "marketing_touches": 0, "sales_touches": 0}  # fmt: skip
        if entry is None:
            why = NO_PEOPLE if not one.people else "its people have no record that says when"
            check.cannot_tell(why, one.deal.key)
        else:
            counted = before_close(one.deal, one.touches)
            teams = [touch.team for touch in counted]
            row |= {
                "first_entry_at": entry.at,
                "record": entry.record,
                "by": self.users.name(entry.by),
                "marketing_touches": teams.count(Team.MARKETING),
                "sales_touches": teams.count(Team.SALES),
            }
        check.rows.append(row)

    def _look_at_activity(self, one: Opportunity) -> None:
        check = self.checks["activities"]
        human = [e for e in one.entries if self._is_human(e)]
        synced = [e for e in one.entries if not self._is_human(e)]
        check.rows.append(
            {"deal": one.deal.key, "owner": self.users.name(one.deal.owner),
             "human": len(human), "synced": len(synced)}
        )  # fmt: skip
        if synced and not human:
            check.found(
                Finding("only_synced_activity", one.deal.key,
                        f"{len(synced)} synced and no human activity on an open deal",
                        tuple(sorted(e.ref for e in synced)), who=one.deal.owner)
            )  # fmt: skip

    def _is_human(self, entry: Entry) -> bool:
        return not entry.logged and self.users.is_human(entry.creator)

    def _look_at_silence(self, one: Opportunity) -> None:
        """Quiet since the last thing a human being did to it or with its people."""
        check = self.checks["stalled"]
        quiet_at, last = last_sign(one, self.users, self.scope.now)
        stalled_at = quiet_at + self.scope.quiet
        if stalled_at > self.scope.now:
            return
        if stalled_at < self.scope.since:
            check.cannot_tell("it has been stalled since before the window", one.deal.key)
            return
        known, owner = owner_at(one, quiet_at)
        if not known:
            check.cannot_tell(NO_OWNER_THEN, one.deal.key)
        check.rows.append(
            {"deal": one.deal.key, "quiet_since": quiet_at, "responsible": owner,
             "known": known, "owner_now": one.deal.owner}
        )  # fmt: skip
        check.found(
            Finding("stalled_deal", one.deal.key, self._silence(one, quiet_at, owner, known=known),
                    records_of([last]), who=owner, at=quiet_at)
        )  # fmt: skip

    def _silence(
        self, one: Opportunity, quiet_at: datetime, owner: str | None, *, known: bool
    ) -> str:
        days = (self.scope.now - quiet_at).days
        if not known:
            whose = "whose job it was then is unknown"
        elif owner is None:
            whose = "nobody owned it then"
        elif self.users.is_gone(owner):
            whose = f"it was {self.users.names[owner]}'s, who has left"
        else:
            whose = f"it was {self.users.name(owner)}'s"
        return f"open in `{one.deal.stage}` and silent for {days} days; {whose}"


def first_entry(one: Opportunity) -> FirstEntry | None:
    """The first trace of anybody with a role on the deal; None where there is none.

    Of a record and a touch in one instant the touch counts, since it made the record.
    """
    found = [entry for person in one.people for entry in _entries(person)]
    return min(found, key=lambda entry: (entry.at, not entry.touch, entry.record), default=None)


def _entries(person: Subject) -> list[FirstEntry]:
    found = [
        FirstEntry(touch.at, touch.key, words_of(touch), touch=True) for touch in person.touches[:1]
    ]
    card = person.first_record
    if card is not None and card.created_at is not None:
        found.append(FirstEntry(card.created_at, card.ref, card.created_by or "not told"))
    return found


def last_sign(one: Opportunity, users: Users, now: datetime) -> tuple[datetime, str | None]:
    """When a human being last did something about a deal, and the record that shows it."""
    signs: list[tuple[datetime, str | None]] = [(one.deal.created_at, None)]
    if one.edited_at is not None:
        signs.append((one.edited_at, None))
    signs += [
        (entry.done, entry.ref)
        for entry in one.entries
        if entry.done is not None
        and entry.done <= now
        and not entry.logged
        and users.is_human(entry.creator)
    ]
    return max(signs, key=lambda sign: (sign[0], sign[1] or ""))


def owner_at(one: Opportunity, at: datetime) -> tuple[bool, str | None]:
    """Whether it is known who owned a deal at an instant, and who (None: nobody)."""
    earlier = [owning for owning in one.owners if owning.since <= at]
    return (True, earlier[-1].owner) if earlier else (False, None)
