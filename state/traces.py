"""Where the state keeps anything about a person: found, shown, removed.

`PLACES` names every table that can hold personal data and how its rows are known to be theirs;
`IMPERSONAL` names the others, each with the reason. A test holds the two against the schema, so
that a new table is put into one of them. `leadloop export` reads by it, `leadloop erase` removes
by it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, LargeBinary, Table, delete, select, update

from mappings.records import RecordRef
from state import candidates
from state.candidates import INDEXED
from state.census import SEEN
from state.commands import COMMANDS
from state.due import DUE
from state.effects import EFFECTS
from state.events import ACTIVITIES, EVENTS
from state.identity import ALIASES, ENTITIES, LINKS, SHADOWS, WORK
from state.ledger import LEDGER
from state.loop import DUTIES, HANDOFFS, MOVES, OBSERVATIONS, STANDINGS
from state.mirror import INBOX, RECORDS
from state.outbox import DEAD, INTENTS
from state.participants import PARTICIPANTS
from state.reviews import DECISIONS, NON_MATCHES, REVIEWS
from state.runs import RUNS
from state.store import Tx, chunks

PAGE = 5_000
REMOVED = "(erased)"
ADDRESS = re.compile(r"[^\s@<>\"'(),;:|]+@[^\s@<>\"'(),;:|]+")
"""An e-mail address within a text, generously."""

IMPERSONAL: Mapping[str, str] = {
    "accounts": "the two vendor accounts' ids",
    "cursors": "how far a stream was read; moves on with the next page",
    "models": "what agreement is worth, learnt from everybody",
    "approvals": "hashes and counts",
    "quota": "counts of calls",
    "brakes": "counts of rows",
    "alerts": "states of the service, by code",
    "lease": "who holds the state",
    "census": "counts of each stream, and how far it was counted",
    "mappings": "what mapping files say",
    "mailings": "which month's report went to which address of ours, as a digest",
    "schemas": "the fields vendors describe",
    "drifts": "fields that are not as the mapping needs them",
    "blocking": "hashes that lead to rows of `indexed`, and are removed with them",
    "tombstones": "keyed hashes of erased people",
    "erasures": "an erasure's own row; names nobody once it is done",
}
"""Tables that say nothing about single people, and what they say."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What people are known by: golden records, vendor records, lower-case e-mail addresses."""

    entities: frozenset[str] = frozenset()
    refs: frozenset[RecordRef] = frozenset()
    emails: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.entities or self.refs or self.emails)

    @property
    def words(self) -> frozenset[str]:
        """Every text that stands for them in other rows: whole references, and short ones."""
        short = {f"{ref.object}:{ref.id}" for ref in self.refs}
        return (
            self.entities | {str(ref) for ref in self.refs} | short | {f"join:{s}" for s in short}
        )

    def named_in(self, value: object) -> bool:
        """Whether JSON names one of them: as a key, as a whole text, or by an address within."""
        return _names(value, self.words, self.emails)

    def without(self, value: Any) -> Any:
        """JSON with everything that names them left out."""
        return _without(value, self.words, self.emails)


def _names(value: object, words: frozenset[str], emails: frozenset[str]) -> bool:
    if isinstance(value, str):
        return _is_named(value, words, emails)
    if isinstance(value, Mapping):
        return any(
            _is_named(str(key), words, emails) or _names(item, words, emails)
            for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return any(_names(item, words, emails) for item in value)
    return False


def _is_named(text: str, words: frozenset[str], emails: frozenset[str]) -> bool:
    if text in words:
        return True
    return "@" in text and not emails.isdisjoint(ADDRESS.findall(text.lower()))


def _without(value: Any, words: frozenset[str], emails: frozenset[str]) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without(item, words, emails)
            for key, item in value.items()
            if not _is_named(str(key), words, emails)
        }
    if isinstance(value, list | tuple):
        return [_without(item, words, emails) for item in value if not _names(item, words, emails)]
    return REMOVED if _names(value, words, emails) else value


@dataclass(frozen=True, slots=True)
class _Look:
    """One way by which a table's rows are known to be theirs: the column that is looked up, the
    values it has for them, and, where more must fit than one column can say, the whole test.
    """

    column: Column[Any]
    values: Callable[[Traces], Iterable[str]]
    fits: Callable[[Mapping[str, Any], Traces], bool] = lambda _row, _traces: True


@dataclass(frozen=True, slots=True)
class Place:
    """A table with personal data: whose rows are found by `looks`; rows of others that may name
    them in `mentions` lose the mention, or go whole where `whole` says that they mean nothing
    without it.
    """

    table: Table
    looks: tuple[_Look, ...]
    mentions: tuple[str, ...] = ()
    whole: bool = False


def _entity(table: Table) -> _Look:
    return _Look(table.c.entity_id, lambda t: t.entities | {str(ref) for ref in t.refs})


def _record(table: Table, object_column: str = "object", id_column: str = "record_id") -> _Look:
    def fits(row: Mapping[str, Any], traces: Traces) -> bool:
        ref = RecordRef(row["system"], row[object_column], row[id_column])
        return ref in traces.refs

    return _Look(table.c[id_column], lambda t: {ref.id for ref in t.refs}, fits)


def _reference(column: Column[Any]) -> _Look:
    """A column of whole references, or of `object:id`."""
    return _Look(column, lambda t: t.words)


PLACES: tuple[Place, ...] = (
    Place(INBOX, (_record(INBOX),)),
    Place(RECORDS, (_record(RECORDS),)),
    Place(ENTITIES, (_Look(ENTITIES.c.id, lambda t: t.entities),)),
    Place(LINKS, (_entity(LINKS), _record(LINKS))),
    Place(ALIASES, (_record(ALIASES), _record(ALIASES, "to_object", "to_id"))),
    Place(SHADOWS, (_entity(SHADOWS),), ("values",)),
    Place(DECISIONS, (_reference(DECISIONS.c.subject),), ("targets", "evidence")),
    Place(REVIEWS, (_reference(REVIEWS.c.subject),), ("candidates", "chosen")),
    Place(NON_MATCHES, (_reference(NON_MATCHES.c.left), _reference(NON_MATCHES.c.right))),
    Place(EVENTS, (_entity(EVENTS), _Look(EVENTS.c.email, lambda t: t.emails)), ("details",)),
    Place(WORK, (_entity(WORK),)),
    Place(
        INTENTS,
        (_entity(INTENTS), _record(INTENTS, id_column="target_id")),
        ("fields", "details"),
        whole=True,
    ),
    Place(DEAD, (_entity(DEAD), _reference(DEAD.c.subject)), ("payload", "closing"), whole=True),
    Place(LEDGER, (_entity(LEDGER), _reference(LEDGER.c.ref)), ("before", "after"), whole=True),
    Place(ACTIVITIES, (_reference(ACTIVITIES.c.ref),)),
    Place(INDEXED, (_reference(INDEXED.c.record_key),)),
    Place(STANDINGS, (_entity(STANDINGS),)),
    Place(MOVES, (_entity(MOVES),)),
    Place(HANDOFFS, (_entity(HANDOFFS),)),
    Place(EFFECTS, (_entity(EFFECTS),)),
    Place(DUTIES, (_entity(DUTIES),)),
    Place(OBSERVATIONS, (_entity(OBSERVATIONS),), ("before", "after"), whole=True),
    Place(PARTICIPANTS, (_record(PARTICIPANTS),)),
    Place(DUE, (_reference(DUE.c.subject),)),
    Place(SEEN, (_record(SEEN, "stream", "key"),)),
    Place(COMMANDS, (), ("arguments", "result", "error", "progress")),
    Place(RUNS, (), ("error", "counts")),
)
"""Where personal data can be, in the order in which it is shown and removed."""


def rows_of(tx: Tx, traces: Traces) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, row) of everything that is theirs, and of what names them elsewhere."""
    for place in PLACES:
        keys = own_keys(tx, place, traces)
        for batch in chunks(sorted(keys | mentioning(tx, place, traces).keys(), key=str)):
            rows = tx.connection.execute(
                select(*_shown(place.table))
                .where(place.table.c.id.in_(batch))
                .order_by(place.table.c.id)
            )
            for row in rows.mappings():
                yield place.table.name, dict(row)


def _shown(table: Table) -> list[Column[Any]]:
    """The columns that say something to people: not what an index alone can read."""
    return [column for column in table.c if not isinstance(column.type, LargeBinary)]


def remove(tx: Tx, traces: Traces) -> Counter[str]:
    """Take them out of every place; rows removed or changed, by table.

    Activities are removed with the events they were made of: their keys name nobody, but what they
    stand for is gone.
    """
    removed: Counter[str] = Counter()
    if not traces:
        return removed
    removed["activities"] += _activities(tx, traces)
    for place in PLACES:
        own = own_keys(tx, place, traces)
        named = {k: row for k, row in mentioning(tx, place, traces).items() if k not in own}
        if place.whole:
            own |= named.keys()
        if place.table is INDEXED:
            removed["blocking"] += candidates.forget(tx, own)
        for batch in chunks(sorted(own, key=str)):
            tx.connection.execute(delete(place.table).where(place.table.c.id.in_(batch)))
        if not place.whole:
            for key, row in named.items():
                tx.connection.execute(
                    update(place.table)
                    .where(place.table.c.id == key)
                    .values({name: traces.without(row[name]) for name in place.mentions})
                )
        removed[place.table.name] += len(own) + (0 if place.whole else len(named))
    return +removed


def _activities(tx: Tx, traces: Traces) -> int:
    """Deliveries of their events."""
    [place] = [p for p in PLACES if p.table is EVENTS]
    gone = 0
    for batch in chunks(sorted(own_keys(tx, place, traces), key=str)):
        keys = select(EVENTS.c.key).where(EVENTS.c.id.in_(batch))
        gone += tx.connection.execute(
            delete(ACTIVITIES).where(tx.mine(ACTIVITIES), ACTIVITIES.c.event_key.in_(keys))
        ).rowcount
    return gone


def own_keys(tx: Tx, place: Place, traces: Traces) -> set[Any]:
    """Row ids of what is theirs in a place."""
    table = place.table
    found: set[Any] = set()
    for look in place.looks:
        for batch in chunks(sorted(look.values(traces))):
            rows = tx.connection.execute(
                select(*_told(table)).where(tx.mine(table), look.column.in_(batch))
            )
            found.update(row["id"] for row in rows.mappings() if look.fits(dict(row), traces))
    return found


def _told(table: Table) -> list[Column[Any]]:
    """The columns a look may need: names of things, no JSON."""
    wanted = ["id", "system", "object", "record_id", "to_object", "to_id", "target_id"]
    wanted += ["stream", "key"] if table is SEEN else []
    return [table.c[name] for name in wanted if name in table.c]


def mentioning(tx: Tx, place: Place, traces: Traces) -> dict[Any, dict[str, Any]]:
    """Row id and mentioning columns of rows that name them. Reads the table, a page at a time."""
    found: dict[Any, dict[str, Any]] = {}
    if not place.mentions:
        return found
    table, after = place.table, None
    columns = [table.c[name] for name in place.mentions]
    while True:
        query = select(table.c.id, *columns).where(tx.mine(table)).order_by(table.c.id).limit(PAGE)
        if after is not None:
            query = query.where(table.c.id > after)
        rows = tx.connection.execute(query).mappings().all()
        for row in rows:
            told = {name: row[name] for name in place.mentions}
            if traces.named_in(list(told.values())):
                found[row["id"]] = told
        if len(rows) < PAGE:
            return found
        after = rows[-1]["id"]
