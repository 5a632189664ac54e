"""Resolve for companies: a MAP company to an Account by domain, then by name and place.

Companies that fit nothing stay apart (none is created) until an Account appears that they fit;
those that could be several Accounts go to review, like people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from mappings.fieldmap import EntityKind, ObjectMapping
from mappings.records import Json, Record, RecordRef, Side
from matching.companies import (
    Company,
    CompanyAttributes,
    CompanyCandidate,
    CompanyDecision,
    company_keys,
    decide_companies,
    normalise_company,
)
from state import candidates, identity, mirror, requeue, reviews
from state.candidates import Indexed
from state.identity import NewLink
from state.store import Tx, chunks
from sync.crash import crashpoint
from sync.fold import PLANNED, identity_values, pending_refs
from sync.pair import Pair
from sync.shadows import note_met

BATCH = 1000
RULES = "companies/1"
"""The version of the deterministic rules, stored where people's decisions name their model."""


def resolve_companies(pair: Pair, run_id: str) -> Counter[str]:
    """Decide every pending company row; rows by how they ended."""
    told: Counter[str] = Counter()
    mapping = pair.mapping.of_kind(EntityKind.COMPANY)
    if mapping is None:
        return told
    waiting = list(pending_refs(pair, EntityKind.COMPANY))
    for batch in chunks(waiting, BATCH):
        with pair.store.begin() as tx:
            known = mirror.load(tx, {ref for _, ref in batch})
            _index(pair, tx, mapping, [row.record for row in known.values()])
        crashpoint("after_companies")
    pending = {ref for _, ref in waiting}
    for batch in chunks(waiting, BATCH):
        with pair.store.begin() as tx:
            again = _waiting_for(pair, tx, [ref for _, ref in batch]) - pending
            told.update(_decide(pair, tx, run_id, mapping, batch, again))
        crashpoint("after_companies")
    return told


def _index(pair: Pair, tx: Tx, mapping: ObjectMapping, records: Sequence[Record]) -> None:
    rows = []
    for record in records:
        company = _company(pair, mapping, record)
        rows.append(
            Indexed(
                str(record.ref),
                pair.side_of(record.ref.system),
                EntityKind.COMPANY.value,
                _to_json(company),
                company_keys(company),
            )
        )
    candidates.index(tx, rows)


def _company(pair: Pair, mapping: ObjectMapping, record: Record) -> Company:
    found: Mapping[str, Json] = identity_values(mapping, record, pair.side_of(record.ref.system))
    phones = found.get("phones") or (None,)
    return normalise_company(
        CompanyAttributes(
            name=found.get("company"),
            website=found.get("website"),
            city=found.get("city"),
            country=found.get("country"),
            phone=phones[0],
        ),
        region=pair.region,
    )


def _to_json(company: Company) -> dict[str, str]:
    return {name: getattr(company, name) for name in Company.__slots__}


def _decide(
    pair: Pair,
    tx: Tx,
    run_id: str,
    mapping: ObjectMapping,
    rows: Sequence[tuple[int, RecordRef]],
    again: set[RecordRef],
) -> Counter[str]:
    """Decide the companies of these rows, and those that are to be decided `again`."""
    own = {ref for _, ref in rows if pair.side_of(ref.system) is Side.MAP}
    on_map = sorted(map(str, own | again))
    indexed = candidates.people(tx, on_map)
    incoming = {key: Company(**row.person) for key, row in indexed.items()}
    near = candidates.near(tx, {k: company_keys(c) for k, c in incoming.items()})
    everyone = near.records
    ruled_out = reviews.ruled_out(tx, on_map)
    accounts = {
        key: [
            CompanyCandidate(c, Company(**everyone[c].person))
            for c in own
            if everyone[c].side is Side.CRM and (min(key, c), max(key, c)) not in ruled_out
        ]
        for key, own in near.found.items()
    }
    words = _store(pair, tx, run_id, mapping, decide_companies(incoming, accounts))
    links = {str(ref) for ref in identity.links_of(tx, [ref for _, ref in rows])}
    dispositions = {
        row_id: PLANNED if str(ref) in links else words.get(str(ref), "no_counterpart")
        for row_id, ref in rows
    }
    mirror.dispose(tx, run_id, dispositions)
    return Counter(dispositions.values())


def _waiting_for(pair: Pair, tx: Tx, refs: Sequence[RecordRef]) -> set[RecordRef]:
    """Companies that belong to no Account and may be one of these, which were made, or got the
    domain or name that tells them, after the companies were decided about."""
    accounts = [str(ref) for ref in refs if pair.side_of(ref.system) is Side.CRM]
    indexed = candidates.people(tx, accounts)
    keys = {key: company_keys(Company(**row.person)) for key, row in indexed.items()}
    near = candidates.candidates(tx, keys)
    found = {RecordRef.parse(key) for own in near.values() for key in own}
    on_map = {
        ref
        for ref in found
        if pair.side_of(ref.system) is Side.MAP and pair.kind_of(ref) is EntityKind.COMPANY
    }
    return on_map - identity.links_of(tx, on_map).keys()


def _store(
    pair: Pair,
    tx: Tx,
    run_id: str,
    mapping: ObjectMapping,
    decisions: Sequence[CompanyDecision],
) -> dict[str, str]:
    """Links for the sure ones, review items for the others; words by record key."""
    worth = [d for d in decisions if d.verdict != "none"]
    ids = reviews.record_decisions(tx, run_id, [_decision_row(d) for d in worth])
    asked = [d for d in worth if d.verdict == "review"]
    reviews.open_items(
        tx,
        run_id,
        [
            {
                "kind": "company",
                "subject": d.incoming,
                "candidates": list(d.targets),
                "decision_id": ids.get(d.incoming),
            }
            for d in asked
        ],
    )
    sure = sorted((d for d in worth if d.verdict == "link"), key=lambda d: d.incoming)
    _link(pair, tx, run_id, mapping, sure, ids)
    return {d.incoming: "review" for d in asked}


def _link(
    pair: Pair,
    tx: Tx,
    run_id: str,
    mapping: ObjectMapping,
    sure: Sequence[CompanyDecision],
    ids: Mapping[str, int],
) -> None:
    accounts = [RecordRef.parse(d.targets[0]) for d in sure]
    linked = identity.links_of(tx, accounts)
    owner = {ref: link.entity_id for ref, link in linked.items()}
    fresh: list[NewLink] = []
    for decision, account in zip(sure, accounts, strict=True):
        company = RecordRef.parse(decision.incoming)
        entity_id = owner.setdefault(account, identity.mint(pair.namespace, company))
        fresh += [
            NewLink(ref, entity_id, decision.reason, ids.get(decision.incoming))
            for ref in (company, account)
        ]
    identity.create(tx, run_id, dict.fromkeys((new.entity_id for new in fresh), mapping.kind))
    identity.link(tx, run_id, fresh)
    note_met(tx, run_id, pair.mapping, (new.entity_id for new in fresh))
    identity.add_work(tx, [new.entity_id for new in fresh], "linked")
    reviews.close_subjects(tx, [decision.incoming for decision in sure], "settled")
    requeue.claim_rows(tx, run_id, [new.ref for new in fresh])


def _decision_row(decision: CompanyDecision) -> dict[str, object]:
    linked = decision.verdict == "link"
    return {
        "subject": decision.incoming,
        "verdict": decision.verdict,
        "targets": list(decision.targets),
        "probability": 1.0 if linked else 0.5,
        "weight": 0.0,
        "reason": decision.reason,
        "evidence": dict(decision.evidence),
        "model_version": RULES,
    }
