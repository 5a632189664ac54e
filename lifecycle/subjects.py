"""What reports and the audit look at: one person, one opportunity, as plain data.

`state` streams them, `sync` reads them off records and events, everything here is folded from them
one at a time. Every part keeps the name of the record it was read from, so that each number can be
traced to what is behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lifecycle.handoff import Handoff
from lifecycle.standing import Transition
from lifecycle.timeline import Deal
from lifecycle.touch import Touch

OVER = ("closed", "disqualified", "unqualified", "recycled", "nurture", "not interested")
"""How the status of a lead begins that nobody works any more, in small letters. Assumed: orgs name
their own statuses, and no field says which of them end the work."""


@dataclass(frozen=True, slots=True)
class Card:
    """One live vendor record of a person, as far as accounting looks at it.

    `owner` is a user id of its vendor, `created_by` who made it, by name; None if not told.
    `stages` are the record's own words for where the person stands, the main one first; `reachable`
    says whether it has an address or a telephone number. `edited_at` is its last change, where that
    was no integration's.
    """

    ref: str
    kind: str
    created_at: datetime | None
    created_by: str | None = None
    owner: str | None = None
    stages: tuple[str, ...] = ()
    edited_at: datetime | None = None
    reachable: bool = True

    @property
    def status(self) -> str:
        """The main word for where the person stands, "" where the record has none."""
        return self.stages[0] if self.stages else ""

    @property
    def is_open_lead(self) -> bool:
        """Whether it is a Lead somebody should be working."""
        return self.kind == "Lead" and not self.status.casefold().startswith(OVER)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that stands in the CRM's activity history: a Task or a meeting.

    `on` is the record of the person it is logged on, None where it names none, `about` the
    opportunity. `logged` marks what Leadloop wrote down of a marketing event. `done` is when it was
    done, None where it is still to be done.
    """

    ref: str
    created_at: datetime
    done: datetime | None
    creator: str | None
    on: str | None = None
    about: str | None = None
    logged: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One person.

    `crm` holds the live CRM records, the one to write to first in front, `came` the first that ever
    was, a Lead since converted too: when they came to sales. `touches` are both teams'
    in order, of human beings alone on sales' side; `entries` is everything in the CRM's activity
    history. `moves` and `handoffs` follow from the contract, where there is one.
    `segment` is the lifecycle they are in, `source` where they first came from, `traits` are values
    of their profile by property.
    """

    key: str
    map: tuple[Card, ...] = ()
    crm: tuple[Card, ...] = ()
    came: Card | None = None
    touches: tuple[Touch, ...] = ()
    entries: tuple[Entry, ...] = ()
    deals: tuple[Deal, ...] = ()
    moves: tuple[Transition, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    source: str = ""
    segment: str = ""
    persona: str = ""
    traits: Mapping[str, str] = field(default_factory=dict)

    @property
    def record(self) -> str:
        """The record they are named by: the CRM's to work with, else the MAP's first one."""
        return next((card.ref for card in (*self.crm, *self.map)), self.key)

    @property
    def first_record(self) -> Card | None:
        """Their oldest record on either side."""
        cards = [*self.map, *self.crm, *([self.came] if self.came is not None else [])]
        return oldest(cards)

    @property
    def owner(self) -> str | None:
        """The CRM user who owns them: the owner of the record that is written to first."""
        return self.crm[0].owner if self.crm else None


def oldest(cards: Iterable[Card]) -> Card | None:
    """The record that was created first, of equal ones the first by name; None where none says."""
    dated = [(card.created_at, card.ref, card) for card in cards if card.created_at is not None]
    return min(dated, key=lambda one: one[:2])[2] if dated else None


@dataclass(frozen=True, slots=True)
class Owning:
    """Who owned a record from when on, as far as its readings tell."""

    since: datetime
    owner: str | None


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One opportunity with its buying group.

    `owners` are what readings of the record showed, oldest first; before the first nobody knows.
    `edited_at` is the last change that was no integration's. `people` have a role on it.
    """

    deal: Deal
    people: tuple[Subject, ...] = ()
    entries: tuple[Entry, ...] = ()
    owners: tuple[Owning, ...] = ()
    edited_at: datetime | None = None

    @property
    def touches(self) -> tuple[Touch, ...]:
        """Every touch of the buying group, in order."""
        found = {touch for person in self.people for touch in person.touches}
        return tuple(sorted(found, key=lambda touch: touch.order))


@dataclass(frozen=True, slots=True)
class Users:
    """The CRM's users: who works there, and whose doings are never a human being's."""

    names: Mapping[str, str] = field(default_factory=dict)
    active: frozenset[str] = frozenset()
    integrations: frozenset[str] = frozenset()

    def name(self, user: str | None) -> str | None:
        """A user's name; of nobody known (a queue, a user of another org) the id."""
        return self.names.get(user, user) if user is not None else None

    def is_gone(self, user: str | None) -> bool:
        """Whether a user is known and no longer works there."""
        return user is not None and user in self.names and user not in self.active

    def is_human(self, user: str | None) -> bool:
        """Whether a known person, active or not, and no integration."""
        return user is not None and user not in self.integrations

    def is_nobody(self, owner: str | None) -> bool:
        """Whether an owner is nobody who would look: blank, a queue, or somebody who left.

        A queue's id is known by its beginning: 00G is Salesforce's prefix of Group ids (assumed).
        """
        return owner is None or owner.startswith("00G") or self.is_gone(owner)
