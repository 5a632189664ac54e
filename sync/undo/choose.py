"""Which writes an undo is about: those of a run, of a record or person, or across a wrong link."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings.errors import LeadloopError
from mappings.records import RecordRef
from state import figures, identity, ledger, runs
from state.ledger import Line
from state.store import Store, Tx
from sync.undo.scene import Evidence

UNMERGE = "unmerge"
"""The kind of a run that took a wrong link back."""
WHOLE = 3
"""Parts of a whole reference: `system:object:id`."""


class UndoError(LeadloopError):
    """The undo cannot be done as asked; nothing was changed."""

    exit_code = 2
    default_code = "undo.impossible"
    default_remedy = "Look at `leadloop runs` and `leadloop explain PERSON`."


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to undo: a run's writes (of one record or person only, where named), everything about a
    record or person, or a wrong link, named by the record that does not belong."""

    run_id: str | None = None
    record: str | None = None
    link: str | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The lines to undo, and all lines of the golden records they belong to."""

    lines: tuple[Line, ...]
    ids: frozenset[int]
    run_id: str | None = None

    @property
    def entities(self) -> tuple[str, ...]:
        """The golden records concerned."""
        return tuple(sorted({line.entity_id for line in self.lines}))


def choose(store: Store, wanted: Wanted) -> Chosen:
    """The lines of a run or a record. Raises UndoError for a run or record nobody knows."""
    with store.read() as tx:
        run_id = _run(tx, wanted.run_id) if wanted.run_id else None
        entities, only = _of_record(tx, wanted.record) if wanted.record else (None, None)
        in_run: set[int] = set()
        if run_id is not None:
            touched, in_run = ledger.of_run(tx, run_id)
            entities = touched if entities is None else entities & touched
        lines = ledger.of_entities(tx, entities or ())
    ids = frozenset(
        line.id
        for line in lines
        if line.undone_by is None
        and (run_id is None or line.id in in_run)
        and (only is None or line.ref == only)
    )
    return Chosen(tuple(lines), ids, run_id)


def knows(store: Store, wanted: Wanted) -> Wanted:
    """The same, its run named whole: by the time a daemon comes to it, another one is the last.

    Raises UndoError unless the run or record named is known here.
    """
    with store.read() as tx:
        run_id = _run(tx, wanted.run_id) if wanted.run_id else None
        if wanted.record or wanted.link:
            _of_record(tx, str(wanted.record or wanted.link))
    return replace(wanted, run_id=run_id)


def _run(tx: Tx, text: str) -> str:
    run = runs.get(tx, text)
    if run is None:
        raise UndoError(
            "there is no such run", code="undo.unknown_run", remedy="List them: `leadloop runs`."
        )
    if run.kind == UNMERGE:
        raise UndoError(
            "that run took a wrong link back; undoing it would write across that link again",
            code="undo.unmerge_stands",
            remedy="They stay two people. If they are one after all, put back a copy of the state "
            "from before (docs/how-to/back-up-and-restore.md).",
        )
    return run.id


def _of_record(tx: Tx, text: str) -> tuple[set[str], RecordRef | None]:
    """Whose lines: all of a person's, or one record's where it is named in full."""
    if identity.entities(tx, [text]):
        return {identity.standing(tx, text)}, None
    refs = figures.named(tx, text)
    links = identity.links_of(tx, refs)
    entities = {link.entity_id for link in links.values()}
    if not entities:
        raise UndoError(
            "no record or person is known by that",
            code="undo.unknown_record",
            remedy="Try an e-mail address or `system:object:id`, as `leadloop explain` shows it.",
        )
    whole = len(refs) == 1 and len(text.split(":")) >= WHOLE
    return entities, refs[0] if whole else None
