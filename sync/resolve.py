"""The second half of resolve decides whose record each one is (DESIGN section 7, law 14).

Rungs in order: stored link (fold has used it), link key, the links of the vendor's own integration,
then `matching`'s decision by exact identifiers and score. Linked and created people go on the work
list; ambiguous ones go to review with their evidence and nothing is written for them. Serial per
pair, order decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mappings.fieldmap import EntityKind, ObjectMapping
from mappings.records import RecordRef, Side
from mappings.required_fields import MAP_KEY
from matching.linker import Candidate, Decision, Thresholds, decide
from matching.model import Model
from state import identity, mirror, reviews
from state.store import chunks
from sync.evidence import ensure_model, known
from sync.fold import pending_refs
from sync.graves import graves
from sync.native_links import Named, native_links
from sync.pair import Pair
from sync.resolve_store import Resolved, Storing, settle_rows

BATCH = 20_000
"""People decided together: they compete for records within a batch."""


def resolve_people(pair: Pair, run_id: str, named: Named | None = None) -> Resolved:
    """Decide every pending person of either side; `named` is what was found of the records that
    contacts name. Whom that leaves open waits for the next run."""
    resolved, named = Resolved(), named or Named()
    mapping = pair.mapping.of_kind(EntityKind.PERSON)
    if mapping is None:
        return resolved
    map_rows, crm_rows = _pending(pair)
    map_rows = {key: rows for key, rows in map_rows.items() if key not in named.unasked}
    if not map_rows and not crm_rows:
        return resolved
    model = ensure_model(pair.store)
    done = 0
    for batch in chunks(sorted(map_rows), BATCH):
        _resolve_batch(pair, run_id, mapping, model, batch, resolved, named)
        done += len(batch)
        pair.progress.report("resolve", done, len(map_rows))
    again = _adopt(pair, run_id, mapping, model, sorted(crm_rows), frozenset(map_rows), resolved)
    for batch in chunks(again, BATCH):
        _resolve_batch(pair, run_id, mapping, model, batch, resolved, named)
    settle_rows(pair, run_id, {**map_rows, **crm_rows}, resolved)
    return resolved


def _pending(pair: Pair) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Pending inbox row ids of people by record key, MAP side and CRM side."""
    map_rows: dict[str, list[int]] = {}
    crm_rows: dict[str, list[int]] = {}
    for row_id, ref in pending_refs(pair, EntityKind.PERSON):
        side = map_rows if pair.side_of(ref.system) is Side.MAP else crm_rows
        side.setdefault(str(ref), []).append(row_id)
    return map_rows, crm_rows


def _resolve_batch(
    pair: Pair,
    run_id: str,
    mapping: ObjectMapping,
    model: Model,
    keys: Sequence[str],
    resolved: Resolved,
    named: Named,
) -> None:
    """Decide a batch against the CRM and known people, then among themselves; store it all."""
    limits = Thresholds(link=pair.matching.link, review=pair.matching.review)
    keyed = _by_link_key(pair, mapping, keys)
    native = native_links(pair, mapping, [k for k in keys if k not in keyed], named.gone)
    keyed |= native.links
    rest = [key for key in keys if key not in keyed]
    evidence = known(pair, rest, lambda c: c.entity is not None or _on_crm(pair, c))
    first = decide(evidence.incoming, evidence.candidates, model=model, thresholds=limits)
    alone = frozenset(d.incoming for d in first if d.verdict == "none")
    second = _among_themselves(pair, model, limits, alone)
    decisions = [*keyed.values(), *(second.get(d.incoming, d) for d in first)]
    storing = Storing(pair, run_id, mapping, model.version, resolved)
    storing.dead = graves(pair, Side.CRM, mapping, _carried_alone(pair, decisions))
    for key, records in native.dead.items():
        storing.dead[identity.mint(pair.namespace, RecordRef.parse(key))] = list(records)
    storing.store(decisions)


def _carried_alone(pair: Pair, decisions: Sequence[Decision]) -> set[str]:
    """Link keys that people without a counterpart carry."""
    alone = [RecordRef.parse(d.incoming) for d in decisions if d.verdict == "none"]
    with pair.store.read() as tx:
        return {str(row.lookup2) for row in mirror.load(tx, alone).values() if row.lookup2}


def _on_crm(pair: Pair, candidate: Candidate) -> bool:
    return pair.side_of(RecordRef.parse(candidate.key).system) is Side.CRM


def _among_themselves(
    pair: Pair, model: Model, limits: Thresholds, alone: frozenset[str]
) -> dict[str, Decision]:
    """People new to both sides who may be one person twice.

    Of two that nobody can tell apart, the one whose key sorts first goes on and the other waits
    in review: both waiting would keep a real person out of the CRM.
    """
    evidence = known(pair, alone, lambda c: c.key in alone)
    decisions = decide(evidence.incoming, evidence.candidates, model=model, thresholds=limits)
    return {
        d.incoming: d
        for d in decisions
        if d.verdict == "link" or (d.verdict == "review" and d.incoming > min(d.targets))
    }


def _by_link_key(pair: Pair, mapping: ObjectMapping, keys: Sequence[str]) -> dict[str, Decision]:
    """People whose record carries a link key that a CRM record carries too (ADR 0005).

    It ties them even when the state was lost or restored from an older backup.
    """
    found: dict[str, Decision] = {}
    for batch in chunks(keys):
        with pair.store.read() as tx:
            records = mirror.load(tx, [RecordRef.parse(key) for key in batch])
            ruled_out = reviews.ruled_out(tx, batch)
            carried = {
                str(ref): str(row.record.fields[MAP_KEY])
                for ref, row in records.items()
                if row.record.fields.get(MAP_KEY)
            }
            holders: dict[str, list[str]] = {}
            for object_name in mapping.crm_objects if carried else ():
                for row in mirror.by_lookup(tx, object_name, set(carried.values()), second=True):
                    if row.record.converted_to is None:
                        holders.setdefault(str(row.lookup2), []).append(str(row.record.ref))
        for key, link_key in carried.items():
            own = [
                holder
                for holder in holders.get(link_key, ())
                if (min(key, holder), max(key, holder)) not in ruled_out
            ]
            if own:
                targets = tuple(sorted(own))
                found[key] = Decision(key, "link", targets, 1.0, 0.0, "link_key", {})
    return found


def _adopt(
    pair: Pair,
    run_id: str,
    mapping: ObjectMapping,
    model: Model,
    keys: Sequence[str],
    just_decided: frozenset[str],
    resolved: Resolved,
) -> list[str]:
    """CRM records nobody has claimed; returns MAP people to decide again.

    A second record of a linked person joins that person (a merge proposal follows), whether a rep
    has just made it or it was there all along; one that fits somebody in review may settle the
    question.
    """
    with pair.store.read() as tx:
        linked = {str(ref) for ref in identity.links_of(tx, map(RecordRef.parse, keys))}
    fresh = [key for key in keys if key not in linked]
    evidence = known(pair, fresh, lambda c: c.entity is not None or not _on_crm(pair, c))
    again: set[str] = set()
    known_people: dict[str, Sequence[Candidate]] = {}
    for key, own in evidence.candidates.items():
        again.update(c.key for c in own if c.entity is None and c.key not in just_decided)
        known_people[key] = [c for c in own if c.entity is not None]
    asked = {k: p for k, p in evidence.incoming.items() if known_people.get(k)}
    limits = Thresholds(link=pair.matching.link, review=pair.matching.review)
    decisions = decide(asked, _free(known_people), model=model, thresholds=limits)
    storing = Storing(pair, run_id, mapping, model.version, resolved)
    storing.store([d for d in decisions if d.verdict == "link"])
    return sorted(again)


def _free(candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, list[Candidate]]:
    """The same candidates without the handicap of being taken: a CRM record takes no place."""
    return {
        key: [Candidate(c.key, c.person, c.entity) for c in own] for key, own in candidates.items()
    }
