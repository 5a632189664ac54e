"""What happens to an erasure later: a state restored from a backup catches up with it, or a person
who agreed anew is allowed back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from mappings.errors import ConfigurationError
from mappings.record_ids import spelled_out
from mappings.records import RecordRef
from state import events, mirror, tombstones
from state.store import Store, Tx
from state.traces import Traces
from sync.crash import crashpoint
from sync.erasure.act import both, finish, screen_of, traces_as_json
from sync.erasure.files import Entry
from sync.erasure.find import find
from sync.erasure.screen import ErasureScreen
from sync.erasure.seal import Seal

SWEEP = 2_000
"""Records looked at in one query."""


def catch_up(store: Store) -> int:
    """Make a state that was restored from an older backup forget whom it had forgotten before.

    Erasures the list knows and the state does not are carried out again, by their tombstones alone;
    how many. Lifted ones are lifted. Raises StateError `erasure.key_wrong`. The caller holds the
    state.
    """
    screen = screen_of(store)
    fresh = missing(store)
    if not fresh:
        return 0
    digests = {digest for entry in fresh for digest in entry.digests if not entry.lifted}
    screen.add(digests)
    with store.begin() as tx:
        traces = _swept(tx, screen)
        for entry in fresh:
            if entry.lifted:
                _lift(tx, entry.id, entry.digests)
                screen.drop(entry.digests)
                continue
            left = {"traces": traces_as_json(traces)}
            tombstones.begin(
                tx, entry.id, at=entry.at, people=entry.people, digests=entry.digests, left=left
            )
    crashpoint("after_tombstones")
    finish(store, None)
    return len(fresh)


def missing(store: Store) -> list[Entry]:
    """What the list knows and the state does not, in the list's order. Reads only."""
    screen = screen_of(store)
    entries = [
        e for e in screen.files.entries() if (e.tenant, e.pair) == (store.tenant, store.pair)
    ]
    if not entries:
        return []
    seal = screen.seal
    if seal is None:
        raise screen.files.missing_key()
    if any(entry.key_id != seal.key_id for entry in entries):
        raise screen.files.wrong_key()
    with store.read() as tx:
        known = tombstones.known(tx, {e.id for e in entries})
    return [
        e
        for e in entries
        if (e.id not in known if not e.lifted else known.get(e.id) != tombstones.LIFTED)
    ]


def _swept(tx: Tx, screen: ErasureScreen) -> Traces:
    """Everybody in the state whom a tombstone covers, found by going through it."""
    found = Traces()
    people = screen.ground.people
    objects = (people.map_object, *people.crm_objects) if people else ()
    for name in objects:
        after = 0
        while rows := mirror.all_of(tx, name, after=after, limit=SWEEP):
            after = rows[-1][0]
            for _, row in rows:
                if screen.covers_record(row.record):
                    somebody = find(screen.ground, tx, str(row.record.ref))
                    found = both(found, somebody.traces if somebody else Traces())
    addresses = {e for e in events.addresses(tx) if screen.knows_address(e)}
    return both(found, Traces(emails=frozenset(addresses)))


def allow_again(store: Store, text: str, *, evidence: str, at: datetime) -> int:
    """Lift the tombstones of the person a text means: they agreed anew, at `at`, and a person says
    so. How many tombstones there were. The caller holds the state.

    Raises ConfigurationError `erasure.unknown` where there are none, `erasure.evidence_older` where
    the evidence is not newer than the erasure.
    """
    screen = screen_of(store)
    seal = screen.made_seal()
    digest = _digest(seal, text)
    with store.read() as tx:
        ids = tombstones.erasures_of(tx, [digest] if digest else [])
    entries = [e for e in screen.files.entries() if e.id in ids and not e.lifted]
    if not entries:
        raise ConfigurationError(
            "nobody was erased who was known by that",
            code="erasure.unknown",
            remedy="Give the e-mail address, or system:object:id, that was erased.",
        )
    if any(at <= entry.at for entry in entries):
        raise ConfigurationError(
            "the evidence is not newer than the erasure",
            code="erasure.evidence_older",
            remedy="Only consent given after the erasure allows somebody back: give its date.",
        )
    lifted = [
        Entry(e.id, store.clock(), e.tenant, e.pair, e.key_id, e.people, e.digests, lifted=True)
        for e in entries
    ]
    screen.files.append(lifted)
    crashpoint("after_listed")
    gone = 0
    with store.begin() as tx:
        for entry in lifted:
            gone += _lift(tx, entry.id, entry.digests, {"evidence": evidence, "at": at.isoformat()})
    crashpoint("after_tombstones")
    screen.drop(d for entry in lifted for d in entry.digests)
    return gone


def _digest(seal: Seal, text: str) -> str | None:
    """The digest of an address or a whole reference; None for what is neither."""
    if "@" in text:
        return seal.of_email(text)
    return seal.of_id(RecordRef.parse(spelled_out(text))) if RecordRef.is_name(text) else None


def _lift(
    tx: Tx, erasure_id: str, digests: Iterable[str], why: Mapping[str, Any] | None = None
) -> int:
    tombstones.mark_lifted(tx, erasure_id, why or {})
    return tombstones.lift(tx, digests)
