"""What vendors sent and nobody could use: kept with its reason, until it can be (law 2).

A malformed row lands in the inbox like any other, with the disposition `malformed`, its text and
the reason; a dead letter names it. It stops being open in one of three ways: the record comes
again and is good, the stream that could not be read is read to its end (`superseded`, both by
themselves), or a person replays it (`refetch`: the next run asks the vendor for it again).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select, update

from mappings.records import Malformed, RecordRef
from state.mirror import CURSORS, INBOX, RECORD_KEY
from state.outbox import DEAD, bury, close_letters
from state.store import Tx, chunks

MALFORMED, REFETCH, SUPERSEDED = "malformed", "refetch", "superseded"
CODES = "payload."
"""What the codes of the dead letters begin with."""
UNREADABLE_ANSWER = "unreadable_answer"
REMEDY = (
    "Correct the record at the vendor, or update Leadloop; then `leadloop replay --error {code}`."
)
WITHOUT_ID = "?"


@dataclass(frozen=True, slots=True)
class Aside:
    """One quarantined row: its inbox id, where it came from, the record it names if any, and the
    fault itself as `revision`, its letter's fingerprint.
    """

    id: int
    system: str
    stream: str
    record_id: str | None
    reason: str
    revision: str


def set_aside(tx: Tx, run_id: str, rows: Sequence[Malformed]) -> int:
    """Quarantine rows that are not there yet, a dead letter for each; how many were news."""
    screen = tx.screen
    unique = {
        (row.system, row.stream, _revision(row)): row
        for row in rows
        if screen is None or not screen.covers_row(row)
    }
    known = _known(tx, [revision for _, _, revision in unique])
    fresh = {key: row for key, row in unique.items() if key not in known}
    tx.upsert(
        INBOX,
        [
            {
                "system": system,
                "stream": stream,
                "object": stream,
                "record_id": row.id or f"{WITHOUT_ID}{revision[-12:]}",
                "revision": revision,
                "payload": {"text": row.payload, "reason": row.reason, "field": row.field},
                "landed_at": tx.now,
                "run_id": run_id,
                "disposition": MALFORMED,
            }
            for (system, stream, revision), row in fresh.items()
        ],
        (*RECORD_KEY, "revision"),
    )
    bury(tx, run_id, [_letter(row) for row in fresh.values()])
    return len(fresh)


def _known(tx: Tx, revisions: Sequence[str]) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for batch in chunks(revisions):
        rows = tx.connection.execute(
            select(INBOX.c.system, INBOX.c.stream, INBOX.c.revision).where(
                tx.mine(INBOX), INBOX.c.revision.in_(batch), INBOX.c.disposition == MALFORMED
            )
        )
        found.update((system, stream, revision) for system, stream, revision in rows)
    return found


def _revision(row: Malformed) -> str:
    """One fault of one record is one row, whichever call tells of it; without an id, one text."""
    text = f"{row.id}\n{row.reason}\n{'' if row.id else row.payload}"
    return f"malformed:{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _letter(row: Malformed) -> dict[str, Any]:
    whole = row.reason == UNREADABLE_ANSWER
    code = "payload.unreadable" if whole else "payload.malformed"
    what = "answer" if whole else "row"
    return {
        "entity_id": None,
        "subject": f"{row.stream}:{row.id or WITHOUT_ID}",
        "intent_key": None,
        "fingerprint": _revision(row),
        "code": code,
        "field": row.field,
        "message": f"{row.system} sent a {what} that cannot be used: {row.reason}",
        "remedy": REMEDY.format(code=code),
        "payload": {"system": row.system, "stream": row.stream, "text": row.payload},
    }


def settle_records(tx: Tx, run_id: str, refs: Iterable[RecordRef]) -> int:
    """These records came and are good: what was malformed of them is superseded."""
    wanted = {(ref.system, ref.object, ref.id) for ref in refs}
    if not wanted or not _any(tx):
        return 0
    found: dict[int, str] = {}
    for batch in chunks(sorted({record_id for _, _, record_id in wanted})):
        rows = tx.connection.execute(
            select(
                INBOX.c.id, INBOX.c.system, INBOX.c.stream, INBOX.c.record_id, INBOX.c.revision
            ).where(
                tx.mine(INBOX),
                INBOX.c.disposition.in_((MALFORMED, REFETCH)),
                INBOX.c.record_id.in_(batch),
            )
        )
        found.update(
            (row_id, revision)
            for row_id, system, stream, record_id, revision in rows
            if (system, stream, record_id) in wanted
        )
    _supersede(tx, run_id, found)
    return len(found)


def settle_stream(tx: Tx, run_id: str, system: str, stream: str) -> int:
    """The stream was read to its end: answers of it that could not be read are superseded."""
    if not _any(tx):
        return 0
    rows = tx.connection.execute(
        select(INBOX.c.id, INBOX.c.revision, INBOX.c.payload).where(
            tx.mine(INBOX),
            INBOX.c.disposition.in_((MALFORMED, REFETCH)),
            INBOX.c.system == system,
            INBOX.c.stream == stream,
        )
    )
    found = {
        row_id: revision
        for row_id, revision, payload in rows
        if payload.get("reason") == UNREADABLE_ANSWER
    }
    _supersede(tx, run_id, found)
    return len(found)


def _any(tx: Tx) -> bool:
    """Whether anything is in quarantine: the ordinary case is that nothing is."""
    return bool(
        tx.connection.execute(
            select(INBOX.c.id)
            .where(tx.mine(INBOX), INBOX.c.disposition.in_((MALFORMED, REFETCH)))
            .limit(1)
        ).scalar()
    )


def _supersede(tx: Tx, run_id: str, rows: Mapping[int, str]) -> None:
    for batch in chunks(rows):
        tx.connection.execute(
            update(INBOX)
            .where(tx.mine(INBOX), INBOX.c.id.in_(batch))
            .values(disposition=SUPERSEDED, settled_run=run_id)
        )
    letters: list[int] = []
    for fingerprints in chunks(sorted(rows.values())):
        letters.extend(
            tx.connection.execute(
                select(DEAD.c.id).where(
                    tx.mine(DEAD), DEAD.c.status == "open", DEAD.c.fingerprint.in_(fingerprints)
                )
            ).scalars()
        )
    close_letters(tx, letters, "settled")


def release(tx: Tx, fingerprints: Iterable[str]) -> int:
    """A person replays these letters: their rows are asked for again by the next run."""
    changed = 0
    for batch in chunks(fingerprints):
        changed += tx.connection.execute(
            update(INBOX)
            .where(tx.mine(INBOX), INBOX.c.revision.in_(batch), INBOX.c.disposition == MALFORMED)
            .values(disposition=REFETCH)
        ).rowcount
    return changed


def open_rows(tx: Tx) -> list[Aside]:
    """What is set aside, oldest first."""
    return _rows(tx, MALFORMED)


def released(tx: Tx) -> list[Aside]:
    """What is to be asked for again, oldest first."""
    return _rows(tx, REFETCH)


def _rows(tx: Tx, disposition: str) -> list[Aside]:
    rows = tx.connection.execute(
        select(INBOX).where(tx.mine(INBOX), INBOX.c.disposition == disposition).order_by(INBOX.c.id)
    )
    return [
        Aside(
            row.id,
            row.system,
            row.stream,
            None if row.record_id.startswith(WITHOUT_ID) else row.record_id,
            str(row.payload.get("reason")),
            row.revision,
        )
        for row in rows
    ]


def asked_again(tx: Tx, run_id: str, rows: Sequence[Aside]) -> None:
    """These were asked for again. What is still malformed lands anew, with a letter of its own.

    A stream that cannot be asked for single rows is read from its beginning: its cursor goes.
    """
    for batch in chunks([row.id for row in rows]):
        tx.connection.execute(
            update(INBOX)
            .where(tx.mine(INBOX), INBOX.c.id.in_(batch), INBOX.c.disposition == REFETCH)
            .values(disposition=SUPERSEDED, settled_run=run_id)
        )
    for system, stream in sorted({(r.system, r.stream) for r in rows if r.record_id is None}):
        tx.connection.execute(
            delete(CURSORS).where(
                tx.mine(CURSORS), CURSORS.c.system == system, CURSORS.c.stream == stream
            )
        )
